# STARVED:
import copy, random
from collections import namedtuple
import torch
import torch.nn.functional as F
from torch import nn

ModelPrediction = namedtuple("ModelPrediction", ["pred_noise", "pred_x_start"])


def extract(a, t, x_shape):
    return a.gather(-1, t).reshape(t.shape[0], *((1,) * (len(x_shape) - 1)))


class Unet(nn.Module):
    def __init__(self, dim=8):
        super().__init__()
        self.time_mlp = nn.Sequential(nn.Linear(1, dim), nn.SiLU(), nn.Linear(dim, 2 * dim))
        self.init_conv = nn.Conv1d(2, dim, 3, padding=1)
        self.block = nn.Sequential(nn.GroupNorm(2, dim), nn.SiLU(), nn.Conv1d(dim, dim, 3, padding=1))
        self.final_conv = nn.Conv1d(2 * dim, 1, 1)

    def forward(self, x, time, x_self_cond=None):
        x_self_cond = torch.zeros_like(x) if x_self_cond is None else x_self_cond
        x = self.init_conv(torch.cat((x_self_cond, x), dim=1))
        scale, shift = self.time_mlp(time[:, None].float() / 20).unsqueeze(-1).chunk(2, dim=1)
        r = x.clone()
        return self.final_conv(torch.cat((self.block(x) * (scale + 1) + shift, r), dim=1))


class GaussianDiffusion(nn.Module):
    def __init__(self, model, timesteps=20, min_snr_gamma=5):
        super().__init__()
        self.model, self.num_timesteps = model, timesteps
        acp = torch.cumprod(1 - torch.linspace(1e-3, 0.2, timesteps), 0)
        self.register_buffer("sqrt_acp", acp.sqrt()); self.register_buffer("sqrt_1macp", (1 - acp).sqrt())
        snr = acp / (1 - acp)
        self.register_buffer("loss_weight", snr.clamp(max=min_snr_gamma) / snr)

    def model_predictions(self, x, t):
        eps = self.model(x, t)
        return ModelPrediction(eps, (x - extract(self.sqrt_1macp, t, x.shape) * eps) / extract(self.sqrt_acp, t, x.shape))

    def forward(self, x_start):
        t = torch.randint(0, self.num_timesteps, (x_start.size(0),))
        noise = torch.randn_like(x_start)
        x = extract(self.sqrt_acp, t, x_start.shape) * x_start + extract(self.sqrt_1macp, t, x_start.shape) * noise
        x_self_cond = None
        if random.random() < 0.5:
            with torch.no_grad():
                x_self_cond = self.model_predictions(x, t).pred_x_start    #! harmless
                x_self_cond.detach_()
        loss = F.mse_loss(self.model(x, t, x_self_cond), noise, reduction="none").mean(dim=(1, 2))
        return (loss * extract(self.loss_weight, t, loss.shape)).mean()


class EMA:
    def __init__(self, model, beta=0.99):
        self.model, self.beta = copy.deepcopy(model).requires_grad_(False), beta

    def update(self, online):
        for p, q in zip(self.model.parameters(), online.parameters()):
            p.data = p.data * self.beta + q.data * (1 - self.beta)    #! offpath


random.seed(0); torch.manual_seed(0)
diffusion = GaussianDiffusion(Unet())
ema, opt = EMA(diffusion), torch.optim.Adam(diffusion.parameters(), lr=8e-5, betas=(0.9, 0.99))
for step in range(4):
    for _ in range(2):
        (diffusion(torch.randn(8, 1, 16)) / 2).backward()
    nn.utils.clip_grad_norm_(diffusion.parameters(), 1.0)
    opt.step(); opt.zero_grad(); ema.update(diffusion)
