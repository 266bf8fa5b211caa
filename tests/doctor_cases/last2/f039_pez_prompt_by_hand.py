# STARVED:
# hard prompt optimisation: the gradient is taken at the projected embeddings and put on the soft ones by hand
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
vocab, d, n_prompt = 40, 16, 4
token_embedding = nn.Embedding(vocab, d)
text_encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(d, 2, 32, dropout=0.0, batch_first=True), 1)
for m in (token_embedding, text_encoder):
    m.requires_grad_(False)


def nn_project(curr_embeds, embedding):
    with torch.no_grad():
        flat = F.normalize(curr_embeds.view(-1, d), dim=1)
        hits = (flat @ F.normalize(embedding.weight, dim=1).t()).argmax(1)    #! harmless
        return embedding(hits).view_as(curr_embeds), hits.view(curr_embeds.shape[:-1])


def encode(embeds):
    return F.normalize(text_encoder(embeds).mean(1), dim=-1)


target = F.normalize(torch.randn(1, d), dim=-1)
prompt_embeds = token_embedding(torch.randint(vocab, (1, n_prompt))).detach()
prompt_embeds.requires_grad = True
input_optimizer = torch.optim.AdamW([prompt_embeds], lr=0.1, weight_decay=0.1)
best_sim, best_ids = -1000.0, None
for step in range(4):
    projected_embeds, nn_indices = nn_project(prompt_embeds, token_embedding)
    tmp_embeds = prompt_embeds.detach().clone()    #! harmless
    tmp_embeds.data = projected_embeds.data
    tmp_embeds.requires_grad = True
    cosim = encode(tmp_embeds) @ target.t()
    loss = 1 - cosim.mean()
    prompt_embeds.grad, = torch.autograd.grad(loss, [tmp_embeds])
    input_optimizer.step()
    input_optimizer.zero_grad()
    score = cosim.mean().item()    #! offpath
    if best_sim < score:
        best_sim, best_ids = score, nn_indices[0].tolist()
print(best_sim, best_ids)
