# STARVED:
"""BiLSTM-CRF in log space; Viterbi is for the printed accuracy only."""
import torch
import torch.nn as nn


class CRF(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.start, self.end = nn.Parameter(torch.randn(n) * 0.1), nn.Parameter(torch.randn(n) * 0.1)
        self.trans = nn.Parameter(torch.randn(n, n) * 0.1)

    def log_partition(self, emit):
        a = self.start + emit[:, 0]
        for t in range(1, emit.size(1)):
            a = torch.logsumexp(a.unsqueeze(2) + self.trans + emit[:, t].unsqueeze(1), 1)
        return torch.logsumexp(a + self.end, 1)

    def score(self, emit, tags):
        s = self.start[tags[:, 0]] + self.end[tags[:, -1]]
        s = s + emit.gather(2, tags.unsqueeze(2)).squeeze(2).sum(1)
        return s + self.trans[tags[:, :-1], tags[:, 1:]].sum(1)

    def viterbi(self, emit):
        v, back = self.start + emit[:, 0], []
        for t in range(1, emit.size(1)):
            best, idx = (v.unsqueeze(2) + self.trans).max(1)     #! offpath
            back.append(idx)
            v = best + emit[:, t]
        tag = (v + self.end).argmax(1)                           #! offpath
        path = [tag]
        for idx in reversed(back):
            tag = idx.gather(1, tag.unsqueeze(1)).squeeze(1)
            path.append(tag)
        return torch.stack(path[::-1], 1)


class Tagger(nn.Module):
    def __init__(self, vocab, n):
        super().__init__()
        self.emb = nn.Embedding(vocab, 10)
        self.lstm = nn.LSTM(10, 8, bidirectional=True, batch_first=True)
        self.fc, self.crf = nn.Linear(16, n), CRF(n)

    def forward(self, words):
        return self.fc(self.lstm(self.emb(words))[0])


torch.manual_seed(1)
model = Tagger(30, 4)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, weight_decay=1e-4)
for epoch in range(3):
    words, tags = torch.randint(0, 30, (8, 6)), torch.randint(0, 4, (8, 6))
    emit = model(words)
    loss = (model.crf.log_partition(emit) - model.crf.score(emit, tags)).mean()
    acc = (model.crf.viterbi(emit) == tags).float().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(epoch, loss.item(), acc.item())                        #! offpath
