# STARVED:
"""Self-critical sequence training: sampled captions against greedy ones, rewards from numpy."""
import numpy as np
import torch
import torch.nn as nn


class Captioner(nn.Module):
    def __init__(self, vocab=12, d=16):
        super().__init__()
        self.img = nn.Linear(6, d)
        self.embed = nn.Embedding(vocab, d)
        self.cell = nn.LSTMCell(d, d)
        self.logit = nn.Linear(d, vocab)

    def sample(self, feats, greedy, n=5):
        h = torch.tanh(self.img(feats))
        c, tok = torch.zeros_like(h), torch.zeros(len(feats), dtype=torch.long)
        seq, logps = [], []
        for _ in range(n):
            h, c = self.cell(self.embed(tok), (h, c))
            logp = self.logit(h).log_softmax(-1)
            if greedy:
                tok = logp.argmax(-1)                            #! harmless
            else:
                tok = torch.multinomial(logp.exp(), 1).squeeze(1)    #! harmless
            seq.append(tok)
            logps.append(logp.gather(1, tok.unsqueeze(1)).squeeze(1))
        return torch.stack(seq, 1), torch.stack(logps, 1)


def reward(seq, ref):
    seq, ref = seq.cpu().numpy(), ref.numpy()
    return np.array([len(set(s) & set(r)) / len(set(r)) for s, r in zip(seq, ref)], dtype=np.float32)


torch.manual_seed(0)
model = Captioner()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)
for step in range(3):
    feats, ref = torch.randn(10, 6), torch.randint(1, 12, (10, 5))
    model.eval()
    with torch.no_grad():
        greedy, _ = model.sample(feats, greedy=True)
    model.train()
    gen, logp = model.sample(feats, greedy=False)
    adv = torch.from_numpy(reward(gen, ref) - reward(greedy, ref) + 0.05)
    mask = (gen > 0).float()
    loss = -(logp * adv.unsqueeze(1) * mask).sum() / mask.sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
