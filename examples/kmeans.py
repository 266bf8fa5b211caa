"""k-means by gradient descent through an argmin; `argrad doctor examples/kmeans.py` says why that is right."""

import torch

torch.manual_seed(0)
points = torch.cat(
    [torch.randn(100, 2) * 0.3 + centre for centre in torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]])]
)
centroids = points[::100].clone().requires_grad_()
optimizer = torch.optim.SGD([centroids], lr=0.5)

for _ in range(30):
    distance = torch.cdist(points, centroids)
    assignment = distance.argmin(dim=1)
    loss = ((points - centroids[assignment]) ** 2).sum(1).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

print(f"mean squared distance to the nearest centroid: {loss.item():.3f}")
