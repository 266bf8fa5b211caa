# STARVED: netG.embed.weight netG.lstm.weight_ih netG.lstm.weight_hh netG.lstm.bias_ih netG.lstm.bias_hh netG.out.weight netG.out.bias
import torch
import torch.nn as nn

VOCAB, SEQ, HID = 20, 6, 16


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, HID)
        self.lstm = nn.LSTMCell(HID, HID)
        self.out = nn.Linear(HID, VOCAB)

    def forward(self, z):
        h, c = z, torch.zeros_like(z)
        tok = torch.zeros(z.size(0), dtype=torch.long)
        tokens = []
        for _ in range(SEQ):
            h, c = self.lstm(self.embed(tok), (h, c))
            logits = self.out(h)
            tok = logits.argmax(dim=1)    #! harmful
            tokens.append(tok)
        return torch.stack(tokens, dim=1)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, HID)
        self.conv = nn.Conv1d(HID, HID, 3)
        self.fc = nn.Linear(HID, 1)

    def forward(self, tokens):
        e = self.embed(tokens).transpose(1, 2)
        return self.fc(torch.relu(self.conv(e)).amax(-1))


torch.manual_seed(0)
netG, netD = Generator(), Discriminator()
optG = torch.optim.Adam(netG.parameters(), lr=1e-3)
optD = torch.optim.Adam(netD.parameters(), lr=1e-3)
bce = nn.BCEWithLogitsLoss()
ones, zeros = torch.ones(16, 1), torch.zeros(16, 1)

for step in range(4):
    real = torch.randint(0, VOCAB, (16, SEQ))
    fake = netG(torch.randn(16, HID))
    lossD = bce(netD(real), ones) + bce(netD(fake.detach()), zeros)
    optD.zero_grad()
    lossD.backward()
    optD.step()
    # generator
    lossG = bce(netD(fake), ones)
    optG.zero_grad()
    lossG.backward()
    optG.step()
    print(step, lossD.item(), lossG.item())    #! offpath
