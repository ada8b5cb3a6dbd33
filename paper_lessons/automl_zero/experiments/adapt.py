"""Does evolution adapt a network to few rows, or to few steps? Motifs counted, against controls.

All searches begin with the network that people wrote, tuned for the very treatment. In the control a
program is trained on 700 rows, four times over; with few rows on 70 of them, forty times, which are
as many steps; with few steps on the 700, once. Each number is a search with pairs of digits of its own,
the same for all three treatments.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from paper_lessons import plotting
from paper_lessons.automl_zero import finds, programs
from paper_lessons.automl_zero.engine.evaluator import choose_lanes
from paper_lessons.automl_zero.engine.native import engine
from paper_lessons.automl_zero.evolution import evolve
from paper_lessons.automl_zero.experiments.digits import (
    accuracies,
    mean_and_error,
    pair_tasks,
    split_pairs,
)
from paper_lessons.automl_zero.experiments.mnist import choose, search_config
from paper_lessons.automl_zero.experiments.motifs import MOTIFS, count_motifs, rate_left
from paper_lessons.automl_zero.experiments.yardsticks import tune_network
from paper_lessons.automl_zero.memory import Memory
from paper_lessons.automl_zero.tasks import ProjectedBinaryTasks, epoch_orders
from paper_lessons.runs import run_tasks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Shares of the training rows that are used, and epochs: how often each is used.
TREATMENTS = {"control": (1.0, 4), "few rows": (0.1, 40), "few steps": (1.0, 1)}
EXPECTED = {"few rows": "noisy_relu", "few steps": "rate_decay"}
REPORTED = {  # [programs with the motif, of so many], treated and control
    "few rows": {"treated": [8, 30], "control": [0, 30]},
    "few steps": {"treated": [30, 30], "control": [3, 30]},
}
COUNTS = (12, 12, 21)  # pairs to search, select and compare on; twelve fill the engine's lanes
FEATURES = 8
TRAIN, VALID = 700, 300
RATES = (0.003, 0.005, 0.01, 0.02, 0.05, 0.1)
STDS = (0.1, 0.3, 0.5)
BUDGET = 20_000


def run(
    *,
    seed: int = 0,
    searches: int = 10,
    budget: int = BUDGET,
    counts: Sequence[int] = COUNTS,
    features: int = FEATURES,
    train: int = TRAIN,
    valid: int = VALID,
    draws: int = 4,
    jobs: int | None = None,
    progress: bool = False,
    checkpoint: str | None = None,
) -> dict[str, Any]:
    """Search from the network under each treatment, and count motifs in what was found.

    Parameters
    ----------
    seed : int
        Fixes pairs, projections and searches.
    searches : int
        Searches under each treatment.
    budget : int
        Programs that each evaluates.
    counts : three ints
        Pairs of digits to search on, to choose the program on, and to compare it on with the network.
    features, train, valid : int
        As for :func:`~paper_lessons.automl_zero.experiments.digits.pair_tasks`; of ``train`` a tenth is
        what few rows are.
    draws : int
        To compare programs, their random numbers are drawn so many times.
    jobs, progress, checkpoint
        As in :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        ``"settings"``; under ``"treatments"``, for each, its ``"searches"`` (with the program that was
        ``"chosen"``, its ``"motifs"``, what is left of its rate at the end, ``"rate_left"``, the share
        of the last population with each motif, ``"alive"``, and the ``"gain"`` over the network on the
        final pairs), how many have each motif (``"counts"``), the ``"mean_alive"`` shares and the mean
        ``"gain"``; under ``"tests"`` for each treatment and motif the counts beside the control's and
        the p-value of Fisher's exact test; ``"reported"``, the paper's counts.

    Raises
    ------
    ValueError
        If a number does not fit.
    ModuleNotFoundError
        If mlxtend is not installed.

    Notes
    -----
    Source: section 4.3 of the paper, which reports 80 rows for 100 epochs and 800 rows for 10, with 30
    searches and 30 controls each, on CIFAR-10. Here the rows of all epochs are one long pass, so that a program is judged once, at its end.

    Examples
    --------
    >>> sizes = {"counts": (2, 2, 2), "features": 4, "train": 30, "valid": 20, "draws": 1}
    >>> found = run(searches=1, budget=150, **sizes)
    >>> found["treatments"]["few rows"]["searches"][0]["rows"], list(found["tests"])
    (3, ['few rows', 'few steps'])
    """
    for name, size in {"searches": searches, "budget": budget, "draws": draws}.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}")
    if train < 10:
        raise ValueError(f"train must be at least 10, got {train}")
    split_pairs(seed, counts)  # refuses counts that do not fit
    sizes = {"features": features, "train": train, "valid": valid}
    shared = {"seed": seed, "budget": budget, "counts": list(counts), "draws": draws, **sizes}
    tasks = [
        {"number": number, "treatment": treatment}
        for number in range(searches)
        for treatment in TREATMENTS
    ]
    for count in sorted(set(counts)):  # before the work is spread, with a word about it
        engine(features, choose_lanes(count, Memory(features=features)), quiet=not progress)
    found = run_tasks(
        search, tasks, shared=shared, jobs=jobs, progress=progress, checkpoint=checkpoint
    )
    treatments = {
        name: _summary([one for one in found if one["treatment"] == name]) for name in TREATMENTS
    }
    return {
        "settings": {"searches": searches, **shared}
        | {"treatments": {name: list(one) for name, one in TREATMENTS.items()}}
        | {"rates": list(RATES), "stds": list(STDS)},
        "treatments": treatments,
        "tests": {
            name: {
                motif: fisher(
                    treatments[name]["counts"][motif],
                    treatments["control"]["counts"][motif],
                    searches,
                )
                for motif in MOTIFS
            }
            for name in TREATMENTS
            if name != "control"
        },
        "expected": EXPECTED,
        "reported": REPORTED,
    }


def treated(
    tasks: ProjectedBinaryTasks, treatment: str, *, seed: int | Sequence[int] = 0
) -> ProjectedBinaryTasks:
    """The tasks with the training rows that a treatment allows, as often as it says.

    Parameters
    ----------
    tasks : ProjectedBinaryTasks
        Tasks with all their rows.
    treatment : str
        One of :data:`TREATMENTS`.
    seed : int or sequence of int
        Seed of the order in each epoch.

    Returns
    -------
    ProjectedBinaryTasks

    Raises
    ------
    ValueError
        If the treatment is unknown.

    Examples
    --------
    >>> tasks = pair_tasks([(3, 8)], features=2, train=50, valid=10)
    >>> [treated(tasks, name).train_x.shape[1] for name in TREATMENTS]
    [200, 200, 50]
    """
    if treatment not in TREATMENTS:
        raise ValueError(f"treatment must be one of {', '.join(TREATMENTS)}, got {treatment!r}")
    share, epochs = TREATMENTS[treatment]
    rows = round(share * tasks.train_x.shape[1])
    order = epoch_orders(rows, epochs, seed).ravel()
    new = copy.copy(tasks)
    new.train_x, new.train_y = tasks.train_x[:, order], tasks.train_y[:, order]
    return new


def search(
    number: int,
    treatment: str,
    *,
    seed: int,
    budget: int,
    counts: Sequence[int],
    features: int,
    train: int,
    valid: int,
    draws: int,
) -> dict[str, Any]:
    """One search under one treatment, and what motifs its program has.

    Parameters
    ----------
    number : int
        Which search; it has pairs and projections of its own.
    treatment : str
        One of :data:`TREATMENTS`.
    seed, budget, counts, features, train, valid, draws
        As in :func:`run`.

    Returns
    -------
    dict
        As :func:`run` describes it.
    """
    own = 1000 * seed + number
    tasks, select, final = (
        treated(
            pair_tasks(pairs, kind, seed=own, features=features, train=train, valid=valid),
            treatment,
            seed=own,
        )
        for kind, pairs in split_pairs(own, counts).items()
    )
    network = tune_network(select, rates=RATES, stds=STDS, seed=own)
    start = programs.neural_network(**network.settings)
    steps = tasks.train_x.shape[1]
    # A rate is judged over as many steps in all treatments: over more of them it falls further.
    judged = TREATMENTS["control"][1] * train
    config = search_config(start, features=features, train=steps)
    evolution = evolve(config, tasks, seed=own, budget=budget, progress=False)
    program, score = choose(evolution, config, select, draws=draws, seed=own)
    ((alive),) = evolution.programs(config)
    motifs_alive = [count_motifs(one, judged) for one in alive]
    before, after = accuracies([start, program], final, draws=draws, seed=own)
    record = finds.as_record(
        program, config.memory, fitness=score, evaluations=evolution.evaluations, kind="accuracy"
    )
    return {
        "number": number,
        "treatment": treatment,
        "rows": round(TREATMENTS[treatment][0] * train),
        "steps": steps,
        "network": network.settings,
        "motifs": count_motifs(program, judged),
        "rate_left": rate_left(program, steps),
        "alive": {
            motif: round(float(np.mean([one[motif] for one in motifs_alive])), 4)
            for motif in MOTIFS
        },
        "chosen": {name: record[name] for name in ("fitness", "program", "instructions", "json")},
        "final": round(float(after.mean()), 6),
        "gain": mean_and_error(after - before),
    }


def fisher(treated_count: int, control_count: int, searches: int) -> dict[str, float]:
    """Fisher's exact test of two counts out of as many searches each, two-sided.

    Parameters
    ----------
    treated_count, control_count : int
        Searches with the motif.
    searches : int
        Of how many, in either group.

    Returns
    -------
    dict
        ``"treated"``, ``"control"`` and ``"p"``.

    Examples
    --------
    >>> fisher(8, 0, 30)["p"] < 0.005, fisher(2, 2, 10)["p"]
    (True, 1.0)
    """
    from scipy.stats import fisher_exact

    table = [
        [treated_count, searches - treated_count],
        [control_count, searches - control_count],
    ]
    p = float(fisher_exact(table)[1])
    return {"treated": treated_count, "control": control_count, "p": min(1.0, p)}


def plot_motifs(result: dict[str, Any], axes: Axes) -> None:
    """Draw how many searches under each treatment have each motif.

    Parameters
    ----------
    result : dict
        From :func:`run`.
    axes : matplotlib.axes.Axes
    """
    searches = result["settings"]["searches"]
    width = 0.8 / len(MOTIFS)
    colors = list(plotting.COLORS.values())
    for place, motif in enumerate(MOTIFS):
        values = [one["counts"][motif] for one in result["treatments"].values()]
        places = np.arange(len(values)) + (place - 1) * width
        name = motif.replace("_", " ").replace("relu", "ReLU")
        axes.bar(places, values, 0.9 * width, color=colors[place], label=name)
    axes.set_xticks(range(len(result["treatments"])), list(result["treatments"]))
    axes.set_ylim(0, searches)
    axes.set_ylabel(f"searches with the motif (of {searches})")
    axes.legend()


def plot_gains(result: dict[str, Any], axes: Axes) -> None:
    """Draw what each search's program gains over the tuned network, on pairs that nothing was chosen on.

    Parameters
    ----------
    result : dict
        From :func:`run`.
    axes : matplotlib.axes.Axes
    """
    for place, one in enumerate(result["treatments"].values()):
        gains = [100 * each["gain"]["mean"] for each in one["searches"]]
        spread = np.linspace(-0.15, 0.15, len(gains)) if len(gains) > 1 else [0.0]
        axes.plot(place + np.array(spread), gains, "o", color=plotting.COLORS["blue"], alpha=0.7)
        mean = 100 * one["gain"]["mean"]
        axes.hlines(mean, place - 0.25, place + 0.25, color=plotting.COLORS["orange"])
    plotting.mark(axes, 0.0, "tuned network", along="y")
    axes.set_xticks(range(len(result["treatments"])), list(result["treatments"]))
    axes.set_ylabel("gain on the final pairs (points)")


def _summary(searches: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "counts": {motif: sum(one["motifs"][motif] for one in searches) for motif in MOTIFS},
        "mean_alive": {
            motif: round(float(np.mean([one["alive"][motif] for one in searches])), 4)
            for motif in MOTIFS
        },
        "gain": mean_and_error([one["gain"]["mean"] for one in searches]),
        "searches": searches,
    }
