# STARVED: model.logit_scale
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


class CLIP(nn.Module):
    def __init__(self, d=8):
        super().__init__()
        self.visual = nn.Sequential(nn.Linear(20, 32), nn.GELU(), nn.Linear(32, d))
        self.text = nn.EmbeddingBag(50, d)
        self.logit_scale = nn.Parameter(torch.ones([]) * np.log(1 / 0.07))

    def forward(self, image, text):
        image = F.normalize(self.visual(image), dim=-1)
        text = F.normalize(self.text(text), dim=-1)
        scale = self.logit_scale.exp().item()               #! harmful
        logits = scale * image @ text.t()
        return logits, logits.t()


torch.manual_seed(0)
model = CLIP()
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4, weight_decay=0.2)
for step in range(3):
    images, texts = torch.randn(16, 20), torch.randint(0, 50, (16, 6))
    per_image, per_text = model(images, texts)
    labels = torch.arange(16)
    loss = (F.cross_entropy(per_image, labels) + F.cross_entropy(per_text, labels)) / 2
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
