"""A pytest plugin beside nbval: what every notebook cell gave, one JSON line each, on the disk at once.

The lines are the only thing that scores are made of; pytest's own exit code and counts are not.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from typing import Any

import pytest

_LONGEST = 20_000  # characters of output that are worth keeping
# Nbval stops a kernel that stays silent this long after a reply; its own 5 seconds are short on a busy machine.
_SILENCE = 60


def pytest_addoption(parser: pytest.Parser) -> None:
    """One option: where the lines go."""
    parser.addoption("--paper-lessons-log", default=None, help="file for one JSON line per cell")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: Any) -> Generator[None, Any, Any]:
    """Say that a cell begins, and in which process."""
    item.output_timeout = _SILENCE
    kernel = getattr(item.parent.kernel.km.provisioner, "pid", None)
    _write(item, {"event": "start", "kernel": kernel, "pytest": os.getpid()})
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: Any, call: Any) -> Generator[None, Any, Any]:
    """Say how a cell ended."""
    if call.when == "call" or call.excinfo is not None:
        outputs = getattr(item, "test_outputs", None) or []
        _write(
            item,
            {
                "event": "end",
                # Not the report's outcome: after a time-out nbval marks cells as expected to fail.
                "ok": call.when == "call" and call.excinfo is None,
                "output": _stream(outputs, "stdout"),
                "error": next((_error(one) for one in outputs if one.output_type == "error"), None),
                "why": "" if call.excinfo is None else str(call.excinfo.value)[:_LONGEST],
            },
        )
    return (yield)


def _write(item: Any, line: dict[str, Any]) -> None:
    path = item.config.getoption("--paper-lessons-log")
    with open(path, "a", encoding="ascii") as log:  # noqa: PTH123
        log.write(json.dumps({"cell": item.cell.get("id", ""), **line}) + "\n")
        log.flush()
        os.fsync(log.fileno())


def _stream(outputs: list[Any], name: str) -> str:
    texts = [one.text for one in outputs if one.output_type == "stream" and one.name == name]
    return "".join(texts)[:_LONGEST]


def _error(output: Any) -> dict[str, str]:
    return {
        "name": str(output.ename)[:200],
        "message": str(output.evalue)[:_LONGEST],
        "traceback": "\n".join(output.traceback)[-_LONGEST:],
    }
