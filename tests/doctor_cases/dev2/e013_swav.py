# STARVED:
import torch
import torch.nn as nn
import torch.nn.functional as F


class MultiPrototypes(nn.Module):
    def __init__(self, d, nmb):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(20, 32), nn.BatchNorm1d(32), nn.ReLU())
        self.projection_head = nn.Sequential(nn.Linear(32, 32), nn.ReLU(inplace=True), nn.Linear(32, d))
        self.prototypes = nn.Linear(d, nmb, bias=False)

    def forward(self, x):
        z = F.normalize(self.projection_head(self.backbone(x)), dim=1, p=2)
        return z, self.prototypes(z)


@torch.no_grad()
def distributed_sinkhorn(out, iters=3, epsilon=0.05):
    Q = torch.exp(out / epsilon).t()
    B, K = Q.shape[1], Q.shape[0]
    Q /= torch.sum(Q)
    for _ in range(iters):
        Q /= torch.sum(Q, dim=1, keepdim=True); Q /= K
        Q /= torch.sum(Q, dim=0, keepdim=True); Q /= B
    return (Q * B).t()


def train(model, optimizer, queue, epoch, freeze_prototypes_niters=1, temperature=0.1, bs=16):
    for it in range(3):
        iteration = epoch * 3 + it
        for group in optimizer.param_groups:
            group["lr"] = 0.1 * (1 - iteration / 6)
        with torch.no_grad():
            w = model.prototypes.weight.data.clone()    #! offpath
            w = F.normalize(w, dim=1, p=2)
            model.prototypes.weight.copy_(w)
        base = torch.randn(bs, 20)
        inputs = torch.cat([base + 0.1 * torch.randn(bs, 20) for _ in range(3)])
        embedding, output = model(inputs)
        embedding = embedding.detach()    #! offpath
        loss = 0
        for i, crop_id in enumerate([0, 1]):
            with torch.no_grad():
                out = output[bs * crop_id: bs * (crop_id + 1)].detach()    #! harmless
                out = torch.cat((torch.mm(queue[i], model.prototypes.weight.t()), out))    #! harmless
                queue[i, bs:] = queue[i, :-bs].clone()
                queue[i, :bs] = embedding[crop_id * bs: (crop_id + 1) * bs]
                q = distributed_sinkhorn(out)[-bs:]
            subloss = 0
            for v in [c for c in range(3) if c != crop_id]:
                x = output[bs * v: bs * (v + 1)] / temperature
                subloss -= torch.mean(torch.sum(q * F.log_softmax(x, dim=1), dim=1))
            loss += subloss / 2
        loss /= 2
        optimizer.zero_grad()
        loss.backward()
        if iteration < freeze_prototypes_niters:
            for name, p in model.named_parameters():
                if "prototypes" in name:
                    p.grad = None
        optimizer.step()
        print(iteration, loss.item())    #! offpath


torch.manual_seed(0)
model = MultiPrototypes(16, 10)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-6)
queue = F.normalize(torch.randn(2, 32, 16), dim=-1)
for epoch in range(2):
    train(model, optimizer, queue, epoch)
