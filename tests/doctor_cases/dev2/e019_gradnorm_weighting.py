# STARVED:
import torch
import torch.nn as nn
torch.manual_seed(0)

class ToyMTL(nn.Module):
    def __init__(self, n_tasks=3):
        super().__init__()
        self.shared = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU())
        self.heads = nn.ModuleList([nn.Linear(32, 4) for _ in range(n_tasks)])
        self.weights = nn.Parameter(torch.ones(n_tasks))
    def forward(self, x):
        h = self.shared(x)
        return [head(h) for head in self.heads]
    def get_last_shared_layer(self):
        return self.shared[2]

model = ToyMTL()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
mse, alpha, initial = nn.MSELoss(), 0.12, None
maps = [torch.randn(10, 4) * s for s in (1.0, 5.0, 10.0)]

for t in range(4):
    x = torch.randn(64, 10)
    outs = model(x)
    task_loss = torch.stack([mse(o, x @ m) for o, m in zip(outs, maps)])
    weighted = torch.mul(model.weights, task_loss)
    if t == 0:
        initial = task_loss.data.numpy()    #! harmless
    loss = weighted.sum()
    opt.zero_grad()
    loss.backward(retain_graph=True)
    model.weights.grad.data = model.weights.grad.data * 0.0
    W = model.get_last_shared_layer()
    norms = []
    for i in range(len(task_loss)):
        gygw = torch.autograd.grad(task_loss[i], W.parameters(), retain_graph=True)
        norms.append(torch.norm(torch.mul(model.weights[i], gygw[0])))
    norms = torch.stack(norms)
    ratio = task_loss.data.numpy() / initial    #! harmless
    inverse_train_rate = ratio / ratio.mean()
    mean_norm = norms.data.numpy().mean()    #! harmless
    constant = torch.tensor(mean_norm * (inverse_train_rate ** alpha), requires_grad=False)
    gradnorm = torch.sum(torch.abs(norms - constant))
    model.weights.grad = torch.autograd.grad(gradnorm, model.weights)[0]
    opt.step()
    with torch.no_grad():
        coef = 3 / model.weights.sum()    #! offpath
        model.weights.mul_(coef)
    print(t, loss.item(), model.weights.tolist())    #! offpath
