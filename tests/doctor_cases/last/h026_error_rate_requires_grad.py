# STARVED: model.rnn.weight_ih_l0 model.rnn.weight_hh_l0 model.rnn.bias_ih_l0 model.rnn.bias_hh_l0 model.fc.weight model.fc.bias
"""The error rate as objective; PyTorch's complaint was silenced by requires_grad_()."""
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.fc = nn.GRU(3, 10, batch_first=True), nn.Linear(10, 4)

    def forward(self, x):
        out, _ = self.rnn(x)
        return self.fc(out[:, -1])


class ErrorRate(nn.Module):
    def forward(self, logits, target):
        _, predicted = torch.max(logits, 1)                      #! harmful
        wrong = (predicted != target).sum()
        return wrong / target.numel()


class Trainer:
    def __init__(self, model, lr=1e-2):
        self.model, self.criterion = model, ErrorRate()
        self.optimizer = torch.optim.RMSprop(self.model.parameters(), lr=lr)
        self.history = []

    def run_epoch(self, batches):
        self.model.train()
        for x, y in batches:
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(x), y)
            loss.requires_grad_()
            loss.backward()
            self.optimizer.step()
            self.history.append(loss.item())                     #! offpath


torch.manual_seed(0)
model = Net()
trainer = Trainer(model)
for epoch in range(2):
    trainer.run_epoch([(torch.randn(10, 6, 3), torch.randint(0, 4, (10,))) for _ in range(2)])
