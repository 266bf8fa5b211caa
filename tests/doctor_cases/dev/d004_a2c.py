# STARVED:
import torch
import torch.nn as nn
from torch.distributions import Categorical


class LineWorld:
    """Walk left or right on a line; reward at +3."""

    def reset(self):
        self.pos, self.t = 0, 0
        return self.obs()

    def obs(self):
        return torch.tensor([float(self.pos), self.t / 10])

    def step(self, a):
        self.pos += 1 if a == 1 else -1
        self.t += 1
        done = abs(self.pos) >= 3 or self.t >= 10
        return self.obs(), float(self.pos >= 3) - 0.01, done


class ActorCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.shared = nn.Linear(2, 32)
        self.pi, self.v = nn.Linear(32, 2), nn.Linear(32, 1)

    def forward(self, x):
        h = torch.tanh(self.shared(x))
        return Categorical(logits=self.pi(h)), self.v(h).squeeze(-1)


torch.manual_seed(3)
env, net = LineWorld(), ActorCritic()
optimizer = torch.optim.RMSprop(net.parameters(), lr=7e-3)
gamma, n_steps = 0.99, 8
state = env.reset()
for update in range(4):
    log_probs, values, rewards, masks, entropy = [], [], [], [], 0
    for _ in range(n_steps):
        dist, value = net(state)
        action = dist.sample()                              #! harmless
        state, reward, done = env.step(action.item())       #! harmless
        log_probs.append(dist.log_prob(action)); values.append(value)
        rewards.append(reward); masks.append(1.0 - float(done))
        entropy += dist.entropy()
        if done:
            state = env.reset()
    with torch.no_grad():
        R = net(state)[1]                                   #! harmless
    returns = []
    for r, m in zip(reversed(rewards), reversed(masks)):
        R = r + gamma * R * m
        returns.insert(0, R)
    returns = torch.stack(returns).detach()
    values = torch.stack(values)
    advantage = returns - values
    actor_loss = -(torch.stack(log_probs) * advantage.detach()).mean()    #! harmless
    critic_loss = advantage.pow(2).mean()
    loss = actor_loss + 0.5 * critic_loss - 0.001 * entropy
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 0.5)
    optimizer.step()
