# STARVED:
# DEAD: 18|19
# the balance loss counts tokens with bincount: constant to autograd, while the gate trains through its weights
import torch, torch.nn as nn, torch.nn.functional as F
torch.manual_seed(0)
D, E = 8, 4
gate = nn.Linear(D, E)
experts = nn.ModuleList([nn.Sequential(nn.Linear(D, D), nn.SiLU(), nn.Linear(D, D)) for _ in range(E)])
opt = torch.optim.Adam([*gate.parameters(), *experts.parameters()], lr=1e-3)
for step in range(3):
    x, y = torch.randn(128, D), torch.randn(128, D)
    probs = gate(x).softmax(dim=-1)
    top_w, top_i = probs.topk(2, dim=-1)                    #! dead
    top_w = top_w / top_w.sum(-1, keepdim=True)
    dense = torch.stack([e(x) for e in experts], dim=1)
    out = (dense.gather(1, top_i.unsqueeze(-1).expand(-1, -1, D)) * top_w.unsqueeze(-1)).sum(1)
    load = torch.bincount(top_i.flatten(), minlength=E).float() / top_i.numel()
    balance = E * load.pow(2).sum()
    loss = F.mse_loss(out, y) + 0.1 * balance
    opt.zero_grad()
    loss.backward()
    opt.step()
