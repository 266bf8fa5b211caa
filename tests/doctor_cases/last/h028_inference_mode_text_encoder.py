# STARVED: text_encoder.0.weight text_encoder.1.weight text_encoder.1.bias
# text-conditioned diffusion: the encoder is in the optimiser, yet encoded in inference mode
import itertools
import torch, torch.nn as nn, torch.nn.functional as F


class UNet(nn.Module):
    def __init__(self, d=12):
        super().__init__()
        self.x, self.c, self.t = nn.Linear(6, 24), nn.Linear(d, 24), nn.Embedding(100, 24)
        self.o = nn.Linear(24, 6)

    def forward(self, x, t, cond):
        return self.o(F.silu(self.x(x) + self.c(cond) + self.t(t)))


def encode_prompt(ids):
    with torch.inference_mode():
        out = text_encoder(ids)                                  #! harmful
    return out.clone()


torch.manual_seed(0)
text_encoder = nn.Sequential(nn.EmbeddingBag(40, 12), nn.Linear(12, 12), nn.Tanh())
unet = UNet()
optimizer = torch.optim.AdamW(itertools.chain(unet.parameters(), text_encoder.parameters()), lr=1e-4)
abar = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 100), 0)
for step in range(3):
    latents, ids = torch.randn(16, 6), torch.randint(0, 40, (16, 5))
    noise, t = torch.randn_like(latents), torch.randint(0, 100, (16,))
    a = abar[t, None]
    noisy = a.sqrt() * latents + (1 - a).sqrt() * noise
    pred = unet(noisy, t, encode_prompt(ids))
    loss = F.mse_loss(pred.float(), noise.float(), reduction="mean")
    loss.backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
