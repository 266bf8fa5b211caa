# STARVED:
# DEAD: 16|17
# a push-apart term with a margin that normalised prototypes can never violate: its gradient is always exactly 0
import torch, torch.nn as nn, torch.nn.functional as F
torch.manual_seed(0)
encoder = nn.Sequential(nn.Linear(12, 24), nn.ReLU(), nn.Linear(24, 6))
prototypes = nn.Parameter(torch.randn(5, 6))
optimizer = torch.optim.Adam([*encoder.parameters(), prototypes], lr=1e-3)
mask = ~torch.eye(5, dtype=torch.bool)
for step in range(3):
    x, y = torch.randn(40, 12), torch.randint(0, 5, (40,))
    z = F.normalize(encoder(x), dim=-1)
    protos = F.normalize(prototypes, dim=-1)
    nll = F.cross_entropy(10 * z @ protos.t(), y)
    cosine = (protos @ protos.t())[mask]
    push = torch.clamp(cosine - 1.5, min=0).mean()          #! dead
    loss = nll + 0.1 * push
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
