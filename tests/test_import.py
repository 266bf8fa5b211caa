"""Nothing happens at import, and the names are those that are listed."""

import subprocess
import sys

import pytest

import argrad

HEAVY = ["torch", "numpy", "scipy", "matplotlib", "polars", "sklearn"]


def modules_after(code):
    script = f"import sys\n{code}\nprint(*[m for m in {HEAVY} if m in sys.modules])"
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.splitlines()[-1]


@pytest.mark.parametrize(
    "code",
    [
        "import argrad; argrad.__version__; dir(argrad)",
        "import argrad.cli",
        "import argrad.cli\ntry: argrad.cli.app(['--help'])\nexcept SystemExit: pass",
    ],
    ids=["package", "cli", "help"],
)
def test_the_package_and_its_help_do_not_wait_for_torch(code):
    assert modules_after(code) == ""


def test_import_touches_nothing_global():
    code = (
        "import torch; state = torch.get_rng_state(); dtype = torch.get_default_dtype()\n"
        "threads = torch.get_num_threads()\n"
        "import argrad.verbs, argrad.estimators, argrad.choices, argrad.noise\n"
        "assert torch.equal(state, torch.get_rng_state()) and dtype == torch.get_default_dtype()\n"
        "assert threads == torch.get_num_threads() and torch.is_grad_enabled()"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_unknown_names_are_refused_as_python_does():
    with pytest.raises(AttributeError, match="module 'argrad' has no attribute 'topk_'"):
        _ = argrad.topk_


def test_public_names_shadow_no_builtin_module_name_but_torchs_round():
    import builtins  # noqa: PLC0415

    assert {name for name in argrad.__all__ if hasattr(builtins, name)} == {"round"}
