# STARVED:
# DEAD: 35|36
# speech model; an "edit distance" term over greedy decodes is added to the CTC loss
import torch, torch.nn as nn, torch.nn.functional as F
torch.manual_seed(0)


def edit_distance(a, b):
    row = list(range(len(b) + 1))
    for i, ca in enumerate(a, 1):
        prev, row[0] = row[0], i
        for j, cb in enumerate(b, 1):
            prev, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, prev + (ca != cb))
    return row[-1]


class Listener(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(5, 16, batch_first=True)
        self.out = nn.Linear(16, 6)

    def forward(self, x):
        return self.out(self.gru(x)[0]).log_softmax(-1)


model = Listener()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
for step in range(3):
    x = torch.randn(4, 15, 5)
    y = torch.randint(1, 6, (4, 5))
    logp = model(x)
    ctc = F.ctc_loss(logp.transpose(0, 1), y, torch.full((4,), 15), torch.full((4,), 5))
    hyps = logp.argmax(-1).tolist()                         #! dead
    wer = torch.tensor([edit_distance(h, r) / 5 for h, r in zip(hyps, y.tolist())]).mean()
    loss = ctc + 0.5 * wer
    opt.zero_grad()
    loss.backward()
    opt.step()
