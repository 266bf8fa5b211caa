# STARVED: model.encoder.weight model.encoder.bias
# "to be able to optimise it", the code is wrapped into nn.Parameter inside forward
import torch
import torch.nn as nn
import torch.nn.functional as F


class SparseCoder(nn.Module):
    def __init__(self, d=10, k=16):
        super().__init__()
        self.encoder = nn.Linear(d, k)
        self.dictionary = nn.Linear(k, d, bias=False)

    def forward(self, x):
        code = nn.Parameter(F.softshrink(self.encoder(x), 0.1))  #! harmful
        return self.dictionary(code), code


torch.manual_seed(0)
model = SparseCoder()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(3):
    total = 0.0
    for x in torch.randn(40, 10).split(20):
        recon, code = model(x)
        loss = F.mse_loss(recon, x) + 1e-3 * code.abs().sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.detach().item()                            #! offpath
    print(f"epoch {epoch}: {total:.4f}")
