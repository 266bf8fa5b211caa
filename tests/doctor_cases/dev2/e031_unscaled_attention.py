# STARVED: model.attn.wq.weight model.attn.wk.weight
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)


class Attention(nn.Module):
    """Dot-product attention; the 1/sqrt(d) is missing and the inputs are raw sensor counts (0..4095)."""

    def __init__(self, d_model):
        super().__init__()
        self.wq = nn.Linear(d_model, d_model, bias=False)
        self.wk = nn.Linear(d_model, d_model, bias=False)
        self.wv = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x):
        q, k, v = self.wq(x), self.wk(x), self.wv(x)
        scores = q @ k.transpose(-2, -1)
        weights = scores.softmax(dim=-1)    #! harmful
        return weights @ v


class SensorModel(nn.Module):
    def __init__(self, d_model=16, n_classes=3):
        super().__init__()
        self.attn = Attention(d_model)
        self.norm = nn.LayerNorm(d_model)
        self.fc = nn.Linear(d_model, n_classes)

    def forward(self, x):
        x = self.norm(self.attn(x))
        return self.fc(x.mean(dim=1))


model = SensorModel()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
for epoch in range(4):
    x = torch.randint(0, 4096, (8, 5, 16)).float()
    y = torch.randint(0, 3, (8,))
    optimizer.zero_grad()
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    print(f"epoch {epoch}: {loss.item():.4f}")    #! offpath
