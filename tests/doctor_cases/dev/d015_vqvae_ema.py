# STARVED:
import torch
import torch.nn as nn
import torch.nn.functional as F


class VectorQuantizerEMA(nn.Module):
    def __init__(self, k, d, decay=0.99, eps=1e-5):
        super().__init__()
        self.k, self.decay, self.eps = k, decay, eps
        embed = torch.randn(k, d)
        self.register_buffer("embed", embed)
        self.register_buffer("cluster_size", torch.zeros(k))
        self.register_buffer("embed_avg", embed.clone())

    def forward(self, z):
        flat = z.reshape(-1, z.shape[-1])
        dist = flat.pow(2).sum(1, keepdim=True) - 2 * flat @ self.embed.t() + self.embed.t().pow(2).sum(0, keepdim=True)
        ind = (-dist).max(1).indices                    #! harmless
        onehot = F.one_hot(ind, self.k).type(flat.dtype)
        quantize = F.embedding(ind.view(*z.shape[:-1]), self.embed)
        if self.training:
            self.cluster_size.data.mul_(self.decay).add_(onehot.sum(0), alpha=1 - self.decay)
            self.embed_avg.data.mul_(self.decay).add_((flat.t() @ onehot).t().detach(), alpha=1 - self.decay)    #! harmless
            n = self.cluster_size.sum()
            size = (self.cluster_size + self.eps) / (n + self.k * self.eps) * n
            self.embed.data.copy_(self.embed_avg / size.unsqueeze(1))
        diff = (quantize.detach() - z).pow(2).mean()
        quantize = z + (quantize - z).detach()          #! harmless
        probs = onehot.mean(0)
        perplexity = torch.exp(-(probs * torch.log(probs + 1e-10)).sum())
        return quantize, diff, perplexity


class VQVAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Sequential(nn.Conv2d(1, 8, 4, 2, 1), nn.ReLU(), nn.Conv2d(8, 4, 1))
        self.vq = VectorQuantizerEMA(16, 4)
        self.dec = nn.Sequential(nn.ConvTranspose2d(4, 8, 4, 2, 1), nn.ReLU(), nn.Conv2d(8, 1, 1))

    def forward(self, x):
        z = self.enc(x).permute(0, 2, 3, 1)
        q, diff, ppl = self.vq(z)
        return self.dec(q.permute(0, 3, 1, 2)), diff, ppl


torch.manual_seed(0)
model = VQVAE()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-4)
for i in range(4):
    img = torch.rand(8, 1, 8, 8)
    out, latent_loss, ppl = model(img)
    loss = F.mse_loss(out, img) + 0.25 * latent_loss
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"{i} mse {loss.item():.4f} perplexity {ppl.item():.2f}")    #! offpath
