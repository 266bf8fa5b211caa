# STARVED:
import argparse
import math
import torch
import torch.nn as nn

parser = argparse.ArgumentParser('ODE demo')
parser.add_argument('--method', type=str, choices=['euler', 'rk4'], default='rk4')
parser.add_argument('--niters', type=int, default=3)
parser.add_argument('--adjoint', action='store_true')
args = parser.parse_args()
torch.manual_seed(0)


class LatentODEfunc(nn.Module):
    def __init__(self, latent_dim=4, nhidden=20):
        super().__init__()
        self.elu = nn.ELU(inplace=True)
        self.fc1, self.fc2 = nn.Linear(latent_dim, nhidden), nn.Linear(nhidden, latent_dim)
        self.nfe = 0

    def forward(self, t, x):
        self.nfe += 1
        return self.fc2(self.elu(self.fc1(x)))


class RecognitionRNN(nn.Module):
    def __init__(self, latent_dim=4, obs_dim=2, nhidden=16):
        super().__init__()
        self.nhidden = nhidden
        self.i2h, self.h2o = nn.Linear(obs_dim + nhidden, nhidden), nn.Linear(nhidden, latent_dim * 2)

    def forward(self, x, h):
        h = torch.tanh(self.i2h(torch.cat((x, h), dim=1)))
        return self.h2o(h), h


class RunningAverageMeter:
    def __init__(self, momentum=0.99):
        self.momentum, self.val, self.avg = momentum, None, 0

    def update(self, val):
        self.avg = val if self.val is None else self.avg * self.momentum + val * (1 - self.momentum)
        self.val = val


def odeint(func, y0, t, method):
    ys, y = [y0], y0
    for t0, t1 in zip(t[:-1], t[1:]):
        dt = t1 - t0
        if method == 'euler':
            y = y + dt * func(t0, y)
        else:
            k1 = func(t0, y); k2 = func(t0 + dt / 3, y + dt * k1 / 3)
            k3 = func(t0 + 2 * dt / 3, y + dt * (k2 - k1 / 3)); k4 = func(t1, y + dt * (k1 - k2 + k3))
            y = y + dt * (k1 + 3 * (k2 + k3) + k4) / 8
        ys.append(y)
    return torch.stack(ys)


def log_normal_pdf(x, mean, logvar):
    const = torch.log(torch.tensor([2. * math.pi]))
    return -.5 * (const + logvar + (x - mean) ** 2. / torch.exp(logvar))


def normal_kl(mu1, lv1, mu2, lv2):
    return lv2 / 2. - lv1 / 2. + (torch.exp(lv1) + (mu1 - mu2) ** 2.) / (2. * torch.exp(lv2)) - .5


if __name__ == '__main__':
    ts = torch.linspace(0, 1, 8)
    trajs = torch.stack([torch.stack([torch.cos(ts * a), torch.sin(ts * a)], -1) for a in torch.linspace(2, 5, 12)])
    func, rec, dec = LatentODEfunc(), RecognitionRNN(), nn.Sequential(nn.Linear(4, 16), nn.ReLU(inplace=True), nn.Linear(16, 2))
    params = list(func.parameters()) + list(dec.parameters()) + list(rec.parameters())
    optimizer, loss_meter = torch.optim.Adam(params, lr=0.01), RunningAverageMeter()
    for itr in range(1, args.niters + 1):
        optimizer.zero_grad()
        h = torch.zeros(12, rec.nhidden)
        for t in reversed(range(trajs.size(1))):
            out, h = rec(trajs[:, t, :], h)
        qz0_mean, qz0_logvar = out[:, :4], out[:, 4:]
        z0 = torch.randn(qz0_mean.size()) * torch.exp(.5 * qz0_logvar) + qz0_mean
        pred_x = dec(odeint(func, z0, ts, args.method).permute(1, 0, 2))
        logpx = log_normal_pdf(trajs, pred_x, 2. * torch.log(torch.full_like(pred_x, .3))).sum(-1).sum(-1)
        analytic_kl = normal_kl(qz0_mean, qz0_logvar, torch.zeros_like(z0), torch.zeros_like(z0)).sum(-1)
        loss = torch.mean(-logpx + analytic_kl, dim=0)
        loss.backward()
        optimizer.step()
        loss_meter.update(loss.item())    #! offpath
        print('Iter: {}, running avg elbo: {:.4f}'.format(itr, -loss_meter.avg))
