# STARVED:
"""Generator and discriminator in one step; sampled replacements carry no gradient and need none."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class Body(nn.Module):
    def __init__(self, emb, out):
        super().__init__()
        self.emb = emb
        self.layer = nn.TransformerEncoderLayer(16, 2, 24, dropout=0.0, batch_first=True)
        self.out = nn.Linear(16, out)

    def forward(self, x):
        return self.out(self.layer(self.emb(x)))


class Electra(nn.Module):
    def __init__(self, vocab=30, mask_id=0):
        super().__init__()
        shared = nn.Embedding(vocab, 16)
        self.generator, self.discriminator = Body(shared, vocab), Body(shared, 1)
        self.mask_id = mask_id

    def forward(self, x):
        masked = torch.rand(x.shape) < 0.25
        masked[:, 0] = True
        gen_logits = self.generator(x.masked_fill(masked, self.mask_id))
        mlm = F.cross_entropy(gen_logits[masked], x[masked])
        noise = -torch.log(-torch.log(torch.rand_like(gen_logits[masked]).clamp(1e-6, 1 - 1e-6)))
        sampled = (gen_logits[masked] + noise).argmax(-1)        #! harmless
        corrupted = x.clone()
        corrupted[masked] = sampled.detach()
        is_replaced = (corrupted != x).float()
        disc_logits = self.discriminator(corrupted).squeeze(-1)
        disc = F.binary_cross_entropy_with_logits(disc_logits, is_replaced)
        with torch.no_grad():
            disc_acc = ((disc_logits > 0) == is_replaced.bool()).float().mean()      #! offpath
        return mlm + 50.0 * disc, disc_acc


torch.manual_seed(0)
trainer = Electra()
opt = torch.optim.Adam(trainer.parameters(), lr=2.5e-4)
for step in range(3):
    loss, acc = trainer(torch.randint(1, 30, (6, 10)))
    loss.backward()
    opt.step()
    opt.zero_grad()
    print(step, loss.item(), acc.item())                         #! offpath
