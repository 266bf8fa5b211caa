# STARVED:
import math
import torch
from torch import nn, einsum
import torch.nn.functional as F


class SlotAttention(nn.Module):
    """Slots with learned inits; the last iteration alone carries gradient, the inits are bound straight-through."""

    def __init__(self, num_slots, dim, iters=3, eps=1e-8):
        super().__init__()
        self.num_slots, self.iters, self.eps, self.scale = num_slots, iters, eps, dim ** -0.5
        self.slots_init = nn.Parameter(torch.randn(1, num_slots, dim) / math.sqrt(dim))
        self.to_q, self.to_k, self.to_v = (nn.Linear(dim, dim, bias=False) for _ in range(3))
        self.gru = nn.GRUCell(dim, dim)
        self.mlp = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 2 * dim), nn.ReLU(inplace=True), nn.Linear(2 * dim, dim))
        self.norm_input, self.norm_slots = nn.LayerNorm(dim), nn.LayerNorm(dim)

    def step(self, slots, k, v):
        b, n, d = slots.shape
        q = self.to_q(self.norm_slots(slots))
        attn = (einsum("bid,bjd->bij", q, k) * self.scale).softmax(dim=1) + self.eps
        updates = einsum("bjd,bij->bid", v, attn / attn.sum(dim=-1, keepdim=True))
        slots = self.gru(updates.reshape(-1, d), slots.reshape(-1, d)).reshape(b, n, d)
        return slots + self.mlp(slots), attn

    def forward(self, inputs):
        init = self.slots_init.expand(len(inputs), -1, -1)
        inputs = self.norm_input(inputs)
        k, v = self.to_k(inputs), self.to_v(inputs)
        slots = init
        with torch.no_grad():
            for _ in range(self.iters - 1):
                slots, _ = self.step(slots, k, v)    #! harmless
        slots = slots.detach() + init - init.detach()    #! harmless
        return self.step(slots, k, v)


class ObjectAE(nn.Module):
    def __init__(self, dim=16, slots=3, side=6):
        super().__init__()
        self.conv = nn.Conv2d(3, dim, 3, padding=1)
        self.pos = nn.Linear(4, dim)
        self.slot_attention = SlotAttention(slots, dim)
        self.dec = nn.Sequential(nn.Linear(dim, 32), nn.ReLU(), nn.Linear(32, 4))
        ax = torch.linspace(0, 1, side)
        g = torch.stack(torch.meshgrid(ax, ax, indexing="ij"), -1).view(-1, 2)
        self.register_buffer("grid", torch.cat([g, 1 - g], -1))

    def forward(self, x):
        f = F.relu(self.conv(x)).flatten(2).transpose(1, 2) + self.pos(self.grid)
        slots, attn = self.slot_attention(f)
        out = self.dec(slots.unsqueeze(2) + self.pos(self.grid))
        rgb, alpha = out.split([3, 1], dim=-1)
        return (rgb * alpha.softmax(1)).sum(1).transpose(1, 2).view_as(x), attn.argmax(1)    #! offpath


torch.manual_seed(0)
model = ObjectAE()
opt = torch.optim.Adam(model.parameters(), lr=4e-4)
for i in range(3):
    lr = 4e-4 * min(1.0, (i + 1) / 2) * 0.5 ** (i / 100)
    opt.param_groups[0]["lr"] = lr
    image = torch.rand(4, 3, 6, 6)
    recon, seg = model(image)
    loss = F.mse_loss(recon, image)
    opt.zero_grad(); loss.backward(); opt.step()
    print(i, loss.item(), seg.unique(return_counts=True)[1].tolist())
