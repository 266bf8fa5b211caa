# STARVED:
# sentence VAE with KL annealing: the weight is 0 in the first steps
import math
import torch
import torch.nn as nn
import torch.nn.functional as F


def kl_anneal_function(anneal, step, k=2.0, x0=3):
    if anneal == "logistic":
        return float(1 / (1 + math.exp(-k * (step - x0))))
    return max(0.0, min(1.0, (step - 2) / x0))


class SentenceVAE(nn.Module):
    def __init__(self, vocab=30, d=16, z=4):
        super().__init__()
        self.emb = nn.Embedding(vocab, d)
        self.enc, self.dec = nn.GRU(d, d, batch_first=True), nn.GRU(d, d, batch_first=True)
        self.mu, self.logv, self.l2h = nn.Linear(d, z), nn.Linear(d, z), nn.Linear(z, d)
        self.out = nn.Linear(d, vocab)

    def forward(self, ids):
        e = self.emb(ids)
        _, h = self.enc(e)
        mu, logv = self.mu(h[-1]), self.logv(h[-1])
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logv)
        o, _ = self.dec(e[:, :-1], self.l2h(z).unsqueeze(0))
        return self.out(o), mu, logv


torch.manual_seed(0)
vae = SentenceVAE()
opt = torch.optim.Adam(vae.parameters(), lr=1e-3)
for step in range(6):
    ids = torch.randint(30, (8, 7))
    logits, mu, logv = vae(ids)
    nll = F.cross_entropy(logits.transpose(1, 2), ids[:, 1:])
    kl = -0.5 * torch.sum(1 + logv - mu.pow(2) - logv.exp()) / len(ids)
    weight = kl_anneal_function("linear", step)
    loss = nll + weight * kl
    opt.zero_grad(); loss.backward(); opt.step()
    print(step, nll.item(), kl.item(), weight)    #! offpath
