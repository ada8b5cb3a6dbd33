"""Another processor's last bits: sines, exponentials and their like, moved by one unit in the last place.

`pytest -p rounding` (with this folder on the path) runs tests that way; `make test-processors` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

# What C libraries and NumPy's own vector code round differently. (Sums, products and roots are exact to
# the last bit everywhere.)
TRANSCENDENTAL = (
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2"),
    *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "logaddexp", "sinh", "cosh", "tanh"),
)


class Moved:
    """A function whose floating-point results go up or down by one unit in the last place.

    Which way is drawn by the result's own bits, so that equal calls give equal results, as on any processor.
    """

    draw = 0  # another number, another processor

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        result = self.function(*arguments, **options)
        if options.get("out") is not None or not np.issubdtype(
            np.asarray(result).dtype, np.floating
        ):
            return result
        # 0 and 1 are exact where they come from exact arguments, exp(0) for one
        bits = np.asarray(result, dtype=np.float64).view(np.uint64)
        with np.errstate(over="ignore"):
            up = (bits + np.uint64(Moved.draw)) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(
                63
            ) == 0
        moved = np.nextafter(result, np.where(up, np.inf, -np.inf).astype(np.asarray(result).dtype))
        kept = np.isfinite(result) & (result != 0) & (np.abs(result) != 1)
        return np.where(kept, moved, result)[()]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.function, name)


@contextmanager
def last_bits_moved() -> Iterator[None]:
    """Move the results of NumPy's functions and of lesson 04's ops while this holds."""
    from paper_lessons.automl_zero.arithmetic import FUNCTIONS
    from paper_lessons.automl_zero.ops import Op

    ops = {op: FUNCTIONS[op] for op in Op if op.name.removeprefix("scalar_") in TRANSCENDENTAL}
    before = {name: getattr(np, name) for name in TRANSCENDENTAL}
    FUNCTIONS.update({op: Moved(function) for op, function in ops.items()})
    for name, function in before.items():
        setattr(np, name, Moved(function))
    try:
        yield
    finally:
        FUNCTIONS.update(ops)
        for name, function in before.items():
            setattr(np, name, function)


def pytest_configure(config: Any) -> None:
    context = last_bits_moved()
    context.__enter__()
    config.add_cleanup(lambda: context.__exit__(None, None, None))
