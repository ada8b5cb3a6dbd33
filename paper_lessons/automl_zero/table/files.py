"""A user's own table: numbers with a header, read from a file; what cannot be used is named.

Nothing is left out that the user did not ask to leave out. A decimal comma is read where a comma does not separate cells.
"""

from __future__ import annotations

import csv
import difflib
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

TABLE_KINDS = ("auto", "regression", "classification")
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?"})
LEAST_ROWS = 40
LEAST_OF_A_CLASS = 10
MOST_CLASSES = 20
_SHOWN = 5  # examples in a message

Cells = list[str]


@dataclass(frozen=True)
class Table:
    """Features and targets of a file, as numbers.

    Attributes
    ----------
    name : str
        The file's name.
    columns : tuple of str
        Names of the features.
    target : str
        Name of the target.
    x : array of shape (n, columns)
        Features as they stand in the file.
    y : array of shape (n,)
        Targets; for classification the classes' numbers, from 0.
    kind : {"regression", "classification"}
        What is predicted.
    classes : tuple of str
        What 0, 1, ... are called in the file; empty for regression.
    delimiter : str
        What separates cells.
    missing_rows : int
        Rows that were left out because a value is missing.
    """

    name: str
    columns: tuple[str, ...]
    target: str
    x: Float[np.ndarray, "n columns"]
    y: Float[np.ndarray, " n"]
    kind: str
    classes: tuple[str, ...]
    delimiter: str
    missing_rows: int


def read_table(
    path: str | Path,
    target: str,
    *,
    kind: str = "auto",
    drop: Sequence[str] = (),
    drop_missing: bool = False,
    positive: str | None = None,
) -> Table:
    """Read a file with a header line and a number in each cell.

    Parameters
    ----------
    path : str or Path
        Text in UTF-8; cells are separated by commas, semicolons, tabs or bars, whichever the header
        has most of.
    target : str
        Name of the column to predict. In a classification its values, two to :data:`MOST_CLASSES`, may be words.
    kind : {"auto", "regression", "classification"}
        "auto" means classification if the target has two values, or words.
    drop : sequence of str
        Columns to leave out.
    drop_missing : bool
        Whether rows with a missing value (an empty cell, NA, nan, null, none, ?) are left out.
        Otherwise they are an error.
    positive : str, optional
        The value of the target that is class 1, against all others. Without it class 1 is the larger
        number, or the later word, of two.

    Returns
    -------
    Table

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a column is absent, not numeric or constant, a value is missing, there are too few rows,
        decimal commas and points are mixed, or the target has too many classes.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "mine.csv"
    >>> lines = ["a,b,sort"] + [f"{i},{i % 7},{'xy'[i % 2]}" for i in range(50)]
    >>> _ = path.write_text("\\n".join(lines))
    >>> table = read_table(path, "sort")
    >>> table.kind, table.classes, table.x.shape
    ('classification', ('x', 'y'), (50, 2))
    """
    if kind not in TABLE_KINDS:
        raise ValueError(f"kind must be one of {', '.join(TABLE_KINDS)}, got {kind!r}")
    path = Path(path)
    header, rows, lines, delimiter = _read_cells(path)
    for name in (target, *drop):
        _find_column(name, header, "target" if name == target else "drop")
    if target in drop:
        raise ValueError(f"drop must not name the target, got {target!r}")
    kept = [place for place, name in enumerate(header) if name not in drop]
    features = [place for place in kept if header[place] != target]
    if not features:
        raise ValueError(f"{path.name} must have a column besides the target and those in drop")
    complete = _complete_rows(rows, lines, header, kept, drop_missing)
    missing_rows = len(rows) - len(complete)
    rows, lines = [rows[i] for i in complete], [lines[i] for i in complete]
    if len(rows) < LEAST_ROWS:
        left = f" ({missing_rows} more have missing values)" if missing_rows else ""
        raise ValueError(
            f"{path.name} must have at least {LEAST_ROWS} rows to be split into parts for search, "
            f"choice and test, got {len(rows)}{left}"
        )
    x = _numbers(rows, lines, header, features)
    values = [row[header.index(target)].strip() for row in rows]
    y, classes = _targets(values, lines, target, kind, positive)
    names = tuple(header[place] for place in features)
    found = "classification" if classes else "regression"
    return Table(path.name, names, target, x, y, found, classes, delimiter, missing_rows)


