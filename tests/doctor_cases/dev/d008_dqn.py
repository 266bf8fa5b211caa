# STARVED:
import random
from collections import deque, namedtuple
import torch
import torch.nn as nn

Transition = namedtuple("Transition", "s a s2 r done")


class ReplayMemory:
    def __init__(self, capacity):
        self.memory = deque([], maxlen=capacity)

    def push(self, *args):
        self.memory.append(Transition(*args))

    def sample(self, n):
        return Transition(*zip(*random.sample(self.memory, n)))


def make_net():
    return nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))


def optimize_model():
    batch = memory.sample(16)
    s, s2 = torch.stack(batch.s), torch.stack(batch.s2)
    a, r = torch.tensor(batch.a).unsqueeze(1), torch.tensor(batch.r)
    done = torch.tensor(batch.done)
    q = policy_net(s).gather(1, a)
    with torch.no_grad():
        # double DQN
        best = policy_net(s2).argmax(1, keepdim=True)           #! harmless
        nxt = target_net(s2).gather(1, best).squeeze(1)         #! harmless
    expected = r + 0.99 * nxt * (~done)
    loss = nn.SmoothL1Loss()(q, expected.unsqueeze(1))
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_value_(policy_net.parameters(), 100)
    optimizer.step()


random.seed(0); torch.manual_seed(0)
policy_net, target_net = make_net(), make_net()
target_net.load_state_dict(policy_net.state_dict())
optimizer = torch.optim.AdamW(policy_net.parameters(), lr=1e-4, amsgrad=True)
memory = ReplayMemory(500)
state, eps = torch.randn(4), 0.9
for t in range(24):
    if random.random() > eps:
        with torch.no_grad():
            action = policy_net(state).max(0).indices.item()    #! harmless
    else:
        action = random.randrange(2)
    next_state = torch.randn(4)
    memory.push(state, action, next_state, float(next_state[0] > 0) * action, random.random() < 0.1)
    state, eps = next_state, eps * 0.9
    if len(memory.memory) >= 16:
        optimize_model()
        tgt, pol = target_net.state_dict(), policy_net.state_dict()
        for key in pol:
            tgt[key] = pol[key] * 0.005 + tgt[key] * 0.995
        target_net.load_state_dict(tgt)
