# STARVED:
import copy
import math
import os
import random
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

class CFG:
    seed = 42; n_folds = 2; epochs = 2; bs = 16; lr = 1e-3; accum = 2; ema = 0.9; mixup = 0.4

def seed_everything(seed):
    random.seed(seed); os.environ["PYTHONHASHSEED"] = str(seed); np.random.seed(seed); torch.manual_seed(seed)

class TabNetLite(nn.Module):
    def __init__(self, n_num, cards, hidden=32):
        super().__init__()
        self.embs = nn.ModuleList([nn.Embedding(c, min(8, c // 2 + 1)) for c in cards])
        self.bn = nn.BatchNorm1d(n_num)
        d = n_num + sum(e.embedding_dim for e in self.embs)
        self.mlp = nn.Sequential(nn.Linear(d, hidden), nn.PReLU(), nn.Dropout(0.1), nn.Linear(hidden, hidden), nn.PReLU())
        self.head = nn.Linear(hidden, 1)
        self.register_parameter("scale", nn.Parameter(torch.zeros(1)))

    def forward(self, num, cat):
        x = torch.cat([self.bn(num)] + [e(cat[:, i]) for i, e in enumerate(self.embs)], 1)
        h = self.mlp(x)
        return (self.head(h) * self.scale.exp()).squeeze(-1)

class ModelEMA:
    def __init__(self, model, decay):
        self.ema, self.decay = copy.deepcopy(model).eval(), decay
        for p in self.ema.parameters():
            p.requires_grad_(False)
    @torch.no_grad()
    def update(self, model):
        for e, m in zip(self.ema.state_dict().values(), model.state_dict().values()):
            if e.dtype.is_floating_point:
                e.mul_(self.decay).add_(m.detach(), alpha=1 - self.decay)    #! offpath

def train_fold(fold, num, cat, y, folds):
    trn, val = np.where(folds != fold)[0], np.where(folds == fold)[0]
    model = TabNetLite(num.size(1), [5, 9])
    opt = torch.optim.AdamW(model.parameters(), lr=CFG.lr)
    steps = CFG.epochs * math.ceil(len(trn) / CFG.bs / CFG.accum)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=CFG.lr, total_steps=steps + 1)
    scaler, ema, best, oof = torch.amp.GradScaler("cpu"), ModelEMA(model, CFG.ema), -np.inf, None
    for epoch in range(CFG.epochs):
        model.train()
        for i, idx in enumerate(np.array_split(np.random.permutation(trn), len(trn) // CFG.bs)):
            lam, perm = np.random.beta(CFG.mixup, CFG.mixup), torch.randperm(len(idx))
            xb, yb = num[idx] * lam + num[idx][perm] * (1 - lam), y[idx]
            with torch.autocast("cpu", dtype=torch.bfloat16):
                out = model(xb, cat[idx]).float()
                loss = lam * F.binary_cross_entropy_with_logits(out, yb) + (1 - lam) * F.binary_cross_entropy_with_logits(out, yb[perm])
            scaler.scale(loss / CFG.accum).backward()
            if (i + 1) % CFG.accum == 0:
                scaler.unscale_(opt)
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                scaler.step(opt); scaler.update(); opt.zero_grad(); sched.step(); ema.update(model)
        with torch.no_grad():
            preds = ema.ema(num[val], cat[val]).sigmoid().numpy()
        score = ((preds > 0.5) == y[val].numpy()).mean()
        if score > best:
            best, oof = score, preds
    return best, oof

seed_everything(CFG.seed)
num, cat = torch.randn(128, 6), torch.stack([torch.randint(5, (128,)), torch.randint(9, (128,))], 1)
y, folds = (num[:, 0] > 0).float(), np.arange(128) % CFG.n_folds
print("CV", np.mean([train_fold(f, num, cat, y, folds)[0] for f in range(CFG.n_folds)]))
