# STARVED:
# DEAD: 53|54
import gc, random, time
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

CFG = {"seed": 1, "epochs": 2, "bs": 16, "lr": 1e-3, "qwk_w": 0.3}
random.seed(CFG["seed"]); np.random.seed(CFG["seed"]); torch.manual_seed(CFG["seed"])


def qwk(preds, y, n=5):
    """differentiable?? quadratic weighted kappa"""
    w = (torch.arange(n)[:, None] - torch.arange(n)[None]).float() ** 2 / (n - 1) ** 2
    p = preds.clamp(0, n - 1).round().long()    #! dead
    O = torch.zeros(n, n).index_put((y.long(), p), torch.ones(len(y)), accumulate=True)
    E = torch.outer(O.sum(1), O.sum(0)) / O.sum()
    return 1 - (w * O).sum() / (w * E).sum()


class EssayModel(nn.Module):
    def __init__(self, d=32):
        super().__init__()
        self.emb = nn.Embedding(100, d)
        self.gru = nn.GRU(d, d, batch_first=True, bidirectional=True)
        self.pool_w = nn.Linear(2 * d, 1)
        self.head = nn.Linear(2 * d, 1)

    def forward(self, ids):
        h, _ = self.gru(self.emb(ids))
        a = self.pool_w(h).softmax(1)
        return self.head((a * h).sum(1)).squeeze(-1)


class AverageMeter:
    def __init__(self): self.reset()
    def reset(self): self.s, self.c = 0, 0
    def update(self, v, n): self.s += v * n; self.c += n
    avg = property(lambda self: self.s / self.c)


model = EssayModel()
opt = torch.optim.AdamW(model.parameters(), lr=CFG["lr"], weight_decay=0.01)
dl = DataLoader(TensorDataset(torch.randint(100, (48, 10)), torch.randint(5, (48,)).float()), CFG["bs"], shuffle=True)
best, t0 = -1, time.time()
for epoch in range(CFG["epochs"]):
    meter, allp, ally = AverageMeter(), [], []
    for ids, y in dl:
        opt.zero_grad()
        p = model(ids)
        kappa = qwk(p, y)
        kappa_loss = 1.0 - kappa
        loss = nn.functional.mse_loss(p, y) + CFG["qwk_w"] * kappa_loss
        loss.backward()
        opt.step()
        meter.update(loss.item(), len(y))    #! offpath
        allp.append(p.detach().numpy()); ally.append(y.numpy())    #! offpath
    score = (np.concatenate(allp).round() == np.concatenate(ally)).mean()
    if score > best:
        best = score
    print(f"ep {epoch} loss {meter.avg:.4f} score {score:.3f} {time.time() - t0 < 1e9}")
gc.collect()
