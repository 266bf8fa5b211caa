# STARVED:
import torch
import torch.nn as nn
import torch.nn.functional as F


class Exit(nn.Module):
    def __init__(self, c, k):
        super().__init__()
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(c, k)

    def forward(self, x):
        return self.fc(self.pool(x).flatten(1))


class EarlyExitNet(nn.Module):
    def __init__(self, widths=(8, 16, 16), classes=5, threshold=0.6):
        super().__init__()
        self.stages, self.exits, c = nn.ModuleList(), nn.ModuleList(), 3
        for w in widths:
            self.stages.append(nn.Sequential(nn.Conv2d(c, w, 3, 2, 1), nn.BatchNorm2d(w), nn.ReLU()))
            self.exits.append(Exit(w, classes))
            c = w
        self.threshold = threshold

    def forward(self, x):
        outs = []
        for stage, head in zip(self.stages, self.exits):
            x = stage(x)
            logits = head(x)
            outs.append(logits)
            if not self.training and logits.softmax(-1).max().item() > self.threshold:    #! offpath
                return outs
        return outs


def evaluate(model, x, y):
    model.eval()
    depth, hit = 0, 0
    with torch.no_grad():
        for xi, yi in zip(x, y):
            outs = model(xi.unsqueeze(0))
            depth += len(outs)
            hit += int(outs[-1].argmax(1).item() == yi.item())
    model.train()
    return hit / len(x), depth / len(x)


def run(epochs=3, weights=(0.2, 0.3, 1.0), T=3.0):
    torch.manual_seed(11)
    model = EarlyExitNet()
    optim = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    best, best_w = -1, None
    for epoch in range(epochs):
        x, y = torch.randn(24, 3, 16, 16), torch.randint(5, (24,))
        outs = model(x)
        loss = sum(w * F.cross_entropy(o, y) for w, o in zip(weights, outs))
        teacher = (outs[-1] / T).softmax(-1).detach()    #! harmless
        for o in outs[:-1]:
            loss = loss + T * T * 0.1 * F.kl_div((o / T).log_softmax(-1), teacher, reduction="batchmean")
        optim.zero_grad()
        loss.backward()
        optim.step()
        acc, depth = evaluate(model, x[:6], y[:6])
        if acc > best:
            best, best_w = acc, {k: v.clone() for k, v in model.state_dict().items()}
        print(f"{epoch}: loss {loss.item():.3f} acc {acc:.2f} depth {depth:.2f}")    #! offpath
    return best


if __name__ == "__main__":
    run()
