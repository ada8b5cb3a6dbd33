"""What evolved programs are measured against: a network and logistic regression, both tuned.

Each is tuned on the select pairs of :mod:`~paper_lessons.automl_zero.experiments.digits`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from paper_lessons.automl_zero import programs
from paper_lessons.automl_zero.experiments.digits import accuracies
from paper_lessons.automl_zero.ops import Op
from paper_lessons.automl_zero.program import Instruction, Program
from paper_lessons.automl_zero.tasks import ProjectedBinaryTasks

RATES = (0.02, 0.03, 0.05, 0.07, 0.1, 0.15)
STDS = (0.1, 0.2, 0.3, 0.5, 0.8)
FASTER = 2.0  # a rate that decays may begin higher
PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)


class Tuned(NamedTuple):
    """A yardstick as it was chosen.

    Attributes
    ----------
    settings : dict
        The best of the grid.
    score : float
        Its mean accuracy on the tasks that it was chosen on.
    """

    settings: dict[str, float]
    score: float


def tune_network(
    tasks: ProjectedBinaryTasks,
    *,
    rates: Sequence[float] = RATES,
    stds: Sequence[float] = STDS,
    decay: bool = False,
    draws: int = 2,
    seed: int = 0,
) -> Tuned:
    """The hand-written network with the learning rate and the first weights that suit these tasks best.

    Parameters
    ----------
    tasks : ProjectedBinaryTasks
        The select pairs.
    rates : sequence of float
        Learning rates.
    stds : sequence of float
        Standard deviations of the first weights, for each of the two layers.
    decay : bool
        Whether to tune :func:`decaying_network`, with rates :data:`FASTER` times as high.
    draws, seed : int
        As for :func:`accuracies`.

    Returns
    -------
    Tuned
        The settings are arguments of :func:`~paper_lessons.automl_zero.programs.neural_network`.

    Examples
    --------
    >>> from paper_lessons.automl_zero.experiments.digits import pair_tasks
    >>> tasks = pair_tasks([(0, 1), (2, 7)], features=4, train=100, valid=50)
    >>> sorted(tune_network(tasks, rates=(0.05, 0.1), stds=(0.1,)).settings)
    ['first_std', 'last_std', 'learning_rate']
    """
    faster = FASTER if decay else 1.0
    grid = [
        {"learning_rate": rate, "first_std": first, "last_std": last}
        for rate, first, last in product([faster * rate for rate in rates], stds, stds)
    ]
    make = decaying_network if decay else programs.neural_network
    return tune(make, grid, tasks, draws=draws, seed=seed)


def decaying_network(
    learning_rate: float = 0.1, *, first_std: float = 0.1, last_std: float = 0.1
) -> Program:
    """The hand-written network with one more instruction: Learn ends with ``s3 = arctan(s3)``.

    Parameters
    ----------
    learning_rate : float
        Step size at the beginning. After n steps it has fallen to about
        ``(learning_rate**-2 + 2 n / 3) ** -0.5``.
    first_std, last_std : float
        As for :func:`~paper_lessons.automl_zero.programs.neural_network`.

    Returns
    -------
    Program

    Notes
    -----
    Source: the decay of the learning rate that the paper's search found, section 4.3.

    Examples
    --------
    >>> print(decaying_network().learn[-1])
    s3 = arctan(s3)
    """
    network = programs.neural_network(learning_rate, first_std=first_std, last_std=last_std)
    decay = Instruction(Op.scalar_arctan, 3, out=3)
    return Program(network.setup, network.predict, (*network.learn, decay))


def tune(
    make: Callable[..., Program],
    grid: Sequence[dict[str, float]],
    tasks: ProjectedBinaryTasks,
    *,
    draws: int = 1,
    seed: int = 0,
) -> Tuned:
    """The settings of a program that have the best mean accuracy; the first of equals.

    Parameters
    ----------
    make : callable
        From settings to a program.
    grid : sequence of dict
        Settings to choose from.
    tasks : ProjectedBinaryTasks
        The select pairs.
    draws, seed : int
        As for :func:`accuracies`.

    Returns
    -------
    Tuned

    Examples
    --------
    >>> from paper_lessons.automl_zero.experiments.digits import pair_tasks
    >>> tasks = pair_tasks([(0, 1)], features=4, train=100, valid=50)
    >>> grid = [{"learning_rate": 0.0}, {"learning_rate": 0.01}]
    >>> tune(programs.linear_model, grid, tasks).settings
    {'learning_rate': 0.01}
    """
    several = [make(**settings) for settings in grid]
    scores = accuracies(several, tasks, draws=draws, seed=seed).mean(axis=1)
    best = int(np.argmax(scores))
    return Tuned(dict(grid[best]), float(scores[best]))


def tune_logistic(tasks: ProjectedBinaryTasks, *, penalties: Sequence[float] = PENALTIES) -> Tuned:
    """Logistic regression (scikit-learn) with the penalty that suits these tasks best.

    Parameters
    ----------
    tasks : ProjectedBinaryTasks
        The select pairs.
    penalties : sequence of float
        Values of ``C``, the inverse of the penalty.

    Returns
    -------
    Tuned

    Examples
    --------
    >>> from paper_lessons.automl_zero.experiments.digits import pair_tasks
    >>> tasks = pair_tasks([(0, 1)], features=4, train=100, valid=50)
    >>> tune_logistic(tasks, penalties=(0.1, 1.0)).score > 0.7
    True
    """
    scores = [logistic_accuracies(tasks, C=c).mean() for c in penalties]
    best = int(np.argmax(scores))
    return Tuned({"C": float(penalties[best])}, float(scores[best]))


def logistic_accuracies(
    tasks: ProjectedBinaryTasks, *, C: float = 1.0
) -> Float[np.ndarray, " tasks"]:
    """Accuracy of logistic regression on each task, trained on the rows that programs train on.

    Parameters
    ----------
    tasks : ProjectedBinaryTasks
        Tasks.
    C : float
        Inverse of the penalty.

    Returns
    -------
    float64 array of shape (tasks,)

    Examples
    --------
    >>> from paper_lessons.automl_zero.experiments.digits import pair_tasks
    >>> logistic_accuracies(pair_tasks([(0, 1)], features=4, train=100, valid=50)).shape
    (1,)
    """
    from sklearn.linear_model import LogisticRegression

    scores = []
    for task in range(len(tasks)):
        model = LogisticRegression(C=C, solver="newton-cholesky")
        model.fit(tasks.train_x[task], tasks.train_y[task])
        scores.append(float(model.score(tasks.valid_x[task], tasks.valid_y[task])))
    return np.array(scores)
