# STARVED:
# object slots: pixels are assigned to slots by argmax for the reconstruction, softly for an entropy term
import torch
import torch.nn as nn
import torch.nn.functional as F


class Slots(nn.Module):
    def __init__(self, d=8, k=3):
        super().__init__()
        self.to_feat = nn.Linear(4, d)
        self.queries = nn.Parameter(torch.randn(k, d))
        self.paint = nn.Embedding(k, 4)

    def forward(self, pixels):
        logits = self.to_feat(pixels) @ self.queries.t()
        hard = logits.argmax(-1)                                 #! partial
        return self.paint(hard), logits.softmax(-1)


torch.manual_seed(0)
slots = Slots()
opt = torch.optim.Adam(slots.parameters(), lr=1e-2)
for step in range(3):
    pixels = torch.rand(10, 20, 4)
    recon, soft = slots(pixels)
    entropy = -(soft * soft.clamp(min=1e-8).log()).sum(-1).mean()
    usage = soft.mean((0, 1))
    loss = F.mse_loss(recon, pixels) + 0.1 * entropy + (usage * usage.log()).sum()
    opt.zero_grad()
    loss.backward()
    opt.step()
