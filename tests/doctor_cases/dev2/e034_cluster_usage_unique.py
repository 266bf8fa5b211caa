# STARVED:
# DEAD: 29|42
"""Deep clustering with a balance penalty that counts hard assignments."""
import torch
from torch import nn, optim


class ClusterNet(nn.Module):
    def __init__(self, in_dim: int = 10, latent: int = 4, k: int = 5) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(in_dim, 32), nn.ELU(), nn.Linear(32, latent))
        self.decoder = nn.Sequential(nn.Linear(latent, 32), nn.ELU(), nn.Linear(32, in_dim))
        self.centers = nn.Parameter(torch.randn(k, latent))

    def forward(self, x):
        z = self.encoder(x)
        dist = torch.cdist(z, self.centers)
        return z, dist, self.decoder(z)


def cluster_loss(dist):
    return dist.min(dim=1).values.pow(2).mean()


def balance_loss(dist, k):
    assign = dist.argmin(dim=1)    #! dead
    counts = torch.bincount(assign, minlength=k).float()
    p = counts / counts.sum()
    return (p * (p + 1e-8).log()).sum() + torch.log(torch.tensor(float(k)))


def fit(model, data, epochs=4, w_cluster=0.1, w_balance=1.0):
    opt = optim.Adam(model.parameters(), lr=1e-3)
    best, patience = float("inf"), 0
    for epoch in range(epochs):
        perm = torch.randperm(len(data))
        for idx in perm.split(32):
            x = data[idx]
            z, dist, recon = model(x)
            loss = nn.functional.mse_loss(recon, x)
            loss += w_cluster * cluster_loss(dist)
            loss += w_balance * balance_loss(dist, model.centers.size(0))
            opt.zero_grad()
            loss.backward()
            opt.step()
        if loss.item() < best:    #! offpath
            best, patience = loss.item(), 0    #! offpath
        else:
            patience += 1
            if patience > 3:
                break
    with torch.no_grad():
        return model(data)[1].argmin(1).bincount(minlength=5)    #! offpath


if __name__ == "__main__":
    torch.manual_seed(0)
    model = ClusterNet()
    print(fit(model, torch.randn(96, 10)))
