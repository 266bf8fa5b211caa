# STARVED: score.log_z
import torch
import torch.nn as nn

torch.manual_seed(0)


class Energy(nn.Module):
    """E(x); log_z shifts the energy: the score does not know it."""

    def __init__(self, d=2, h=64):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(d, h), nn.Softplus(), nn.Linear(h, h), nn.Softplus(), nn.Linear(h, 1, bias=False))
        self.log_z = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return self.net(x).squeeze(-1) + self.log_z


def sliced_score_estimation_vr(energy, samples, n_particles=1):
    dup = samples.unsqueeze(0).expand(n_particles, *samples.shape).contiguous().view(-1, *samples.shape[1:])
    dup.requires_grad_(True)
    vectors = torch.randn_like(dup)
    logp = -energy(dup).sum()
    grad1 = torch.autograd.grad(logp, dup, create_graph=True)[0]
    loss1 = torch.sum(grad1 * grad1, dim=-1) / 2.0
    gradv = torch.sum(grad1 * vectors)
    grad2 = torch.autograd.grad(gradv, dup, create_graph=True)[0]
    loss2 = torch.sum(vectors * grad2, dim=-1)
    return (loss1 + loss2).mean(), loss1.mean().item(), loss2.mean().item()    #! offpath


def langevin(energy, x, n=5, step=0.01):
    for _ in range(n):
        x = x.detach().requires_grad_(True)
        g, = torch.autograd.grad(energy(x).sum(), x)
        x = x - step * g + (2 * step) ** 0.5 * torch.randn_like(x)
    return x.detach()


score = Energy()
opt = torch.optim.Adam(score.parameters(), lr=1e-3)
ema = {k: v.clone() for k, v in score.state_dict().items()}
for it in range(4):
    centers = torch.tensor([[2.0, 0.0], [-2.0, 0.0], [0.0, 2.0]])
    x = centers[torch.randint(3, (64,))] + 0.3 * torch.randn(64, 2)
    loss, l1, l2 = sliced_score_estimation_vr(score, x)
    opt.zero_grad(set_to_none=True)
    loss.backward()
    opt.step()
    for k, v in score.state_dict().items():
        ema[k].mul_(0.99).add_(v, alpha=0.01)
    if it % 2 == 0:
        print(it, loss.item(), l1, l2, langevin(score, torch.randn(4, 2)).mean().item())    #! offpath
