# STARVED: model.query_encoder.weight_ih model.query_encoder.weight_hh model.query_encoder.bias_ih model.query_encoder.bias_hh
"""Retrieval-augmented classifier: passages are picked by inner product, then read without their scores."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class RAG(nn.Module):
    def __init__(self, docs, d=12):
        super().__init__()
        self.embedding = nn.Embedding(50, d)
        self.query_encoder = nn.GRUCell(d, d)
        self.register_buffer("index", F.normalize(torch.randn(docs, d), dim=1))
        self.register_buffer("passages", torch.randint(0, 50, (docs, 6)))
        self.reader = nn.MultiheadAttention(d, 2, batch_first=True)
        self.out = nn.Linear(d, 4)

    def retrieve(self, emb, k=3):
        q = emb.new_zeros(emb.size(0), emb.size(2))
        for t in range(emb.size(1)):
            q = self.query_encoder(emb[:, t], q)
        scores = q @ self.index.t()
        return scores.topk(k, dim=-1)[1]                         #! harmful

    def forward(self, question):
        emb = self.embedding(question)
        ids = self.retrieve(emb)
        ctx = self.embedding(self.passages[ids].flatten(1))
        h, _ = self.reader(emb, ctx, ctx)
        return self.out(h.mean(1))


torch.manual_seed(0)
model = RAG(docs=20)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.CrossEntropyLoss()
for step in range(3):
    question, answer = torch.randint(0, 50, (8, 5)), torch.randint(0, 4, (8,))
    loss = criterion(model(question), answer)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
