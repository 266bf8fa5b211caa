# STARVED: net.value.weight net.value.bias
# DEAD: 57|58
# advantage actor critic, shared body
import gc
import torch
import torch.nn as nn
import torch.nn.functional as F
from collections import namedtuple

SavedAction = namedtuple("SavedAction", ["log_prob", "value", "entropy"])
torch.manual_seed(543)


class ActorCritic(nn.Module):
    def __init__(self):
        super(ActorCritic, self).__init__()
        self.affine = nn.Linear(4, 64)
        self.pi = nn.Linear(64, 2)
        self.value = nn.Linear(64, 1)
        self.saved, self.rewards = [], []

    def forward(self, x):
        x = F.relu(self.affine(x))
        return F.softmax(self.pi(x), dim=-1), self.value(x)


class CorridorEnv:
    def reset(self):
        self.t = 0
        return torch.randn(4)

    def step(self, a):
        self.t += 1
        return torch.randn(4), float(a), self.t >= 10


net, env = ActorCritic(), CorridorEnv()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-2)


def select_action(state):
    probs, value = net(state)
    m = torch.distributions.Categorical(probs)
    action = m.sample()    #! harmless
    net.saved.append(SavedAction(m.log_prob(action), value.item(), m.entropy()))    #! harmful
    return action.item()


def finish_episode(gamma=0.99):
    R, policy_losses, value_losses, returns = 0, [], [], []
    for r in net.rewards[::-1]:
        R = r + gamma * R
        returns.insert(0, R)
    returns = torch.tensor(returns)
    for s, R in zip(net.saved, (returns - returns.mean()) / (returns.std() + 1e-6)):
        policy_losses.append(-s.log_prob * (R - s.value) - 0.01 * s.entropy)
        value_losses.append(F.smooth_l1_loss(torch.tensor([s.value]), R.view(1)))
    loss = torch.stack(policy_losses).sum() + torch.stack(value_losses).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    net.saved.clear(); net.rewards.clear()


for episode in range(3):
    state, done = env.reset(), False
    while not done:
        state, reward, done = env.step(select_action(state))
        net.rewards.append(reward)
    finish_episode()
