# STARVED:
import math
import torch
import torch.nn as nn


class MDN(nn.Module):
    def __init__(self, hidden=20, k=4):
        super().__init__()
        self.z_h = nn.Sequential(nn.Linear(1, hidden), nn.Tanh())
        self.z_pi, self.z_sigma, self.z_mu = nn.Linear(hidden, k), nn.Linear(hidden, k), nn.Linear(hidden, k)
        self.register_buffer("half_log_2pi", torch.tensor(0.5 * math.log(2 * math.pi)))

    def forward(self, x):
        h = self.z_h(x)
        return torch.log_softmax(self.z_pi(h), -1), self.z_sigma(h).clamp(-7, 7), self.z_mu(h)

    def nll(self, x, y):
        log_pi, log_sigma, mu = self(x)
        quad = 0.5 * ((y - mu) / log_sigma.exp()) ** 2
        return -torch.logsumexp(log_pi - log_sigma - quad, -1).mean() + self.half_log_2pi

    @torch.no_grad()
    def sample(self, x):
        log_pi, log_sigma, mu = self(x)
        k = torch.distributions.Categorical(logits=log_pi).sample().unsqueeze(1)     #! offpath
        return torch.normal(mu.gather(1, k), log_sigma.gather(1, k).exp())           #! offpath


torch.manual_seed(0)
network = MDN()
optimizer = torch.optim.Adam(network.parameters())
y = torch.rand(200, 1) * 20 - 10
x = torch.sin(0.75 * y) * 7 + y * 0.5 + torch.randn(200, 1)
for epoch in range(3):
    optimizer.zero_grad()
    loss = network.nll(x, y)
    loss.backward()
    optimizer.step()
print(network.sample(x[:5]).shape)
