# STARVED:
import torch
import torch.nn as nn
import torch.nn.functional as F


class MixerBlock(nn.Module):
    def __init__(self, tokens, dim):
        super().__init__()
        self.n1, self.n2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.tok = nn.Sequential(nn.Linear(tokens, 2 * tokens), nn.GELU(), nn.Linear(2 * tokens, tokens))
        self.ch = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))
        self.ls1, self.ls2 = nn.Parameter(1e-5 * torch.ones(dim)), nn.Parameter(1e-5 * torch.ones(dim))
        self.drop_path = 0.1

    def path(self, x):
        if not self.training:
            return x
        keep = torch.empty(x.size(0), 1, 1).bernoulli_(1 - self.drop_path)
        return x * keep / (1 - self.drop_path)

    def forward(self, x):
        x = x + self.path(self.ls1 * self.tok(self.n1(x).transpose(1, 2)).transpose(1, 2))
        return x + self.path(self.ls2 * self.ch(self.n2(x)))


class Mixer(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 4, 4)
        self.blocks = nn.Sequential(*[MixerBlock(9, 16) for _ in range(2)])
        self.norm, self.head = nn.LayerNorm(16), nn.Linear(16, 5)

    def forward(self, x):
        return self.head(self.norm(self.blocks(self.stem(x).flatten(2).transpose(1, 2))).mean(1))


def main(use_compile=True):
    torch.manual_seed(0)
    raw_model = Mixer()
    model = torch.compile(raw_model, backend="eager") if use_compile else raw_model
    opt = torch.optim.AdamW(raw_model.parameters(), lr=1e-3, betas=(0.9, 0.95))
    warmup = torch.optim.lr_scheduler.LinearLR(opt, 0.1, total_iters=2)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 4)
    sched = torch.optim.lr_scheduler.SequentialLR(opt, [warmup, cosine], milestones=[2])
    for step in range(4):
        x, y = torch.randn(8, 3, 12, 12), torch.randint(5, (8,))
        loss = F.cross_entropy(model(x), y)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_value_(raw_model.parameters(), 1.0)
        opt.step()
        sched.step()
        print(f"{step} {loss.item():.4f} lr {sched.get_last_lr()[0]:.2e}")    #! offpath


if __name__ == "__main__":
    main()
