# STARVED: net.backbone.0.weight net.backbone.0.bias net.backbone.1.weight net.backbone.1.bias net.backbone.3.weight net.backbone.3.bias
"""Fine-tuning: the whole model is given to the optimiser, but forward still runs the backbone under no_grad."""
import argparse
import torch
import torch.nn as nn
import torch.nn.functional as F


class Finetune(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 16, 3))
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(16, classes))

    def forward(self, x):
        with torch.no_grad():
            f = self.backbone(x)                            #! harmful
        return self.head(F.adaptive_avg_pool2d(f, 1).flatten(1))


def accuracy(logits, y):
    return (logits.argmax(1) == y).float().mean().item()    #! offpath


def main(args):
    torch.manual_seed(args.seed)
    net = Finetune(5)
    optimizer = torch.optim.SGD([
        {"params": net.backbone.parameters(), "lr": args.lr / 10},
        {"params": net.head.parameters()},
    ], lr=args.lr, momentum=0.9)
    sched = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=[0.01, 0.1], total_steps=args.steps)
    for _ in range(args.steps):
        x, y = torch.randn(8, 3, 10, 10), torch.randint(0, 5, (8,))
        logits = net(x)
        loss = F.cross_entropy(logits, y)
        optimizer.zero_grad(); loss.backward(); optimizer.step(); sched.step()
        print(f"loss {loss:.3f} acc {accuracy(logits, y):.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=3)
    main(parser.parse_args())
