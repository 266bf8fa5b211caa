# STARVED: net.0.scores net.2.scores
# "find the subnetwork": scores are compared with the sparsity; weights train, scores do not
import torch
import torch.nn as nn
import torch.nn.functional as F


class MaskedLinear(nn.Linear):
    def __init__(self, *a, sparsity=0.5):
        super().__init__(*a)
        self.scores = nn.Parameter(torch.rand_like(self.weight))
        self.sparsity = sparsity

    def forward(self, x):
        mask = torch.where(self.scores >= self.sparsity, 1.0, 0.0)    #! harmful
        return F.linear(x, self.weight * mask, self.bias)


torch.manual_seed(0)
net = nn.Sequential(MaskedLinear(8, 32), nn.ReLU(), MaskedLinear(32, 2, sparsity=0.3))
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
data = torch.utils.data.TensorDataset(torch.randn(60, 8), torch.randint(0, 2, (60,)))
for x, y in torch.utils.data.DataLoader(data, 20):
    opt.zero_grad()
    loss = nn.functional.cross_entropy(net(x), y)
    loss.backward()
    opt.step()
