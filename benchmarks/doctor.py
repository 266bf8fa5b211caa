"""What a watched step costs: a 12-layer transformer (d = 256, batch 8 × 128), and a loop of tiny operations.

CPU time of a watched step over a plain one, measured in turn in one process; peak memory, each in a process of its own.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time

import torch
from common import save
from torch import nn
from torch.nn import functional

from argrad.doctor.session import Session


class Block(nn.Module):
    """Pre-norm attention and MLP."""

    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.ln1, self.ln2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.proj = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.mlp = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))

    def forward(self, x):
        """(B, T, d) to (B, T, d)."""
        b, t, d = x.shape
        q, k, v = (h.view(b, t, self.heads, -1).transpose(1, 2) for h in self.qkv(self.ln1(x)).chunk(3, -1))
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(b, t, d)
        x = x + self.proj(mixed)
        return x + self.mlp(self.ln2(x))


def transformer(scale=1.0):
    """One training step of a 12-layer language model."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(512, 256), *(Block(256, 8) for _ in range(12)), nn.Linear(256, 512))
    optimizer = torch.optim.AdamW(model.parameters())
    tokens = torch.randint(0, 512, (8, 129))

    def step():
        loss = scale * functional.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def tiny():
    """One step of 3,000 operations on vectors of 8 numbers."""
    torch.manual_seed(0)
    weight = nn.Parameter(torch.randn(8))
    optimizer = torch.optim.SGD([weight], lr=1e-3)

    def step():
        state = torch.zeros(8)
        for _ in range(1000):
            state = torch.tanh(state + weight) * 0.9
        optimizer.zero_grad()
        state.sum().backward()
        optimizer.step()

    return step


def faint():
    """The same with a loss so small that every parameter is looked at closely in the second step."""
    return transformer(scale=1e-6)


PROGRAMS = {"transformer": (transformer, 5, 0), "transformer, probed": (faint, 5, 1), "tiny operations": (tiny, 20, 0)}


def seconds(call) -> float:
    """CPU time of one call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def watched(step, ahead=0):
    """The CPU time of the same step under a fresh watch that has seen `ahead` steps, its start and end included."""
    session = Session(steps=1 + ahead)
    spent = seconds(session.start)
    try:
        for _ in range(ahead):
            step()
        spent += seconds(step)
    finally:
        spent += seconds(session.finish)
    return spent


def measure(name: str) -> dict[str, object]:
    """Plain, watched, and plain after watching, in turn."""
    make, rounds, ahead = PROGRAMS[name]
    step = make()
    step(), watched(step, ahead)
    times = [(seconds(step), watched(step, ahead), seconds(step)) for _ in range(rounds)]
    ratio = statistics.median(w / ((a + b) / 2) for a, w, b in times)
    return {
        "program": name,
        "plain step (ms)": round(1e3 * statistics.median(a for a, _, _ in times), 1),
        "watched step (ms)": round(1e3 * statistics.median(w for _, w, _ in times), 1),
        "CPU time, watched / plain": round(ratio, 3),
        "after / before": round(
            statistics.median(b for _, _, b in times) / statistics.median(a for a, _, _ in times), 3
        ),
        "peak memory, watched / plain": round(peak(name, "watched") / peak(name, "plain"), 3),
    }


def peak(name: str, how: str) -> int:
    """Peak resident memory of three steps in a fresh process, less nothing."""
    out = subprocess.run([sys.executable, __file__, name, how], capture_output=True, check=True, text=True)
    return int(out.stdout)


def main() -> None:
    """Print the table and save it."""
    torch.set_num_threads(2)
    save("doctor", [measure(name) for name in PROGRAMS])


if __name__ == "__main__":
    if len(sys.argv) == 3:
        torch.set_num_threads(2)
        make, _, ahead = PROGRAMS[sys.argv[1]]
        one = make()
        for _ in range(3):
            watched(one, ahead) if sys.argv[2] == "watched" else one()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    else:
        main()
