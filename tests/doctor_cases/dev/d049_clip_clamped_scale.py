# STARVED:
import torch, torch.nn as nn, torch.nn.functional as F
torch.manual_seed(0)
img_enc, txt_enc = nn.Linear(20, 8), nn.Linear(15, 8)
logit_scale = nn.Parameter(torch.tensor(2.6592))
optimizer = torch.optim.AdamW([
    {"params": [*img_enc.parameters(), *txt_enc.parameters()], "weight_decay": 0.1},
    {"params": [logit_scale], "weight_decay": 0.0},
], lr=1e-3)
history = []
for step in range(4):
    zi = F.normalize(img_enc(torch.randn(24, 20)), dim=-1)
    zt = F.normalize(txt_enc(torch.randn(24, 15)), dim=-1)
    logits = logit_scale.exp() * zi @ zt.T
    y = torch.arange(24)
    loss = 0.5 * (F.cross_entropy(logits, y) + F.cross_entropy(logits.T, y))
    optimizer.zero_grad(set_to_none=False)
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        logit_scale.clamp_(0, 4.6052)           # never above 100
    r1 = (logits.argmax(dim=1) == y).float().mean()         #! offpath
    history.append((loss.item(), r1.item(), logit_scale.exp().item()))      #! offpath
