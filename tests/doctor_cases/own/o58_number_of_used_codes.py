# STARVED:
# DEAD: 24|25
# "use more codes": the number of codes in use is counted with a Python set
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
codebook = nn.Parameter(torch.randn(16, 4))
encoder, decoder = nn.Linear(6, 4), nn.Linear(4, 6)
opt = torch.optim.Adam([codebook, *encoder.parameters(), *decoder.parameters()], lr=1e-3)
for step in range(3):
    x = torch.randn(32, 6)
    z = encoder(x)
    index = torch.cdist(z, codebook).argmin(1)  #! dead
    quantised = codebook[index]
    straight = z + (quantised - z).detach()
    commit = F.mse_loss(z, quantised.detach()) + F.mse_loss(quantised, z.detach())
    rec = F.mse_loss(decoder(straight), x)
    used = set()
    for row in index.tolist():
        used.add(row)
    share = sum(1 for _ in used) / 16
    diversity = 1 - share
    loss = rec + commit + 0.1 * diversity
    opt.zero_grad()
    loss.backward()
    opt.step()
