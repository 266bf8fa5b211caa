# STARVED: scene.xy scene.depth
"""A point renderer: colours are splatted at truncated pixel coordinates in depth order."""
import torch
import torch.nn as nn


class Scene(nn.Module):
    def __init__(self, n, size):
        super().__init__()
        self.xy = nn.Parameter(torch.rand(n, 2) * (size - 1))
        self.depth = nn.Parameter(torch.rand(n))
        self.rgb = nn.Parameter(torch.randn(n, 3) * 0.1)
        self.background = nn.Parameter(torch.zeros(3))
        self.size = size

    def forward(self):
        px = self.xy.clamp(0, self.size - 1).trunc()             #! harmful
        flat = (px[:, 1] * self.size + px[:, 0]).long()          #! harmful
        order = torch.argsort(self.depth, descending=True)       #! harmful
        canvas = self.background.repeat(self.size * self.size, 1)
        hits = torch.zeros(self.size * self.size, 1)
        canvas = canvas.index_add(0, flat[order], self.rgb[order].sigmoid())
        hits = hits.index_add(0, flat[order], torch.ones(len(order), 1))
        return (canvas / (1 + hits)).view(self.size, self.size, 3)


def main(steps=3):
    torch.manual_seed(0)
    scene, target = Scene(40, 12), torch.rand(12, 12, 3)
    optimizer = torch.optim.Adam([
        {"params": [scene.xy, scene.depth], "lr": 0.1},
        {"params": [scene.rgb, scene.background], "lr": 0.01},
    ])
    for _ in range(steps):
        loss = (scene() - target).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


main()
