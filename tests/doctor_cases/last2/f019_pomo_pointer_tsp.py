# STARVED:
import copy
import torch
import torch.nn as nn
from torch.distributions import Categorical


class AttentionTSP(nn.Module):
    def __init__(self, d=16, clip=10.0):
        super().__init__()
        self.init_embed, self.clip = nn.Linear(2, d), clip
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(d, 2, 32, dropout=0.0, batch_first=True), 1)
        self.Wq_first, self.Wq_last, self.Wk, self.Wv = (nn.Linear(d, d, bias=False) for _ in range(4))
        self.combine = nn.Linear(d, d)

    def forward(self, xy, decode="sampling"):
        B, N, _ = xy.shape
        h = self.encoder(self.init_embed(xy))
        k, v = self.Wk(h), self.Wv(h)
        visited = torch.zeros(B, N, dtype=torch.bool)
        first = last = None
        logp, tour = [], []
        for step in range(N):
            if last is None:
                action = torch.randint(N, (B,))
                first = h[torch.arange(B), action]
            else:
                q = self.Wq_first(first) + self.Wq_last(last)
                mask = visited.float().masked_fill(visited, float("-inf")).unsqueeze(1)
                att = torch.softmax(q.unsqueeze(1) @ k.transpose(1, 2) / k.size(-1) ** 0.5 + mask, -1)
                glimpse = self.combine((att @ v).squeeze(1))
                score = self.clip * torch.tanh((glimpse.unsqueeze(1) @ h.transpose(1, 2)).squeeze(1) / 4)
                dist = Categorical(logits=score + mask.squeeze(1))
                action = dist.sample() if decode == "sampling" else dist.probs.argmax(-1)    #! harmless
                logp.append(dist.log_prob(action))
            last = h[torch.arange(B), action]
            visited = visited.scatter(1, action[:, None], True)
            tour.append(action)
        return torch.stack(tour, 1), (torch.stack(logp, 1).sum(1) if logp else None)


def tour_length(xy, tour):
    ordered = xy.gather(1, tour.unsqueeze(-1).expand(-1, -1, 2))
    return (ordered - ordered.roll(-1, 1)).norm(dim=-1).sum(1)


class RolloutBaseline:
    def __init__(self, model):
        self.model = copy.deepcopy(model).eval()

    def eval(self, xy):
        with torch.no_grad():
            return tour_length(xy, self.model(xy, decode="greedy")[0])

    def maybe_update(self, model, xy):
        with torch.no_grad():
            candidate = tour_length(xy, model(xy, decode="greedy")[0]).mean()    #! offpath
        if candidate < self.eval(xy).mean():
            self.model = copy.deepcopy(model).eval()


def main():
    torch.manual_seed(1234)
    model = AttentionTSP()
    baseline = RolloutBaseline(model)
    optimizer = torch.optim.Adam([{"params": model.parameters(), "lr": 1e-4}])
    for epoch in range(2):
        for batch_id in range(2):
            xy = torch.rand(16, 6, 2)
            tour, log_likelihood = model(xy)
            cost, bl_val = tour_length(xy, tour), baseline.eval(xy)
            reinforce_loss = ((cost - bl_val) * log_likelihood).mean()
            optimizer.zero_grad()
            reinforce_loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            print(f"epoch {epoch} batch {batch_id} cost {cost.mean():.3f} nll {-log_likelihood.mean():.3f}")    #! offpath
        baseline.maybe_update(model, torch.rand(16, 6, 2))


if __name__ == "__main__":
    main()
