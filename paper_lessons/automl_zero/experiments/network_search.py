"""A search that begins with the network of people, on pairs of digits, and what to keep of it."""

from __future__ import annotations

import numpy as np

from paper_lessons.automl_zero.config import NETWORK_MUTATIONS, EvolutionConfig
from paper_lessons.automl_zero.evolution import Evolution
from paper_lessons.automl_zero.experiments.digits import FEATURES, TRAIN, accuracies
from paper_lessons.automl_zero.memory import Memory
from paper_lessons.automl_zero.ops import Op, OpSet
from paper_lessons.automl_zero.program import Program
from paper_lessons.automl_zero.simplify import simplify
from paper_lessons.automl_zero.tasks import ProjectedBinaryTasks

ADDRESSES = (6, 10, 3)  # scalars, vectors, matrices: one more of each than the network has
MIN_SIZES, MAX_SIZES = (1, 1, 1), (8, 12, 24)  # of the authors' "baseline"
MOST_COST = 4.0  # times the network's
HURDLE = 8  # tasks after which most programs are given up, if there are twice as many
ROUND = 50_000  # programs between two checkpoints of a search
# First weights are drawn anew in each run, so that a program is sometimes lucky. What a cache remembers of
# it is used once more only: remembered luck would rule the population.
FORGET = 2
FINALISTS = 10


def search_config(
    start: Program,
    *,
    features: int = FEATURES,
    train: int = TRAIN,
    tasks: int = 0,
    population: int = 100,
) -> EvolutionConfig:
    """The settings of a search from a network: all ops, but only constants and noise in Setup.

    Parameters
    ----------
    start : Program
        What it begins with. No program may cost more than :data:`MOST_COST` times as much.
    features, train, tasks : int
        Features, training rows and number of the tasks.
    population : int
        Programs alive. Many of them average over each other's luck.

    Returns
    -------
    EvolutionConfig

    Notes
    -----
    Source: section 4.2 of the paper for the limit on costs, and for removing twice as often as
    inserting.

    Examples
    --------
    >>> from paper_lessons.automl_zero.programs import neural_network
    >>> search_config(neural_network(), tasks=24).hurdle
    8
    """
    everything = tuple(Op)
    return EvolutionConfig(
        op_set=OpSet(OpSet.baseline().setup, everything, everything),
        memory=Memory(*ADDRESSES, features),
        start=start,
        min_sizes=MIN_SIZES,
        max_sizes=MAX_SIZES,
        population=population,
        mutations=NETWORK_MUTATIONS,
        max_cost=MOST_COST * start.cost(train),
        hurdle=HURDLE if tasks >= 2 * HURDLE else None,
        round_evaluations=ROUND,
        forget_every=FORGET,
    )


def choose(
    evolution: Evolution,
    config: EvolutionConfig,
    select: ProjectedBinaryTasks,
    *,
    draws: int,
    seed: int = 0,
) -> tuple[Program, float]:
    """The program of a search that does best on pairs that the search has not seen.

    Parameters
    ----------
    evolution, config : Evolution, EvolutionConfig
        The search: the programs at its turning points and its last population are the candidates.
    select : ProjectedBinaryTasks
        The select pairs.
    draws : int
        With two draws of random numbers the :data:`FINALISTS` are found, with so many other draws the
        best of these.
    seed : int
        Seed of the draws.

    Returns
    -------
    program : Program
    score : float
        Its accuracy among the finalists.
    """
    (alive,) = evolution.programs(config)
    candidates = [one.program for one in evolution.improvements] + alive
    different = list({simplify(one): one for one in candidates}.values())
    first = accuracies(different, select, memory=config.memory, draws=2, seed=seed).mean(axis=1)
    finalists = [different[place] for place in np.argsort(-first, kind="stable")[:FINALISTS]]
    last = accuracies(finalists, select, memory=config.memory, draws=draws, seed=seed + 1)
    place = int(np.argmax(last.mean(axis=1)))
    return finalists[place], round(float(last[place].mean()), 6)
