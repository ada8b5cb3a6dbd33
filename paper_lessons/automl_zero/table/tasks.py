"""Tasks made of a user's table: parts for search, choice and test, and what searches see of them.

Each task of a search is a split of its own of the rows that the search may see, turned by a rotation of
its own: so a program cannot know the columns, it has to learn them. (The paper projects at random for
the same reason. A rotation loses nothing.)
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from paper_lessons.automl_zero.table.files import Table
from paper_lessons.automl_zero.table.model import (
    fit_preparation,
    prepare,
    training_order,
)
from paper_lessons.automl_zero.tasks import Tasks

TASKS = 12  # fill the engine's lanes
STEPS = 1_000  # training steps at least
MOST_ROWS = 20_000  # of a larger table so many are drawn
MOST_SEARCH_ROWS = 1_000  # of a task
MOST_VALID_ROWS = 300
VALID_SHARE = 0.3
PARTS = {"test": 0.2, "select": 0.2}  # the rest is for the search
TASK_KINDS = {"regression": "rms", "classification": "accuracy"}


def split_rows(
    y: Float[np.ndarray, " n"], kind: str, seed: int
) -> dict[str, Int[np.ndarray, " k"]]:
    """Rows for search, choice and test, each class in proportion.

    Parameters
    ----------
    y : array of shape (n,)
        Targets.
    kind : {"regression", "classification"}
        Whether they are classes.
    seed : int
        Fixes the parts.

    Returns
    -------
    dict
        Arrays ``"search"``, ``"select"`` and ``"test"``; of more than :data:`MOST_ROWS` rows some are
        in none.

    Examples
    --------
    >>> parts = split_rows(np.arange(50) % 2.0, "classification", 0)
    >>> {name: len(part) for name, part in parts.items()}
    {'test': 10, 'select': 10, 'search': 30}
    """
    generator = np.random.default_rng([seed, 0])
    used = generator.permutation(len(y))[:MOST_ROWS]
    groups = [used[y[used] == c] for c in np.unique(y)] if kind == "classification" else [used]
    parts: dict[str, list[np.ndarray]] = {name: [] for name in (*PARTS, "search")}
    for group in groups:
        ends = [round(share * len(group)) for share in PARTS.values()]
        for name, part in zip(parts, np.split(group, np.cumsum(ends)), strict=True):
            parts[name].append(part)
    return {name: generator.permutation(np.concatenate(part)) for name, part in parts.items()}


def search_tasks(
    x: Float[np.ndarray, "n columns"],
    y: Float[np.ndarray, " n"],
    *,
    kind: str,
    features: int,
    seed: int,
) -> Tasks:
    """Tasks made of one table: each has a split, an order and a rotation of its own.

    Parameters
    ----------
    x, y : arrays of shapes (n, columns) and (n,)
        The rows that the search may see.
    kind : {"rms", "accuracy"}
        Of the tasks.
    features : int
        F.
    seed : int
        Fixes them.

    Returns
    -------
    Tasks
        :data:`TASKS` of them; training rows are repeated until there are :data:`STEPS`.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(100, 3))
    >>> tasks = search_tasks(x, x[:, 0], kind="rms", features=4, seed=0)
    >>> tasks.train_x.shape, tasks.valid_x.shape
    ((12, 1050, 4), (12, 30, 4))
    """
    parts = []
    for task in range(TASKS):
        generator = np.random.default_rng([seed, 1, task])
        train, valid = _split_once(y, kind, generator)
        parts.append(_task(x, y, train, valid, kind, features, generator, turned=True))
    return Tasks(*(np.stack(arrays) for arrays in zip(*parts, strict=True)), kind=kind)


def select_tasks(
    table: Table, rows: dict[str, Int[np.ndarray, " k"]], *, features: int, seed: int
) -> Tasks:
    """Tasks of the kind that is measured in the end: trained on the search part, judged on the select part.

    Parameters
    ----------
    table : Table
        The table.
    rows : dict
        From :func:`split_rows`.
    features : int
        F.
    seed : int
        Fixes the orders of the rows, in which the tasks differ.

    Returns
    -------
    Tasks
    """
    parts = []
    kind = TASK_KINDS[table.kind]
    for task in range(TASKS):
        generator = np.random.default_rng([seed, 2, task])
        parts.append(
            _task(
                *(table.x, table.y, rows["search"], rows["select"], kind, features, generator),
                turned=False,
            )
        )
    return Tasks(*(np.stack(arrays) for arrays in zip(*parts, strict=True)), kind=kind)


def _split_once(
    y: Float[np.ndarray, " n"], kind: str, generator: np.random.Generator
) -> tuple[Int[np.ndarray, " t"], Int[np.ndarray, " v"]]:
    """Rows to train on and rows to judge by, each class in proportion."""
    groups = [np.flatnonzero(y == c) for c in (0.0, 1.0)] if kind == "accuracy" else []
    train, valid = [], []
    for group in groups or [np.arange(len(y))]:
        mixed = generator.permutation(group)
        count = round(VALID_SHARE * len(group))
        # The same numbers in all tasks, so that they fit into one array.
        share = len(group) / len(y)
        valid.append(mixed[:count][: max(1, round(share * MOST_VALID_ROWS))])
        train.append(mixed[count:][: max(1, round(share * MOST_SEARCH_ROWS))])
    # Mixed: where the classes stand one after the other, a program that remembers rows can tell them.
    return generator.permutation(np.concatenate(train)), generator.permutation(
        np.concatenate(valid)
    )


def _task(
    x: Float[np.ndarray, "n columns"],
    y: Float[np.ndarray, " n"],
    train: Int[np.ndarray, " t"],
    valid: Int[np.ndarray, " v"],
    kind: str,
    features: int,
    generator: np.random.Generator,
    *,
    turned: bool,
) -> tuple[np.ndarray, ...]:
    """Training and validation rows as a program sees them."""
    preparation = fit_preparation(x[train], features)
    order = training_order(len(train), STEPS, int(generator.integers(2**32)))
    used = min(x.shape[1], features)
    turn = np.eye(features)
    if turned:
        turn[:used, :used] = np.linalg.qr(generator.standard_normal((used, used)))[0]
    center, spread = (y[train].mean(), y[train].std() or 1.0) if kind == "rms" else (0.0, 1.0)
    parts: list[np.ndarray] = []
    for rows in (train[order], valid):
        parts += [prepare(x[rows], preparation) @ turn, (y[rows] - center) / spread]
    return tuple(parts)
