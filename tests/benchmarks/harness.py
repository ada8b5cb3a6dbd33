"""Timing of rivals side by side, and bars they must meet: the part of a benchmark that knows no lesson.

All rivals of a case run in one process, in turns, so that a busy minute of the machine hits them
alike. What counts is CPU time: on a shared machine the clock on the wall measures the neighbours.
"""

from __future__ import annotations

import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from paper_lessons.files import write_atomically

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
)

Clock = Callable[[], float]


@dataclass(frozen=True)
class Timing:
    """What one rival took: seconds per call, one number for each round."""

    seconds: tuple[float, ...]
    calls_per_round: int

    @property
    def minimum(self) -> float:
        return min(self.seconds)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def as_data(self) -> dict[str, Any]:
        return {
            "minimum_seconds": self.minimum,
            "median_seconds": self.median,
            "rounds": len(self.seconds),
            "calls_per_round": self.calls_per_round,
        }


@dataclass(frozen=True)
class Ratio:
    """How many times as long the slow rival took.

    ``minima`` divides the least disturbed rounds, ``medians`` the typical ones; ``paired`` is the
    median over rounds of the ratio within a round, where both met the same neighbours.
    """

    minima: float
    medians: float
    paired: float

    def as_data(self) -> dict[str, float]:
        return {"minima": self.minima, "medians": self.medians, "paired": self.paired}


@dataclass(frozen=True)
class Bar:
    """A promise about one case: ``measured`` must reach ``required``.

    ``measured`` is None when its rival is absent; then the bar is neither met nor missed.
    """

    case: str
    promise: str
    required: float
    measured: Ratio | None

    @property
    def status(self) -> str:
        if self.measured is None:
            return "not measured"
        return "met" if self.measured.minima >= self.required else "not met"

    def as_data(self) -> dict[str, Any]:
        return {
            "case": self.case,
            "promise": self.promise,
            "required": self.required,
            "measured": None if self.measured is None else self.measured.as_data(),
            "status": self.status,
        }


