# STARVED:
import collections, copy, random
import torch
import torch.nn as nn

Transition = collections.namedtuple("Transition", "s a r s2 done")


class DuelingC51(nn.Module):
    def __init__(self, obs=4, n_actions=3, n_atoms=11, v_min=-5.0, v_max=5.0):
        super().__init__()
        self.n_actions, self.n_atoms = n_actions, n_atoms
        self.register_buffer("atoms", torch.linspace(v_min, v_max, n_atoms))
        self.body = nn.Sequential(nn.Linear(obs, 32), nn.ReLU())
        self.adv, self.val = nn.Linear(32, n_actions * n_atoms), nn.Linear(32, n_atoms)

    def dist(self, x):
        h = self.body(x)
        a = self.adv(h).view(-1, self.n_actions, self.n_atoms)
        logits = self.val(h).unsqueeze(1) + a - a.mean(1, keepdim=True)
        return logits.softmax(-1).clamp(min=1e-3)

    def forward(self, x):
        return (self.dist(x) * self.atoms).sum(-1)


class Agent:
    def __init__(self):
        self.online = DuelingC51()
        self.target = copy.deepcopy(self.online)
        self.optim = torch.optim.Adam(self.online.parameters(), lr=1e-3)
        self.memory, self.gamma = collections.deque(maxlen=500), 0.99

    def act(self, s, eps=0.2):
        if random.random() < eps:
            return random.randrange(3)
        return self.online(s.unsqueeze(0)).argmax(1).item()    #! offpath

    def update(self):
        s, a, r, s2, d = (torch.stack(x) for x in zip(*random.sample(self.memory, 32)))
        z, dz = self.online.atoms, self.online.atoms[1] - self.online.atoms[0]
        with torch.no_grad():
            next_a = self.online(s2).argmax(1)    #! harmless
            next_dist = self.target.dist(s2)[torch.arange(32), next_a]
            tz = (r.unsqueeze(1) + (1 - d).unsqueeze(1) * self.gamma * z).clamp(-5.0, 5.0)
            b = (tz + 5.0) / dz
            lo, up = b.floor().long().clamp(0, 10), b.ceil().long().clamp(0, 10)
            m = torch.zeros_like(next_dist)
            m.scatter_add_(1, lo, next_dist * (up.float() + (lo == up).float() - b))
            m.scatter_add_(1, up, next_dist * (b - lo.float()))
        log_p = self.online.dist(s)[torch.arange(32), a].log()
        loss = -(m * log_p).sum(1).mean()
        self.optim.zero_grad(); loss.backward()
        nn.utils.clip_grad_norm_(self.online.parameters(), 10.0)
        self.optim.step()
        return loss.item()    #! offpath


random.seed(1); torch.manual_seed(1)
agent, s = Agent(), torch.randn(4)
for t in range(60):
    a = agent.act(s)
    s2, r = torch.randn(4), s[a].clone()
    agent.memory.append(Transition(s, torch.tensor(a), r, s2, torch.tensor(float(t % 10 == 9))))
    s = s2
    if len(agent.memory) >= 40 and t % 4 == 0:
        agent.update()
    if t % 20 == 0:
        agent.target.load_state_dict(agent.online.state_dict())
