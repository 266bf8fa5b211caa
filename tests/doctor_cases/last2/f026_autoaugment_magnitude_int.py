# STARVED: policy.magnitude
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)


class LearnedAugment(nn.Module):
    """shift and brightness; the strengths are to be learned with the classifier"""

    def __init__(self):
        super().__init__()
        self.magnitude = nn.Parameter(torch.tensor(2.4))
        self.brightness = nn.Parameter(torch.tensor(0.1))

    def forward(self, img):
        k = int(torch.round(self.magnitude.abs()))    #! harmful
        dx = torch.randint(-k, k + 1, (1,)).item() if k > 0 else 0
        img = torch.roll(img, dx, dims=-1)
        return img * (1 + self.brightness * torch.randn(len(img), 1, 1, 1))


policy = LearnedAugment()
clf = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.AdaptiveMaxPool2d(2), nn.Flatten(), nn.Linear(24, 3))
opt = torch.optim.Adam(list(policy.parameters()) + list(clf.parameters()), lr=1e-3)

for epoch in range(4):
    img, lab = torch.rand(12, 1, 10, 10), torch.randint(3, (12,))
    logits = clf(policy(img))
    loss = F.cross_entropy(logits, lab)
    opt.zero_grad()
    loss.backward()
    opt.step()
    print(f"[{epoch}] loss={loss.item():.3f} magnitude={policy.magnitude.item():.3f}")    #! offpath
