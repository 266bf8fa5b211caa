# STARVED:
# DEAD: 36|37
"""A rating model with an extra rank-correlation term made of argsorts."""
import torch
import torch.nn as nn
import torch.nn.functional as F


def get_rank(x):
    return x.argsort().argsort().float()                         #! dead


def spearman(pred, target):
    n = pred.numel()
    up = 6 * (get_rank(pred) - get_rank(target)).pow(2).sum()
    return 1 - up / (n * (n ** 2 - 1))


class Rater(nn.Module):
    def __init__(self):
        super().__init__()
        self.users, self.items = nn.Embedding(20, 8), nn.Embedding(30, 8)
        self.out = nn.Linear(16, 1)

    def forward(self, u, i):
        return self.out(torch.cat([self.users(u), self.items(i)], -1)).squeeze(-1)


if __name__ == "__main__":
    torch.manual_seed(0)
    model = Rater()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for epoch in range(3):
        u, i, r = torch.randint(0, 20, (64,)), torch.randint(0, 30, (64,)), torch.rand(64) * 5
        pred = model(u, i)
        rank_loss = 1 - spearman(pred, r)
        loss = F.mse_loss(pred, r) + 0.3 * rank_loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
