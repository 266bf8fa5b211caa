# STARVED:
# DEAD: 39|41
import logging
import torch
import torch.nn as nn

logging.basicConfig(format="%(asctime)s %(message)s")


def get_config():
    return {"alpha": 0.1, "optimizer": {"type": torch.optim.RMSprop, "params": {"lr": 1e-4, "weight_decay": 1e-5}},
            "bit": 16, "epoch": 2, "batch_size": 16, "n_class": 4, "num_train": 32}


class HashNet(nn.Module):
    def __init__(self, bits, n_class):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU())
        self.hash_layer = nn.Linear(32, bits)
        self.classifier = nn.Linear(32, n_class)

    def forward(self, x):
        f = self.features(x)
        return self.hash_layer(f), self.classifier(f)


class DPSHLoss(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.U = torch.zeros(config["num_train"], config["bit"])
        self.Y = torch.zeros(config["num_train"], config["n_class"])

    def forward(self, u, y, ind, config):
        b = torch.sign(u)    #! dead
        self.U[ind, :] = b.data
        self.Y[ind, :] = y
        s = (y @ self.Y.t() > 0).float()
        inner = b @ self.U.t() * 0.5
        likelihood = ((1 + (-inner.abs()).exp()).log() + inner.clamp(min=0) - s * inner).mean()
        quantization = config["alpha"] * (u - u.sign().detach()).pow(2).mean()    #! harmless
        return likelihood + quantization


def train_val(config):
    torch.manual_seed(0)
    x, labels = torch.randn(config["num_train"], 20), torch.randint(config["n_class"], (config["num_train"],))
    net, criterion = HashNet(config["bit"], config["n_class"]), DPSHLoss(config)
    optimizer = config["optimizer"]["type"](net.parameters(), **config["optimizer"]["params"])
    for epoch in range(config["epoch"]):
        train_loss = 0
        for ind in torch.randperm(len(x)).split(config["batch_size"]):
            optimizer.zero_grad()
            u, logits = net(x[ind])
            y = nn.functional.one_hot(labels[ind], config["n_class"]).float()
            loss = criterion(u, y, ind, config)
            loss = loss + 0.5 * nn.functional.cross_entropy(logits, labels[ind])
            train_loss += loss.item()    #! offpath
            loss.backward()
            optimizer.step()
        logging.warning("epoch %d loss %.4f", epoch + 1, train_loss)


if __name__ == "__main__":
    train_val(get_config())
