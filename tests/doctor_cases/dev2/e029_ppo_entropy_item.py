# STARVED:
# DEAD: 60|61|62
import numpy as np
import torch
import torch.nn as nn
from torch.distributions.categorical import Categorical


def layer_init(layer, std=np.sqrt(2), bias_const=0.0):
    torch.nn.init.orthogonal_(layer.weight, std)
    torch.nn.init.constant_(layer.bias, bias_const)
    return layer


class Agent(nn.Module):
    def __init__(self):
        super().__init__()
        self.critic = nn.Sequential(layer_init(nn.Linear(4, 32)), nn.Tanh(), layer_init(nn.Linear(32, 1), std=1.0))
        self.actor = nn.Sequential(layer_init(nn.Linear(4, 32)), nn.Tanh(), layer_init(nn.Linear(32, 2), std=0.01))

    def get_value(self, x):
        return self.critic(x)

    def get_action_and_value(self, x, action=None):
        probs = Categorical(logits=self.actor(x))
        if action is None:
            action = probs.sample()    #! harmless
        return action, probs.log_prob(action), probs.entropy(), self.critic(x)


torch.manual_seed(1)
agent = Agent()
optimizer = torch.optim.Adam(agent.parameters(), lr=2.5e-4, eps=1e-5)
T, gamma, lam, clip_coef, ent_coef, vf_coef = 32, 0.99, 0.95, 0.2, 0.01, 0.5
for update in range(2):
    obs, actions, logprobs, values = torch.zeros(T, 4), torch.zeros(T), torch.zeros(T), torch.zeros(T)
    rewards, state = torch.zeros(T), torch.randn(4)
    for t in range(T):
        obs[t] = state
        with torch.no_grad():
            action, logprob, _, value = agent.get_action_and_value(state)    #! harmless
        actions[t], logprobs[t], values[t] = action, logprob, value
        rewards[t] = 1.0 if (state.sum() > 0) == bool(action.item()) else 0.0
        state = torch.randn(4)
    with torch.no_grad():
        advantages, last, nextv = torch.zeros(T), 0, agent.get_value(state)[0]    #! harmless
        for t in reversed(range(T)):
            delta = rewards[t] + gamma * nextv - values[t]
            advantages[t] = last = delta + gamma * lam * last
            nextv = values[t]
        returns = advantages + values
    entropies = []
    for start in range(0, T, 16):
        mb = slice(start, start + 16)
        _, newlogprob, entropy, newvalue = agent.get_action_and_value(obs[mb], actions.long()[mb])
        ratio = (newlogprob - logprobs[mb]).exp()
        adv = (advantages[mb] - advantages[mb].mean()) / (advantages[mb].std() + 1e-8)
        pg_loss = torch.max(-adv * ratio, -adv * ratio.clamp(1 - clip_coef, 1 + clip_coef)).mean()
        v_loss = 0.5 * ((newvalue.view(-1) - returns[mb]) ** 2).mean()
        entropies.append(entropy.mean().item())    #! dead
        entropy_loss = np.mean(entropies)
        loss = pg_loss - ent_coef * entropy_loss + v_loss * vf_coef
        optimizer.zero_grad(); loss.backward()
        nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
        optimizer.step()