def _read_cells(path: Path) -> tuple[Cells, list[Cells], list[int], str]:
    """The header; the rows below it, as long as the header, and their lines; the delimiter."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            delimiter = delimiter_of(file.readline())
            file.seek(0)
            reader = csv.reader(file, delimiter=delimiter)
            listed = [(reader.line_num, row) for row in reader if any(row)]
    except UnicodeDecodeError:
        raise ValueError(f"{path.name} must be text in UTF-8; save it as CSV UTF-8") from None
    except IsADirectoryError:
        raise ValueError(f"{path.name} must be a file, got a folder") from None
    except csv.Error as error:
        raise ValueError(f"{path.name} must be a table of text ({error})") from None
    if len(listed) < 2:
        raise ValueError(f"{path.name} must have a line of names and rows below it, got less")
    header = [cell.strip() for cell in listed[0][1]]
    lines, rows = [line for line, _ in listed[1:]], [row for _, row in listed[1:]]
    if all(_as_number(cell) is not None for cell in header):
        raise ValueError(
            f"{path.name} must begin with the columns' names, got numbers: {', '.join(header[:3])}"
        )
    doubled = sorted({name for name in header if header.count(name) > 1})
    if doubled or "" in header:
        raise ValueError(
            f"{path.name} must name each column once, got "
            + (f"{doubled[0]!r} twice" if doubled and doubled[0] else "a column without a name")
        )
    for line, row in zip(lines, rows, strict=True):
        if len(row) != len(header):
            raise ValueError(
                f"{path.name} must have {len(header)} cells in each row, got {len(row)} in line {line} "
                f"(cells are separated by {delimiter!r})"
            )
    if delimiter != "," and has_decimal_comma(cell for row in rows for cell in row):
        for line, row in zip(lines, rows, strict=True):
            mixed = [cell.strip() for cell in row if "." in cell and _as_number(cell) is not None]
            if mixed and not all(with_point(cell) != cell for cell in mixed):
                raise ValueError(
                    f"{path.name} must have one decimal sign; some cells have a comma, line {line} has {mixed[0]!r}"
                )
        rows = [[with_point(cell) for cell in row] for row in rows]
    return header, rows, lines, delimiter


def has_decimal_comma(cells: Iterable[str]) -> bool:
    """Whether some cell is a number with a comma before its fraction.

    Examples
    --------
    >>> has_decimal_comma(["a, b", "3"]), has_decimal_comma(["3", "-0,5"])
    (False, True)
    """
    return any(re.fullmatch(r"\s*[+-]?[\d.]*,\d+([eE][+-]?\d+)?\s*", cell) for cell in cells)


def with_point(cell: str) -> str:
    """A number with a decimal comma, and perhaps points between thousands, as Python reads it; else the cell.

    Examples
    --------
    >>> with_point("1.234,5"), with_point("0,038"), with_point("1.000.000"), with_point("a,b")
    ('1234.5', '0.038', '1000000', 'a,b')
    """
    number = r"\s*([+-]?)(\d{1,3}(?:\.\d{3})+|\d*)(?:,(\d+))?([eE][+-]?\d+)?\s*"
    found = re.fullmatch(number, cell)
    if found is None or not (found[2] or found[3]):
        return cell
    sign, whole, fraction, exponent = (part or "" for part in found.groups())
    return sign + whole.replace(".", "") + ("." + fraction if fraction else "") + exponent


def delimiter_of(line: str) -> str:
    """The sign of , ; tab and | that a header has most of.

    Examples
    --------
    >>> delimiter_of("length;width;kind, or name")
    ';'
    """
    return max(",;\t|", key=line.count)


def _find_column(name: str, header: Cells, option: str) -> None:
    if name in header:
        return
    near = difflib.get_close_matches(name, header, 1, 0.6)
    listed = ", ".join(header[:20]) + (" ..." if len(header) > 20 else "")
    meant = f" (did you mean {near[0]!r}?)" if near else ""
    raise ValueError(f"{option} must be one of the columns {listed}; got {name!r}{meant}")


def _complete_rows(
    rows: list[Cells], lines: list[int], header: Cells, kept: list[int], drop_missing: bool
) -> list[int]:
    gaps = {
        i: [header[place] for place in kept if row[place].strip().lower() in MISSING]
        for i, row in enumerate(rows)
    }
    missing = [i for i, names in gaps.items() if names]
    if missing and not drop_missing:
        shown = ", ".join(str(lines[i]) for i in missing[:_SHOWN])
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        names = list(dict.fromkeys(name for i in missing for name in gaps[i]))
        worst = max(names, key=lambda name: sum(name in gaps[i] for i in missing))
        raise ValueError(
            f"values are missing in {len(missing)} of {len(rows)} rows (lines {shown}{more}), "
            f"most of them in column {worst!r}: leave the rows out with --drop-missing, or a column with --drop"
        )
    return [i for i, names in gaps.items() if not names]


def _numbers(
    rows: list[Cells], lines: list[int], header: Cells, places: list[int]
) -> Float[np.ndarray, "n columns"]:
    """The cells of these columns; one error names all columns that cannot be used, and why."""
    x = np.empty((len(rows), len(places)))
    reasons: dict[str, str] = {}
    for column, place in enumerate(places):
        for i, row in enumerate(rows):
            number = _as_number(row[place])
            if number is None:
                reasons[header[place]] = f"has {row[place].strip()!r} in line {lines[i]}"
                break
            x[i, column] = number
        else:
            if np.ptp(x[:, column]) == 0.0:
                reasons[header[place]] = f"is always {x[0, column]:g}"
    if reasons:
        listed = [f"{name} {reason}" for name, reason in reasons.items()]
        more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
        # A name with a blank must be typed in quotes.
        out = " ".join(f'--drop "{name}"' if " " in name else f"--drop {name}" for name in reasons)
        raise ValueError(
            f"columns must hold finite numbers that vary: {'; '.join(listed[:_SHOWN])}{more}. "
            f"Leave them out with {out}"
        )
    return x


def _targets(
    values: Cells, lines: list[int], target: str, kind: str, positive: str | None
) -> tuple[Float[np.ndarray, " n"], tuple[str, ...]]:
    """Targets as numbers, and the names of the two classes if they are classes."""
    numbers = [_as_number(value) for value in values]
    numeric = None not in numbers
    # 1 and 1.0 are one value.
    distinct: dict[float | str, str] = {}
    for number, value in zip(numbers, values, strict=True):
        distinct.setdefault(value if number is None or not numeric else number, value)
    if len(distinct) < 2:
        raise ValueError(f"target must have at least two values, got {values[0]!r} in all rows")
    if positive is not None:
        if kind == "regression":
            raise ValueError("positive must be left out for a regression")
        return _one_class(values, distinct, target, positive)
    if kind == "regression" or (kind == "auto" and numeric and len(distinct) > 2):
        for number, value, line in zip(numbers, values, lines, strict=True):
            if number is None:
                raise ValueError(
                    f"target must hold finite numbers for a regression, got {value!r} in line {line}"
                )
        return np.array(numbers, dtype=float), ()
    if len(distinct) > MOST_CLASSES:
        names = ", ".join(list(distinct.values())[:_SHOWN])
        raise ValueError(
            f"target must have at most {MOST_CLASSES} classes, got {len(distinct)} ({names}, ...): "
            "tell one of them from all others with --positive"
        )
    if len(distinct) > 2:
        keys = sorted(distinct)  # all numbers, or all words
        place = {key: float(i) for i, key in enumerate(keys)}
        y = np.array([place[_key(value, place)] for value in values])
        for i, key in enumerate(keys):
            _check_count(int((y == i).sum()), distinct[key])
        return y, tuple(distinct[key] for key in keys)
    zero, one = sorted(distinct)
    return _one_class(values, distinct, target, distinct[one], distinct[zero])


def _one_class(
    values: Cells,
    distinct: dict[float | str, str],
    target: str,
    positive: str,
    others: str | None = None,
) -> tuple[Float[np.ndarray, " n"], tuple[str, ...]]:
    key: float | str | None = positive.strip()
    if key not in distinct:
        key = _as_number(positive)
    if key not in distinct:
        names = ", ".join(list(distinct.values())[:_SHOWN])
        raise ValueError(f"positive must be a value of {target!r} ({names}), got {positive!r}")
    y = np.array(
        [
            float(value == key or (isinstance(key, float) and float(value) == key))
            for value in values
        ]
    )
    if others is None:
        rest = [name for one, name in distinct.items() if one != key]
        others = rest[0] if len(rest) == 1 else f"not {distinct[key]}"
    for name, count in ((distinct[key], y.sum()), (others, (1.0 - y).sum())):
        _check_count(int(count), name)
    return y, (others, distinct[key])


def _check_count(count: int, name: str) -> None:
    if count < LEAST_OF_A_CLASS:
        raise ValueError(
            f"target must have at least {LEAST_OF_A_CLASS} rows of each class, got {count} of {name!r}"
        )


def _key(value: str, known: dict[Any, float]) -> Any:
    return value if value in known else _as_number(value)


def _as_number(cell: str) -> float | None:
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
