# STARVED: encoder.rate encoder.offset
import torch
import torch.nn as nn
import torch.nn.functional as F


class TimeAwareEncoder(nn.Module):
    """Events with irregular time stamps; gaps are bucketed with a learned log scale."""

    def __init__(self, n_events=30, d=16, buckets=12):
        super().__init__()
        self.event, self.bucket = nn.Embedding(n_events, d), nn.Embedding(buckets, d)
        self.rate, self.offset = nn.Parameter(torch.tensor(1.5)), nn.Parameter(torch.tensor(2.0))
        self.n = buckets
        self.rnn = nn.LSTM(d, d, batch_first=True)

    def forward(self, events, gaps):
        pos = self.rate * torch.log1p(gaps) + self.offset
        ids = pos.long().clamp(0, self.n - 1)    #! harmful
        h, _ = self.rnn(self.event(events) + self.bucket(ids))
        return h[:, -1]


class Dataset(torch.utils.data.Dataset):
    def __init__(self, n):
        g = torch.Generator().manual_seed(n)
        self.e, self.t = torch.randint(30, (n, 7), generator=g), 20 * torch.rand(n, 7, generator=g)

    def __len__(self):
        return len(self.e)

    def __getitem__(self, i):
        return self.e[i], self.t[i], (self.t[i].sum() > 70).float()


def collate(items):
    e, t, y = zip(*items)
    return {"events": torch.stack(e), "gaps": torch.stack(t)}, torch.stack(y)


torch.manual_seed(0)
encoder, head = TimeAwareEncoder(), nn.Linear(16, 1)
loader = torch.utils.data.DataLoader(Dataset(40), batch_size=10, collate_fn=collate)
opt = torch.optim.Adam(list(encoder.parameters()) + list(head.parameters()), lr=3e-3)
for epoch in range(2):
    running, n = 0.0, 0
    for inputs, y in loader:
        logit = head(encoder(**inputs)).squeeze(-1)
        loss = F.binary_cross_entropy_with_logits(logit, y)
        opt.zero_grad(); loss.backward(); opt.step()
        running += loss.item() * len(y); n += len(y)    #! offpath
    print(f"epoch {epoch + 1}: {running / n:.4f}")
