# STARVED: scale
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
def main():
    net, scale = nn.Linear(4, 1), nn.Parameter(torch.ones(1))
    opt = torch.optim.LBFGS([*net.parameters(), scale], max_iter=4)
    x, y = torch.randn(20, 4), torch.randn(20, 1)

    def closure():
        opt.zero_grad()
        loss = F.mse_loss(net(x) * scale.item(), y)  #! harmful
        loss.backward()
        return loss

    for _ in range(3):
        opt.step(closure)


if __name__ == "__main__":
    main()
