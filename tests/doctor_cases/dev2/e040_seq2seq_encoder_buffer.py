# STARVED: encoder.embedding.weight encoder.gru.weight_ih_l0 encoder.gru.weight_hh_l0 encoder.gru.bias_ih_l0 encoder.gru.bias_hh_l0
# translation with attention, in the style of the old tutorial
import random
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import optim

SOS, EOS, MAX_LENGTH = 0, 1, 6
random.seed(3); torch.manual_seed(3)


class EncoderRNN(nn.Module):
    def __init__(self, n, hidden):
        super().__init__()
        self.embedding, self.gru = nn.Embedding(n, hidden), nn.GRU(hidden, hidden)

    def forward(self, tok, hidden):
        return self.gru(self.embedding(tok).view(1, 1, -1), hidden)


class AttnDecoderRNN(nn.Module):
    def __init__(self, hidden, n):
        super().__init__()
        self.embedding = nn.Embedding(n, hidden)
        self.attn, self.attn_combine = nn.Linear(hidden * 2, MAX_LENGTH), nn.Linear(hidden * 2, hidden)
        self.gru, self.out = nn.GRU(hidden, hidden), nn.Linear(hidden, n)

    def forward(self, tok, hidden, enc):
        e = self.embedding(tok).view(1, 1, -1)
        w = F.softmax(self.attn(torch.cat((e[0], hidden[0]), 1)), dim=1)
        c = torch.bmm(w.unsqueeze(0), enc.unsqueeze(0))
        o, hidden = self.gru(F.relu(self.attn_combine(torch.cat((e[0], c[0]), 1))).unsqueeze(0), hidden)
        return F.log_softmax(self.out(o[0]), dim=1), hidden, w


def train(src, tgt, encoder, decoder, enc_opt, dec_opt, teacher_forcing_ratio=0.5):
    enc_opt.zero_grad(); dec_opt.zero_grad()
    hidden, enc = torch.zeros(1, 1, 16), torch.zeros(MAX_LENGTH, 16)
    for ei in range(src.size(0)):
        output, hidden = encoder(src[ei], hidden)
        enc[ei] = output[0, 0].data    #! harmful
    dec_in, hidden, loss = torch.tensor([[SOS]]), hidden.detach(), 0    #! harmful
    force = random.random() < teacher_forcing_ratio
    for di in range(tgt.size(0)):
        out, hidden, _ = decoder(dec_in, hidden, enc)
        loss += F.nll_loss(out, tgt[di].view(1))
        top = out.topk(1)[1].squeeze().detach()    #! harmless
        dec_in = tgt[di] if force else top
    loss.backward()
    enc_opt.step(); dec_opt.step()
    return loss.item() / tgt.size(0)    #! offpath


encoder, decoder = EncoderRNN(12, 16), AttnDecoderRNN(16, 12)
enc_opt, dec_opt = optim.SGD(encoder.parameters(), lr=0.01), optim.SGD(decoder.parameters(), lr=0.01)
for i in range(4):
    print(train(torch.randint(2, 12, (5,)), torch.randint(2, 12, (4,)), encoder, decoder, enc_opt, dec_opt))
