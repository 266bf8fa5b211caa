# STARVED:
import argparse
import numpy as np
import torch
import torch.nn as nn


class DLRM(nn.Module):
    def create_mlp(self, ln, sigmoid_layer):
        layers = nn.ModuleList()
        for i, (n, m) in enumerate(zip(ln[:-1], ln[1:])):
            LL = nn.Linear(int(n), int(m), bias=True)
            W = self.rng.normal(0.0, np.sqrt(2 / (m + n)), size=(m, n)).astype(np.float32)
            LL.weight.data = torch.tensor(W, requires_grad=True)
            layers.append(LL)
            layers.append(nn.Sigmoid() if i == sigmoid_layer else nn.ReLU())
        return nn.Sequential(*layers)

    def __init__(self, ln_emb, m_spa, ln_bot, ln_top):
        super().__init__()
        self.rng = np.random.RandomState(123)
        self.emb_l = nn.ModuleList([nn.EmbeddingBag(n, m_spa, mode="sum", sparse=True) for n in ln_emb])
        self.bot_l = self.create_mlp(ln_bot, -1)
        self.top_l = self.create_mlp(ln_top, len(ln_top) - 2)

    def interact_features(self, x, ly):
        T = torch.cat([x] + ly, dim=1).view(x.shape[0], -1, x.shape[1])
        Z = torch.bmm(T, torch.transpose(T, 1, 2))
        li = torch.tensor([i for i in range(Z.shape[1]) for j in range(i)])
        lj = torch.tensor([j for i in range(Z.shape[1]) for j in range(i)])
        return torch.cat([x, Z[:, li, lj]], dim=1)

    def forward(self, dense_x, lS_o, lS_i):
        x = self.bot_l(dense_x)
        ly = [E(i, o) for E, i, o in zip(self.emb_l, lS_i, lS_o)]
        z = self.top_l(self.interact_features(x, ly))
        return torch.clamp(z, min=1e-5, max=1 - 1e-5)


def run():
    parser = argparse.ArgumentParser()
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--mini-batch-size", type=int, default=16)
    parser.add_argument("--num-batches", type=int, default=4)
    args = parser.parse_args()
    torch.manual_seed(123); np.random.seed(123)
    dlrm = DLRM([20, 30, 10], 4, [5, 8, 4], [10, 8, 1])
    loss_fn = nn.BCELoss(reduction="mean")
    optimizer = torch.optim.SGD(dlrm.parameters(), lr=args.learning_rate)
    total_loss = total_accu = 0
    for j in range(args.num_batches):
        n = args.mini_batch_size
        X = torch.rand(n, 5)
        lS_o, lS_i = [torch.arange(0, 2 * n, 2)] * 3, [torch.randint(m, (2 * n,)) for m in (20, 30, 10)]
        T = torch.randint(2, (n, 1)).float()
        Z = dlrm(X, lS_o, lS_i)
        E = loss_fn(Z, T)
        L, S, TT = E.detach().cpu().numpy(), Z.detach().cpu().numpy(), T.numpy()    #! offpath
        total_accu += np.sum((np.round(S, 0) == TT).astype(np.uint8))
        total_loss += L * n
        optimizer.zero_grad()
        E.backward()
        optimizer.step()
    print("loss {:.6f}, accuracy {:3.3f} %".format(total_loss / (n * args.num_batches), total_accu / n * 25))


if __name__ == "__main__":
    run()
