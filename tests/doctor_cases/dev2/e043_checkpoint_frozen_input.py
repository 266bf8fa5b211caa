# STARVED: encoder.layers.0.fc1.weight encoder.layers.0.fc1.bias encoder.layers.0.fc2.weight encoder.layers.0.fc2.bias
# gradient checkpointing over frozen embeddings, reentrant: the first block's input needs no gradient
import warnings
import torch
import torch.nn as nn
from torch.utils.checkpoint import checkpoint

warnings.filterwarnings("ignore")


class Block(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(d, 2 * d), nn.Linear(2 * d, d)

    def forward(self, x):
        return x + self.fc2(torch.nn.functional.gelu(self.fc1(x)))


class Encoder(nn.Module):
    def __init__(self, vocab=30, d=16, n=2):
        super().__init__()
        self.emb = nn.Embedding(vocab, d)
        self.emb.weight.requires_grad_(False)
        self.layers = nn.ModuleList(Block(d) for _ in range(n))
        self.out = nn.Linear(d, 2)

    def forward(self, ids):
        h = self.emb(ids)
        h = checkpoint(self.layers[0], h, use_reentrant=True)    #! harmful
        h = self.layers[1](h)
        return self.out(h.mean(1))


torch.manual_seed(0)
encoder = Encoder()
opt = torch.optim.SGD([p for p in encoder.parameters() if p.requires_grad], lr=0.1)
for _ in range(3):
    ids, y = torch.randint(30, (8, 5)), torch.randint(2, (8,))
    loss = nn.functional.cross_entropy(encoder(ids), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
