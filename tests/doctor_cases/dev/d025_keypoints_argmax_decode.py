# STARVED: model.deconv.weight model.deconv.bias model.final.weight model.final.bias
# DEAD: 36|38
"""Pose estimation: coordinates are decoded by argmax before the loss; only the visibility branch learns."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class PoseNet(nn.Module):
    def __init__(self, joints=3):
        super().__init__()
        self.deconv = nn.ConvTranspose2d(4, 8, 4, 2, 1)
        self.final = nn.Conv2d(8, joints, 1)
        self.visible = nn.Linear(4, joints)

    def forward(self, f):
        return self.final(F.relu(self.deconv(f))), self.visible(f.mean((2, 3)))


def decode(heat):
    b, j, h, w = heat.shape
    flat = heat.view(b, j, -1)
    idx = flat.max(dim=2)[1]                                #! harmful
    xs = (idx % w).float()
    ys = torch.div(idx, w, rounding_mode="floor").float()
    return torch.stack([xs, ys], dim=-1)


torch.manual_seed(0)
model = PoseNet()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(3):
    feats = torch.randn(4, 4, 4, 4)
    gt, vis = torch.rand(4, 3, 2) * 8, torch.randint(0, 2, (4, 3)).float()
    heat, logits = model(feats)
    coord_loss = ((decode(heat) - gt).norm(dim=-1) * vis).mean()
    vis_loss = F.binary_cross_entropy_with_logits(logits, vis)
    loss = coord_loss + vis_loss
    opt.zero_grad()
    loss.backward()
    opt.step()
