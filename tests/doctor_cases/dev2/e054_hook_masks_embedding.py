# STARVED:
# textual inversion: only one row of the embedding may move; a hook zeroes the others' gradient
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
vocab, d, placeholder = 20, 8, 7
emb = nn.Embedding(vocab, d)
text = nn.TransformerEncoder(nn.TransformerEncoderLayer(d, 2, 16, dropout=0.0, batch_first=True), 1).requires_grad_(False)
unet = nn.Sequential(nn.Linear(12 + d, 32), nn.SiLU(), nn.Linear(32, 12)).requires_grad_(False)
orig = emb.weight.data.clone()    #! offpath
keep = torch.zeros(vocab, 1); keep[placeholder] = 1.0
emb.weight.register_hook(lambda g: g * keep)
opt = torch.optim.AdamW(emb.parameters(), lr=5e-3, weight_decay=0.0)
for step in range(4):
    ids = torch.randint(vocab, (6, 5)); ids[:, 2] = placeholder
    c = text(emb(ids)).mean(1)
    x, t = torch.randn(6, 12), torch.rand(6, 1)
    noise = torch.randn_like(x)
    loss = F.mse_loss(unet(torch.cat([x * (1 - t) + noise * t, c], 1)), noise)
    opt.zero_grad(); loss.backward(); opt.step()
    with torch.no_grad():
        rest = torch.arange(vocab) != placeholder
        emb.weight[rest] = orig[rest]    #! offpath
