"""One exercise in a kernel of its own, run by pytest and nbval, with a watchdog outside."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paper_lessons.classroom.executing import QUIET
from paper_lessons.classroom.notebooks import write_notebook
from paper_lessons.resources import repository

_POLL = 0.1  # seconds between two looks
_GRACE = 1.0  # seconds that a kernel may be gone before it counts as dead
_START = 120.0  # seconds until the first cell must run


@dataclass(frozen=True)
class Limits:
    """What one exercise may use.

    Attributes
    ----------
    cpu_seconds : float
        Computing time of the kernel and all it started, from the first cell on.
    wall_factor : float
        Times ``cpu_seconds``: the longest wait, for a kernel that sleeps.
    kernel_bytes, output_bytes : int
        Memory of the kernel, and by how much the process that collects its outputs may grow.
    """

    cpu_seconds: float = 30.0
    wall_factor: float = 6.0
    kernel_bytes: int = 6 * 2**30
    output_bytes: int = 128 * 2**20


@dataclass
class Run:
    """What is known after a run.

    Attributes
    ----------
    ended : dict of str to dict
        By cell id, for each cell that ended: ``ok``, ``output``, ``error``, ``why``.
    stopped : str
        Why the run was cut short: ``"died"``, ``"cpu"``, ``"wall"``, ``"memory"``, ``"output"``, ``"start"``; empty when it
        was not.
    running : str
        Id of the cell at which it was cut short.
    """

    ended: dict[str, dict[str, Any]] = field(default_factory=dict)
    stopped: str = ""
    running: str = ""


def run(notebook: dict[str, Any], *, limits: Limits | None = None) -> Run:
    """Run a merged notebook and log every cell.

    Parameters
    ----------
    notebook : dict
        From :func:`paper_lessons.classroom.merging.merge`.
    limits : Limits, optional
        What it may use.

    Returns
    -------
    Run
        Cells that ended before a kernel died or was stopped are kept.
    """
    limits = limits or Limits()
    with tempfile.TemporaryDirectory(prefix="lesson-", ignore_cleanup_errors=True) as folder:
        box = Path(folder)
        write_notebook(box / "work" / "exercise.ipynb", notebook)
        (box / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        log = box / "log.jsonl"
        log.touch()
        with (box / "pytest.txt").open("wb") as text:
            process = subprocess.Popen(
                _command(box, limits),
                cwd=box / "work",
                env=_environment(box),
                stdin=subprocess.DEVNULL,
                stdout=text,
                stderr=subprocess.STDOUT,
            )
            last = notebook["cells"][-1]["id"] if notebook["cells"] else ""
            watch = _Watch(process, log, limits, last)
            try:
                watch.until_the_end()
            finally:
                watch.kill()
        return watch.result


def _command(box: Path, limits: Limits) -> list[str]:
    return [
        # -P: what the learner's cells write into their folder is never imported by pytest.
        *(sys.executable, "-P", "-m", "pytest", "-q", "--tb=no"),
        *("-c", str(box / "pytest.ini"), "--rootdir", str(box), "--noconftest"),
        *("-p", "no:cacheprovider", "-p", "nbval.plugin"),
        *("-p", "paper_lessons.classroom.nbval_log", "--paper-lessons-log", str(box / "log.jsonl")),
        *("--nbval-lax", "--nbval-current-env"),
        # Should this process be killed, pytest ends by itself some time later.
        f"--nbval-cell-timeout={limits.cpu_seconds * limits.wall_factor + 60:g}",
        str(box / "work" / "exercise.ipynb"),
    ]


def _environment(box: Path) -> dict[str, str]:
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("PYTEST_", "JPY_")) and key not in ("PYTHONSTARTUP", "MPLBACKEND")
    }
    top = repository()
    if top is not None:
        own = [kept["PYTHONPATH"]] if kept.get("PYTHONPATH") else []
        kept["PYTHONPATH"] = os.pathsep.join([str(top), *own])
    return {
        **kept,
        **QUIET,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONWARNINGS": "ignore",  # a warning is no wrong answer
        "PYTHONIOENCODING": "utf-8",
        "IPYTHONDIR": str(box / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(box / "runtime"),
    }


class _Watch:
    """Looks at the log and the processes until the last cell ended or a limit is passed."""

    def __init__(
        self, process: subprocess.Popen[bytes], log: Path, limits: Limits, last: str
    ) -> None:
        import psutil

        self.psutil = psutil
        self.result = Run()
        self._process = process
        self._limits = limits
        self._last = last
        self._log = log
        self._read = 0
        self._begun: float | None = None
        self._base_cpu = 0.0
        self._base_memory = 0
        self._kernel: Any = None
        self._collector: Any = None
        self._gone_since: float | None = None
        self._born = time.monotonic()

    def until_the_end(self) -> None:
        while True:
            ended = self._process.poll() is not None
            self._read_log()
            if self._last in self.result.ended:
                # Cells that end without having begun had no kernel.
                self.result.stopped = "" if self._begun else "start"
                return
            if ended:
                self.result.stopped = self.result.stopped or ("died" if self._kernel else "start")
                return
            reason = self._broken_limit()
            if reason:
                self._read_log()
                self.result.stopped = "" if self._last in self.result.ended else reason
                return
            time.sleep(_POLL)

    def kill(self) -> None:
        """End pytest, the kernel and whatever they started."""
        family = self._family()
        for one in family:
            with contextlib.suppress(self.psutil.Error):
                one.kill()
        self.psutil.wait_procs(family, timeout=5)
        self._process.wait(timeout=10)

    def _read_log(self) -> None:
        data = self._log.read_bytes()
        end = data.rfind(b"\n") + 1
        for line in data[self._read : end].splitlines():
            entry = json.loads(line)
            cell = entry.pop("cell")
            if entry.pop("event") == "start":
                self._meet(entry["kernel"], entry["pytest"])
                self.result.running = cell
            else:
                self.result.ended[cell] = entry
                self.result.running = ""
        self._read = end

    def _meet(self, kernel: int | None, pytest: int) -> None:
        if self._begun is None:
            self._begun = time.monotonic()
            self._base_cpu = self._cpu()
        if self._kernel is None and kernel is not None:
            with contextlib.suppress(self.psutil.Error):
                self._kernel = self.psutil.Process(kernel)
                self._collector = self.psutil.Process(pytest)
                self._base_memory = self._memory([self._collector])

    def _broken_limit(self) -> str:
        now = time.monotonic()
        if self._begun is None:
            return "start" if now - self._born > _START else ""
        if not self._kernel_lives():
            self._gone_since = self._gone_since or now
            return "died" if now - self._gone_since > _GRACE else ""
        if self._cpu() - self._base_cpu > self._limits.cpu_seconds:
            return "cpu"
        if now - self._begun > self._limits.cpu_seconds * self._limits.wall_factor:
            return "wall"
        if self._memory(self._family(self._kernel)) > self._limits.kernel_bytes:
            return "memory"
        if self._memory([self._collector]) - self._base_memory > self._limits.output_bytes:
            return "output"
        return ""

    def _kernel_lives(self) -> bool:
        try:
            return (
                self._kernel is not None
                and self._kernel.is_running()
                and self._kernel.status() != self.psutil.STATUS_ZOMBIE
            )
        except self.psutil.Error:
            return False

    def _family(self, root: Any = None) -> list[Any]:
        """A process and its descendants; pytest's, and the kernel's should it have lost its parent."""
        found: list[Any] = []
        roots = [root] if root is not None else [self._process.pid, self._kernel]
        for one in roots:
            with contextlib.suppress(self.psutil.Error):
                process = self.psutil.Process(one) if isinstance(one, int) else one
                if process is not None:
                    found += [process, *process.children(recursive=True)]
        return list(dict.fromkeys(found))

    def _cpu(self) -> float:
        total = 0.0
        for one in self._family():
            with contextlib.suppress(self.psutil.Error):
                times = one.cpu_times()
                # Children that ended are on their parent's account.
                total += times.user + times.system
                total += getattr(times, "children_user", 0.0) + getattr(
                    times, "children_system", 0.0
                )
        return total

    def _memory(self, processes: list[Any]) -> int:
        total = 0
        for one in processes:
            with contextlib.suppress(self.psutil.Error):
                total += one.memory_info().rss
        return total
