"""Tables for label ranking: rebuilt from scikit-learn's data sets, or read from a file.

Type A ranks the classes of a classification set by the log-probabilities of a naive Bayes classifier.
The classifier sees the whole set, because it only *defines* the target; what a model learns is tested
on samples it did not see. Type B puts some attributes of a table aside, standardises them, and ranks
them by size in each row; the other attributes are the inputs. (Both are the field's usual recipe,
Cheng, Huehn, Huellermeier 2009.)
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.stats import rankdata, zscore
from sklearn import datasets
from sklearn.naive_bayes import GaussianNB


@dataclass(frozen=True)
class RankingTable:
    """Samples and the ranks of their labels.

    Attributes
    ----------
    name : str
    X : array of shape (samples, features)
    ranks : array of shape (samples, labels)
        1 for the best label; ties share their average rank.
    labels : tuple of str
    kind : str
        ``"A"`` or ``"B"`` as above, ``"file"`` for a table that was read.
    """

    name: str
    X: Float[np.ndarray, "samples features"]
    ranks: Float[np.ndarray, "samples labels"]
    labels: tuple[str, ...]
    kind: str


def rank_classes(
    name: str, X: Float[np.ndarray, "samples features"], y: Any, *, smoothing: float = 1e-9
) -> RankingTable:
    """Type A: classes ranked by a naive Bayes classifier's log-probabilities.

    Parameters
    ----------
    name : str
    X : array of shape (samples, features)
    y : array of shape (samples,)
        Classes.
    smoothing : float
        Share of the largest variance that is added to all variances, as in
        :class:`sklearn.naive_bayes.GaussianNB`; columns that hardly vary need more.

    Returns
    -------
    RankingTable

    Examples
    --------
    >>> rank_classes("four", np.array([[0.0], [1.0], [5.0], [6.0]]), [0, 0, 1, 1]).ranks[0]
    array([1., 2.])
    """
    teacher = GaussianNB(var_smoothing=smoothing).fit(X, y)
    ranks = rankdata(-teacher.predict_joint_log_proba(X), axis=1)
    return RankingTable(name, np.asarray(X, float), ranks, tuple(map(str, teacher.classes_)), "A")


def rank_columns(
    name: str, table: Float[np.ndarray, "samples columns"], columns: list[int], names: list[str]
) -> RankingTable:
    """Type B: some columns of a table, standardised, are ranked by size from the other columns.

    Parameters
    ----------
    name : str
    table : array of shape (samples, columns)
    columns : list of int
        Which columns become labels; the largest gets rank 1.
    names : list of str
        Names of all columns.

    Returns
    -------
    RankingTable

    Examples
    --------
    >>> rank_columns("small", np.array([[1.0, 5, 9], [2, 6, 8]]), [1, 2], ["a", "b", "c"]).ranks
    array([[2., 1.],
           [1., 2.]])
    """
    ranks = rankdata(-zscore(table[:, columns], axis=0), axis=1)
    kept = [column for column in range(table.shape[1]) if column not in columns]
    return RankingTable(name, table[:, kept], ranks, tuple(names[i] for i in columns), "B")


def _iris() -> RankingTable:
    return rank_classes("iris", *datasets.load_iris(return_X_y=True))


def _wine() -> RankingTable:
    return rank_classes("wine", *datasets.load_wine(return_X_y=True))


def _digits() -> RankingTable:
    # Pixels at the border are black in nearly all pictures: their variance needs a floor.
    return rank_classes("digits", *datasets.load_digits(return_X_y=True), smoothing=1e-2)


def _vehicle_like() -> RankingTable:
    X, y = datasets.make_classification(
        846, 18, n_informative=10, n_redundant=6, n_classes=4, class_sep=1.0, random_state=0
    )
    return rank_classes("vehicle-like", X, y)


def _wine_attributes() -> RankingTable:
    wine = datasets.load_wine()
    names = list(wine.feature_names)
    labels = ["alcohol", "alcalinity_of_ash", "total_phenols", "color_intensity", "hue"]
    return rank_columns("wine-attributes", wine.data, [names.index(one) for one in labels], names)


def _cancer_attributes() -> RankingTable:
    cancer = datasets.load_breast_cancer()
    names = [str(name) for name in cancer.feature_names]
    worst = [index for index, name in enumerate(names) if name.startswith("worst")]
    return rank_columns("cancer-attributes", cancer.data, worst, names)


def _diabetes_attributes() -> RankingTable:
    diabetes = datasets.load_diabetes(scaled=False)
    serum = [
        index for index, name in enumerate(diabetes.feature_names) if re.fullmatch(r"s\d", name)
    ]
    return rank_columns("diabetes-attributes", diabetes.data, serum, diabetes.feature_names)


def _friedman() -> RankingTable:
    # Friedman's function uses its first five inputs; each label reads the ten in another order.
    X, _ = datasets.make_friedman1(1000, random_state=0)
    generator = np.random.default_rng(0)
    responses = []
    for _ in range(5):
        a, b, c, d, e = X[:, generator.permutation(10)[:5]].T
        response = 10 * np.sin(np.pi * a * b) + 20 * (c - 0.5) ** 2 + 10 * d + 5 * e
        responses.append(response + generator.normal(size=len(X)))
    table = np.column_stack([X, *responses])
    names = [f"x{index}" for index in range(10)] + [f"response {index}" for index in range(5)]
    return rank_columns("friedman", table, list(range(10, 15)), names)


TABLES: dict[str, Callable[[], RankingTable]] = {
    "iris": _iris,
    "wine": _wine,
    "digits": _digits,
    "vehicle-like": _vehicle_like,
    "wine-attributes": _wine_attributes,
    "cancer-attributes": _cancer_attributes,
    "diabetes-attributes": _diabetes_attributes,
    "friedman": _friedman,
}


def load_rankings(name: str) -> RankingTable:
    """The table of a name, rebuilt from data that scikit-learn carries or draws.

    Parameters
    ----------
    name : str
        One of :data:`TABLES`: ``iris``, ``wine``, ``digits`` and ``vehicle-like`` (drawn, with
        the size of the vehicle set) are of type A, the others of type B.

    Returns
    -------
    RankingTable

    Raises
    ------
    ValueError
        If the name is unknown.

    Examples
    --------
    >>> load_rankings("iris").ranks.shape
    (150, 3)
    """
    if name not in TABLES:
        raise ValueError(f"name must be one of {', '.join(TABLES)}; got {name!r}")
    return TABLES[name]()


def read_rankings(path: str | Path) -> RankingTable:
    """Read a table whose last column is a ranking such as ``b>a>c``.

    The first line names the columns, the last of them ``ranking``. Labels that are tied stand between
    two ``>`` together: ``a=b`` or, for labels of one letter, ``ab``. Columns that hold words become
    one column for each word.

    Parameters
    ----------
    path : str or Path
        A CSV file in UTF-8, as the KEBI benchmark has them (``A1,...,Ad,ranking``).

    Returns
    -------
    RankingTable
        Its name is the file's.

    Raises
    ------
    ValueError
        If a line does not fit; the message names it.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "two.csv"
    >>> _ = path.write_text("A1,A2,ranking\\n0.5,1,b>a>c\\n0.1,2,c>ab\\n", encoding="utf-8")
    >>> read_rankings(path).ranks
    array([[2. , 1. , 3. ],
           [2.5, 2.5, 1. ]])
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [line for line in enumerate(csv.reader(file), start=1) if any(line[1])]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path.name} must be a CSV file in UTF-8: {error}") from error
    if not lines or lines[0][1][-1].strip().lower() != "ranking":
        raise ValueError(f"{path.name} must begin with a header whose last column is 'ranking'")
    header, rows = lines[0][1], lines[1:]
    if len(header) < 2 or len(rows) < 2:
        raise ValueError(
            f"{path.name} must have an input column and two samples at least, "
            f"got {len(header) - 1} and {len(rows)}"
        )
    for number, cells in rows:
        if len(cells) != len(header):
            raise ValueError(
                f"{path.name}, line {number}: {len(cells)} cells, the header has {len(header)}"
            )
    inputs = [
        _column(path.name, header[i], [(number, cells[i].strip()) for number, cells in rows])
        for i in range(len(header) - 1)
    ]
    labels, ranks = _rankings(path.name, [(number, cells[-1]) for number, cells in rows])
    return RankingTable(path.stem, np.column_stack(inputs), ranks, labels, "file")


