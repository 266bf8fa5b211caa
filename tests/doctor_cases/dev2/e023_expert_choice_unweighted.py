# STARVED: model.layers.0.moe.router.weight model.layers.1.moe.router.weight
import torch
from torch import nn
import torch.nn.functional as F


class ExpertChoiceFFN(nn.Module):
    """Experts choose tokens (capacity), the chosen tokens' outputs are averaged."""

    def __init__(self, d, n_experts, capacity_factor=2.0):
        super().__init__()
        self.router = nn.Linear(d, n_experts, bias=False)
        self.w1 = nn.Parameter(torch.randn(n_experts, d, 2 * d) * d ** -0.5)
        self.w2 = nn.Parameter(torch.randn(n_experts, 2 * d, d) * (2 * d) ** -0.5)
        self.n_experts, self.cf = n_experts, capacity_factor

    def forward(self, x):
        b, t, d = x.shape
        tokens = x.reshape(-1, d)
        k = int(self.cf * len(tokens) / self.n_experts)
        affinity = self.router(tokens).softmax(-1)
        gates, chosen = affinity.t().topk(k, dim=-1)    #! harmful
        dispatch = F.one_hot(chosen, len(tokens)).to(x.dtype)
        picked = torch.einsum("ekn,nd->ekd", dispatch, tokens)
        hidden = F.gelu(torch.einsum("ekd,edh->ekh", picked, self.w1))
        out = torch.einsum("ekh,ehd->ekd", hidden, self.w2)
        combine = dispatch / dispatch.sum((0, 1)).clamp(min=1)
        return torch.einsum("ekn,ekd->nd", combine, out).view(b, t, d)


class Layer(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.attn, self.moe = nn.MultiheadAttention(d, 2, batch_first=True), ExpertChoiceFFN(d, 4)

    def forward(self, x):
        h = self.ln1(x)
        x = x + self.attn(h, h, h, need_weights=False)[0]
        return x + self.moe(self.ln2(x))


class Model(nn.Module):
    def __init__(self, vocab=40, d=16):
        super().__init__()
        self.tok, self.pos = nn.Embedding(vocab, d), nn.Parameter(torch.zeros(1, 12, d))
        self.layers = nn.ModuleList([Layer(d) for _ in range(2)])
        self.out = nn.Linear(d, vocab)

    def forward(self, ids):
        x = self.tok(ids) + self.pos
        for layer in self.layers:
            x = layer(x)
        return self.out(x)


torch.manual_seed(0)
model = Model()
opt = torch.optim.AdamW(model.parameters(), lr=3e-4)
for step in range(3):
    ids = torch.randint(40, (4, 13))
    loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
    opt.zero_grad(set_to_none=True)
    loss.backward()
    opt.step()
