# STARVED:
# LoRA: B starts at zero, so A has a zero gradient in the first step only; the base is frozen and says so
import math
import torch, torch.nn as nn, torch.nn.functional as F


class LoRALinear(nn.Module):
    def __init__(self, base, r=4, alpha=8):
        super().__init__()
        self.base = base
        self.base.requires_grad_(False)
        self.lora_A = nn.Parameter(torch.empty(r, base.in_features))
        self.lora_B = nn.Parameter(torch.zeros(base.out_features, r))
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))
        self.scaling = alpha / r

    def forward(self, x):
        return self.base(x) + (x @ self.lora_A.t() @ self.lora_B.t()) * self.scaling


def inject(model):
    for name, child in list(model.named_children()):
        if isinstance(child, nn.Linear):
            setattr(model, name, LoRALinear(child))
        else:
            inject(child)


torch.manual_seed(0)
model = nn.Sequential(nn.Embedding(30, 16), nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 16)), nn.LayerNorm(16), nn.Linear(16, 30))
model[0].weight.requires_grad = False
inject(model)
for p in model[2].parameters():
    p.requires_grad = False
trainable = [p for p in model.parameters() if p.requires_grad]
opt = torch.optim.AdamW(trainable, lr=1e-2)
for step in range(4):
    tok = torch.randint(0, 30, (4, 10))
    loss = F.cross_entropy(model(tok[:, :-1]).flatten(0, 1), tok[:, 1:].flatten())
    loss.backward()
    opt.step()
    opt.zero_grad()
print(sum(p.numel() for p in trainable))
