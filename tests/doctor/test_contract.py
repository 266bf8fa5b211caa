"""The command line: the JSON contract, the exit codes, the script's own world."""

import json
import subprocess
import sys

import pytest

from doctor.judge import CASES, run_quietly

SHARED = CASES / "shared"


def argrad(*args, cwd=None):
    command = [sys.executable, "-c", "from argrad.cli import main; main()", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False, timeout=120)


SCRIPT = """
import argparse
import torch
from torch import nn

def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int)
    parser.add_argument("--format")
    args = parser.parse_args()
    assert args.format == "mine" and __name__ == "__main__"
    net = nn.Linear(3, 1)
    opt = torch.optim.SGD(net.parameters(), lr=0.1)
    for step in range(args.steps):
        print("step", step)
        loss = net(torch.ones(2, 3)).round().sum()
        opt.zero_grad(); loss.backward(); opt.step()

if __name__ == "__main__":
    main()
"""


def test_json_is_alone_on_stdout_and_the_script_gets_its_arguments(tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)
    done = argrad("doctor", "--format", "json", "train.py", "--steps", "4", "--format", "mine", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "step 3" in done.stderr
    report = json.loads(done.stdout)
    assert set(report) == {"parameters", "cuts", "dead_terms", "steps", "argrad"}
    assert report["parameters"] == [
        {"name": "net.weight", "status": "zero", "numel": 3},
        {"name": "net.bias", "status": "zero", "numel": 1},
    ]
    (cut,) = report["cuts"]
    assert set(cut) == {"id", "family", "operation", "file", "line", "column", "verdict", "parameters"}
    assert (cut["line"], cut["operation"], cut["verdict"]) == (16, "round", "harmful")
    assert SCRIPT.splitlines()[15][cut["column"] - 1 :].startswith("round")
    assert cut["parameters"] == ["net.weight", "net.bias"]


def test_a_script_that_dies_in_backward_is_explained():
    done = argrad("doctor", "--format", "json", SHARED / "05_argmax_accuracy_loss.py")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert {p["status"] for p in report["parameters"]} == {"none"}
    assert "does not require grad" in done.stderr
    assert "argrad/doctor" not in done.stderr


@pytest.mark.parametrize("text", ["import nothing_of_this_name", "x = 1", "def f(:"])
def test_what_cannot_be_judged_exits_with_2(tmp_path, text):
    (tmp_path / "script.py").write_text(text)
    assert run_quietly(tmp_path / "script.py").exit_code == 2


def test_a_clean_script_that_fails_later_exits_with_2(tmp_path):
    (tmp_path / "train.py").write_text(
        SCRIPT.replace(".round()", "").replace("args.format ==", "True or") + "\n1 / 0\n"
    )
    done = argrad("doctor", "train.py", "--steps", "4", cwd=tmp_path)
    assert done.returncode == 2
    assert "the script failed later: ZeroDivisionError" in done.stderr


@pytest.mark.parametrize("option", [["--steps", "0"], ["--out", "."], ["--out", "no/such/folder/report.json"]])
def test_wrong_options_are_refused_before_the_script_runs(tmp_path, option):
    script = tmp_path / "train.py"
    script.write_text("open('it-ran', 'w')\n")
    done = argrad(*option, str(script), cwd=tmp_path)
    assert done.returncode == 2
    assert option[0] in done.stderr
    assert not (tmp_path / "it-ran").exists()


RAN = b"open('it-ran', 'w')\n"


@pytest.mark.parametrize(("target", "content", "said"), [
    ("data.csv", b"a,b\n1,2\n", "the script must be a Python file (.py), or a module by -m. Got data.csv."),
    ("train", RAN, "the script must be a Python file (.py), or a module by -m. Got train."),
    (".", None, "the script must be a Python file (.py), or a module by -m. Got .."),
    ("no_such_file.py", None, "no_such_file.py cannot be read: No such file or directory."),
    ("folder.py", None, "folder.py cannot be read: Is a directory."),
    ("train.py", b"# nothing but this\n\n", "train.py is empty."),
    ("train.py", RAN + b"x = 'it is\ny = 2\n", "train.py:2: not Python: unterminated string literal"),
    ("train.py", RAN + b"return 3\n", "train.py:2: not Python: 'return' outside function."),
    ("train.py", b"\x89PNG\r\n\x1a\n\0\0\0", "train.py"),
    ("train.py", RAN + b"'\xff'\n", "train.py"),
    ("-m train.py", RAN, "-m must be the dotted name of a module, such as package.train. Got train.py."),
    ("-m ./train", RAN, "-m must be the dotted name of a module, such as package.train. Got ./train."),
    ("-m 2fast", RAN, "-m must be the dotted name of a module, such as package.train. Got 2fast."),
])  # fmt: skip
def test_what_is_no_script_is_refused_in_a_line_before_it_runs(tmp_path, target, content, said):
    (tmp_path / "folder.py").mkdir()
    if content is not None:
        (tmp_path / target.removeprefix("-m ")).write_bytes(content)
    done = argrad("doctor", *target.split(), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"argrad doctor: {said}")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "it-ran").exists()


def test_modules_run_by_name(tmp_path):
    package = tmp_path / "pack"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "train.py").write_text((SHARED / "16_round_quantize.py").read_text())
    done = argrad("doctor", "--format", "json", "-m", "pack.train", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert [p["name"] for p in json.loads(done.stdout)["parameters"] if p["status"] == "zero"] == [
        "enc.weight",
        "enc.bias",
    ]


def test_stop_ends_the_script_after_the_watched_steps(tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT.replace(".round()", "").replace("args.format ==", "True or"))
    done = argrad("doctor", "--stop", "train.py", "--steps", "50", cwd=tmp_path)
    assert done.returncode == 0
    assert "step 1" in done.stdout
    assert "step 9" not in done.stdout


def test_help_and_explain_do_not_import_torch():
    code = (
        "import sys\nfrom argrad.cli import app\napp(['doctor', '--explain', 'ARG003'], result_action='return_value')\n"
    )
    code += "assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Piecewise constant" in done.stdout


def test_the_world_of_main_is_put_back():
    before = sys.modules["__main__"], sys.argv, list(sys.path)
    run_quietly(SHARED / "01_kmeans_argmin.py")
    assert (sys.modules["__main__"], sys.argv, list(sys.path)) == before


UNBOUND = """
import torch

class Proxy:
    @property
    def __class__(self):
        raise RuntimeError("unbound")

request = Proxy()
net = torch.nn.Linear(3, 1)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(2):
    opt.zero_grad(); net(torch.ones(2, 3)).sum().backward(); opt.step()
"""


def test_a_variable_that_cannot_be_looked_at_hides_nothing_else(tmp_path):
    (tmp_path / "train.py").write_text(UNBOUND)
    run = argrad("doctor", "--format", "json", "train.py", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert [p["name"] for p in json.loads(run.stdout)["parameters"]] == ["net.weight", "net.bias"]
