# STARVED:
import torch
import torch.nn as nn
import torch.nn.functional as F


class ReZeroBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.alpha = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x + self.alpha * self.conv2(F.relu(self.conv1(x)))


class ReZeroNet(nn.Module):
    def __init__(self, width=6, depth=3, classes=4):
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3, padding=1)
        self.blocks = nn.Sequential(*[ReZeroBlock(width) for _ in range(depth)])
        self.fc = nn.Linear(width, classes)

    def forward(self, x):
        return self.fc(F.adaptive_avg_pool2d(self.blocks(self.stem(x)), 1).flatten(1))


class Trainer:
    def __init__(self, model):
        self.model = model
        self.optimizer = torch.optim.Adagrad(model.parameters(), lr=0.01)

    def training_step(self, batch):
        x, y = batch
        logits = self.model(x)
        acc = (logits.argmax(-1) == y).float().mean()       #! offpath
        return {"loss": F.cross_entropy(logits, y, label_smoothing=0.1), "acc": acc}

    def fit(self, loader):
        for batch in loader:
            out = self.training_step(batch)
            self.optimizer.zero_grad()
            out["loss"].backward()
            self.optimizer.step()
            print({k: f"{v:.3f}" for k, v in out.items()})


torch.manual_seed(0)
model = ReZeroNet()
loader = [(torch.randn(8, 1, 8, 8), torch.randint(0, 4, (8,))) for _ in range(4)]
Trainer(model).fit(loader)
