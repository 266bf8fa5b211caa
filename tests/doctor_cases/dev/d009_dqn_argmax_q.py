# STARVED: qnet.0.weight qnet.0.bias qnet.2.weight qnet.2.bias
# Q-learning where the prediction is rebuilt from the greedy action instead of gathered
import copy
import torch, torch.nn as nn, torch.nn.functional as F
torch.manual_seed(0)
qnet = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 3))
target_net = copy.deepcopy(qnet).requires_grad_(False)
table = nn.Embedding(3, 1)      # a learned prior value for each action
optimizer = torch.optim.Adam([*qnet.parameters(), *table.parameters()], lr=1e-3)
for t in range(4):
    s, s2 = torch.randn(32, 4), torch.randn(32, 4)
    r = torch.rand(32)
    with torch.no_grad():
        target = r + 0.9 * target_net(s2).max(1)[0]
    greedy = qnet(s).argmax(dim=1)                      #! harmful
    q = table(greedy).squeeze(1)
    loss = F.smooth_l1_loss(q, target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
