# STARVED:
import torch
import torch.nn as nn
import torch.nn.functional as F


class CRNN(nn.Module):
    def __init__(self, n_class, hidden=16):
        super().__init__()
        self.cnn = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d((2, 1)))
        self.rnn = nn.LSTM(8 * 4, hidden, bidirectional=True)
        self.fc = nn.Linear(2 * hidden, n_class)

    def forward(self, x):
        f = self.cnn(x)
        b, c, h, w = f.size()
        f = f.permute(3, 0, 1, 2).reshape(w, b, c * h)
        return F.log_softmax(self.fc(self.rnn(f)[0]), dim=2)


def greedy_decode(log_probs, blank=0):
    best = log_probs.argmax(2).t()                          #! offpath
    texts = []
    for row in best.tolist():
        texts.append([c for i, c in enumerate(row) if c != blank and (i == 0 or c != row[i - 1])])
    return texts


torch.manual_seed(0)
net = CRNN(7)
ctc = nn.CTCLoss(blank=0, zero_infinity=True)
optimizer = torch.optim.Adadelta(net.parameters())
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.9)
for epoch in range(3):
    images = torch.rand(6, 1, 8, 20)
    lengths = torch.randint(3, 6, (6,))
    targets = torch.randint(1, 7, (int(lengths.sum()),))
    log_probs = net(images)
    loss = ctc(log_probs, targets, torch.full((6,), 20), lengths)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    hyp = greedy_decode(log_probs)
    print(epoch, float(loss), hyp[0])                       #! offpath
