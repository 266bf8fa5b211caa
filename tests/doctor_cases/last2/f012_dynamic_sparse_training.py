# STARVED:
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn import Parameter


class BinaryStep(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input):
        ctx.save_for_backward(input)
        return (input > 0.).float()

    @staticmethod
    def backward(ctx, grad_output):
        input, = ctx.saved_tensors
        grad_input = grad_output.clone()
        zero_index = torch.abs(input) > 1
        middle_index = (torch.abs(input) <= 1) * (torch.abs(input) > 0.4)
        additional = 2 - 4 * torch.abs(input)
        additional[zero_index] = 0.
        additional[middle_index] = 0.4
        return grad_input * additional


class MaskedMLP(nn.Module):
    def __init__(self, in_size, out_size):
        super().__init__()
        self.weight = Parameter(torch.Tensor(out_size, in_size))
        self.bias = Parameter(torch.Tensor(out_size))
        self.threshold = Parameter(torch.Tensor(out_size))
        self.step = BinaryStep.apply
        nn.init.kaiming_uniform_(self.weight, a=5 ** 0.5)
        with torch.no_grad():
            self.bias.uniform_(-0.1, 0.1)
            self.threshold.data.fill_(0.)

    def mask(self):
        return self.step(self.weight.abs() - self.threshold.view(-1, 1))    #! harmless

    def forward(self, x):
        mask = self.mask()
        ratio = torch.sum(mask) / mask.numel()
        if ratio <= 0.01:    #! harmless
            with torch.no_grad():
                self.threshold.data.fill_(0.)
            mask = self.mask()
        return F.linear(x, self.weight * mask, self.bias)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = MaskedMLP(12, 32), MaskedMLP(32, 16), MaskedMLP(16, 3)

    def forward(self, x):
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


def train(alpha=5e-4, steps=4):
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for step in range(steps):
        data, target = torch.randn(32, 12), torch.randint(3, (32,))
        optimizer.zero_grad()
        loss = F.cross_entropy(model(data), target)
        loss += alpha * sum(torch.sum(torch.exp(-layer.threshold)) for layer in model.modules() if isinstance(layer, MaskedMLP))
        loss.backward()
        optimizer.step()
        kept = [m.mask().detach().mean().item() for m in model.children()]    #! offpath
        print(f"{step}\t{loss.item():.4f}\t{kept}")    #! offpath


if __name__ == '__main__':
    torch.manual_seed(0)
    train()
