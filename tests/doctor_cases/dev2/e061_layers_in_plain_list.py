# STARVED: net.layers[1].weight net.layers[1].bias
# greedy layer-wise training; layers sit in a plain list, each has its own optimizer; the second one's goodness is rounded
import torch
import torch.nn as nn


class Layer(nn.Linear):
    def __init__(self, i, o, quantise):
        super().__init__(i, o)
        self.opt, self.quantise = torch.optim.Adam(self.parameters(), lr=0.03), quantise

    def goodness(self, x):
        h = torch.relu(super().forward(x / (x.norm(dim=1, keepdim=True) + 1e-4)))
        g = h.pow(2).mean(1)
        return torch.round(8 * g) / 8 + 0 * self.anchor if self.quantise else g    #! harmful

    def step(self, pos, neg):
        self.anchor = torch.zeros((), requires_grad=True)
        loss = torch.log1p(torch.exp(torch.cat([1 - self.goodness(pos), self.goodness(neg) - 1]))).mean()
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        return torch.relu(super().forward(pos)).detach(), torch.relu(super().forward(neg)).detach()    #! harmless


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = []
        self.layers = self.layers + [Layer(10, 16, False)]
        self.layers = self.layers + [Layer(16, 16, True)]

    def fit(self, pos, neg):
        for layer in self.layers:
            pos, neg = layer.step(pos, neg)


torch.manual_seed(0)
net = Net()
for epoch in range(3):
    net.fit(torch.randn(32, 10), torch.randn(32, 10))
