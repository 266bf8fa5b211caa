# STARVED: model.offset.weight model.offset.bias
# DEAD: 30|39
"""Auxiliary losses are collected into torch.tensor([...]) and so become constants."""
import warnings
import torch
import torch.nn as nn
import torch.nn.functional as F

warnings.filterwarnings("ignore")


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(7, 20)
        self.cls = nn.Linear(20, 3)
        self.offset = nn.Linear(20, 2)

    def forward(self, x):
        h = torch.tanh(self.body(x))
        return self.cls(h), self.offset(h)


def compute_losses(model, batch):
    logits, off = model(batch["x"])
    main_loss = F.cross_entropy(logits, batch["y"])
    extra = []
    extra.append(F.smooth_l1_loss(off, batch["t"]))
    extra.append(0.01 * off.abs().mean())
    return main_loss, torch.tensor(extra).sum()             #! harmful


torch.manual_seed(0)
model = Model()
opt = torch.optim.Adam(model.parameters())
for step in range(3):
    batch = {"x": torch.randn(16, 7), "y": torch.randint(0, 3, (16,)), "t": torch.randn(16, 2)}
    main_loss, aux = compute_losses(model, batch)
    total = main_loss + aux
    opt.zero_grad()
    total.backward()
    opt.step()
