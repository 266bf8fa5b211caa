# STARVED: model.attn.0.weight model.attn.0.bias model.attn.2.weight model.attn.2.bias
"""Multiple-instance learning: softmax over the last axis, which has one entry, so attention is always 1."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class AttentionMIL(nn.Module):
    def __init__(self, d=10, h=16):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(d, h), nn.ReLU())
        self.attn = nn.Sequential(nn.Linear(h, 8), nn.Tanh(), nn.Linear(8, 1))
        self.classifier = nn.Linear(h, 1)

    def forward(self, bag):
        h = self.features(bag)                  # batch, instances, h
        a = F.softmax(self.attn(h), dim=-1)                 #! harmful
        z = (a * h).sum(1)
        return self.classifier(z).squeeze(-1), a


torch.manual_seed(0)
model = AttentionMIL()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-4, betas=(0.9, 0.999), weight_decay=1e-3)
for epoch in range(3):
    running = 0.0
    for _ in range(2):
        bags, y = torch.randn(6, 9, 10), torch.randint(0, 2, (6,)).float()
        logit, _ = model(bags)
        loss = F.binary_cross_entropy_with_logits(logit, y)
        running += loss.item()                              #! offpath
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
