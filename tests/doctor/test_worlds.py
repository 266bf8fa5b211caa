"""Mixed precision, compiled models and several processes: the verdict is that of the plain program."""

import json
import os
import subprocess
import sys

import pytest

from argrad.doctor.findings import findings_of
from doctor.judge import run_quietly

PROGRAM = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.code, self.out = nn.Linear(4, 4), nn.Linear(4, 1)

    def forward(self, x):
        return self.out(self.code(x).round())

torch.manual_seed(0)
net = Net()
BEFORE
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(5):
    x = torch.randn(8, 4)
    optimizer.zero_grad()
    STEP
"""
PLAIN = "loss = (net(x) - x[:, :1]).pow(2).mean(); loss.backward(); optimizer.step()"
SCALED = (
    "with torch.autocast('cpu', dtype=torch.bfloat16):\n"
    "        loss = (net(x) - x[:, :1]).pow(2).mean()\n"
    "    scaler.scale(loss).backward(); scaler.unscale_(optimizer)\n"
    "    nn.utils.clip_grad_norm_(net.parameters(), 1.0); scaler.step(optimizer); scaler.update()"
)
GROUP = (
    "import os, torch.distributed as dist\n"
    "dist.init_process_group('gloo', init_method='file://' + os.environ['STORE'],"
    " rank=int(os.environ['RANK']), world_size=2)\n"
    "net = nn.parallel.DistributedDataParallel(net)"
)


def program(path, before, step):
    path.write_text(PROGRAM.replace("BEFORE", before).replace("STEP", step))
    return path


@pytest.mark.parametrize(("before", "step"), [
    ("", PLAIN),
    ("scaler = torch.amp.GradScaler('cpu', init_scale=2.0**20)", SCALED),
    ("net = torch.compile(net, backend='eager')", PLAIN),
    ("net.compile(backend='eager')", PLAIN),
])  # fmt: skip
def test_the_verdict_is_that_of_the_plain_program(tmp_path, before, step):
    report = run_quietly(program(tmp_path / "train.py", before, step)).report
    assert {p.name: p.status for p in report.parameters} == {
        "net.code.weight": "zero",
        "net.code.bias": "zero",
        "net.out.weight": "flows",
        "net.out.bias": "flows",
    }
    assert [(cut.operation, cut.site.line) for cut in report.harmful] == [("round", 11)]


def test_what_torchscript_hides_is_still_a_finding(tmp_path):
    outcome = run_quietly(program(tmp_path / "train.py", "net = torch.jit.script(net)", PLAIN))
    assert [p.name for p in outcome.report.starved] == ["net.code.weight", "net.code.bias"]
    assert [finding.code for finding in findings_of(outcome.report)] == ["ARG024"]
    assert outcome.exit_code == 1


def test_every_process_of_a_distributed_run_says_the_same(tmp_path):
    script = program(tmp_path / "train.py", GROUP, PLAIN + "\ndist.destroy_process_group()")
    command = [sys.executable, "-c", "from argrad.cli import main; main()", "doctor", "--format", "json", str(script)]
    ranks = [
        subprocess.Popen(
            command, stdout=subprocess.PIPE, env={**os.environ, "RANK": str(rank), "STORE": str(tmp_path / "store")}
        )
        for rank in range(2)
    ]
    reports = [json.loads(rank.communicate(timeout=120)[0]) for rank in ranks]
    assert [rank.returncode for rank in ranks] == [1, 1]
    assert reports[0] == reports[1]
    assert [cut["operation"] for cut in reports[0]["cuts"] if cut["verdict"] == "harmful"] == ["round"]
