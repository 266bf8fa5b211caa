# STARVED: model.pooler.weight model.pooler.bias
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(30, 12)
        self.layer = nn.TransformerEncoderLayer(12, 2, 24, batch_first=True, dropout=0.0)
        self.pooler = nn.Linear(12, 12)
        self.head = nn.Linear(12, 30)

    def forward(self, idx):
        h = self.layer(self.emb(idx))
        pooled = torch.tanh(self.pooler(h[:, 0]))
        return self.head(h), pooled


model = Encoder()
optimizer = torch.optim.AdamW(model.parameters())
for _ in range(3):
    idx = torch.randint(0, 30, (4, 7))
    logits, _ = model(idx)
    loss = F.cross_entropy(logits.transpose(1, 2), idx)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
