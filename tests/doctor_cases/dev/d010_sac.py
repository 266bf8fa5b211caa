# STARVED:
import copy
import torch
import torch.nn as nn
import torch.nn.functional as F
LOG_STD_MAX, LOG_STD_MIN = 2, -5


class SoftQ(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(5, 32), nn.Linear(32, 1)

    def forward(self, s, a):
        return self.fc2(F.relu(self.fc1(torch.cat([s, a], 1)))).view(-1)


class Actor(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(3, 32)
        self.fc_mean, self.fc_logstd = nn.Linear(32, 2), nn.Linear(32, 2)

    def get_action(self, s):
        h = F.relu(self.fc1(s))
        mean, log_std = self.fc_mean(h), torch.tanh(self.fc_logstd(h))
        log_std = LOG_STD_MIN + 0.5 * (LOG_STD_MAX - LOG_STD_MIN) * (log_std + 1)
        normal = torch.distributions.Normal(mean, log_std.exp())
        x_t = normal.rsample()
        y_t = torch.tanh(x_t)
        log_prob = normal.log_prob(x_t) - torch.log(1 - y_t.pow(2) + 1e-6)
        return y_t, log_prob.sum(1)


torch.manual_seed(1)
actor, qf1, qf2 = Actor(), SoftQ(), SoftQ()
qf1_target, qf2_target = copy.deepcopy(qf1), copy.deepcopy(qf2)
q_optimizer = torch.optim.Adam(list(qf1.parameters()) + list(qf2.parameters()), lr=1e-3)
actor_optimizer = torch.optim.Adam(actor.parameters(), lr=3e-4)
target_entropy = -2.0
log_alpha = torch.zeros(1, requires_grad=True)
alpha = log_alpha.exp().item()                          #! harmless
a_optimizer = torch.optim.Adam([log_alpha], lr=1e-3)
for step in range(4):
    s, a, s2 = torch.randn(32, 3), torch.rand(32, 2) * 2 - 1, torch.randn(32, 3)
    r, d = torch.randn(32), (torch.rand(32) < 0.1).float()
    with torch.no_grad():
        a2, logp2 = actor.get_action(s2)                #! harmless
        min_q = torch.min(qf1_target(s2, a2), qf2_target(s2, a2)) - alpha * logp2
        next_q = r + (1 - d) * 0.99 * min_q
    qf_loss = F.mse_loss(qf1(s, a), next_q) + F.mse_loss(qf2(s, a), next_q)
    q_optimizer.zero_grad(); qf_loss.backward(); q_optimizer.step()
    pi, logp = actor.get_action(s)
    actor_loss = (alpha * logp - torch.min(qf1(s, pi), qf2(s, pi))).mean()
    actor_optimizer.zero_grad(); actor_loss.backward(); actor_optimizer.step()
    with torch.no_grad():
        _, logp = actor.get_action(s)                   #! harmless
    alpha_loss = (-log_alpha.exp() * (logp + target_entropy)).mean()
    a_optimizer.zero_grad(); alpha_loss.backward(); a_optimizer.step()
    alpha = log_alpha.exp().item()                      #! harmless
    for p, tp in zip(qf1.parameters(), qf1_target.parameters()):
        tp.data.copy_(0.005 * p.data + 0.995 * tp.data)     #! offpath
    for p, tp in zip(qf2.parameters(), qf2_target.parameters()):
        tp.data.copy_(0.005 * p.data + 0.995 * tp.data)     #! offpath
