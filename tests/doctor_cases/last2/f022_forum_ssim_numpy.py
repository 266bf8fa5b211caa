# STARVED:
# DEAD: 47|48
# Denoiser. "I added SSIM to the loss but the results are the same with alpha=0.1 and alpha=10, why?"
import numpy as np
import torch
import torch.nn as nn


def ssim(a, b, c1=0.01 ** 2, c2=0.03 ** 2):
    """numpy version, global statistics"""
    mu_a, mu_b = a.mean(), b.mean()
    va, vb = a.var(), b.var()
    cov = ((a - mu_a) * (b - mu_b)).mean()
    return (2 * mu_a * mu_b + c1) * (2 * cov + c2) / ((mu_a ** 2 + mu_b ** 2 + c1) * (va + vb + c2))


class DnCNN(nn.Module):
    def __init__(self, depth=4, ch=12):
        super().__init__()
        layers = [nn.Conv2d(1, ch, 3, padding=1), nn.ReLU(inplace=True)]
        for _ in range(depth - 2):
            layers += [nn.Conv2d(ch, ch, 3, padding=1, bias=False), nn.BatchNorm2d(ch), nn.ReLU(inplace=True)]
        layers += [nn.Conv2d(ch, 1, 3, padding=1)]
        self.dncnn = nn.Sequential(*layers)

    def forward(self, x):
        return x - self.dncnn(x)


class SSIMLoss(nn.Module):
    def forward(self, out, target):
        total = 0.0
        for o, t in zip(out, target):
            total += 1 - ssim(o.detach().cpu().numpy(), t.cpu().numpy())    #! dead
        return torch.tensor(total / len(out), dtype=torch.float32)


if __name__ == "__main__":
    torch.manual_seed(0)
    np.random.seed(0)
    model, mse, ssim_loss, alpha = DnCNN(), nn.MSELoss(), SSIMLoss(), 10.0
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for i in range(4):
        clean = torch.rand(4, 1, 12, 12)
        noisy = clean + 0.1 * torch.randn_like(clean)
        out = model(noisy)
        s = ssim_loss(out, clean)
        loss = mse(out, clean) + alpha * s
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        psnr = 10 * np.log10(1 / ((out.detach() - clean) ** 2).mean().item())    #! offpath
        print(i, loss.item(), psnr)    #! offpath
