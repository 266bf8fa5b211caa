# STARVED: model.blocks.0.keep_logit model.blocks.1.keep_logit
import torch
import torch.nn as nn


class TokenPruning(nn.Module):
    """ViT block that keeps a learned share of the tokens, the most attended ones."""

    def __init__(self, dim, heads=2):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn = nn.MultiheadAttention(dim, heads, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))
        self.keep_logit = nn.Parameter(torch.tensor(1.0))

    def forward(self, x):
        h = self.norm1(x)
        a, w = self.attn(h, h, h)
        x = x + a
        n = x.size(1) - 1
        keep = max(1, int(n * torch.sigmoid(self.keep_logit).item()))    #! harmful
        score = w[:, 0, 1:]
        idx = score.topk(keep, dim=1).indices + 1    #! harmless
        x = torch.cat([x[:, :1], x.gather(1, idx.unsqueeze(-1).expand(-1, -1, x.size(-1)))], 1)
        return x + self.mlp(self.norm2(x))


class ViT(nn.Module):
    def __init__(self, patch=4, size=16, dim=16, classes=5):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, dim, patch, patch)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, (size // patch) ** 2 + 1, dim))
        self.blocks = nn.ModuleList(TokenPruning(dim) for _ in range(2))
        self.head = nn.Linear(dim, classes)

    def forward(self, x):
        x = self.patch_embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        for blk in self.blocks:
            x = blk(x)
        return self.head(x[:, 0])


def train_one_epoch(model, optimizer, criterion, loader, scaler):
    for samples, targets in loader:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=False):
            loss = criterion(model(samples), targets)
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()


torch.manual_seed(0)
model = ViT()
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4, weight_decay=0.05)
loader = [(torch.randn(8, 3, 16, 16), torch.randint(5, (8,))) for _ in range(4)]
train_one_epoch(model, optimizer, nn.CrossEntropyLoss(), loader, torch.amp.GradScaler("cpu", enabled=False))
