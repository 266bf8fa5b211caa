# STARVED:
import torch, torch.nn as nn, torch.nn.functional as F

class Transducer(nn.Module):
    def __init__(self, feat=6, vocab=5, h=16):
        super().__init__()
        self.encoder = nn.GRU(feat, h, batch_first=True)
        self.embed = nn.Embedding(vocab, h)
        self.predictor = nn.GRU(h, h, batch_first=True)
        self.joiner = nn.Linear(h, vocab)
        self.blank = 0

    def joint(self, x, y):
        f, _ = self.encoder(x)
        y_in = F.pad(y, (1, 0), value=self.blank)
        g, _ = self.predictor(self.embed(y_in))
        return self.joiner(torch.tanh(f.unsqueeze(2) + g.unsqueeze(1))).log_softmax(-1)

    def forward_loss(self, logp, y):
        B, T, U1, _ = logp.shape
        alpha = {}
        for t in range(T):
            for u in range(U1):
                if t == 0 and u == 0:
                    alpha[0, 0] = logp.new_zeros(B)
                    continue
                terms = []
                if t > 0:
                    terms.append(alpha[t - 1, u] + logp[:, t - 1, u, self.blank])
                if u > 0:
                    terms.append(alpha[t, u - 1] + logp[:, t, u - 1].gather(1, y[:, u - 1:u]).squeeze(1))
                alpha[t, u] = torch.logsumexp(torch.stack(terms), 0)
        return -(alpha[T - 1, U1 - 1] + logp[:, T - 1, U1 - 1, self.blank]).mean()

    @torch.no_grad()
    def greedy(self, x):
        f, _ = self.encoder(x)
        out, (g, h) = [], self.predictor(self.embed(torch.zeros(1, 1, dtype=torch.long)))
        for t in range(f.size(1)):
            k = self.joiner(torch.tanh(f[:, t] + g[:, 0])).argmax(-1)
            if k.item() != self.blank:
                out.append(k.item())
                g, h = self.predictor(self.embed(k.view(1, 1)), h)
        return out

def edit_distance(a, b):
    d = list(range(len(b) + 1))
    for i, p in enumerate(a, 1):
        prev, d[0] = d[0], i
        for j, q in enumerate(b, 1):
            prev, d[j] = d[j], min(d[j] + 1, d[j - 1] + 1, prev + (p != q))
    return d[-1]

torch.manual_seed(7)
net = Transducer()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
x, y = torch.randn(4, 6, 6), torch.randint(1, 5, (4, 3))
for epoch in range(3):
    optimizer.zero_grad()
    loss = net.forward_loss(net.joint(x, y), y)
    loss.backward()
    optimizer.step()
    wer = edit_distance(net.greedy(x[:1]), y[0].tolist())    #! offpath
    print(f"epoch {epoch} loss {loss:.3f} wer {wer}")    #! offpath
