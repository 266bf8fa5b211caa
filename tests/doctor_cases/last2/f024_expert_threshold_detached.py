# STARVED: block.router.weight block.router.bias
import torch
from torch import Tensor, nn


class ThresholdMoE(nn.Module):
    """A token goes to every expert whose sigmoid gate is above 0.5; outputs are weighed with the gate."""

    def __init__(self, dim: int, n: int) -> None:
        super().__init__()
        self.router = nn.Linear(dim, n)
        self.experts = nn.ModuleList([nn.Sequential(nn.Linear(dim, dim), nn.SiLU(), nn.Linear(dim, dim)) for _ in range(n)])
        self.shared = nn.Linear(dim, dim)
        self.register_buffer("usage", torch.zeros(n))

    def forward(self, x: Tensor) -> Tensor:
        gates = torch.sigmoid(self.router(x))
        active = gates > 0.5    #! harmful
        weights = gates.detach() * active    #! harmful
        self.usage.mul_(0.9).add_(active.float().mean(0), alpha=0.1)
        weights = weights / weights.sum(-1, keepdim=True).clamp(min=1e-6)
        out = self.shared(x)
        for e, expert in enumerate(self.experts):
            sel = active[:, e]
            if sel.any():
                out[sel] = out[sel] + weights[sel, e, None] * expert(x[sel])
        return out


def main() -> None:
    torch.manual_seed(0)
    block = ThresholdMoE(8, 4)
    head = nn.Linear(8, 2)
    optimizer = torch.optim.AdamW([*block.parameters(), *head.parameters()], lr=1e-3)
    for _ in range(3):
        x = torch.randn(64, 8)
        y = (x[:, 0] * x[:, 1] > 0).long()
        loss = nn.functional.cross_entropy(head(x + block(x)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"{loss.item():.4f}", [round(u, 2) for u in block.usage.tolist()])    #! offpath


main()
