# STARVED:
# DEAD: 49|50
import torch
import torch.nn as nn
import torch.nn.functional as F


class ResBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(c, c, 3, padding=1), nn.Conv2d(c, c, 3, padding=1)
        self.bn1, self.bn2 = nn.BatchNorm2d(c), nn.BatchNorm2d(c)

    def forward(self, x):
        return F.relu(x + self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))


class Net(nn.Module):
    def __init__(self, width, blocks, classes=6):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.body = nn.Sequential(*[ResBlock(width) for _ in range(blocks)])
        self.fc = nn.Linear(width, classes)

    def features(self, x):
        return self.body(self.stem(x)).mean((2, 3))

    def forward(self, x):
        return self.fc(self.features(x))


class KDTrainer:
    def __init__(self, teacher, student, T=4.0, alpha=0.7):
        self.teacher, self.student, self.T, self.alpha = teacher.eval(), student, T, alpha
        self.opt = torch.optim.SGD(student.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
        self.ce = nn.CrossEntropyLoss()

    @torch.no_grad()
    def soft_targets(self, x):
        t = self.teacher(x) / self.T
        s = self.student(x) / self.T    #! dead
        return F.softmax(t, dim=1), F.log_softmax(s, dim=1)

    def train_batch(self, x, y):
        self.student.train()
        logits = self.student(x)
        soft_t, log_s = self.soft_targets(x)
        hard = self.ce(logits, y)
        kd = F.kl_div(log_s, soft_t, reduction="batchmean") * self.T ** 2
        loss = (1 - self.alpha) * hard + self.alpha * kd
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        return {"loss": loss.item(), "hard": hard.item(), "kd": kd.item()}    #! offpath


if __name__ == "__main__":
    torch.manual_seed(0)
    trainer = KDTrainer(Net(16, 2), Net(8, 1))
    for step in range(4):
        print(trainer.train_batch(torch.randn(8, 3, 8, 8), torch.randint(6, (8,))))
