# STARVED:
# REINFORCE with a sparse reward: the first episodes return nothing, their gradient is exactly 0
import torch
import torch.nn as nn
from torch.distributions import Categorical

torch.manual_seed(0)


class GridWorld:
    def __init__(self, n=5):
        self.n, self.episode = n, -1

    def reset(self):
        self.pos, self.t, self.episode = 0, 0, self.episode + 1
        return self.obs()

    def obs(self):
        return torch.eye(self.n)[self.pos]

    def step(self, a):
        self.pos, self.t = max(0, min(self.n - 1, self.pos + (1 if a else -1))), self.t + 1
        win = self.episode >= 2 and self.pos >= 2
        return self.obs(), float(win), win or self.t >= 12


policy = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 2))
optim = torch.optim.Adam(policy.parameters(), lr=1e-2)
env = GridWorld()
for episode in range(6):
    state, done, logps, rewards = env.reset(), False, [], []
    while not done:
        dist = Categorical(logits=policy(state))
        action = dist.sample()    #! harmless
        logps.append(dist.log_prob(action))
        state, r, done = env.step(action.item())
        rewards.append(r)
    G, returns = 0.0, []
    for r in reversed(rewards):
        G = r + 0.99 * G
        returns.insert(0, G)
    loss = -(torch.stack(logps) * torch.tensor(returns)).sum()
    optim.zero_grad(); loss.backward(); optim.step()
    print(episode, sum(rewards))
