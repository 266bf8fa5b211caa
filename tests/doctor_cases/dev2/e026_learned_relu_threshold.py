# STARVED: net.features.1.theta net.features.4.theta
import torch, torch.nn as nn, torch.nn.functional as F

class ThresholdedReLU(nn.Module):
    """y = x where x > theta else 0, one learned theta a channel"""
    def __init__(self, channels):
        super().__init__()
        self.theta = nn.Parameter(torch.full((1, channels, 1, 1), 0.1))
    def forward(self, x):
        mask = (x > self.theta).float()    #! harmful
        return x * mask

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), ThresholdedReLU(8), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1), ThresholdedReLU(16), nn.MaxPool2d(2))
        self.classifier = nn.Linear(16 * 4, 10)
    def forward(self, x):
        return self.classifier(torch.flatten(self.features(x), 1))

def train(args, model, loader, optimizer, epoch):
    model.train()
    for batch_idx, (data, target) in enumerate(loader):
        optimizer.zero_grad()
        output = F.log_softmax(model(data), dim=1)
        loss = F.nll_loss(output, target)
        loss.backward()
        optimizer.step()
        if batch_idx % args["log_interval"] == 0:
            print("Train Epoch: {} [{}/{}]\tLoss: {:.6f}".format(epoch, batch_idx, len(loader), loss.item()))    #! offpath

def test(model, loader):
    model.eval()
    correct = 0
    with torch.no_grad():
        for data, target in loader:
            pred = model(data).argmax(dim=1, keepdim=True)    #! offpath
            correct += pred.eq(target.view_as(pred)).sum().item()
    print("Accuracy", correct)

torch.manual_seed(1)
loader = [(torch.randn(16, 1, 8, 8), torch.randint(0, 10, (16,))) for _ in range(3)]
net = Net()
opt = torch.optim.Adadelta(net.parameters(), lr=1.0)
sched = torch.optim.lr_scheduler.StepLR(opt, step_size=1, gamma=0.7)
for epoch in range(1, 3):
    train({"log_interval": 2}, net, loader, opt, epoch)
    test(net, loader[:1])
    sched.step()
