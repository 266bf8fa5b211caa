# STARVED:
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.nn.utils.prune as prune


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 3, padding=1), nn.Conv2d(6, 8, 3, padding=1)
        self.fc1, self.fc2 = nn.Linear(8 * 4, 32), nn.Linear(32, 5)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc2(F.dropout(F.relu(self.fc1(x.flatten(1))), 0.1, self.training))


def sparsity(net):
    zeros = sum(int((m.weight == 0).sum()) for m in net.modules() if hasattr(m, "weight_mask"))    #! offpath
    return zeros / sum(m.weight.nelement() for m in net.modules() if hasattr(m, "weight_mask"))


def epoch(net, opt, steps=2):
    for _ in range(steps):
        x, y = torch.randn(16, 1, 8, 8), torch.randint(5, (16,))
        opt.zero_grad()
        F.cross_entropy(net(x), y).backward()
        opt.step()


torch.manual_seed(0)
net = LeNet()
theta0 = {k: v.detach().clone() for k, v in net.state_dict().items()}    #! offpath
targets = [(m, "weight") for m in (net.conv1, net.conv2, net.fc1, net.fc2)]
for m, name in targets:
    prune.identity(m, name)
for round_ in range(3):
    opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    epoch(net, opt)
    prune.global_unstructured(targets, pruning_method=prune.L1Unstructured, amount=0.3)
    with torch.no_grad():
        for key, m in (("conv1", net.conv1), ("conv2", net.conv2), ("fc1", net.fc1), ("fc2", net.fc2)):
            m.weight_orig.copy_(theta0[f"{key}.weight"]); m.bias.copy_(theta0[f"{key}.bias"])
    print(f"round {round_}: sparsity {sparsity(net):.2f}")
