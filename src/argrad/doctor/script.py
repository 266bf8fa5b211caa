"""Run the user's unmodified script under the doctor's eyes."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING

from argrad.doctor.diagnosis import diagnose
from argrad.doctor.frames import forget_sources, treat_as_user
from argrad.doctor.patches import off_the_stack
from argrad.doctor.session import Session
from argrad.doctor.stages import later_stages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from argrad.doctor.report import Report

EXTRA_STEPS = 8
INTERRUPTED = 130


class _Stop(BaseException):
    """Raised in the script after the last watched step, when the user asked for `--stop`."""


@dataclass(frozen=True)
class Outcome:
    """A script's report, if it could be watched, and how the script ended."""

    report: Report | None
    failure: str | None = None

    @property
    def exit_code(self) -> int:
        """0 clean, 1 findings, 2 could not run, 130 interrupted."""
        if self.report is not None and self.report.interrupted is not None:
            return INTERRUPTED
        if self.report is None or (self.failure is not None and not self.report.parameters):
            return 2
        if not self.report.parameters:
            return 2
        if not self.report.ok:
            return 1
        return 0 if self.failure is None else 2


def run_script(
    path: str, args: Sequence[str] = (), *, steps: int | None = None, module: bool = False, stop: bool = False
) -> Outcome:
    """Run a script (or a module by name) as ``__main__``, watched."""
    forget_sources()
    try:
        code, file = _load(path, module=module)
    except (OSError, SyntaxError, ImportError, ValueError) as error:
        return Outcome(None, f"{type(error).__name__}: {error}")
    session = Session(steps or 2, extend=0 if steps else EXTRA_STEPS, stop=_execute.__code__)
    if stop:
        session.on_done = _raise_stop
    failure = None
    stages = contextlib.nullcontext() if stop else later_stages(session)
    with _as_main(file, args, module=path if module else None) as main, stages:
        session.start()
        try:
            _execute(code, main)
        except _Stop:
            pass
        except KeyboardInterrupt:
            session.interrupt()
        except SystemExit as error:
            failure = f"SystemExit: {error.code}" if error.code not in (None, 0) else None
        except BaseException as error:  # noqa: BLE001  (the user's script may raise anything)
            failure = f"{type(error).__name__}: {error}"
            _print_traceback(error)
        finally:
            session.on_done = lambda: None
            session.finish()
            off_the_stack(session.recorder)
    return Outcome(diagnose(session), failure)


def _execute(code: CodeType, main: ModuleType) -> None:
    exec(code, vars(main))  # noqa: S102  (running the user's script is the purpose)


def _raise_stop() -> None:
    raise _Stop


def _print_traceback(error: BaseException) -> None:
    """The script's traceback, as it would have been without the doctor."""
    shown = traceback.TracebackException.from_exception(error)
    ours = str(Path(__file__).parent)
    shown.stack = traceback.StackSummary.from_list([f for f in shown.stack if not f.filename.startswith(ours)])
    sys.stderr.writelines(shown.format())


def _load(path: str, *, module: bool) -> tuple[CodeType, str]:
    if not module:
        file = Path(path).resolve()
        return compile(file.read_bytes(), str(file), "exec", dont_inherit=True), str(file)
    sys.path.insert(0, str(Path.cwd()))
    spec = importlib.util.find_spec(path)
    if spec is not None and spec.submodule_search_locations is not None:
        path = f"{path}.__main__"
        spec = importlib.util.find_spec(path)
    if spec is None or spec.origin is None:
        raise ImportError(f"No module named {path}")
    treat_as_user(str(Path(spec.origin).parent))
    return compile(Path(spec.origin).read_bytes(), spec.origin, "exec", dont_inherit=True), spec.origin


@contextlib.contextmanager
def _as_main(file: str, args: Sequence[str], *, module: str | None) -> Iterator[ModuleType]:
    main = ModuleType("__main__")
    main.__file__ = file
    if module is not None:
        main.__package__ = module.rpartition(".")[0]
    saved = sys.modules.get("__main__"), sys.argv, list(sys.path)
    sys.modules["__main__"] = main
    sys.argv = [file, *args]
    if module is None:
        sys.path.insert(0, str(Path(file).parent))
    try:
        yield main
    finally:
        if saved[0] is not None:
            sys.modules["__main__"] = saved[0]
        sys.argv, sys.path[:] = saved[1], saved[2]
