# STARVED: lm.h0 lm.c0
import torch
import torch.nn as nn
import torch.nn.functional as F


class CharLM(nn.Module):
    def __init__(self, vocab=20, d=16):
        super().__init__()
        self.emb, self.lstm, self.out = nn.Embedding(vocab, d), nn.LSTM(d, d, batch_first=True), nn.Linear(d, vocab)
        self.h0, self.c0 = nn.Parameter(torch.zeros(1, 1, d)), nn.Parameter(torch.zeros(1, 1, d))

    def initial_state(self, n):
        return self.h0.repeat(1, n, 1), self.c0.repeat(1, n, 1)

    def forward(self, x, state):
        o, state = self.lstm(self.emb(x), state)
        return self.out(o), state


def repackage(h):
    return tuple(s.detach() for s in h)    #! harmful


torch.manual_seed(0)
lm = CharLM()
opt = torch.optim.Adam(lm.parameters(), lr=2e-3)
text = torch.randint(20, (4, 33))
for epoch in range(2):
    state = lm.initial_state(4)
    for i in range(0, 32, 8):
        state = repackage(state)
        logits, state = lm(text[:, i:i + 8], state)
        loss = F.cross_entropy(logits.transpose(1, 2), text[:, i + 1:i + 9])
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(lm.parameters(), 1.0)
        opt.step()
