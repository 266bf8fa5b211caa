# STARVED:
"""Recurrent model of visual attention (glimpses): supervised + REINFORCE for the locator + baseline regression."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.distributions import Normal


class Retina:
    def __init__(self, g):
        self.g = g

    def extract_patch(self, x, l):
        B, C, H, W = x.shape
        start = (0.5 * ((l + 1.0) * H)).long()
        end = start + self.g
        x = F.pad(x, (self.g // 2,) * 4)
        return torch.stack([x[i, :, start[i, 1]:end[i, 1], start[i, 0]:end[i, 0]] for i in range(B)]).flatten(1)


class RecurrentAttention(nn.Module):
    def __init__(self, g=4, h=32, classes=3, std=0.2):
        super().__init__()
        self.std, self.retina, self.h = std, Retina(g), h
        self.fc1, self.fc2 = nn.Linear(g * g, h // 2), nn.Linear(2, h // 2)
        self.fc3, self.fc4 = nn.Linear(h // 2, h), nn.Linear(h // 2, h)
        self.i2h, self.h2h = nn.Linear(h, h), nn.Linear(h, h)
        self.locator = nn.Sequential(nn.Linear(h, h // 2), nn.ReLU(), nn.Linear(h // 2, 2))
        self.classifier, self.baseliner = nn.Linear(h, classes), nn.Linear(h, 1)

    def forward(self, x, l_t_prev, h_t_prev, last=False):
        phi = self.retina.extract_patch(x, l_t_prev)
        g_t = F.relu(self.fc3(F.relu(self.fc1(phi))) + self.fc4(F.relu(self.fc2(l_t_prev))))
        h_t = F.relu(self.i2h(g_t) + self.h2h(h_t_prev))
        mu = torch.tanh(self.locator(h_t.detach()))    #! harmless
        l_t = (mu + torch.randn_like(mu) * self.std).detach()    #! harmless
        log_pi = Normal(mu, self.std).log_prob(l_t).sum(dim=1)
        l_t = torch.clamp(l_t, -1, 1)
        b_t = self.baseliner(h_t.detach()).squeeze(1)    #! harmless
        return h_t, l_t, b_t, (F.log_softmax(self.classifier(h_t), dim=1) if last else None), log_pi


class Trainer:
    def __init__(self):
        self.model, self.num_glimpses = RecurrentAttention(), 4
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=3e-4)
        self.scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(self.optimizer, "min", patience=2)

    def train_batch(self, x, y):
        self.optimizer.zero_grad()
        h_t, l_t = torch.zeros(len(x), self.model.h), torch.empty(len(x), 2).uniform_(-1, 1)
        log_pi, baselines = [], []
        for t in range(self.num_glimpses):
            h_t, l_t, b_t, log_probas, p = self.model(x, l_t, h_t, t == self.num_glimpses - 1)
            baselines.append(b_t); log_pi.append(p)
        baselines, log_pi = torch.stack(baselines).transpose(1, 0), torch.stack(log_pi).transpose(1, 0)
        predicted = torch.max(log_probas, 1)[1]    #! harmless
        R = (predicted.detach() == y).float().unsqueeze(1).repeat(1, self.num_glimpses)
        loss_action = F.nll_loss(log_probas, y)
        loss_baseline = F.mse_loss(baselines, R)
        adjusted_reward = R - baselines.detach()    #! harmless
        loss_reinforce = torch.mean(torch.sum(-log_pi * adjusted_reward, dim=1), dim=0)
        loss = loss_action + loss_baseline + loss_reinforce * 0.01
        loss.backward()
        self.optimizer.step()
        return loss.item(), 100 * (predicted == y).float().mean().item()    #! offpath


torch.manual_seed(1)
trainer = Trainer()
for epoch in range(3):
    losses = [trainer.train_batch(torch.rand(12, 1, 12, 12), torch.randint(3, (12,)))[0] for _ in range(2)]
    trainer.scheduler.step(sum(losses))
