"""How one case is shown to a learner: input, yours, expected, and a caret under the first difference."""

from __future__ import annotations

import inspect
import linecache
import traceback
from collections.abc import Callable
from typing import Any

from paper_lessons.classroom.cases import Case, Outcome
from paper_lessons.classroom.comparing import first_difference, lay_out, shape_of, write
from paper_lessons.classroom.values import is_array, is_tensor, kind_of, plain

NOTHING = "Your function returned nothing. Does it end with a `return`?"


def agreeing(outcome: Outcome, function: Callable[..., Any]) -> list[str]:
    """Lines for a case that agrees."""
    return [
        *_inputs(outcome.case, function),
        f"  yours      {write(plain(outcome.yours))}",
        f"  expected   {write(plain(outcome.expected))}   ok",
    ]


def failing(outcome: Outcome, function: Callable[..., Any], tolerance: float) -> list[str]:
    """Lines for a case that does not: what came, what should, where they part."""
    lines = _inputs(outcome.case, function)
    expected = plain(outcome.expected)
    if outcome.error is not None:
        message = " ".join(str(outcome.error).split()) or "(no message)"
        lines.append(f"  yours      {type(outcome.error).__name__}: {message}")
        lines += _place(outcome.error, function)
        return [*lines, f"  expected   {write(expected)}"]
    try:
        yours = plain(outcome.yours)
    except TypeError:
        return [
            *lines,
            f"  yours      an object of type {kind_of(outcome.yours)}",
            f"  expected   {write(expected)}",
        ]
    path = first_difference(yours, expected, tolerance=tolerance)
    if path is None:
        lines += [f"  yours      {write(yours)}", f"  expected   {write(expected)}   ok"]
    elif yours is None:
        lines += ["  yours      nothing", f"  expected   {write(expected)}", f"  {NOTHING}"]
    elif shape_of(yours) != shape_of(expected):
        lines += _shapes(yours, expected, path)
    else:
        layout = lay_out(yours, expected, path)
        lines += [f"  yours      {layout.yours}", f"  expected   {layout.expected}"]
        lines.append(f"             {layout.caret}{_position(path)}")
    if outcome.changed:
        lines.append("  Your function changed its input. Does it work on a copy?")
    return [*lines, *remark(outcome)]


def _shapes(yours: Any, expected: Any, path: tuple[int | str, ...]) -> list[str]:
    left, right = shape_of(yours), shape_of(expected)
    if left is not None and right is not None and len(left) == len(right) == 1:
        layout = lay_out(yours, expected, path)
        note = f" differs first at position {path[0]}" if layout.caret else ""
        return [
            f"  yours      {layout.yours}",
            f"  expected   {layout.expected}",
            *([f"             {layout.caret}{note}"] if layout.caret else []),
            f"  The lengths differ: yours {left[0]}, expected {right[0]}.",
        ]
    shapes = [str(shape) if shape is not None else "ragged" for shape in (left, right)]
    return [
        f"  yours      {write(yours)}",
        f"  expected   {write(expected)}",
        f"  The shapes differ: yours {shapes[0]}, expected {shapes[1]}.",
    ]


def _position(path: tuple[int | str, ...]) -> str:
    if not path:
        return ""
    if len(path) == 1 and isinstance(path[0], int):
        return f" differs first at position {path[0]}"
    return " differs first at " + "".join(f"[{step!r}]" for step in path)


def _inputs(case: Case, function: Callable[..., Any]) -> list[str]:
    if len(case.inputs) == 1 and not case.options:
        return [f"  input      {_input(case.inputs[0])}"]
    try:
        names = [
            name for name in inspect.signature(function).parameters if name not in case.options
        ]
    except (TypeError, ValueError):
        names = []
    names += [f"argument {index}" for index in range(len(names), len(case.inputs))]
    named = [*zip(names, case.inputs, strict=False), *case.options.items()]
    labels = ["input", *[""] * (len(named) - 1)]
    return [
        f"  {label:<10} {name} = {_input(value)}"
        for label, (name, value) in zip(labels, named, strict=True)
    ] or ["  input      (none)"]


def _input(value: Any) -> str:
    try:
        return write(plain(value))
    except TypeError:
        return f"an object of type {kind_of(value)}"


def remark(outcome: Outcome) -> list[str]:
    """Types and dtypes: they cost nothing here, but they explain much."""
    yours, expected = outcome.yours, outcome.expected
    have, want = _dtype(yours), _dtype(expected)
    if have and want and _number_kind(have) != _number_kind(want):
        return [f"  Your values have the dtype {have}; {want} is expected."]
    if (is_tensor(expected) or is_array(expected)) and kind_of(yours) != kind_of(expected):
        if yours is None:
            return []
        return [f"  Your value is a {kind_of(yours)}; a {kind_of(expected)} is expected."]
    return []


def _dtype(value: Any) -> str:
    return str(value.dtype).removeprefix("torch.") if is_tensor(value) or is_array(value) else ""


def _number_kind(dtype: str) -> str:
    return dtype.removeprefix("b").rstrip("0123456789").removeprefix("u")


def _place(error: Exception, function: Callable[..., Any]) -> list[str]:
    frame = own_frame(error, function)
    if frame is None:
        return []
    source = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
    return [f"             at line {frame.lineno}: {source}"]


def own_frame(error: Exception, function: Callable[..., Any]) -> traceback.FrameSummary | None:
    """The innermost frame of a traceback that is the learner's own code."""
    code = getattr(function, "__code__", None)
    frames = traceback.extract_tb(error.__traceback__)
    own = [
        frame
        for frame in frames
        if "ipykernel_" in frame.filename or (code and frame.filename == code.co_filename)
    ]
    return own[-1] if own else None
