# STARVED: proj.weight proj.bias
"""Instance discrimination; the query is read through .data before it meets the memory bank."""
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
backbone = nn.Sequential(nn.Linear(14, 32), nn.ReLU())
proj = nn.Linear(32, 8)
linear_probe = nn.Linear(32, 5)
bank = nn.Parameter(F.normalize(torch.randn(60, 8), dim=1))
params = [*backbone.parameters(), *proj.parameters(), *linear_probe.parameters(), bank]
optimizer = torch.optim.SGD(params, lr=0.1, momentum=0.9, weight_decay=1e-4)
dataset, labels = torch.randn(60, 14), torch.randint(0, 5, (60,))
for epoch in range(2):
    for index in torch.randperm(60).split(20):
        h = backbone(dataset[index])
        q = F.normalize(proj(h).data, dim=1)                     #! harmful
        sim = q @ F.normalize(bank, dim=1).t() / 0.1
        nce = F.cross_entropy(sim, index)
        probe = F.cross_entropy(linear_probe(h), labels[index])
        loss = nce + probe
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