@dataclass
class Report:
    """All that one run found; ``sections`` holds plain data under any names."""

    lesson: str
    command: str
    settings: dict[str, Any]
    sections: dict[str, Any] = field(default_factory=dict)
    bars: list[Bar] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 unless a bar was missed; a bar that could not be measured is told, not punished."""
        return int(any(bar.status == "not met" for bar in self.bars))

    def as_data(self) -> dict[str, Any]:
        return {
            "lesson": self.lesson,
            "command": self.command,
            "settings": self.settings,
            "machine": machine(),
            "versions": versions(),
            **self.sections,
            "bars": [bar.as_data() for bar in self.bars],
            "notes": self.notes,
        }

    def write(self, path: Path) -> Path:
        return write_atomically(path, json.dumps(self.as_data(), indent=1, allow_nan=False) + "\n")


def measure(
    rivals: Mapping[str, Callable[[], object]],
    *,
    seconds: float,
    minimum_rounds: int = 9,
    maximum_rounds: int = 400,
    seconds_per_turn: float = 0.004,
    warm_up: int = 1,
    clock: Clock = time.process_time,
) -> dict[str, Timing]:
    """Run rivals in turns and time each.

    Parameters
    ----------
    rivals : mapping of str to callable
        What to call, without arguments.
    seconds : float
        CPU time to spend on all of them together, when ``minimum_rounds`` take less.
    minimum_rounds, maximum_rounds : int
        Bounds on the number of rounds; in each round every rival has one turn.
    seconds_per_turn : float
        A turn repeats its call as often as fills this time (once, if a call takes longer).
    warm_up : int
        Calls of each rival before anything is timed: they compile, allocate and fill caches. As many
        as a rival has inputs, if different inputs may take different paths through it.
    clock : callable
        Returns seconds; the default counts the CPU time of all threads of this process.

    Returns
    -------
    dict of str to Timing
        In the order of ``rivals``.
    """
    if not rivals:
        raise ValueError("rivals must name at least one callable, got none")
    if not 1 <= minimum_rounds <= maximum_rounds:
        raise ValueError(
            f"minimum_rounds must lie between 1 and maximum_rounds, got {minimum_rounds} and {maximum_rounds}"
        )
    # Where the clock is coarse (Windows counts in steps of 16 ms), a turn must span many steps.
    turn = max(seconds_per_turn, 20 * time.get_clock_info("process_time").resolution)
    for call in rivals.values():
        for _ in range(warm_up):
            call()
    calls = {name: _calls_that_fill(turn, call, clock) for name, call in rivals.items()}
    samples: dict[str, list[float]] = {name: [] for name in rivals}
    names = list(rivals)
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        start = clock()
        for number in range(maximum_rounds):
            if number >= minimum_rounds and clock() - start >= seconds:
                break
            shift = number % len(names)  # nobody always follows the same rival's cache
            for name in names[shift:] + names[:shift]:
                samples[name].append(_one_turn(rivals[name], calls[name], clock))
    finally:
        if collecting:
            gc.enable()
    return {name: Timing(tuple(samples[name]), calls[name]) for name in names}


def merge(first: Mapping[str, Timing], second: Mapping[str, Timing]) -> dict[str, Timing]:
    """Two measurements of the same rivals as one with the rounds of both."""
    if first.keys() != second.keys():
        raise ValueError(f"second must time {list(first)}, got {list(second)}")
    return {
        name: Timing(timing.seconds + second[name].seconds, second[name].calls_per_round)
        for name, timing in first.items()
    }


def _one_turn(call: Callable[[], object], repetitions: int, clock: Clock) -> float:
    start = clock()
    for _ in range(repetitions):
        call()
    return (clock() - start) / repetitions


def _calls_that_fill(turn: float, call: Callable[[], object], clock: Clock) -> int:
    repetitions = 1
    while True:
        spent = _one_turn(call, repetitions, clock) * repetitions
        if spent >= turn / 4:
            return max(1, round(repetitions * turn / spent))
        repetitions *= 4


def ratio(slow: Timing, fast: Timing) -> Ratio:
    """How many times as long ``slow`` took; both must come from one :func:`measure`."""
    pairs = zip(slow.seconds, fast.seconds, strict=True)
    return Ratio(
        minima=slow.minimum / fast.minimum,
        medians=slow.median / fast.median,
        paired=statistics.median(one / other for one, other in pairs),
    )


def slope(sizes: Sequence[float], amounts: Sequence[float]) -> tuple[float, float]:
    """Straight line through points by least squares: what is there at size 0, and growth per unit.

    Raises
    ------
    ValueError
        With fewer than two different sizes.
    """
    if len(set(sizes)) < 2:
        raise ValueError(f"sizes must hold at least two different numbers, got {list(sizes)}")
    fit = statistics.linear_regression(sizes, amounts)
    return fit.intercept, fit.slope


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Text table; the first column is aligned left, the others right."""
    columns = list(zip(headers, *rows, strict=True))
    widths = [max(len(cell) for cell in column) for column in columns]
    lines = []
    for cells in [headers, ["-" * width for width in widths], *rows]:
        first, *rest = (
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        lines.append("  ".join([first, *rest]).rstrip())
    return "\n".join(lines)


def bar_table(bars: Sequence[Bar]) -> str:
    """The bars with what was measured, missed ones marked."""
    rows = []
    for bar in bars:
        found = bar.measured
        rows.append(
            [
                bar.case,
                bar.promise,
                f"{bar.required:.1f}",
                "-" if found is None else f"{found.minima:.2f}",
                "-" if found is None else f"{found.medians:.2f}",
                bar.status if bar.status != "not met" else "NOT MET",
            ]
        )
    return table(["case", "promise", "at least", "minima", "medians", "status"], rows)


def run_python(
    code: str, *, environment: Mapping[str, str] | None = None, timeout: float = 600.0
) -> Any:
    """Run code in a fresh interpreter and return the JSON on its last line of output.

    Raises
    ------
    RuntimeError
        If the interpreter fails; the message ends with what it said last.
    """
    finished = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        encoding="utf-8",
        timeout=timeout,
        env={**os.environ, **(environment or {})},
        check=False,
    )
    if finished.returncode != 0:
        raise RuntimeError(f"a child process failed: {finished.stderr.strip()[-800:]}")
    return json.loads(finished.stdout.strip().splitlines()[-1])


def machine() -> dict[str, Any]:
    """Facts on which speed depends; nothing that tells whose machine it is."""
    facts: dict[str, Any] = {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "architecture": platform.machine(),
    }
    if hasattr(os, "getloadavg"):
        facts["load_average"] = round(os.getloadavg()[0], 2)
    if "numpy" in sys.modules:
        # numpy's sort, for one, takes another path for each of these.
        simd = sys.modules["numpy"].show_config(mode="dicts").get("SIMD Extensions", {})
        facts["numpy_simd"] = simd.get("found", [])
    return facts


def _cpu_model() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.lower().startswith("model name"):
                return line.split(":", 1)[1].strip()
    if sys.platform == "darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(
            command, capture_output=True, encoding="utf-8", check=False
        ).stdout.strip()
    return platform.processor() or platform.machine()


def versions(*more: str) -> dict[str, str]:
    """Versions of Python and of what the lessons' speed rests on."""
    found = {"python": platform.python_version()}
    for name in ("paper-lessons", "torch", "numpy", "numba", "llvmlite", *more):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
