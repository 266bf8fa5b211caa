# STARVED: agent.actor.l1.weight agent.actor.l1.bias agent.actor.l2.weight agent.actor.l2.bias
import copy
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


class Actor(nn.Module):
    def __init__(self, s, a, max_action):
        super(Actor, self).__init__()
        self.l1, self.l2, self.max_action = nn.Linear(s, 32), nn.Linear(32, a), max_action

    def forward(self, state):
        return self.max_action * torch.tanh(self.l2(F.relu(self.l1(state))))


class Critic(nn.Module):
    def __init__(self, s, a):
        super(Critic, self).__init__()
        self.l1, self.l2 = nn.Linear(s + a, 32), nn.Linear(32, 1)
        self.l3, self.l4 = nn.Linear(s + a, 32), nn.Linear(32, 1)

    def forward(self, s, a):
        sa = torch.cat([s, a], 1)
        return self.l2(F.relu(self.l1(sa))), self.l4(F.relu(self.l3(sa)))

    def Q1(self, s, a):
        return self.l2(F.relu(self.l1(torch.cat([s, a], 1))))


class TD3(object):
    def __init__(self, s, a, max_action=1.0, tau=0.005, policy_freq=2):
        self.actor, self.critic = Actor(s, a, max_action), Critic(s, a)
        self.actor_target, self.critic_target = copy.deepcopy(self.actor), copy.deepcopy(self.critic)
        self.actor_optimizer = torch.optim.Adam(self.actor.parameters(), lr=3e-4)
        self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), lr=3e-4)
        self.max_action, self.tau, self.policy_freq, self.total_it = max_action, tau, policy_freq, 0

    def train(self, batch):
        self.total_it += 1
        state, action, next_state, reward, not_done = batch
        with torch.no_grad():
            noise = (torch.randn_like(action) * 0.2).clamp(-0.5, 0.5)
            next_action = (self.actor_target(next_state) + noise).clamp(-self.max_action, self.max_action)
            q1, q2 = self.critic_target(next_state, next_action)
            target_Q = reward + not_done * 0.99 * torch.min(q1, q2)
        c1, c2 = self.critic(state, action)
        critic_loss = F.mse_loss(c1, target_Q) + F.mse_loss(c2, target_Q)
        self.critic_optimizer.zero_grad()
        critic_loss.backward()
        self.critic_optimizer.step()
        if self.total_it % self.policy_freq == 0:
            actor_loss = -self.critic.Q1(state, self.actor_target(state)).mean()
            self.actor_optimizer.zero_grad()
            actor_loss.backward()
            self.actor_optimizer.step()
            for net, tgt in ((self.critic, self.critic_target), (self.actor, self.actor_target)):
                for p, q in zip(net.parameters(), tgt.parameters()):
                    q.data.copy_(self.tau * p.data + (1 - self.tau) * q.data)    #! offpath


torch.manual_seed(0); np.random.seed(0)
agent = TD3(3, 2)
for t in range(8):
    f = lambda *shape: torch.FloatTensor(np.random.randn(*shape))
    agent.train((f(32, 3), f(32, 2).clamp(-1, 1), f(32, 3), f(32, 1), torch.ones(32, 1)))
