# STARVED: net.aspect.weight net.aspect.bias
# DEAD: 32|33
"""Multi-head review model; the aspect head was configured with one class."""
import torch
import torch.nn as nn
import torch.nn.functional as F

CFG = {"heads": {"sentiment": 3, "aspect": 1}, "dim": 16}


class ReviewNet(nn.Module):
    def __init__(self, cfg, vocab=50):
        super().__init__()
        self.emb = nn.EmbeddingBag(vocab, cfg["dim"])
        self.body = nn.Sequential(nn.Linear(cfg["dim"], 24), nn.ReLU())
        for name, k in cfg["heads"].items():
            setattr(self, name, nn.Linear(24, k))
        self.names = list(cfg["heads"])

    def forward(self, tokens):
        h = self.body(self.emb(tokens))
        return {n: getattr(self, n)(h) for n in self.names}


torch.manual_seed(0)
net = ReviewNet(CFG)
opt = torch.optim.AdamW(net.parameters(), lr=1e-3)
for step in range(4):
    tokens = torch.randint(50, (16, 7))
    out = net(tokens)
    l_sent = F.cross_entropy(out["sentiment"], torch.randint(3, (16,)))
    l_asp = F.cross_entropy(out["aspect"], torch.zeros(16, dtype=torch.long))    #! harmful
    loss = l_sent + 0.5 * l_asp
    opt.zero_grad(); loss.backward(); opt.step()
    print(step, l_sent.item(), l_asp.item())    #! offpath
