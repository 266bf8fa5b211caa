# STARVED:
import torch
import torch.nn as nn
from torch.distributions.normal import Normal


class MLP(nn.Module):
    def __init__(self, i, o, h):
        super().__init__()
        self.fc1, self.fc2, self.soft = nn.Linear(i, h), nn.Linear(h, o), nn.LogSoftmax(1)

    def forward(self, x):
        return self.soft(self.fc2(torch.relu(self.fc1(x)))).exp()


class MoE(nn.Module):
    def __init__(self, i, o, num_experts=4, hidden=8, k=2):
        super().__init__()
        self.num_experts, self.k = num_experts, k
        self.experts = nn.ModuleList([MLP(i, o, hidden) for _ in range(num_experts)])
        self.w_gate = nn.Parameter(torch.zeros(i, num_experts))
        self.w_noise = nn.Parameter(torch.zeros(i, num_experts))
        self.softplus, self.softmax = nn.Softplus(), nn.Softmax(1)
        self.register_buffer("mean", torch.tensor([0.0])); self.register_buffer("std", torch.tensor([1.0]))

    def cv_squared(self, x):
        return x.float().var() / (x.float().mean() ** 2 + 1e-10)

    def _prob_in_top_k(self, clean, noisy, stddev, top):
        batch, m = clean.size(0), top.size(1)
        flat = top.flatten()
        pos_in = torch.arange(batch) * m + self.k
        thr_in = torch.gather(flat, 0, pos_in).unsqueeze(1)
        is_in = torch.gt(noisy, thr_in)    #! harmless
        thr_out = torch.gather(flat, 0, pos_in - 1).unsqueeze(1)
        normal = Normal(self.mean, self.std)
        return torch.where(is_in, normal.cdf((clean - thr_in) / stddev), normal.cdf((clean - thr_out) / stddev))

    def noisy_top_k_gating(self, x):
        clean = x @ self.w_gate
        std = self.softplus(x @ self.w_noise) + 1e-2
        noisy = clean + torch.randn_like(clean) * std
        top_logits, top_indices = self.softmax(noisy).topk(self.k + 1, dim=1)    #! harmless
        k_logits, k_idx = top_logits[:, :self.k], top_indices[:, :self.k]
        k_gates = k_logits / (k_logits.sum(1, keepdim=True) + 1e-6)
        gates = torch.zeros_like(noisy).scatter(1, k_idx, k_gates)
        return gates, self._prob_in_top_k(clean, self.softmax(noisy), std, top_logits).sum(0)

    def forward(self, x, loss_coef=1e-2):
        gates, load = self.noisy_top_k_gating(x)
        loss = (self.cv_squared(gates.sum(0)) + self.cv_squared(load)) * loss_coef
        sorted_experts, idx = torch.nonzero(gates).sort(0)    #! harmless
        _, expert_index = sorted_experts.split(1, dim=1)
        batch_index = torch.nonzero(gates)[idx[:, 1], 0]    #! harmless
        part = (gates > 0).sum(0).tolist()    #! harmless
        nz_gates = torch.gather(gates[batch_index], 1, expert_index)
        outs = [e(xi) for e, xi in zip(self.experts, torch.split(x[batch_index], part)) if len(xi)]
        stitched = torch.cat(outs, 0) * nz_gates
        return torch.zeros(x.size(0), outs[0].size(1)).index_add(0, batch_index, stitched), loss


torch.manual_seed(0)
net = MoE(6, 5)
optim = torch.optim.Adam(net.parameters())
for _ in range(4):
    x, y = torch.rand(32, 6), torch.randint(5, (32,))
    net.train()
    y_hat, aux_loss = net(x)
    total_loss = nn.CrossEntropyLoss()(y_hat, y) + aux_loss
    optim.zero_grad(); total_loss.backward(); optim.step()
