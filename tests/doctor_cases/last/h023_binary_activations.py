# STARVED: model.conv1.weight model.conv1.bias model.bn1.weight model.bn1.bias
"""A network with sign activations after the first layers and no surrogate gradient."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class BinaryNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(8)
        self.fc = nn.Linear(8, 3)

    def forward(self, x):
        x = self.bn1(self.conv1(x))
        x = torch.sign(x)                                        #! harmful
        x = F.max_pool2d(F.hardtanh(self.bn2(self.conv2(x))), 2)
        return self.fc(x.mean(dim=(2, 3)))


def test(model, x, y):
    model.eval()
    with torch.no_grad():
        pred = model(x).data.max(1, keepdim=True)[1]             #! offpath
        correct = pred.eq(y.data.view_as(pred)).cpu().sum()
    model.train()
    return 100.0 * correct.item() / len(y)


torch.manual_seed(0)
model = BinaryNet()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(3):
    x, y = torch.randn(8, 1, 8, 8), torch.randint(0, 3, (8,))
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    for m in model.modules():
        if isinstance(m, nn.Conv2d):
            m.weight.data.clamp_(-1, 1)
    print(epoch, test(model, x, y))
