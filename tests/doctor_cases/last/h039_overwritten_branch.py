# STARVED: model.context.weight model.context.bias
"""A fusion model whose first branch is overwritten instead of added."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class Fusion(nn.Module):
    def __init__(self):
        super().__init__()
        self.context, self.content = nn.Linear(8, 16), nn.Linear(12, 16)
        self.gate = nn.Linear(12, 16)
        self.head = nn.Linear(16, 1)

    def forward(self, ctx, doc):
        h = torch.tanh(self.context(ctx))
        h = torch.tanh(self.content(doc))
        h = h * torch.sigmoid(self.gate(doc))
        return self.head(h).squeeze(-1)


torch.manual_seed(0)
model = Fusion()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)
for epoch in range(3):
    ctx, doc, y = torch.randn(32, 8), torch.randn(32, 12), torch.randint(0, 2, (32,)).float()
    loss = F.binary_cross_entropy_with_logits(model(ctx, doc), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    plateau.step(loss.item())                                    #! offpath
