# STARVED: estimator.0.weight estimator.0.bias estimator.2.weight estimator.2.bias
# the predicted willingness-to-pay is bucketised before it is embedded
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
BOUNDARIES = torch.tensor([-0.6, -0.2, 0.0, 0.2, 0.6])
estimator = nn.Sequential(nn.Linear(9, 16), nn.ReLU(), nn.Linear(16, 1))
bucket_emb = nn.Embedding(len(BOUNDARIES) + 1, 6)
item_emb = nn.Embedding(25, 6)
bias = nn.Parameter(torch.zeros(1))
opt = torch.optim.Adam([{"params": m.parameters()} for m in (estimator, bucket_emb, item_emb)] + [{"params": [bias]}])


def score(user, item):
    wtp = estimator(user).squeeze(-1)
    user_vec = bucket_emb(torch.bucketize(wtp, BOUNDARIES, right=True))     #! harmful
    return (user_vec * item_emb(item)).sum(-1) + bias


for step in range(3):
    user, pos, neg = torch.randn(32, 9), torch.randint(0, 25, (32,)), torch.randint(0, 25, (32,))
    bpr = -F.logsigmoid(score(user, pos) - score(user, neg)).mean()
    pointwise = F.binary_cross_entropy_with_logits(score(user, pos), torch.ones(32))
    loss = bpr + pointwise
    opt.zero_grad()
    loss.backward()
    opt.step()
