# STARVED: 
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
import copy

actor, critic = nn.Linear(3, 1), nn.Linear(4, 1)
actor_t, critic_t = copy.deepcopy(actor), copy.deepcopy(critic)
a_opt, c_opt = torch.optim.Adam(actor.parameters()), torch.optim.Adam(critic.parameters())
for step in range(4):
    s, s2, r = torch.randn(16, 3), torch.randn(16, 3), torch.rand(16, 1)
    a = torch.rand(16, 1)
    with torch.no_grad():
        y = r + 0.9 * critic_t(torch.cat([s2, actor_t(s2)], 1))
    q_loss = F.mse_loss(critic(torch.cat([s, a], 1)), y)
    c_opt.zero_grad()
    q_loss.backward()
    c_opt.step()
    if step % 2 == 0:
        pi_loss = -critic(torch.cat([s, actor(s)], 1)).mean()
        a_opt.zero_grad()
        pi_loss.backward()
        a_opt.step()
    with torch.no_grad():
        for net, target in ((actor, actor_t), (critic, critic_t)):
            for p, pt in zip(net.parameters(), target.parameters()):
                pt.data.mul_(0.99).add_(p.data, alpha=0.01)
