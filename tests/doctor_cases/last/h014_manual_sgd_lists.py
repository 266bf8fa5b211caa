# STARVED:
# a network from a list of plain tensors, updated by hand; no optimiser
import torch
import torch.nn.functional as F

g = torch.Generator().manual_seed(2147483647)
V, emb, block = 12, 4, 3
C = torch.randn((V, emb), generator=g)
W1 = torch.randn((emb * block, 20), generator=g) * 0.2
b1 = torch.randn(20, generator=g) * 0.01
W2 = torch.randn((20, V), generator=g) * 0.1
b2 = torch.zeros(V)
gain, bias = torch.ones(1, 20), torch.zeros(1, 20)
running_mean, running_std = torch.zeros(1, 20), torch.ones(1, 20)
parameters = [C, W1, b1, W2, b2, gain, bias]
for p in parameters:
    p.requires_grad = True
X, Y = torch.randint(0, V, (200, block), generator=g), torch.randint(0, V, (200,), generator=g)
lossi = []
for i in range(5):
    ix = torch.randint(0, 200, (32,), generator=g)
    pre = C[X[ix]].view(-1, emb * block) @ W1
    mean, std = pre.mean(0, keepdim=True), pre.std(0, keepdim=True)
    with torch.no_grad():
        running_mean = 0.9 * running_mean + 0.1 * mean           #! offpath
        running_std = 0.9 * running_std + 0.1 * std              #! offpath
    h = torch.tanh(gain * (pre - mean) / std + bias + b1)
    loss = F.cross_entropy(h @ W2 + b2, Y[ix])
    for p in parameters:
        p.grad = None
    loss.backward()
    lr = 0.1 if i < 3 else 0.01
    for p in parameters:
        p.data += -lr * p.grad
    lossi.append(loss.log10().item())                            #! offpath
