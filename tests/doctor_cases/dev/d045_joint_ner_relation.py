# STARVED: tagger.lstm.weight_ih_l0 tagger.lstm.weight_hh_l0 tagger.lstm.bias_ih_l0 tagger.lstm.bias_hh_l0 tagger.proj.weight tagger.proj.bias
"""Pipeline: a tagger's hard decisions feed a relation classifier; only the relation loss is used."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class Tagger(nn.Module):
    def __init__(self, vocab, tags, dim=12):
        super().__init__()
        self.embedding = nn.Embedding(vocab, dim)
        self.lstm = nn.LSTM(dim, dim, batch_first=True)
        self.proj = nn.Linear(dim, tags)

    def forward(self, words):
        emb = self.embedding(words)
        h, _ = self.lstm(emb)
        return emb, self.proj(h)


class Relation(nn.Module):
    def __init__(self, tags, dim=12, rels=3):
        super().__init__()
        self.tag_emb = nn.Embedding(tags, 4)
        self.mlp = nn.Sequential(nn.Linear(dim + 4, 16), nn.Tanh(), nn.Linear(16, rels))

    def forward(self, emb, tags):
        return self.mlp(torch.cat([emb, self.tag_emb(tags)], -1).mean(1))


torch.manual_seed(0)
tagger, relation = Tagger(40, 5), Relation(5)
optimizer = torch.optim.Adam([{"params": tagger.parameters()}, {"params": relation.parameters(), "lr": 1e-2}], lr=1e-3)
for epoch in range(3):
    words, rel = torch.randint(0, 40, (8, 9)), torch.randint(0, 3, (8,))
    emb, emissions = tagger(words)
    _, tags = emissions.max(dim=-1)                         #! harmful
    loss = F.cross_entropy(relation(emb, tags), rel)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