def _column(file: str, name: str, cells: list[tuple[int, str]]) -> Float[np.ndarray, "samples k"]:
    for number, cell in cells:
        if cell.lower() in ("", "?", "na", "nan", "inf", "-inf"):
            raise ValueError(f"{file}, line {number}, column {name!r}: no number, got {cell!r}")
    texts = [cell for _, cell in cells]
    try:
        return np.array([float(text) for text in texts])[:, None]
    except ValueError:
        words = sorted(set(texts))
        return np.array([[float(text == word) for word in words] for text in texts])


def _rankings(
    file: str, cells: list[tuple[int, str]]
) -> tuple[tuple[str, ...], Float[np.ndarray, "samples labels"]]:
    """Labels and ranks of the ``ranking`` column."""
    rows = [
        (number, [re.split(r"\s*=\s*", group.strip()) for group in text.split(">")])
        for number, text in cells
    ]
    tokens = {token for _, groups in rows for group in groups for token in group}
    letters = {token for token in tokens if len(token) == 1}
    # "abc" is one label, unless a, b and c are labels themselves: then it is a tie.
    ties = {token for token in tokens if len(token) > 1 and set(token) <= letters}
    labels = tuple(sorted(tokens - ties))
    place = {label: index for index, label in enumerate(labels)}
    ranks = np.zeros((len(rows), len(labels)))
    for row, (number, groups) in enumerate(rows):
        expanded = [
            [label for token in group for label in (token if token in ties else [token])]
            for group in groups
        ]
        named = [label for group in expanded for label in group]
        if sorted(named) != list(labels):
            raise ValueError(
                f"{file}, line {number}: a ranking must name each of {', '.join(labels)} once, "
                f"got {'>'.join('='.join(group) for group in expanded)!r}"
            )
        for position, group in enumerate(expanded):
            for label in group:
                ranks[row, place[label]] = position
    if len(labels) < 2:
        raise ValueError(f"{file}: a ranking needs two labels or more, got {', '.join(labels)}")
    return labels, rankdata(ranks, axis=1)
