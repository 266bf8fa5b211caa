# STARVED:
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


def maximum_path(value, mask):
    value, mask = value.cpu().numpy(), mask.cpu().numpy().astype(bool)
    path = np.zeros(value.shape, dtype=np.float32)
    for b in range(len(value)):
        tx, ty = mask[b].sum(0).max(), mask[b].sum(1).max()
        Q = np.full((tx, ty), -np.inf, dtype=np.float32)
        for y in range(ty):
            for x in range(max(0, tx + y - ty), min(tx, y + 1)):
                stay = Q[x, y - 1] if y > 0 else (0.0 if x == 0 else -np.inf)
                move = Q[x - 1, y - 1] if x > 0 and y > 0 else (0.0 if x == 0 and y == 0 else -np.inf)
                Q[x, y] = value[b, x, y] + max(stay, move)
        x = tx - 1
        for y in range(ty - 1, -1, -1):
            path[b, x, y] = 1
            if x > 0 and (x == y or Q[x, y - 1] < Q[x - 1, y - 1]):
                x -= 1
    return torch.from_numpy(path)


class TextEncoder(nn.Module):
    def __init__(self, vocab=20, d=12, mel=5):
        super().__init__()
        self.emb, self.conv = nn.Embedding(vocab, d), nn.Conv1d(d, d, 3, padding=1)
        self.proj_m, self.proj_s = nn.Conv1d(d, mel, 1), nn.Conv1d(d, mel, 1)
        self.dur = nn.Sequential(nn.Conv1d(d, d, 3, padding=1), nn.ReLU(), nn.Conv1d(d, 1, 1))

    def forward(self, x):
        h = F.relu(self.conv(self.emb(x).transpose(1, 2)))
        return self.proj_m(h), self.proj_s(h), self.dur(h.detach())    #! harmless


class Flow(nn.Module):
    def __init__(self, mel=5):
        super().__init__()
        self.logs, self.bias = nn.Parameter(torch.zeros(1, mel, 1)), nn.Parameter(torch.zeros(1, mel, 1))
        self.weight = nn.Parameter(torch.linalg.qr(torch.randn(mel, mel))[0])

    def forward(self, y):
        z = torch.einsum("ij,bjt->bit", self.weight, self.bias + torch.exp(self.logs) * y)
        return z, (self.logs.sum() + torch.linalg.slogdet(self.weight)[1]) * y.size(2)


torch.manual_seed(1234)
enc, flow = TextEncoder(), Flow()
opt = torch.optim.AdamW([*enc.parameters(), *flow.parameters()], lr=1e-3, betas=(0.8, 0.99))
for it in range(3):
    x, y = torch.randint(20, (3, 4)), torch.randn(3, 5, 9)
    x_m, x_logs, logw = enc(x)
    z, logdet = flow(y)
    with torch.no_grad():
        s = torch.exp(-2 * x_logs)    #! harmless
        logp = torch.sum(-0.5 * np.log(2 * np.pi) - x_logs, [1]).unsqueeze(-1) + torch.matmul(s.transpose(1, 2), -0.5 * z ** 2)    #! harmless
        logp = logp + torch.matmul((x_m * s).transpose(1, 2), z) + torch.sum(-0.5 * x_m ** 2 * s, [1]).unsqueeze(-1)    #! harmless
        attn = maximum_path(logp, torch.ones(3, 4, 9)).detach()
    m, logs = torch.matmul(x_m, attn), torch.matmul(x_logs, attn)
    logw_ = torch.log(1e-8 + attn.sum(-1)).unsqueeze(1)
    l_mle = (torch.sum(logs) + 0.5 * torch.sum(torch.exp(-2 * logs) * (z - m) ** 2) - logdet.sum() * 1.0) / z.numel()
    l_length = torch.sum((logw - logw_) ** 2) / logw.numel()
    loss = l_mle + l_length
    opt.zero_grad(); loss.backward(); opt.step()
    print(it, l_mle.item(), l_length.item())    #! offpath
