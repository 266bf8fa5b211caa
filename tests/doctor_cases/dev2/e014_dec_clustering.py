# STARVED:
# DEC: autoencoder pretraining, k-means centres by hand, then KL refinement with a sharpened target
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.parameter import Parameter

torch.manual_seed(0)


class AE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc_1, self.z_layer = nn.Linear(12, 24), nn.Linear(24, 3)
        self.dec_1, self.x_bar_layer = nn.Linear(3, 24), nn.Linear(24, 12)

    def forward(self, x):
        z = self.z_layer(F.relu(self.enc_1(x)))
        return self.x_bar_layer(F.relu(self.dec_1(z))), z


class IDEC(nn.Module):
    def __init__(self, ae, n_clusters=4, alpha=1):
        super().__init__()
        self.ae, self.alpha = ae, alpha
        self.cluster_layer = Parameter(torch.Tensor(n_clusters, 3))
        torch.nn.init.xavier_normal_(self.cluster_layer.data)

    def forward(self, x):
        x_bar, z = self.ae(x)
        q = 1.0 / (1.0 + torch.sum(torch.pow(z.unsqueeze(1) - self.cluster_layer, 2), 2) / self.alpha)
        q = q.pow((self.alpha + 1.0) / 2.0)
        return x_bar, (q.t() / torch.sum(q, 1)).t()


def target_distribution(q):
    weight = q ** 2 / q.sum(0)
    return (weight.t() / weight.sum(1)).t()


def kmeans(z, k, iters=5):
    c = z[np.random.RandomState(0).choice(len(z), k, replace=False)]
    for _ in range(iters):
        a = ((z[:, None] - c) ** 2).sum(-1).argmin(1)
        c = np.stack([z[a == j].mean(0) if (a == j).any() else c[j] for j in range(k)])
    return c, a


data = torch.randn(64, 12) + 3 * torch.randint(0, 2, (64, 1))
model = IDEC(AE())
pre = torch.optim.Adam(model.ae.parameters(), lr=1e-3)
for epoch in range(3):
    x_bar, _ = model.ae(data)
    loss = F.mse_loss(x_bar, data)
    pre.zero_grad(); loss.backward(); pre.step()

with torch.no_grad():
    _, hidden = model.ae(data)    #! offpath
centers, y_pred_last = kmeans(hidden.numpy(), 4)
model.cluster_layer.data = torch.tensor(centers)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(4):
    if epoch % 2 == 0:
        _, tmp_q = model(data)
        tmp_q = tmp_q.data    #! harmless
        p = target_distribution(tmp_q)
        y_pred = tmp_q.cpu().numpy().argmax(1)
        delta_label, y_pred_last = np.sum(y_pred != y_pred_last) / len(y_pred), y_pred
        if epoch > 0 and delta_label < 0:
            break
    x_bar, q = model(data)
    kl_loss = F.kl_div(q.log(), p, reduction="batchmean")
    loss = 0.1 * kl_loss + F.mse_loss(x_bar, data)
    optimizer.zero_grad(); loss.backward(); optimizer.step()
