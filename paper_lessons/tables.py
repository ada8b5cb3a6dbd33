"""Tables and verdicts as the chapters print them, so that a cell shows what it computes and not how it is set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np


def show_table(head: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> Any:
    """A table for the page.

    Parameters
    ----------
    head : sequence of str
        Names of the columns.
    rows : iterable of sequences
        A cell for each column; Markdown and mathematics may stand in it.
    title : str
        A line above it.

    Returns
    -------
    IPython.display.Markdown

    Raises
    ------
    ValueError
        If a row has more or fewer cells than the head.

    Examples
    --------
    >>> print(show_table(["n", "ms"], [(10, "0.3"), (100, "2.9")], "Times").data)
    Times
    <BLANKLINE>
    | n | ms |
    |---|---|
    | 10 | 0.3 |
    | 100 | 2.9 |
    """
    from IPython.display import Markdown

    lines = [_line(head), "|" + "---|" * len(head)]
    for row in rows:
        if len(row) != len(head):
            raise ValueError(f"a row must have {len(head)} cells, got {len(row)}: {list(row)}")
        lines.append(_line(row))
    return Markdown("\n".join([*([title, ""] if title else []), *lines]))


def verdict(holds: bool) -> str:
    """What the last column of a claims table says.

    Examples
    --------
    >>> verdict(True), verdict(False)
    ('yes', '**no**')
    """
    return "yes" if holds else "**no**"


def mean_and_error(values: Any) -> str:
    """Mean and standard error of some numbers.

    Examples
    --------
    >>> mean_and_error([0.5, 0.7])
    '0.600 ± 0.100'
    """
    found = np.asarray(values, dtype=float)
    return f"{found.mean():.3f} ± {found.std(ddof=1) / np.sqrt(len(found)):.3f}"


def _line(cells: Sequence[Any]) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"
