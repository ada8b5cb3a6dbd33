"""Counting the work of a function, so that a check can tell n from n squared without a clock."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


class _TooManySteps(BaseException):
    """Ends the counted call; not an Exception, so that a learner's ``except`` lets it pass."""


def count_steps(function: Callable[..., Any], *inputs: Any, limit: int) -> int:
    """Number of lines of Python that a call runs in its own file, the same on every machine.

    Work that a single line hands to compiled code (a sum, a matrix product) counts as that one line.

    Parameters
    ----------
    function : callable
        What is counted: its own lines and those of functions from the same file or notebook.
    *inputs : object
        Arguments of the call.
    limit : int
        The call is stopped when it has run more lines than this.

    Returns
    -------
    int
        Lines run; ``limit + 1`` when the call was stopped.

    Examples
    --------
    >>> def total(values):
    ...     result = 0
    ...     for value in values:
    ...         result += value
    ...     return result
    >>> count_steps(total, range(100), limit=1000)
    203
    """
    code = getattr(function, "__code__", None)
    home = _home(code.co_filename) if code is not None else ""
    steps = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal steps
        if _home(frame.f_code.co_filename) != home:
            return None
        if event == "line":
            steps += 1
            if steps > limit:
                raise _TooManySteps
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function(*inputs)
    except _TooManySteps:
        pass
    finally:
        sys.settrace(before)
    return min(steps, limit + 1)


def _home(filename: str) -> str:
    # Every cell of a notebook is a file of its own in ipykernel's folder: together they are one home.
    head, separator, _ = filename.replace("\\", "/").rpartition("/")
    return head if separator and "ipykernel_" in head else filename
