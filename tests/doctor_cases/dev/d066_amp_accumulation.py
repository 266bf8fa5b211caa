# STARVED:
# autocast to bfloat16, gradient scaler, accumulation over two micro-batches, skipping of non-finite losses
import torch, torch.nn as nn, torch.nn.functional as F
torch.manual_seed(0)
model = nn.Sequential(nn.Conv1d(2, 8, 5, padding=2), nn.GroupNorm(2, 8), nn.ReLU(), nn.AdaptiveMaxPool1d(4), nn.Flatten(), nn.Linear(32, 3))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
accum, best = 2, float("inf")
loader = torch.utils.data.DataLoader(
    torch.utils.data.TensorDataset(torch.randn(48, 2, 20), torch.randint(0, 3, (48,))), batch_size=8)
optimizer.zero_grad()
for i, (x, y) in enumerate(loader):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(x)
        loss = F.cross_entropy(logits, y) / accum
    if not torch.isfinite(loss):                            #! offpath
        continue
    scaler.scale(loss).backward()
    if (i + 1) % accum == 0:
        scaler.unscale_(optimizer)
        norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        print(i, float(norm))
    if loss.item() < best:                                  #! offpath
        best = loss.item()                                  #! offpath
