# STARVED:
import random
import torch
import torch.nn as nn
import torch.nn.functional as F
SOS = 0


class EncoderRNN(nn.Module):
    def __init__(self, vocab, hidden):
        super().__init__()
        self.embedding = nn.Embedding(vocab, hidden)
        self.gru = nn.GRU(hidden, hidden, batch_first=True)

    def forward(self, x):
        return self.gru(self.embedding(x))


class AttnDecoder(nn.Module):
    def __init__(self, hidden, vocab):
        super().__init__()
        self.embedding = nn.Embedding(vocab, hidden)
        self.attn = nn.Linear(hidden * 2, hidden)
        self.v = nn.Linear(hidden, 1, bias=False)
        self.gru = nn.GRUCell(hidden * 2, hidden)
        self.out = nn.Linear(hidden, vocab)

    def step(self, token, hidden, memory):
        q = hidden.unsqueeze(1).expand_as(memory)
        weights = self.v(torch.tanh(self.attn(torch.cat([q, memory], -1)))).softmax(1)
        context = (weights * memory).sum(1)
        hidden = self.gru(torch.cat([self.embedding(token), context], -1), hidden)
        return self.out(hidden), hidden


def train_step(enc, dec, enc_opt, dec_opt, src, tgt, teacher_forcing_ratio):
    enc_opt.zero_grad()
    dec_opt.zero_grad()
    memory, h = enc(src)
    hidden, token, loss = h[-1], torch.full((src.size(0),), SOS), 0
    for t in range(tgt.size(1)):
        logits, hidden = dec.step(token, hidden, memory)
        loss += F.cross_entropy(logits, tgt[:, t])
        if random.random() < teacher_forcing_ratio:
            token = tgt[:, t]
        else:
            topv, topi = logits.topk(1)                          #! harmless
            token = topi.squeeze(1).detach()
    loss.backward()
    nn.utils.clip_grad_norm_(enc.parameters(), 5.0)
    enc_opt.step()
    dec_opt.step()
    return loss.item() / tgt.size(1)                             #! offpath


random.seed(0); torch.manual_seed(0)
encoder, decoder = EncoderRNN(15, 16), AttnDecoder(16, 15)
e_opt, d_opt = torch.optim.Adam(encoder.parameters()), torch.optim.Adam(decoder.parameters())
for it in range(4):
    seq = torch.randint(1, 15, (6, 5))
    print(train_step(encoder, decoder, e_opt, d_opt, seq, seq.flip(1), 1.0 - it / 4))
