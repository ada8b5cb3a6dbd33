"""Values as a check prints them: plain, rounded, one spelling each."""

from __future__ import annotations

import json
import math
import sys
from typing import Any

# Filled by `show` while `paper_lessons.classroom.executing` makes the notebooks, so that it can look at
# the numbers before they were rounded. None everywhere else.
recorded: list[dict[str, Any]] | None = None


def show(value: Any, *, decimals: int = 4, tolerance: float = 1e-7) -> None:
    """Print a value as rounded canonical JSON: what a graded check cell compares.

    Numbers that are equal print equally, whether they are Python's, NumPy's or PyTorch's, integers or
    floats; tuples and arrays print as lists, the keys of a dictionary are sorted, and what JSON cannot say
    is spelled out (``"NaN"``, ``"Infinity"``).

    Parameters
    ----------
    value : object
        Numbers, strings, booleans, None, tensors or arrays of any shape, and lists, tuples and dictionaries of them.
    decimals : int
        Digits after the decimal point that are kept.
    tolerance : float
        How far rounding errors may take a right answer from the reference. It changes nothing here; the
        notebooks are only made when every reference value keeps ten times this distance from the point
        where its last digit would change.

    Raises
    ------
    TypeError
        If the value holds something else.

    Examples
    --------
    >>> show((1.75, 2.0, float("nan"), -0.00001))
    [1.75, 2, "NaN", 0]
    """
    simple = plain(value)
    if recorded is not None:
        recorded.append({"value": simple, "decimals": decimals, "tolerance": tolerance})
    print(canonical(simple, decimals=decimals))


def plain(value: Any) -> Any:
    """The same value in lists, dictionaries, numbers and strings only.

    Parameters
    ----------
    value : object
        See :func:`show`.

    Returns
    -------
    object

    Raises
    ------
    TypeError
        If the value holds an object that has no such form.

    Examples
    --------
    >>> import numpy as np
    >>> plain((np.arange(3), {"a": np.float32(0.5)}))
    [[0, 1, 2], {'a': 0.5}]
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        return {_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | range):
        return [plain(item) for item in value]
    if is_tensor(value):
        return plain(value.detach().cpu().tolist())
    if is_array(value):
        return plain(value.tolist())
    raise TypeError(
        "a value must be made of numbers, strings, lists, dictionaries, arrays or tensors; "
        f"got {kind_of(value)}"
    )


def canonical(value: Any, *, decimals: int) -> str:
    """JSON of a plain value with rounded numbers; equal numbers have equal spellings.

    Parameters
    ----------
    value : object
        A result of :func:`plain`.
    decimals : int
        Digits after the decimal point that are kept.

    Returns
    -------
    str
        One line.

    Examples
    --------
    >>> canonical({"b": 2.0, "a": [0.123456]}, decimals=4)
    '{"a": [0.1235], "b": 2}'
    """
    return json.dumps(_rounded(value, decimals), sort_keys=True, ensure_ascii=False)


def numbers(value: Any) -> list[float]:
    """All numbers of a plain value in reading order; booleans are not numbers.

    Parameters
    ----------
    value : object
        A result of :func:`plain`.

    Returns
    -------
    list of float

    Examples
    --------
    >>> numbers([1, [2.5, True], {"a": 3}])
    [1.0, 2.5, 3.0]
    """
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return []
    if isinstance(value, dict):
        return [number for item in value.values() for number in numbers(item)]
    if isinstance(value, list):
        return [number for item in value for number in numbers(item)]
    return [float(value)]


def room(number: float, decimals: int) -> float:
    """Distance from a number to the nearest point where its rounded spelling changes.

    Parameters
    ----------
    number : float
        A finite number.
    decimals : int
        Digits after the decimal point that are kept.

    Returns
    -------
    float

    Examples
    --------
    >>> round(room(0.12345, 4), 6), round(room(0.5, 4), 6)
    (0.0, 5e-05)
    """
    steps = number * 10.0**decimals - 0.5
    return abs(steps - round(steps)) / 10.0**decimals


def is_tensor(value: Any) -> bool:
    """Is this a PyTorch tensor? Answered without importing PyTorch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def is_array(value: Any) -> bool:
    """Is this a NumPy array or scalar? Answered without importing NumPy."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray | numpy.generic)


def kind_of(value: Any) -> str:
    """A type's name as a learner knows it: ``torch.Tensor``, ``numpy.ndarray``, ``list``."""
    module = type(value).__module__
    name = type(value).__qualname__
    return name if module in ("builtins", "__main__") else f"{module}.{name}"


def _key(key: Any) -> str:
    if isinstance(key, str | int) or is_array(key):
        return str(key)
    raise TypeError(f"the keys of a dictionary must be strings or integers, got {kind_of(key)}")


def _rounded(value: Any, decimals: int) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item, decimals) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item, decimals) for item in value]
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        number = round(float(value), decimals)
        return int(number) if number.is_integer() else number
    return value
