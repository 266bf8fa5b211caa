# STARVED: detector.threshold
# time series: an autoencoder with a "learned" alarm threshold that is only ever compared
import torch, torch.nn as nn, torch.nn.functional as F


class Detector(nn.Module):
    def __init__(self, window=12):
        super().__init__()
        self.encoder = nn.GRU(1, 8, batch_first=True)
        self.decoder = nn.Linear(8, window)
        self.threshold = nn.Parameter(torch.tensor(0.5))
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x):
        _, h = self.encoder(x.unsqueeze(-1))
        recon = self.decoder(h[-1])
        err = (recon - x).pow(2).mean(1)
        alarm = err.gt(self.threshold)                      #! harmful
        return recon, err, alarm


torch.manual_seed(0)
detector = Detector()
optimizer = torch.optim.Adam(detector.parameters(), lr=1e-2)
for epoch in range(4):
    x = torch.sin(torch.linspace(0, 6, 12)) + 0.3 * torch.randn(32, 12)
    recon, err, alarm = detector(x)
    weight = 1.0 + detector.scale * alarm.float()
    loss = (weight * err).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
