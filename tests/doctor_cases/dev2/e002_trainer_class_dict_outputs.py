# STARVED:
import argparse
import copy
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class ToyTokens(Dataset):
    def __init__(self, n):
        g = torch.Generator().manual_seed(n)
        self.ids = torch.randint(1, 50, (n, 12), generator=g)

    def __len__(self):
        return len(self.ids)

    def __getitem__(self, i):
        labels = self.ids[i].clone()
        labels[torch.arange(12) % 3 != 0] = -100
        return {"input_ids": self.ids[i], "attention_mask": torch.ones(12, dtype=torch.long), "labels": labels}


class MaskedLM(nn.Module):
    def __init__(self, d=24):
        super().__init__()
        self.embeddings = nn.Embedding(50, d, padding_idx=0)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(d, 4, 48, batch_first=True), 2)
        self.head = nn.Linear(d, 50)

    def forward(self, input_ids, attention_mask, labels=None):
        h = self.encoder(self.embeddings(input_ids), src_key_padding_mask=attention_mask == 0)
        logits, out = self.head(h), {}
        if labels is not None:
            out["loss"] = nn.functional.cross_entropy(logits.transpose(1, 2), labels, ignore_index=-100)
        return {**out, "logits": logits}


class Trainer:
    def __init__(self, model, args, train, valid):
        self.model, self.args, self.train_set, self.valid = model, args, train, valid
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr)
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda s: min(1.0, (s + 1) / 3))
        self.log, self.best, self.best_state = [], float("inf"), None

    def training_step(self, batch):
        self.model.train()
        out = self.model(**batch)
        out["loss"].backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step(); self.scheduler.step(); self.optimizer.zero_grad()
        pred = out["logits"].argmax(-1)    #! offpath
        keep = batch["labels"] != -100
        self.log.append({"loss": out["loss"].detach(), "acc": (pred == batch["labels"])[keep].float().mean().item()})    #! offpath

    @torch.no_grad()
    def evaluate(self):
        self.model.eval()
        total = sum(self.model(**b)["loss"].item() for b in DataLoader(self.valid, 8))
        if total < self.best:
            self.best, self.best_state = total, copy.deepcopy(self.model.state_dict())

    def train(self):
        for epoch in range(self.args.epochs):
            for batch in DataLoader(self.train_set, self.args.batch_size, shuffle=True):
                self.training_step(batch)
            self.evaluate()


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--lr", type=float, default=1e-3); p.add_argument("--epochs", type=int, default=2)
    p.add_argument("--batch_size", type=int, default=8)
    torch.manual_seed(0)
    Trainer(MaskedLM(), p.parse_args(), ToyTokens(24), ToyTokens(8)).train()
