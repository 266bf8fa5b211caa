# STARVED:
"""Enterprise-style fine-tuning: configuration, callbacks, early stopping, a frozen trunk."""
from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Iterable

import torch
from torch import Tensor, nn

logger = logging.getLogger("trainer")


@dataclass(frozen=True)
class TrainConfig:
    max_epochs: int = 4
    learning_rate: float = 1e-3
    patience: int = 2
    freeze: tuple[str, ...] = ("trunk.0", "trunk.1")


class Callback(ABC):
    @abstractmethod
    def on_epoch_end(self, trainer: "Trainer", metrics: dict[str, float]) -> None: ...


@dataclass
class EarlyStopping(Callback):
    patience: int
    best: float = float("inf")
    bad: int = 0

    def on_epoch_end(self, trainer, metrics):
        self.bad = 0 if metrics["val_loss"] < self.best else self.bad + 1
        self.best = min(self.best, metrics["val_loss"])
        trainer.should_stop = self.bad >= self.patience


@dataclass
class Checkpointer(Callback):
    states: dict[str, Tensor] = field(default_factory=dict)
    best: float = float("inf")

    def on_epoch_end(self, trainer, metrics):
        if metrics["val_loss"] < self.best:
            self.best = metrics["val_loss"]
            self.states = {k: v.cpu().clone() for k, v in trainer.model.state_dict().items()}


class ChurnModel(nn.Module):
    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(n_features, 32), nn.LayerNorm(32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU())
        self.adapters = nn.ModuleDict({"churn": nn.Linear(16, 2), "value": nn.Linear(16, 1)})

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        h = self.trunk(x)
        return {name: head(h) for name, head in self.adapters.items()}


class Trainer:
    def __init__(self, model: nn.Module, config: TrainConfig, callbacks: Iterable[Callback]) -> None:
        self.model, self.config, self.callbacks, self.should_stop = model, config, list(callbacks), False
        for name, p in model.named_parameters():
            p.requires_grad = not name.startswith(config.freeze)
        self.optimizer = torch.optim.AdamW(filter(lambda p: p.requires_grad, model.parameters()), lr=config.learning_rate)

    def compute_loss(self, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        x, churn, value = batch
        out = self.model(x)
        return nn.functional.cross_entropy(out["churn"], churn) + 0.5 * nn.functional.huber_loss(out["value"].squeeze(-1), value)

    def fit(self, train, valid) -> None:
        for epoch in range(self.config.max_epochs):
            for batch in train:
                self.optimizer.zero_grad(set_to_none=True)
                self.compute_loss(batch).backward()
                self.optimizer.step()
            with torch.inference_mode():
                metrics = {"val_loss": sum(self.compute_loss(b).item() for b in valid) / len(valid)}    #! offpath
            logger.info("epoch %d %s", epoch, metrics)
            for callback in self.callbacks:
                callback.on_epoch_end(self, metrics)
            if self.should_stop:
                break


def make(n: int) -> list:
    return [(torch.randn(16, 10), torch.randint(2, (16,)), torch.rand(16)) for _ in range(n)]


if __name__ == "__main__":
    torch.manual_seed(0)
    cfg = TrainConfig()
    Trainer(ChurnModel(10), cfg, [EarlyStopping(cfg.patience), Checkpointer()]).fit(make(3), make(1))
