# STARVED:
import torch
from torch import nn
import torch.distributions as td
import torch.nn.functional as F


def straight_through(logits, unimix=0.01):
    probs = (1 - unimix) * logits.softmax(-1) + unimix / logits.size(-1)
    sample = td.OneHotCategorical(probs=probs).sample()    #! harmless
    return sample + probs - probs.detach(), probs    #! harmless


class RSSM(nn.Module):
    def __init__(self, obs=10, act=2, deter=24, groups=4, classes=4):
        super().__init__()
        self.groups, self.classes, stoch = groups, classes, groups * classes
        self.inp, self.cell = nn.Linear(stoch + act, deter), nn.GRUCell(deter, deter)
        self.prior_net, self.post_net = nn.Linear(deter, stoch), nn.Linear(deter + obs, stoch)
        self.decoder, self.reward = nn.Linear(deter + stoch, obs), nn.Linear(deter + stoch, 1)

    def split(self, logits):
        return logits.view(*logits.shape[:-1], self.groups, self.classes)

    def observe(self, obs, actions):
        B, T, _ = obs.shape
        h, z = obs.new_zeros(B, self.cell.hidden_size), obs.new_zeros(B, self.groups * self.classes)
        feats, priors, posts = [], [], []
        for t in range(T):
            h = self.cell(F.elu(self.inp(torch.cat([z, actions[:, t]], -1))), h)
            priors.append(self.split(self.prior_net(h)))
            z, p = straight_through(self.split(self.post_net(torch.cat([h, obs[:, t]], -1))))
            posts.append(p)
            z = z.flatten(1)
            feats.append(torch.cat([h, z], -1))
        return torch.stack(feats, 1), torch.stack(priors, 1), torch.stack(posts, 1)


def kl(p, q):
    return (p * (p.clamp(min=1e-8).log() - q.clamp(min=1e-8).log())).sum(-1).sum(-1).mean()


class Agent:
    def __init__(self):
        self.wm = RSSM()
        self.actor = nn.Sequential(nn.Linear(40, 24), nn.ELU(), nn.Linear(24, 2))
        self.critic = nn.Sequential(nn.Linear(40, 24), nn.ELU(), nn.Linear(24, 1))
        self.opts = {n: torch.optim.AdamW(getattr(self, n).parameters(), lr=1e-3) for n in ("wm", "actor", "critic")}

    def optimise(self, name, loss):
        self.opts[name].zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(getattr(self, name).parameters(), 100.0)
        self.opts[name].step()
        return loss.detach()    #! offpath

    def train(self, obs, actions, rewards, alpha=0.8):
        feats, prior, post = self.wm.observe(obs, actions)
        prior = prior.softmax(-1)
        kl_loss = alpha * kl(post.detach(), prior) + (1 - alpha) * kl(post, prior.detach())    #! harmless
        recon, rew = F.mse_loss(self.wm.decoder(feats), obs), F.mse_loss(self.wm.reward(feats).squeeze(-1), rewards)
        out = {"model": self.optimise("wm", recon + rew + 0.1 * kl_loss)}
        feats = feats.detach()    #! harmless
        with torch.no_grad():
            target = rewards[:, :-1] + 0.99 * self.critic(feats[:, 1:]).squeeze(-1)    #! harmless
            adv = target - self.critic(feats[:, :-1]).squeeze(-1)    #! harmless
        policy = td.Independent(td.Normal(self.actor(feats[:, :-1]), 1.0), 1)
        out["actor"] = self.optimise("actor", -(policy.log_prob(actions[:, :-1]) * adv).mean())
        out["critic"] = self.optimise("critic", F.mse_loss(self.critic(feats[:, :-1]).squeeze(-1), target))
        return out


torch.manual_seed(0)
agent = Agent()
for step in range(3):
    print({k: round(v.item(), 4) for k, v in agent.train(torch.randn(6, 5, 10), torch.randn(6, 5, 2), torch.randn(6, 5)).items()})
