# STARVED:
import torch, torch.nn as nn, torch.nn.functional as F


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 8, 3, padding=1)
        self.bn, self.fc = nn.BatchNorm1d(8), nn.Linear(8, 4)

    def forward(self, x):
        return self.fc(F.leaky_relu(self.bn(self.conv(x))).mean(-1))


def interleave(x, size):
    s = list(x.shape)
    return x.reshape([-1, size] + s[1:]).transpose(0, 1).reshape([-1] + s[1:])


torch.manual_seed(0)
model = Classifier()
optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9, nesterov=True)
mu, threshold, T = 3, 0.26, 0.5
for step in range(3):
    x_l, y_l = torch.randn(8, 1, 16), torch.randint(0, 4, (8,))
    u = torch.randn(8 * mu, 1, 16)
    weak, strong = u + 0.05 * torch.randn_like(u), u * (torch.rand_like(u) > 0.3)
    logits = interleave(model(interleave(torch.cat([x_l, weak, strong]), 2 * mu + 1)), 8)
    logits_l, (logits_w, logits_s) = logits[:8], logits[8:].chunk(2)
    Lx = F.cross_entropy(logits_l, y_l)
    pseudo = torch.softmax(logits_w.detach() / T, dim=-1)        #! harmless
    max_probs, targets_u = torch.max(pseudo, dim=-1)
    mask = max_probs.ge(threshold).float()
    Lu = (F.cross_entropy(logits_s, targets_u, reduction="none") * mask).mean()
    loss = Lx + 1.0 * Lu
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(step, Lx.item(), Lu.item(), mask.mean().item())        #! offpath
