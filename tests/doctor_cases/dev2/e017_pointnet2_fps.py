# STARVED:
import torch
import torch.nn as nn
import torch.nn.functional as F


def square_distance(src, dst):
    return ((src[:, :, None] - dst[:, None]) ** 2).sum(-1)


def index_points(points, idx):
    B = points.shape[0]
    batch = torch.arange(B).view(B, *([1] * (idx.dim() - 1))).expand_as(idx)
    return points[batch, idx, :]


def farthest_point_sample(xyz, npoint):
    B, N, C = xyz.shape
    centroids = torch.zeros(B, npoint, dtype=torch.long)
    distance = torch.ones(B, N) * 1e10
    farthest = torch.randint(0, N, (B,), dtype=torch.long)
    for i in range(npoint):
        centroids[:, i] = farthest
        centroid = xyz[torch.arange(B), farthest, :].view(B, 1, C)
        dist = torch.sum((xyz - centroid) ** 2, -1)
        mask = dist < distance    #! harmless
        distance[mask] = dist[mask]
        farthest = torch.max(distance, -1)[1]    #! harmless
    return centroids


class SetAbstraction(nn.Module):
    def __init__(self, npoint, k, inp, mlp):
        super().__init__()
        self.npoint, self.k = npoint, k
        self.mlp_convs, self.mlp_bns = nn.ModuleList(), nn.ModuleList()
        for out in mlp:
            self.mlp_convs.append(nn.Conv2d(inp, out, 1)); self.mlp_bns.append(nn.BatchNorm2d(out))
            inp = out

    def forward(self, xyz, feats):
        new_xyz = index_points(xyz, farthest_point_sample(xyz, self.npoint))
        idx = square_distance(new_xyz, xyz).topk(self.k, dim=-1, largest=False)[1]    #! harmless
        grouped = index_points(xyz, idx) - new_xyz.unsqueeze(2)
        if feats is not None:
            grouped = torch.cat([grouped, index_points(feats, idx)], -1)
        x = grouped.permute(0, 3, 2, 1)
        for conv, bn in zip(self.mlp_convs, self.mlp_bns):
            x = F.relu(bn(conv(x)))
        return new_xyz, torch.max(x, 2)[0].transpose(1, 2)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.tnet = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 9))
        self.sa1, self.sa2 = SetAbstraction(16, 6, 3, [16, 16]), SetAbstraction(4, 4, 19, [32])
        self.drop, self.fc = nn.Dropout(0.4), nn.Linear(32, 4)

    def forward(self, xyz):
        trans = self.tnet(xyz.mean(1)).view(-1, 3, 3) + torch.eye(3)
        xyz = torch.bmm(xyz, trans)
        l1, f1 = self.sa1(xyz, None)
        _, f2 = self.sa2(l1, f1)
        return F.log_softmax(self.fc(self.drop(f2.max(1)[0])), -1), trans


torch.manual_seed(0)
classifier = Classifier()
optimizer = torch.optim.Adam(classifier.parameters(), lr=1e-3, weight_decay=1e-4)
for epoch in range(3):
    points, target = torch.randn(6, 40, 3), torch.randint(4, (6,))
    pred, trans = classifier(points)
    reg = torch.norm(torch.bmm(trans, trans.transpose(2, 1)) - torch.eye(3), dim=(1, 2)).mean()
    loss = F.nll_loss(pred, target) + 0.001 * reg
    optimizer.zero_grad(); loss.backward(); optimizer.step()
    print("correct", pred.data.max(1)[1].eq(target.data).cpu().sum().item() / 6)    #! offpath
