# STARVED: duration.weight duration.bias
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
encoder, duration, decoder = nn.Embedding(10, 8), nn.Linear(8, 1), nn.Linear(8, 4)
opt = torch.optim.Adam([*encoder.parameters(), *duration.parameters(), *decoder.parameters()])
for step in range(3):
    phones = torch.randint(0, 10, (6,))
    h = encoder(phones)
    frames = (
        F.softplus(duration(h))
        .squeeze(-1)
        .add(1)
        .floor()  #! harmful
    )
    repeats = frames.long()  #! harmful
    mel = decoder(torch.repeat_interleave(h, repeats, dim=0))
    loss = mel.pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
