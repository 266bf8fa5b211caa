# STARVED: actor.body.weight actor.body.bias actor.mu.weight actor.mu.bias
# the entropy term still trains log_std; everything that only moves the action is cut by sample()
import torch, torch.nn as nn
torch.manual_seed(0)


class Actor(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.mu = nn.Linear(4, 32), nn.Linear(32, 2)
        self.log_std = nn.Parameter(torch.zeros(2))

    def forward(self, obs):
        mu = self.mu(torch.relu(self.body(obs)))
        return torch.distributions.Normal(mu, self.log_std.exp())


actor = Actor()
critic = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 1))
pi_opt = torch.optim.Adam(actor.parameters(), lr=3e-4)
q_opt = torch.optim.Adam(critic.parameters(), lr=3e-4)
for step in range(3):
    obs = torch.randn(32, 4)
    act, rew = torch.randn(32, 2), torch.randn(32, 1)
    q_loss = (critic(torch.cat([obs, act], -1)) - rew).pow(2).mean()
    q_opt.zero_grad(); q_loss.backward(); q_opt.step()

    dist = actor(obs)
    new_act = dist.sample().clamp(-1, 1)                #! harmful
    q_term = -critic(torch.cat([obs, new_act], -1)).mean()
    pi_loss = q_term - 0.2 * dist.entropy().sum(-1).mean()
    pi_opt.zero_grad(); pi_loss.backward(); pi_opt.step()
