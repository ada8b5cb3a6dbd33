"""Runs a lesson's benchmark: ``python tests/benchmarks/run.py soft_sort [--quick] [--out FILE]``.

Exit code 0 when every bar that was measured is met, 1 when one is missed, 2 when there is nothing to run.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from harness import THREAD_VARIABLES, bar_table

from paper_lessons.lessons import find

TOP = Path(__file__).resolve().parents[2]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="run.py", description="Speed of a lesson's library against its rivals."
    )
    parser.add_argument("lesson", help="number or name: 01, soft_sort, soft-sort")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="fewer cases and rounds, to look; the bars want a full run",
    )
    parser.add_argument(
        "--out", type=Path, help="where the JSON goes (default: _build/bench/<lesson>.json)"
    )
    parser.add_argument(
        "--peers", action="store_true", help="also time slower peers that have no bar"
    )
    options = parser.parse_args(arguments)
    try:
        lesson = find(options.lesson)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if find_spec(f"bench_{lesson.name}") is None:
        print(f"lesson {lesson.number:02d} {lesson.name} has no benchmark yet", file=sys.stderr)
        return 2

    # One thread, told to every library before it is imported; children of this process inherit it.
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    build = TOP / "_build" / "bench"
    report = import_module(f"bench_{lesson.name}").run(
        quick=options.quick, peers=options.peers, build=build
    )
    path = report.write(options.out or build / f"{lesson.name}.json")

    print("\nBars (a ratio of minima decides; medians tell how it looks on a busy machine)")
    print(bar_table(report.bars))
    for note in report.notes:
        print(f"note: {note}")
    counts = [
        sum(bar.status == status for bar in report.bars)
        for status in ("met", "not met", "not measured")
    ]
    print("bars: {} met, {} not met, {} not measured".format(*counts))
    print(f"written: {path.relative_to(TOP) if path.is_relative_to(TOP) else path}")
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
