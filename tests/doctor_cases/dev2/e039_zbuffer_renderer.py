# STARVED: scene.centers scene.log_radius
import torch
import torch.nn as nn

torch.manual_seed(0)
H = W = 12
ys, xs = torch.meshgrid(torch.linspace(-1, 1, H), torch.linspace(-1, 1, W), indexing="ij")
rays = torch.stack([xs, ys], -1).view(-1, 2)


class Spheres(nn.Module):
    def __init__(self, n=6):
        super().__init__()
        self.centers = nn.Parameter(torch.cat([torch.rand(n, 2) * 1.6 - 0.8, 1 + torch.rand(n, 1)], 1))
        self.log_radius = nn.Parameter(torch.full((n,), -0.7))
        self.colors = nn.Parameter(torch.rand(n, 3))
        self.background = nn.Parameter(torch.full((3,), 0.5))


def render(scene):
    """Orthographic: the nearest sphere on a ray gives the pixel its colour."""
    off = rays[:, None, :] - scene.centers[None, :, :2]
    r2 = scene.log_radius.exp() ** 2
    half = r2 - (off ** 2).sum(-1)
    hit = half > 0    #! harmful
    depth = scene.centers[:, 2] - half.clamp(min=1e-9).sqrt()
    depth = depth.masked_fill(~hit, float("inf"))
    front = depth.argmin(dim=1)    #! harmful
    pixel = scene.colors[front]
    miss = ~hit.any(1, keepdim=True)
    return torch.where(miss, scene.background, pixel).view(H, W, 3)


with torch.no_grad():
    target = render(Spheres())

scene = Spheres()
optim = torch.optim.Adam(scene.parameters(), lr=0.02)
history = []
for i in range(4):
    optim.zero_grad()
    image = render(scene)
    loss = ((image - target) ** 2).mean()
    loss.backward()
    optim.step()
    history.append(loss.item())    #! offpath
print(history)
