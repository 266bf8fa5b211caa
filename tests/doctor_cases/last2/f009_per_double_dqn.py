# STARVED:
import random
import numpy as np
import torch
import torch.nn as nn


class SumTree:
    def __init__(self, n):
        self.p, self.data, self.i, self.n = np.zeros(n), [None] * n, 0, n

    def add(self, p, x):
        self.p[self.i % self.n], self.data[self.i % self.n] = p, x
        self.i += 1

    def sample(self, k, beta=0.4):
        m = min(self.i, self.n)
        prob = self.p[:m] ** 0.6
        prob /= prob.sum()
        idx = np.random.choice(m, k, p=prob)
        w = (m * prob[idx]) ** -beta
        return idx, [self.data[i] for i in idx], torch.as_tensor(w / w.max(), dtype=torch.float32)


class NoisyLinear(nn.Module):
    def __init__(self, i, o, sigma=0.5):
        super().__init__()
        self.mu_w, self.sig_w = nn.Parameter(torch.empty(o, i).uniform_(-i ** -0.5, i ** -0.5)), nn.Parameter(torch.full((o, i), sigma / i ** 0.5))
        self.mu_b, self.sig_b = nn.Parameter(torch.zeros(o)), nn.Parameter(torch.full((o,), sigma / o ** 0.5))
        self.register_buffer("eps_w", torch.zeros(o, i)); self.register_buffer("eps_b", torch.zeros(o))

    def reset_noise(self):
        f = lambda n: (lambda x: x.sign() * x.abs().sqrt())(torch.randn(n))
        a, b = f(self.eps_w.size(1)), f(self.eps_w.size(0))
        self.eps_w.copy_(torch.outer(b, a)); self.eps_b.copy_(b)

    def forward(self, x):
        if self.training:
            return nn.functional.linear(x, self.mu_w + self.sig_w * self.eps_w, self.mu_b + self.sig_b * self.eps_b)
        return nn.functional.linear(x, self.mu_w, self.mu_b)


random.seed(0); np.random.seed(0); torch.manual_seed(0)
q = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), NoisyLinear(32, 2))
q_target = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), NoisyLinear(32, 2))
q_target.load_state_dict(q.state_dict()); q_target.eval()
optimizer, memory, state = torch.optim.RMSprop(q.parameters(), lr=1e-3), SumTree(64), np.zeros(3, dtype=np.float32)
for frame in range(60):
    q[2].reset_noise()
    with torch.no_grad():
        action = int(q(torch.from_numpy(state).unsqueeze(0)).max(1)[1])    #! offpath
    nxt, reward, done = np.random.randn(3).astype(np.float32), float(state[action]), random.random() < 0.1
    memory.add(memory.p.max() or 1.0, (state, action, reward, nxt, done))
    state = nxt
    if frame < 40 or frame % 4:
        continue
    idx, batch, weights = memory.sample(16)
    s, a, r, s2, d = (torch.as_tensor(np.array(v)) for v in zip(*batch))
    q_value = q(s).gather(1, a.unsqueeze(1)).squeeze(1)
    next_a = q(s2).max(1)[1].unsqueeze(1)    #! harmless
    next_q = q_target(s2).gather(1, next_a).squeeze(1)
    expected = r.float() + 0.99 * next_q * (1 - d.float())
    td = q_value - expected.detach()    #! harmless
    loss = (td.pow(2) * weights).mean()
    memory.p[idx] = td.detach().abs().numpy() + 1e-5    #! offpath
    optimizer.zero_grad(); loss.backward()
    for p in q.parameters():
        p.grad.data.clamp_(-1, 1)
    optimizer.step()
    if frame % 8 == 0:
        q_target.load_state_dict(q.state_dict())
