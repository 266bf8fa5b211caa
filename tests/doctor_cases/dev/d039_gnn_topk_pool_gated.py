# STARVED:
# graph U-Net style pooling: the kept nodes are multiplied by sigmoid(score), so the projection learns
import torch, torch.nn as nn, torch.nn.functional as F
torch.manual_seed(0)


class Pool(nn.Module):
    def __init__(self, k, dim):
        super().__init__()
        self.k, self.proj = k, nn.Linear(dim, 1)

    def forward(self, g, h):
        scores = torch.sigmoid(self.proj(h).squeeze(-1))
        values, idx = torch.topk(scores, self.k)            #! harmless
        new_h = h[idx] * values.unsqueeze(-1)
        un = (g[idx][:, idx] @ g[idx][:, idx]).bool().float()
        return un / un.sum(1, keepdim=True).clamp(min=1), new_h, idx


pools = nn.ModuleList([Pool(8, 12), Pool(4, 12)])
gcns = nn.ModuleList([nn.Linear(6, 12), nn.Linear(12, 12), nn.Linear(12, 12)])
head = nn.Linear(12, 3)
opt = torch.optim.Adam([*pools.parameters(), *gcns.parameters(), *head.parameters()], lr=1e-3)
for step in range(3):
    loss = torch.zeros(())
    for _ in range(4):
        g = (torch.rand(14, 14) < 0.4).float() + torch.eye(14)
        g = g / g.sum(1, keepdim=True)
        h = F.elu(gcns[0](g @ torch.randn(14, 6)))
        for pool, gcn in zip(pools, gcns[1:]):
            g, h, idx = pool(g, h)
            h = F.elu(gcn(g @ h))
        loss = loss + F.cross_entropy(head(h.mean(0, keepdim=True)), torch.randint(0, 3, (1,)))
    opt.zero_grad(); loss.backward(); opt.step()
