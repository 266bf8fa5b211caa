# STARVED: model.layers.2.lin1.weight model.layers.2.lin1.bias model.layers.2.lin2.weight model.layers.2.lin2.bias
# an off-by-one over the layers: the last one is built, registered, optimised, and never called
import torch, torch.nn as nn, torch.nn.functional as F


class Block(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.lin1, self.lin2 = nn.Linear(d, 2 * d), nn.Linear(2 * d, d)

    def forward(self, x):
        return x + self.lin2(F.gelu(self.lin1(x)))


class Decoder(nn.Module):
    def __init__(self, d=10, depth=3):
        super().__init__()
        self.layers = nn.ModuleList(Block(d) for _ in range(depth))
        self.norm, self.out = nn.LayerNorm(d), nn.Linear(d, 4)

    def forward(self, x):
        for i in range(len(self.layers) - 1):
            x = self.layers[i](x)
        return self.out(self.norm(x))


torch.manual_seed(0)
model = Decoder()
opt = torch.optim.AdamW(model.parameters(), lr=1e-3)
for _ in range(3):
    x, y = torch.randn(16, 10), torch.randint(0, 4, (16,))
    loss = F.cross_entropy(model(x), y)
    opt.zero_grad(); loss.backward(); opt.step()
