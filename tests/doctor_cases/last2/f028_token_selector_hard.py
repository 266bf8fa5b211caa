# STARVED: model.selector.0.weight model.selector.0.bias model.selector.2.weight model.selector.2.bias
import argparse
import torch
import torch.nn as nn
import torch.nn.functional as F


class VideoFrameSelector(nn.Module):
    """Scores frames, keeps the k best in time order, classifies the clip from them."""

    def __init__(self, feat=12, k=3, classes=4):
        super().__init__()
        self.k = k
        self.frame_net = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, feat))
        self.selector = nn.Sequential(nn.Linear(feat, 16), nn.ReLU(), nn.Linear(16, 1))
        self.temporal = nn.GRU(feat, 16, batch_first=True)
        self.fc = nn.Linear(16, classes)

    def forward(self, clip):
        b, t = clip.shape[:2]
        f = self.frame_net(clip.flatten(0, 1)).view(b, t, -1)
        scores = self.selector(f).squeeze(-1)
        keep = torch.topk(scores, self.k, dim=1)[1].sort(dim=1)[0]    #! harmful
        chosen = torch.gather(f, 1, keep[:, :, None].repeat(1, 1, f.size(2)))
        _, h = self.temporal(chosen)
        return self.fc(h[-1]), keep


def parse():
    ap = argparse.ArgumentParser()
    ap.add_argument("--k", default=3, type=int)
    ap.add_argument("--steps", default=4, type=int)
    ap.add_argument("--lr", default=1e-3, type=float)
    return ap.parse_args()


args = parse()
torch.manual_seed(2)
model = VideoFrameSelector(k=args.k)
params = [{"params": [p for n, p in model.named_parameters() if "selector" in n], "lr": args.lr * 10},
          {"params": [p for n, p in model.named_parameters() if "selector" not in n]}]
opt = torch.optim.Adam(params, lr=args.lr)
hits = 0
for step in range(args.steps):
    clip, label = torch.randn(4, 6, 3, 8, 8), torch.randint(4, (4,))
    out, keep = model(clip)
    loss = F.cross_entropy(out, label)
    opt.zero_grad()
    loss.backward()
    opt.step()
    hits += out.argmax(1).eq(label).sum().item()    #! offpath
    print("step", step, "loss", round(loss.item(), 4), "frames", keep[0].tolist())    #! offpath
