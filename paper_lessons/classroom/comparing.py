"""Where two plain values differ first, and how to show them one above the other."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

WIDTH = 88
_DIGITS = 4

Path = tuple[int | str, ...]


class Layout(NamedTuple):
    """Two values as text, aligned, with a caret line under the first difference.

    Attributes
    ----------
    yours, expected : str
        One line each; equal positions stand in equal columns.
    caret : str
        Spaces and carets to print below ``expected``; empty when there is nothing to point at.
    """

    yours: str
    expected: str
    caret: str


def shape_of(value: Any) -> tuple[int, ...] | None:
    """Lengths of regularly nested lists; ``()`` for a single value, None where lists are ragged.

    Parameters
    ----------
    value : object
        A plain value.

    Returns
    -------
    tuple of int or None

    Examples
    --------
    >>> shape_of([[1, 2, 3], [4, 5, 6]]), shape_of(7), shape_of([[1], [2, 3]])
    ((2, 3), (), None)
    """
    if isinstance(value, dict):
        return None
    if not isinstance(value, list):
        return ()
    inner = {shape_of(item) for item in value}
    if len(inner) > 1 or None in inner:
        return None
    return (len(value), *(inner.pop() if inner else ()))  # type: ignore[misc]


def first_difference(yours: Any, expected: Any, *, tolerance: float) -> Path | None:
    """Path to the first place, in reading order, where two plain values differ.

    Parameters
    ----------
    yours, expected : object
        Plain values.
    tolerance : float
        Numbers agree when they differ by at most ``tolerance * (1 + abs(expected))``; NaN agrees with NaN.

    Returns
    -------
    tuple or None
        Indices and keys from the outside in, ``()`` for the whole value; None when they agree.

    Examples
    --------
    >>> first_difference([1.0, [2.0, 3.0]], [1.0, [2.0, 4.0]], tolerance=1e-6)
    (1, 1)
    """
    if isinstance(yours, list) and isinstance(expected, list):
        for index in range(max(len(yours), len(expected))):
            if index >= min(len(yours), len(expected)):
                return (index,)
            rest = first_difference(yours[index], expected[index], tolerance=tolerance)
            if rest is not None:
                return (index, *rest)
        return None
    if isinstance(yours, dict) and isinstance(expected, dict):
        for key in [*expected, *(key for key in yours if key not in expected)]:
            if key not in yours or key not in expected:
                return (key,)
            rest = first_difference(yours[key], expected[key], tolerance=tolerance)
            if rest is not None:
                return (key, *rest)
        return None
    return None if _same(yours, expected, tolerance) else ()


def lay_out(yours: Any, expected: Any, path: Path) -> Layout:
    """Both values on a line each, aligned, cut down to the surroundings of one place when they are long.

    Parameters
    ----------
    yours, expected : object
        Plain values.
    path : tuple
        A result of :func:`first_difference`.

    Returns
    -------
    Layout

    Examples
    --------
    >>> print(*lay_out([3.0, 1.5, 2.0], [3.0, 1.75, 1.75], (1,)), sep="\\n")
    [3.0, 1.5,  2.0 ]
    [3.0, 1.75, 1.75]
          ^^^^
    """
    digits = _visible_digits(_at(yours, path), _at(expected, path))
    layout = _pair(yours, expected, path, digits)
    if max(len(layout.yours), len(layout.expected)) <= WIDTH:
        return layout
    return _narrow(yours, expected, path, digits)


def write(value: Any, *, width: int = WIDTH) -> str:
    """A plain value on one line, with its middle left out when it is long.

    Parameters
    ----------
    value : object
        A plain value.
    width : int
        Characters that may be used.

    Returns
    -------
    str

    Examples
    --------
    >>> write([0.5, 1.0]), write(list(range(1000)), width=40)
    ('[0.5, 1.0]', '[0, 1, 2, ..., 999]   (1000 entries)')
    """
    text = _text(value, _DIGITS)
    if len(text) <= width:
        return text
    if isinstance(value, list) and len(value) > 4:
        ends = [_text(item, _DIGITS) for item in (*value[:3], value[-1])]
        text = f"[{', '.join(ends[:3])}, ..., {ends[3]}]   ({len(value)} entries)"
        if len(text) <= width:
            return text
    return text[: width - 4] + " ..."


def _same(yours: Any, expected: Any, tolerance: float) -> bool:
    for value in (yours, expected):
        if isinstance(value, bool) or not isinstance(value, int | float):
            return type(yours) is type(expected) and yours == expected
    if math.isnan(expected) or math.isnan(yours):
        return math.isnan(expected) and math.isnan(yours)
    if math.isinf(expected) or math.isinf(yours):
        return yours == expected
    return abs(yours - expected) <= tolerance * (1 + abs(expected))


_ABSENT = object()


def _at(value: Any, path: Path) -> Any:
    for step in path:
        try:
            value = value[step]
        except (IndexError, KeyError, TypeError):
            return _ABSENT
    return value


def _visible_digits(yours: Any, expected: Any) -> int:
    # A difference that rounding would hide needs more digits.
    if isinstance(yours, float) and isinstance(expected, float):
        for digits in (_DIGITS, 6, 8, 10, 12):
            if _text(yours, digits) != _text(expected, digits):
                return digits
        return 17
    return _DIGITS


def _text(value: Any, digits: int) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_text(item, digits) for item in value) + "]"
    if isinstance(value, dict):
        items = (f"{key!r}: {_text(item, digits)}" for key, item in value.items())
        return "{" + ", ".join(items) + "}"
    if not isinstance(value, float) or not math.isfinite(value):
        return repr(value)
    if digits >= 17:
        return repr(float(value))
    size = abs(value)
    if size < 10.0 ** -(digits + 3):
        return "0.0"
    if size < 1e-3 or size >= 1e7:
        return f"{value:.{digits}g}"
    text = f"{value:.{digits}f}".rstrip("0")
    return text + "0" if text.endswith(".") else text


def _pair(yours: Any, expected: Any, path: Path, digits: int) -> Layout:
    """The two values with their entries in equal columns."""
    if isinstance(yours, list) and isinstance(expected, list):
        longer = max(len(yours), len(expected))
        parts = [_entries(yours, expected, index, path, digits) for index in range(longer)]
        return _row(parts, [""] * longer, (len(yours), len(expected)), "[]")
    if isinstance(yours, dict) and isinstance(expected, dict) and set(yours) == set(expected):
        parts = [_entries(yours, expected, key, path, digits) for key in expected]
        return _row(parts, [f"{key!r}: " for key in expected], (len(yours), len(expected)), "{}")
    left, right = _text(yours, digits), _text(expected, digits)
    return Layout(left, right, "^" * len(right) if not path else "")


def _entries(yours: Any, expected: Any, step: int | str, path: Path, digits: int) -> Layout:
    """One entry of both; where only one of them has it, the other is empty."""
    here = bool(path) and path[0] == step
    left, right = _at(yours, (step,)), _at(expected, (step,))
    if left is _ABSENT or right is _ABSENT:
        mine = "" if left is _ABSENT else _text(left, digits)
        theirs = "" if right is _ABSENT else _text(right, digits)
        return Layout(mine, theirs, "^" * max(1, len(theirs)) if here else "")
    # A path that leads elsewhere must not end here.
    return _pair(left, right, path[1:] if here else ("elsewhere",), digits)


def _row(parts: list[Layout], labels: list[str], lengths: tuple[int, int], brackets: str) -> Layout:
    left = right = brackets[0]
    caret = ""
    for index, (part, label) in enumerate(zip(parts, labels, strict=True)):
        if part.caret:
            caret = " " * (len(right) + len(label)) + part.caret
        width = max(len(part.yours), len(part.expected))
        left += _entry(part.yours, label, width, index, lengths[0])
        right += _entry(part.expected, label, width, index, lengths[1])
    return Layout(left + brackets[1], right + brackets[1], caret)


def _entry(text: str, label: str, width: int, index: int, length: int) -> str:
    if index >= length:
        return ""
    comma = ", " if index < length - 1 else ""
    return label + (text + comma).ljust(width + len(comma))


def _narrow(yours: Any, expected: Any, path: Path, digits: int) -> Layout:
    """The innermost list around the difference, and of that the neighbours of the difference."""
    depth = max(0, len(path) - 1)
    inner_yours, inner_expected = _at(yours, path[:depth]), _at(expected, path[:depth])
    if not (isinstance(inner_yours, list) and isinstance(inner_expected, list) and path):
        left, right = (
            write(_at(value, path)) if _at(value, path) is not _ABSENT else "(nothing)"
            for value in (yours, expected)
        )
        return Layout(left, right, "")
    index = int(path[-1])
    start = max(0, index - 2)
    stop = index + 3
    layout = _pair(inner_yours[start:stop], inner_expected[start:stop], (index - start,), digits)
    before = "[..., " if start else "["
    after = ", ...]" if stop < max(len(inner_yours), len(inner_expected)) else "]"
    row = "".join(f"[{step!r}]" for step in path[:depth])
    row = f"{row} " if row else ""
    shift = " " * (len(row) + len(before) - 1)
    left = f"{row}{before}{layout.yours[1:-1]}{after}"
    right = f"{row}{before}{layout.expected[1:-1]}{after}"
    if max(len(left), len(right)) > 2 * WIDTH:
        left, right = left[: 2 * WIDTH] + " ...", right[: 2 * WIDTH] + " ..."
    return Layout(left, right, shift + layout.caret if layout.caret else "")
