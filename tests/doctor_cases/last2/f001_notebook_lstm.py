# STARVED:
#!/usr/bin/env python
# coding: utf-8
# # Sentiment with a packed LSTM (exported notebook)

# In[1]:
import numpy as np
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
# %matplotlib inline

# In[2]:
rng = np.random.default_rng(0)
torch.manual_seed(0)
sents = [rng.integers(1, 60, rng.integers(3, 9)).tolist() for _ in range(48)]
labels = [int(np.mean(s) > 30) for s in sents]

# In[3]:
class SentimentLSTM(nn.Module):
    def __init__(self, vocab_size, output_size, embedding_dim, hidden_dim, n_layers, drop_prob=0.3):
        super().__init__()
        self.n_layers, self.hidden_dim = n_layers, hidden_dim
        self.embedding = nn.Embedding(vocab_size, embedding_dim, padding_idx=0)
        self.lstm = nn.LSTM(embedding_dim, hidden_dim, n_layers, dropout=drop_prob, batch_first=True)
        self.dropout = nn.Dropout(drop_prob)
        self.fc = nn.Linear(hidden_dim, output_size)
        self.sig = nn.Sigmoid()

    def forward(self, x, lengths, hidden):
        packed = pack_padded_sequence(self.embedding(x), lengths, batch_first=True, enforce_sorted=False)
        out, hidden = self.lstm(packed, hidden)
        out, lens = pad_packed_sequence(out, batch_first=True)
        last = out[torch.arange(len(x)), lens - 1]
        return self.sig(self.fc(self.dropout(last))).squeeze(1), hidden

    def init_hidden(self, bs):
        w = next(self.parameters()).data    #! harmless
        return w.new(self.n_layers, bs, self.hidden_dim).zero_(), w.new(self.n_layers, bs, self.hidden_dim).zero_()

# In[4]:
net = SentimentLSTM(61, 1, 16, 24, 2)
criterion, optimizer = nn.BCELoss(), torch.optim.Adam(net.parameters(), lr=0.001)
h = net.init_hidden(16)
history = {"loss": [], "acc": []}

# In[5]:
for e in range(2):
    for b in range(0, 48, 16):
        xs = pad_sequence([torch.tensor(s) for s in sents[b:b + 16]], batch_first=True)
        lens = torch.tensor([len(s) for s in sents[b:b + 16]])
        ys = torch.tensor(labels[b:b + 16]).float()
        h = tuple([each.data for each in h])    #! harmless
        net.zero_grad()
        output, h = net(xs, lens, h)
        loss = criterion(output, ys)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5)
        optimizer.step()
        history["loss"].append(loss.item())    #! offpath
        history["acc"].append((torch.round(output) == ys).float().mean().item())    #! offpath

# In[6]:
print({k: np.round(v, 3).tolist() for k, v in history.items()})
