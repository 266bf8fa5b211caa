# STARVED:
"""Set prediction with a matcher that runs in numpy, as detectors do."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


def linear_sum_assignment_greedy(cost):
    cost, rows, cols = cost.copy(), [], []
    for _ in range(min(cost.shape)):
        r, c = np.unravel_index(np.argmin(cost), cost.shape)
        rows.append(r); cols.append(c)
        cost[r, :] = np.inf
        cost[:, c] = np.inf
    return np.array(rows), np.array(cols)


class Matcher(nn.Module):
    @torch.no_grad()
    def forward(self, outputs, targets):
        indices = []
        for b, t in enumerate(targets):
            prob = outputs["pred_logits"][b].softmax(-1)
            cost = -prob[:, t["labels"]] + 5 * torch.cdist(outputs["pred_boxes"][b], t["boxes"], p=1)
            i, j = linear_sum_assignment_greedy(cost.cpu().numpy())     #! harmless
            indices.append((torch.as_tensor(i), torch.as_tensor(j)))
        return indices


class TinyDETR(nn.Module):
    def __init__(self, queries=6, d=16, classes=4):
        super().__init__()
        self.backbone = nn.Conv2d(3, d, 4, stride=4)
        self.query_embed = nn.Embedding(queries, d)
        self.decoder = nn.TransformerDecoderLayer(d, 2, 32, dropout=0.0, batch_first=True)
        self.class_embed, self.bbox_embed = nn.Linear(d, classes), nn.Linear(d, 4)

    def forward(self, img):
        mem = self.backbone(img).flatten(2).transpose(1, 2)
        q = self.query_embed.weight.unsqueeze(0).expand(img.size(0), -1, -1)
        hs = self.decoder(q, mem)
        return {"pred_logits": self.class_embed(hs), "pred_boxes": self.bbox_embed(hs).sigmoid()}


class SetCriterion(nn.Module):
    def __init__(self, no_object=3):
        super().__init__()
        self.matcher, self.no_object = Matcher(), no_object
        weight = torch.ones(4); weight[no_object] = 0.1
        self.register_buffer("weight", weight)

    def forward(self, outputs, targets):
        indices = self.matcher(outputs, targets)
        tgt = torch.full(outputs["pred_logits"].shape[:2], self.no_object)
        l1 = 0.0
        for b, (i, j) in enumerate(indices):
            tgt[b, i] = targets[b]["labels"][j]
            l1 = l1 + F.l1_loss(outputs["pred_boxes"][b][i], targets[b]["boxes"][j])
        ce = F.cross_entropy(outputs["pred_logits"].transpose(1, 2), tgt, self.weight)
        card_err = (outputs["pred_logits"].argmax(-1) != self.no_object).sum(1).float().mean()    #! offpath
        return {"loss_ce": ce, "loss_bbox": l1, "cardinality_error": card_err}


torch.manual_seed(0)
model, criterion = TinyDETR(), SetCriterion()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
weight_dict = {"loss_ce": 1.0, "loss_bbox": 5.0}
for step in range(3):
    images = torch.rand(2, 3, 16, 16)
    targets = [{"labels": torch.randint(0, 3, (n,)), "boxes": torch.rand(n, 4)} for n in (2, 3)]
    loss_dict = criterion(model(images), targets)
    losses = sum(loss_dict[k] * weight_dict[k] for k in loss_dict if k in weight_dict)
    optimizer.zero_grad()
    losses.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)
    optimizer.step()
    print({k: round(v.item(), 3) for k, v in loss_dict.items()})          #! offpath
