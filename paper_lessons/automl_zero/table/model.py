"""A found program as a model of a table, here and as a Python file that needs nothing of ours.

The file holds copies of the functions and the class below, taken from this source, so that what it
computes is what was measured. That is why they import only NumPy and the standard library and have
no shapes in their signatures.
"""

from __future__ import annotations

import csv
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from paper_lessons.automl_zero.export.python import to_python
from paper_lessons.automl_zero.program import Program
from paper_lessons.automl_zero.table.files import delimiter_of, has_decimal_comma, with_point

MARK = '"""An algorithm that was found by search in a table, and what makes it a model.'


def fit_preparation(x: np.ndarray, features: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What makes ``features`` numbers of a row's columns: means, scales, and a matrix.

    Columns are standardised. Fewer columns than features are filled up with zeros. Of more columns
    the first principal components are taken, scaled together so that their mean variance is 1.

    Returns arrays of shapes (columns,), (columns,) and (columns, features).
    """
    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale[scale <= 1e-10 * np.abs(x).max(axis=0)] = 1.0  # never changes in these rows
    columns = x.shape[1]
    if columns <= features:
        return mean, scale, np.eye(columns, features)
    standardized = (x - mean) / scale
    variances, axes = np.linalg.eigh(standardized.T @ standardized / len(x))
    variances, axes = variances[::-1][:features], axes[:, ::-1][:, :features]
    # An axis has no direction of its own: its largest element shall be positive.
    largest = axes[np.abs(axes).argmax(axis=0), np.arange(features)]
    return mean, scale, axes * np.sign(largest) / np.sqrt(variances.mean())


def prepare(x: np.ndarray, preparation: tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
    """Rows of shape (n, columns) as features of shape (n, features)."""
    mean, scale, directions = preparation
    return (x - mean) / scale @ directions


def training_order(rows: int, steps: int, seed: int) -> np.ndarray:
    """Row numbers: so many shuffled passes that there are at least ``steps`` of them."""
    generator = np.random.default_rng(seed)
    passes = max(1, math.ceil(steps / rows))
    return np.concatenate([generator.permutation(rows) for _ in range(passes)])


class TableModel:
    """An algorithm with what stands between it and a table.

    ``fit(x, y)`` takes rows of columns and targets (0 and 1 for a classification); ``predict(x)``
    gives targets, or probabilities of class 1.
    """

    def __init__(self, algorithm: Any, features: int, steps: int, kind: str, seed: int) -> None:
        self.algorithm, self.features, self.steps = algorithm, features, steps
        self.kind, self.seed = kind, seed

    def fit(self, x: Any, y: Any) -> TableModel:
        """Train from the beginning; the rows are gone through until there were enough steps."""
        x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        self.preparation = fit_preparation(x, self.features)
        self.center, self.spread = 0.0, 1.0
        if self.kind == "regression":
            self.center, self.spread = float(y.mean()), float(y.std()) or 1.0
        order = training_order(len(x), self.steps, self.seed)
        ready, targets = prepare(x, self.preparation), (y - self.center) / self.spread
        self.trained = self.algorithm(self.features, seed=self.seed)
        self.trained.fit(ready[order], targets[order])
        return self

    def predict(self, x: Any) -> np.ndarray:
        """Predictions of shape (n,)."""
        found = self.trained.predict(prepare(np.asarray(x, dtype=float), self.preparation))
        # A row far from all others can overflow: then what is predicted without any knowledge.
        nothing = 0.0 if self.kind == "regression" else 0.5
        return self.center + self.spread * np.where(np.isfinite(found), found, nothing)


class OneAgainstTheRest:
    """A model for each class, told from all others; the class with the largest score is predicted.

    ``fit(x, y)`` takes the classes' numbers, from 0; ``scores(x)`` gives an array of shape (n, classes),
    ``predict(x)`` the classes' numbers.
    """

    def __init__(self, models: Sequence[Any]) -> None:
        self.models = models

    def fit(self, x: Any, y: Any) -> OneAgainstTheRest:
        """Train each model from the beginning."""
        for number, model in enumerate(self.models):
            model.fit(x, (np.asarray(y) == number).astype(float))
        return self

    def scores(self, x: Any) -> np.ndarray:
        """What each model makes the probability of its class; they need not add up to 1."""
        return np.column_stack([model.predict(x) for model in self.models])

    def predict(self, x: Any) -> np.ndarray:
        """Class numbers of shape (n,), float."""
        return self.scores(x).argmax(axis=1).astype(float)


def read_columns(path: str, names: Sequence[str]) -> list[list[str]]:
    """The cells of some columns of a table, row by row."""
    with open(path, encoding="utf-8-sig", newline="") as file:  # noqa: PTH123
        delimiter = delimiter_of(file.readline())
        file.seek(0)
        header, *rows = [row for row in csv.reader(file, delimiter=delimiter) if any(row)]
    header = [cell.strip() for cell in header]
    missing = [name for name in names if name not in header]
    if missing:
        raise ValueError(f"{path} must have the columns {missing}")
    if delimiter != "," and has_decimal_comma(cell for row in rows for cell in row):
        rows = [[with_point(cell) for cell in row] for row in rows]
    places = [header.index(name) for name in names]
    return [[row[place].strip() for place in places] for row in rows]


def same_value(cell: str, name: str) -> bool:
    """Whether a cell holds a value: 1 and 1.0 are the same."""
    try:
        return float(cell) == float(name)
    except ValueError:
        return cell == name


_COPIED: tuple[Callable[..., Any], ...] = (
    fit_preparation,
    prepare,
    training_order,
    TableModel,
    OneAgainstTheRest,
    delimiter_of,
    has_decimal_comma,
    with_point,
    read_columns,
    same_value,
)

_SCRIPT = '''{mark}

{about}

    python THIS_FILE.py TRAIN.csv ROWS.csv > predictions.csv

trains on the rows of one table and predicts those of another, which need not have the target. Only
NumPy is needed. In Python: ``make_model().fit(x, y).predict(x)`` with the columns of COLUMNS.
"""

from __future__ import annotations

import csv
import math
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

{constants}


{algorithm}

{copied}


def make_model():
    """The model as it was measured."""
    models = [TableModel(one, FEATURES, STEPS, KIND, SEED) for one in ({names})]
    return models[0] if len(models) == 1 else OneAgainstTheRest(models)


def main(train, rows):
    """Train on one file, predict another, print a line for each row."""
    cells = read_columns(train, [*COLUMNS, TARGET])
    x = [[float(cell) for cell in row[:-1]] for row in cells]
    if len(CLASSES) > 2:
        numbers = [[same_value(row[-1], name) for name in CLASSES] for row in cells]
        for row, number in zip(cells, numbers):
            if not any(number):
                raise ValueError("{{}} has an unknown class: {{!r}}".format(train, row[-1]))
        y = [float(number.index(True)) for number in numbers]
    elif CLASSES:
        y = [float(same_value(row[-1], CLASSES[1])) for row in cells]
    else:
        y = [float(row[-1]) for row in cells]
    new = [[float(cell) for cell in row] for row in read_columns(rows, COLUMNS)]
    model = make_model().fit(x, y)
    predictions = model.predict(new)
    out = csv.writer(sys.stdout, lineterminator="\\n")
    if len(CLASSES) > 2:
        out.writerow([TARGET, *("score of " + name for name in CLASSES)])
        for number, scores in zip(predictions, model.scores(new).tolist()):
            out.writerow([CLASSES[int(number)], *map(repr, scores)])
    elif CLASSES:
        out.writerow([TARGET, "probability of " + CLASSES[1]])
        out.writerows([CLASSES[int(p > 0.5)], repr(float(p))] for p in predictions)
    else:
        out.writerow([TARGET])
        out.writerows([repr(float(p))] for p in predictions)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit("usage: python " + sys.argv[0] + " TRAIN.csv ROWS.csv")
    try:
        main(sys.argv[1], sys.argv[2])
    except (OSError, ValueError) as error:
        raise SystemExit(sys.argv[0] + ": " + str(error)) from None
'''


def make_script(
    programs: Sequence[Program],
    *,
    kind: str,
    columns: Sequence[str],
    target: str,
    classes: Sequence[str],
    features: int,
    steps: int,
    seed: int,
    about: str,
) -> str:
    """Source of a Python file that trains and predicts as :func:`make_model` does.

    Parameters
    ----------
    programs : sequence of Program
        What was found: one, or one for each of more than two classes.
    kind : {"regression", "classification"}
        What is predicted.
    columns : sequence of str
        Names of the features in a table.
    target : str
        Name of the target.
    classes : sequence of str
        What 0, 1, ... are called; empty for a regression.
    features, steps, seed : int
        As for :func:`make_model`.
    about : str
        A sentence or two for the file's head.

    Returns
    -------
    str

    Examples
    --------
    >>> from paper_lessons.automl_zero.programs import linear_model
    >>> text = make_script(
    ...     [linear_model(0.1)],
    ...     kind="regression",
    ...     columns=["a"],
    ...     target="b",
    ...     classes=(),
    ...     features=4,
    ...     steps=100,
    ...     seed=0,
    ...     about="Three times.",
    ... )
    >>> space = {"__name__": "found"}
    >>> exec(text, space)
    >>> model = space["make_model"]().fit([[1.0], [2.0], [3.0]], [3.0, 6.0, 9.0])
    >>> model.predict([[4.0]]).round(3)
    array([12.])
    """
    constants = {
        "KIND": kind,
        "COLUMNS": list(columns),
        "TARGET": target,
        "CLASSES": list(classes),
        "FEATURES": features,
        "STEPS": steps,
        "SEED": seed,
    }
    # Whatever a column is called, !a gives a literal; names stand nowhere else in the text.
    lines = [f"{name} = {value!a}" for name, value in constants.items()]
    copied = [inspect.getsource(one).replace("  # noqa: PTH123", "") for one in _COPIED]
    names = ["Algorithm"] if len(programs) == 1 else [f"Algorithm{i}" for i in range(len(programs))]
    written = [
        _class_of(program, kind, name).strip()
        for program, name in zip(programs, names, strict=True)
    ]
    return _SCRIPT.format(
        mark=MARK,
        about=about,
        constants="\n".join(lines),
        names=", ".join(names) + ",",
        algorithm="\n\n\n".join(written) + "\n",
        copied="\n\n".join(copied).strip(),
    )


def make_model(
    programs: Sequence[Program], *, kind: str, features: int, steps: int, seed: int
) -> TableModel | OneAgainstTheRest:
    """A program as a model of a table, or one program for each of more than two classes.

    Parameters
    ----------
    programs : sequence of Program
        The algorithm, or one for each class.
    kind : {"regression", "classification"}
        What is predicted.
    features : int
        F.
    steps : int
        Training steps at least; rows are repeated until there are as many.
    seed : int
        Seed of the order of rows and of random ops.

    Returns
    -------
    TableModel or OneAgainstTheRest
        Not yet trained.

    Examples
    --------
    >>> from paper_lessons.automl_zero.programs import linear_model
    >>> model = make_model([linear_model(0.1)], kind="regression", features=4, steps=200, seed=0)
    >>> model.fit([[0.0], [1.0]], [2.0, 4.0]).predict([[2.0]]).round(3)
    array([6.])
    """
    models = []
    for program in programs:
        space: dict[str, Any] = {"np": np}
        exec(_class_of(program, kind), space)
        models.append(TableModel(space["Algorithm"], features, steps, kind, seed))
    return models[0] if len(models) == 1 else OneAgainstTheRest(models)


def _class_of(program: Program, kind: str, name: str = "Algorithm") -> str:
    """The class that ``to_python`` writes, without the module's head."""
    text = to_python(program, kind="accuracy" if kind == "classification" else "rms", name=name)
    return text.partition("import numpy as np\n")[2]
