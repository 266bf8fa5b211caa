# STARVED:
import torch, torch.nn as nn, torch.nn.functional as F
torch.manual_seed(1111)

class RelPartialLearnableDecLayer(nn.Module):
    def __init__(self, n_head, d_model, d_inner):
        super().__init__()
        self.n_head, self.d_head = n_head, d_model // n_head
        self.qkv_net = nn.Linear(d_model, 3 * d_model, bias=False)
        self.r_net, self.o_net = nn.Linear(d_model, d_model, bias=False), nn.Linear(d_model, d_model, bias=False)
        self.ln1, self.ln2 = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.ff = nn.Sequential(nn.Linear(d_model, d_inner), nn.ReLU(inplace=True), nn.Linear(d_inner, d_model))

    def _rel_shift(self, x):
        zero_pad = torch.zeros((x.size(0), 1, *x.size()[2:]))
        x_padded = torch.cat([zero_pad, x], dim=1).view(x.size(1) + 1, x.size(0), *x.size()[2:])
        return x_padded[1:].view_as(x)

    def forward(self, w, r, r_w_bias, r_r_bias, mask, mems):
        qlen, rlen, bsz = w.size(0), r.size(0), w.size(1)
        cat = torch.cat([mems, w], 0) if mems is not None else w
        q, k, v = torch.chunk(self.qkv_net(cat), 3, dim=-1)
        q = q[-qlen:]
        q, k, v = (t.view(t.size(0), bsz, self.n_head, self.d_head) for t in (q, k, v))
        r_k = self.r_net(r).view(rlen, self.n_head, self.d_head)
        AC = torch.einsum('ibnd,jbnd->ijbn', q + r_w_bias, k)
        BD = self._rel_shift(torch.einsum('ibnd,jnd->ijbn', q + r_r_bias, r_k))
        score = (AC + BD).mul_(self.d_head ** -0.5)
        score = score.float().masked_fill(mask[:, :, None, None], -float('inf')).type_as(score)
        vec = torch.einsum('ijbn,jbnd->ibnd', F.softmax(score, dim=1), v).contiguous().view(qlen, bsz, -1)
        w = self.ln1(w + self.o_net(vec))
        return self.ln2(w + self.ff(w))

class MemTransformerLM(nn.Module):
    def __init__(self, n_token=30, n_layer=2, n_head=2, d=16, mem_len=6):
        super().__init__()
        self.emb, self.mem_len, self.n_layer = nn.Embedding(n_token, d), mem_len, n_layer
        self.r_w_bias, self.r_r_bias = nn.Parameter(torch.zeros(n_head, d // n_head)), nn.Parameter(torch.zeros(n_head, d // n_head))
        self.layers = nn.ModuleList([RelPartialLearnableDecLayer(n_head, d, 32) for _ in range(n_layer)])
        self.register_buffer("inv_freq", 1 / (10000 ** (torch.arange(0.0, d, 2.0) / d)))
        self.bias = nn.Parameter(torch.zeros(n_token))

    def _update_mems(self, hids, mems, qlen):
        with torch.no_grad():
            return [torch.cat([m, h], dim=0)[-self.mem_len:].detach() if m is not None else h[-self.mem_len:].detach()    #! harmless
                    for m, h in zip(mems or [None] * len(hids), hids)]

    def forward(self, data, target, *mems):
        mems, qlen = list(mems), data.size(0)
        x = self.emb(data)
        mlen = mems[0].size(0) if mems else 0
        klen = mlen + qlen
        mask = torch.triu(torch.ones(qlen, klen), diagonal=1 + mlen).bool()
        s = torch.einsum("i,j->ij", torch.arange(klen - 1, -1, -1.0), self.inv_freq)
        pos, hids = torch.cat([s.sin(), s.cos()], -1), []
        for i, layer in enumerate(self.layers):
            hids.append(x)
            x = layer(x, pos, self.r_w_bias, self.r_r_bias, mask, mems[i] if mems else None)
        loss = F.cross_entropy(F.linear(x, self.emb.weight, self.bias).flatten(0, 1), target.flatten(), reduction='none')
        return [loss] + self._update_mems(hids, mems, qlen)

model, mems = MemTransformerLM(), tuple()
optimizer = torch.optim.Adam(model.parameters(), lr=2.5e-4)
corpus, train_loss = torch.randint(30, (50, 4)), 0
for batch, i in enumerate(range(0, 32, 8)):
    model.zero_grad()
    ret = model(corpus[i:i + 8], corpus[i + 1:i + 9], *mems)
    loss, mems = ret[0], ret[1:]
    loss = loss.float().mean().type_as(loss)
    loss.backward()
    train_loss += loss.float().item()    #! offpath
    torch.nn.utils.clip_grad_norm_(model.parameters(), 0.25)
    optimizer.step()
