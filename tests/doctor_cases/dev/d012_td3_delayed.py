# STARVED:
import copy
import torch
import torch.nn as nn
import torch.nn.functional as F


class TD3:
    def __init__(self, s, a):
        self.actor = nn.Sequential(nn.Linear(s, 24), nn.ReLU(), nn.Linear(24, a), nn.Tanh())
        self.actor_target = copy.deepcopy(self.actor)
        self.actor_optimizer = torch.optim.Adam(self.actor.parameters(), lr=3e-4)
        self.critic = nn.ModuleList(nn.Sequential(nn.Linear(s + a, 24), nn.ReLU(), nn.Linear(24, 1)) for _ in range(2))
        self.critic_target = copy.deepcopy(self.critic)
        self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), lr=3e-4)
        self.policy_freq, self.total_it = 2, 0

    def select_action(self, state):
        return self.actor(state.reshape(1, -1)).cpu().data.numpy().flatten()     #! harmless

    def train(self, state, action, next_state, reward, not_done):
        self.total_it += 1
        with torch.no_grad():
            noise = (torch.randn_like(action) * 0.2).clamp(-0.5, 0.5)
            next_action = (self.actor_target(next_state) + noise).clamp(-1, 1)
            sa2 = torch.cat([next_state, next_action], 1)
            target_q = torch.min(self.critic_target[0](sa2), self.critic_target[1](sa2))
            target_q = reward + not_done * 0.99 * target_q
        sa = torch.cat([state, action], 1)
        critic_loss = sum(F.mse_loss(q(sa), target_q) for q in self.critic)
        self.critic_optimizer.zero_grad()
        critic_loss.backward()
        self.critic_optimizer.step()
        if self.total_it % self.policy_freq == 0:
            actor_loss = -self.critic[0](torch.cat([state, self.actor(state)], 1)).mean()
            self.actor_optimizer.zero_grad()
            actor_loss.backward()
            self.actor_optimizer.step()
            for net, target in ((self.critic, self.critic_target), (self.actor, self.actor_target)):
                for p, tp in zip(net.parameters(), target.parameters()):
                    tp.data.copy_(0.005 * p.data + 0.995 * tp.data)             #! offpath


torch.manual_seed(0)
policy = TD3(3, 2)
buffer = [(torch.randn(3), torch.from_numpy(policy.select_action(torch.randn(3))), torch.randn(3), torch.rand(1), torch.ones(1)) for _ in range(40)]
for it in range(8):
    idx = torch.randint(0, 40, (16,)).tolist()
    policy.train(*(torch.stack(col) for col in zip(*[buffer[i] for i in idx])))
