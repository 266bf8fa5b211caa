# STARVED: rnn.wx rnn.wh rnn.b h0
# sensor counts in the tens of thousands go straight into tanh: the recurrent part is saturated for good
import torch, torch.nn as nn, torch.nn.functional as F


class VanillaRNN(nn.Module):
    def __init__(self, i, h):
        super().__init__()
        self.wx = nn.Parameter(torch.randn(i, h))
        self.wh = nn.Parameter(torch.randn(h, h) * 0.1)
        self.b = nn.Parameter(torch.zeros(h))
        self.out = nn.Linear(h, 1)

    def forward(self, x, h):
        for t in range(x.size(1)):
            h = torch.tanh(x[:, t] @ self.wx + h @ self.wh + self.b)       #! harmful
        return self.out(h)


torch.manual_seed(1)
rnn = VanillaRNN(3, 10)
h0 = torch.zeros(1, 10, requires_grad=True)
opt = torch.optim.SGD([*rnn.parameters(), h0], lr=1e-2)
for step in range(3):
    counts = torch.randint(20_000, 60_000, (16, 8, 3)).float()
    y = torch.randn(16, 1)
    loss = F.mse_loss(rnn(counts, h0.expand(16, -1)), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
