# STARVED: policy.affine1.weight policy.affine1.bias policy.action_head.weight policy.action_head.bias
# DEAD: 39|41
"""Policy gradient in the actor-critic form; the actor's term forgets the log-probability."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.distributions import Categorical


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.affine1 = nn.Linear(4, 32)
        self.action_head = nn.Linear(32, 3)
        self.value1 = nn.Linear(4, 32)
        self.value_head = nn.Linear(32, 1)

    def forward(self, x):
        probs = F.softmax(self.action_head(F.relu(self.affine1(x))), dim=-1)
        return probs, self.value_head(F.relu(self.value1(x)))


torch.manual_seed(0)
policy = Policy()
optimizer = torch.optim.Adam(policy.parameters(), lr=3e-2)
payoff = torch.randn(4, 3)


def select_action(state):
    probs, value = policy(state)
    action = Categorical(probs).sample()               #! harmful
    return action, value.squeeze(-1)


def finish_episode(states):
    action, value = select_action(states)
    reward = (states @ payoff).gather(1, action.unsqueeze(1)).squeeze(1)
    advantage = reward - value
    policy_loss = -(advantage.detach()).mean()         #! dead
    value_loss = F.smooth_l1_loss(value, reward)
    return policy_loss + value_loss


for episode in range(3):
    loss = finish_episode(torch.randn(32, 4))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
