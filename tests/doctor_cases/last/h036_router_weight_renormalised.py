# STARVED: block.gate.weight
"""Top-1 mixture whose gate weights are divided by their own sum."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class SparseMoeBlock(nn.Module):
    def __init__(self, hidden, num_experts, top_k=1, norm_topk_prob=True):
        super().__init__()
        self.gate = nn.Linear(hidden, num_experts, bias=False)
        self.experts = nn.ModuleList([nn.Sequential(nn.Linear(hidden, hidden), nn.SiLU()) for _ in range(num_experts)])
        self.top_k, self.norm = top_k, norm_topk_prob

    def forward(self, x):
        routing = F.softmax(self.gate(x), dim=1)
        routing, selected = torch.topk(routing, self.top_k, dim=-1)
        if self.norm:
            routing = (routing.log() - routing.sum(dim=-1, keepdim=True).log()).exp()     #! harmful
        final = torch.zeros_like(x)
        mask = F.one_hot(selected, len(self.experts)).permute(2, 1, 0)
        for e, expert in enumerate(self.experts):
            idx, top_x = torch.where(mask[e])
            final.index_add_(0, top_x, expert(x[top_x]) * routing[top_x, idx, None])
        return final


torch.manual_seed(0)
inp, block, head = nn.Linear(6, 10), SparseMoeBlock(10, 3), nn.Linear(10, 1)
opt = torch.optim.AdamW([*inp.parameters(), *block.parameters(), *head.parameters()], lr=1e-3)
for step in range(3):
    x = torch.randn(60, 6)
    h = inp(x)
    loss = F.mse_loss(head(h + block(h)), x.sum(1, keepdim=True))
    opt.zero_grad()
    loss.backward()
    opt.step()
