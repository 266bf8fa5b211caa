# STARVED:
import torch, torch.nn as nn, torch.nn.functional as F


class SearchEdge(nn.Module):
    def __init__(self, c):
        super().__init__()
        bn = lambda: nn.BatchNorm1d(c)
        self.ops = nn.ModuleList([
            nn.Sequential(nn.ReLU(), nn.Linear(c, c), bn()),
            nn.Sequential(nn.ReLU(), nn.Linear(c, c // 2), nn.Linear(c // 2, c), bn()),
            nn.Identity()])

    def forward_gdas(self, x, weights, index):
        argmaxs = index.item()
        weigsum = sum(weights[_ie] * edge(x) if _ie == argmaxs else weights[_ie] for _ie, edge in enumerate(self.ops))
        return weigsum


class GDAS(nn.Module):
    def __init__(self, c=16, n_nodes=3, n_classes=4):
        super().__init__()
        self.stem = nn.Linear(10, c)
        self.edges = nn.ModuleDict({f"{i}<-{j}": SearchEdge(c) for i in range(1, n_nodes) for j in range(i)})
        self.arch_parameters = nn.Parameter(1e-3 * torch.randn(len(self.edges), 3))
        self.classifier = nn.Linear(c, n_classes)
        self.n_nodes, self.tau = n_nodes, 10.0

    def get_gumbels(self):
        while True:
            gumbels = -torch.empty_like(self.arch_parameters).exponential_().log()
            logits = (self.arch_parameters.log_softmax(dim=1) + gumbels) / self.tau
            probs = F.softmax(logits, dim=1)
            index = probs.max(-1, keepdim=True)[1]    #! harmless
            one_h = torch.zeros_like(logits).scatter_(-1, index, 1.0)
            hardwts = one_h - probs.detach() + probs    #! harmless
            if torch.isinf(gumbels).any() or torch.isinf(probs).any() or torch.isnan(probs).any():    #! offpath
                continue
            return hardwts, index

    def forward(self, x):
        hardwts, index = self.get_gumbels()
        nodes, e = [self.stem(x)], 0
        for i in range(1, self.n_nodes):
            acc = []
            for j in range(i):
                acc.append(self.edges[f"{i}<-{j}"].forward_gdas(nodes[j], hardwts[e], index[e]))
                e += 1
            nodes.append(sum(acc))
        return self.classifier(nodes[-1])


def search(epochs=3):
    torch.manual_seed(0)
    network = GDAS()
    a = [network.arch_parameters]
    w = [p for n, p in network.named_parameters() if n.split(".")[0] in ("stem", "classifier")]
    w_optim = torch.optim.SGD(w, lr=0.025, momentum=0.9, nesterov=True)
    a_optim = torch.optim.Adam(a, lr=3e-4, betas=(0.5, 0.999))
    for epoch in range(epochs):
        network.tau = 10 - 9.9 * epoch / epochs
        for optim in (w_optim, a_optim):
            optim.zero_grad()
            loss = F.cross_entropy(network(torch.randn(16, 10)), torch.randint(4, (16,)))
            loss.backward()
            optim.step()
    return network.arch_parameters.argmax(-1)    #! offpath


print(search())
