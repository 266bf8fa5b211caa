# STARVED:
# discrete communication: the speaker's message is hard forward and soft backward
import torch, torch.nn as nn, torch.nn.functional as F
torch.manual_seed(0)


def st_gumbel(logits, tau, hard=True):
    u = torch.rand_like(logits).clamp(1e-6, 1 - 1e-6)
    y = ((logits - torch.log(-torch.log(u))) / tau).softmax(-1)
    if not hard:
        return y
    idx = y.argmax(-1, keepdim=True)                             #! harmless
    y_hard = torch.zeros_like(y).scatter_(-1, idx, 1.0)
    return (y_hard - y).detach() + y                             #! harmless


class Speaker(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.emb, self.cell, self.out = nn.Linear(6, 16), nn.Linear(9, 16), nn.GRUCell(16, 16), nn.Linear(16, 9)

    def forward(self, x, length=3):
        h, sym, msg = torch.tanh(self.fc(x)), torch.zeros(x.size(0), 9), []
        for _ in range(length):
            h = self.cell(self.emb(sym), h)
            sym = st_gumbel(self.out(h), tau=1.2)
            msg.append(sym)
        return torch.stack(msg, 1)


class Listener(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.key = nn.GRU(9, 16, batch_first=True), nn.Linear(6, 16)

    def forward(self, msg, candidates):
        _, h = self.rnn(msg)
        return torch.einsum("bd,bkd->bk", h[-1], self.key(candidates))


speaker, listener = Speaker(), Listener()
opt = torch.optim.Adam(list(speaker.parameters()) + list(listener.parameters()), lr=1e-3)
for game in range(3):
    cands = torch.randn(32, 4, 6)
    tgt = torch.randint(0, 4, (32,))
    msg = speaker(cands[torch.arange(32), tgt])
    scores = listener(msg, cands)
    loss = F.cross_entropy(scores, tgt)
    opt.zero_grad(); loss.backward(); opt.step()
    acc = (scores.argmax(1) == tgt).float().mean().item()        #! offpath
    used = msg.argmax(-1).unique().numel()                       #! offpath
    print(game, acc, used)
