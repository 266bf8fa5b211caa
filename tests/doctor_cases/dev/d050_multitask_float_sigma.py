# STARVED: sigmas
# Kendall-style task weighting; the weights become Python floats before they meet the losses
import torch, torch.nn as nn, torch.nn.functional as F
torch.manual_seed(0)
trunk = nn.Sequential(nn.Linear(10, 32), nn.ReLU())
depth_head, seg_head = nn.Linear(32, 1), nn.Linear(32, 4)
sigmas = nn.Parameter(torch.zeros(2))
opt = torch.optim.Adam([*trunk.parameters(), *depth_head.parameters(), *seg_head.parameters(), sigmas], lr=1e-3)


def combine(losses, log_vars):
    w = [0.5 * float(v) for v in torch.exp(-log_vars)]      #! harmful
    return sum(wi * li for wi, li in zip(w, losses))


for it in range(3):
    x = torch.randn(32, 10)
    h = trunk(x)
    l_depth = F.l1_loss(depth_head(h).squeeze(1), x.norm(dim=1))
    l_seg = F.cross_entropy(seg_head(h), torch.randint(0, 4, (32,)))
    loss = combine([l_depth, l_seg], sigmas)
    opt.zero_grad()
    loss.backward()
    opt.step()
