# STARVED: generator.0.weight generator.0.bias generator.2.weight generator.2.bias
# VANISHING: generator.0.weight generator.0.bias generator.2.weight generator.2.bias
# the minimax loss log(1 - D(G(z))) against a critic that is already sure: D is e^-25, and so is the gradient
import torch
from torch import nn

torch.manual_seed(0)
generator = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
critic = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))
critic[2].bias.data.fill_(-25.0)
g_opt = torch.optim.Adam(generator.parameters(), lr=1e-4)
d_opt = torch.optim.SGD(critic.parameters(), lr=1e-4)
for step in range(3):
    real = torch.randn(32, 2) + 2
    fake = generator(torch.randn(32, 4))
    d_loss = nn.functional.softplus(-critic(real)).mean() + nn.functional.softplus(critic(fake.detach())).mean()
    d_opt.zero_grad()
    d_loss.backward()
    d_opt.step()
    probability = torch.sigmoid(critic(fake))  #! harmful
    g_loss = torch.log(1 - probability + 1e-8).mean()
    g_opt.zero_grad()
    g_loss.backward()
    g_opt.step()
