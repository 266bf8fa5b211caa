# STARVED: model.duration.0.weight model.duration.0.bias model.duration.2.weight model.duration.2.bias
"""A length regulator that expands phonemes by predicted integer durations; no duration loss."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class Acoustic(nn.Module):
    def __init__(self, phones=20, d=16, mel=6):
        super().__init__()
        self.emb = nn.Embedding(phones, d)
        self.enc = nn.Conv1d(d, d, 3, padding=1)
        self.duration = nn.Sequential(nn.Linear(d, d), nn.ReLU(), nn.Linear(d, 1))
        self.dec = nn.GRU(d, d, batch_first=True)
        self.mel = nn.Linear(d, mel)

    def regulate(self, h, log_dur, frames):
        rows = []
        for b in range(h.size(0)):
            reps = torch.clamp(log_dur[b].exp() * 3, min=1).long()       #! harmful
            seq = torch.repeat_interleave(h[b], reps, dim=0)[:frames]
            rows.append(F.pad(seq, (0, 0, 0, frames - seq.size(0))))
        return torch.stack(rows)

    def forward(self, phones, frames):
        h = F.relu(self.enc(self.emb(phones).transpose(1, 2))).transpose(1, 2)
        log_dur = self.duration(h).squeeze(-1)
        return self.mel(self.dec(self.regulate(h, log_dur, frames))[0])


torch.manual_seed(0)
model = Acoustic()
optim = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.8, 0.99))
for step in range(3):
    phones, mel = torch.randint(0, 20, (4, 7)), torch.randn(4, 24, 6)
    loss = F.l1_loss(model(phones, 24), mel)
    optim.zero_grad()
    loss.backward()
    optim.step()
