"""The parts of the paper's best program: what is each worth on pairs of digits?

Each variant has its learning rate chosen on the select pairs, as the network and logistic regression
have theirs; all are compared on the final pairs. Nothing is searched for here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from paper_lessons import plotting
from paper_lessons.automl_zero import programs
from paper_lessons.automl_zero.experiments.digits import (
    COUNTS,
    FEATURES,
    KINDS,
    TRAIN,
    VALID,
    accuracies,
    by_pair,
    compile_engine,
    mean_and_error,
    pair_tasks,
    split_pairs,
)
from paper_lessons.automl_zero.experiments.yardsticks import (
    RATES,
    STDS,
    logistic_accuracies,
    tune,
    tune_logistic,
    tune_network,
)
from paper_lessons.automl_zero.program import Program
from paper_lessons.automl_zero.tasks import ProjectedBinaryTasks
from paper_lessons.runs import run_tasks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OFFSET, NOISE = 0.3, 0.1
# What is left out, of the program with all parts and of the one that does not normalise.
PARTS: dict[str, dict[str, Any]] = {
    "noise": {"noise": 0.0},
    "offset": {"offset": 0.0},
    "bilinear": {"bilinear": False},
    "normalising": {"normalize": False},
    "accumulating": {"accumulate": False},
}
# What each part was worth in the paper (on CIFAR-10's pairs, in points), as digests of it have it.
REPORTED = {"noise": 0.16, "bilinear": 1.46, "normalising": 1.20, "accumulating": 4.11}
ALL, PLAIN = "all parts", "no normalising"
STEPS = (0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1)
OFFSETS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0)
PROJECTIONS = 4


def run(
    *,
    seed: int = 0,
    counts: Sequence[int] = COUNTS,
    projections: int = PROJECTIONS,
    features: int = FEATURES,
    train: int = TRAIN,
    valid: int = VALID,
    steps: Sequence[float] = STEPS,
    offsets: Sequence[float] = OFFSETS,
    rates: Sequence[float] = RATES,
    stds: Sequence[float] = STDS,
    draws: int = 4,
    jobs: int | None = None,
    progress: bool = False,
    checkpoint: str | None = None,
) -> dict[str, Any]:
    """Leave out the parts one by one, and move the offset.

    Parameters
    ----------
    seed : int
        Fixes pairs and projections; those of :mod:`~paper_lessons.automl_zero.experiments.mnist` with
        the same seed are the same.
    counts : three ints
        Pairs to search on (not used here), to select on, and to compare on in the end.
    projections : int
        Tasks that a pair gives.
    features, train, valid : int
        As for :func:`~paper_lessons.automl_zero.experiments.digits.pair_tasks`.
    steps : sequence of float
        Learning rates that each variant chooses from.
    offsets : sequence of float
        Offsets of the program that does not normalise, to see what they do.
    rates, stds : sequence of float
        Learning rates and standard deviations of first weights that the network is tuned over.
    draws : int
        Random numbers of programs are drawn so many times.
    jobs, progress, checkpoint
        As in :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        ``"settings"``; ``"logistic"`` and ``"network"`` with what was ``"tuned"``, the accuracy on the
        ``"select"`` pairs and, as mean and standard error over pairs, on the ``"final"`` pairs;
        ``"variants"``, the same of each program, with its ``"gain"`` over the network and over
        logistic regression, and ``"worth"``: by how much the program that has the part too is better
        (``"of"`` names it), both paired over the final pairs, beside what was ``"reported"``, in
        points; ``"offsets"``, the same for the program that does not normalise with other offsets.

    Raises
    ------
    ValueError
        If a number does not fit.
    ModuleNotFoundError
        If mlxtend is not installed.

    Notes
    -----
    Source: Figure 6 of the paper.

    Examples
    --------
    >>> sizes = {"counts": (1, 2, 2), "projections": 1, "features": 4, "train": 60, "valid": 40}
    >>> grids = {"steps": (0.01,), "offsets": (0.3,), "rates": (0.1,), "stds": (0.1,), "draws": 1}
    >>> found = run(**sizes, **grids)
    >>> [one["name"] for one in found["variants"]][:3]
    ['all parts', 'no noise', 'no offset']
    """
    if not steps:
        raise ValueError("steps must hold at least one learning rate, got none")
    pairs = split_pairs(seed, counts)
    sizes = {"features": features, "train": train, "valid": valid}
    select, final = (
        pair_tasks(pairs[kind], kind, seed=seed, projections=projections, **sizes)
        for kind in KINDS[1:]
    )
    compile_engine(select, final, progress=progress)
    network = tune_network(select, rates=rates, stds=stds, seed=seed)
    logistic = tune_logistic(select)
    start = programs.neural_network(**network.settings)
    shared = {"select": select, "final": final, "steps": list(steps), "draws": draws, "seed": seed}
    listed = _variants()
    moved = [PARTS["normalising"] | {"offset": float(offset)} for offset in offsets]
    measured = run_tasks(
        measure,
        [{"parts": one["parts"]} for one in listed] + [{"parts": parts} for parts in moved],
        shared=shared,
        jobs=jobs,
        progress=progress,
        checkpoint=checkpoint,
    )
    of_network = by_pair(accuracies([start], final, draws=draws, seed=seed)[0], final)
    of_logistic = by_pair(logistic_accuracies(final, **logistic.settings), final)
    each = {one["name"]: np.array(own["each"]) for one, own in zip(listed, measured, strict=False)}

    def described(own: dict[str, Any]) -> dict[str, Any]:
        scores = np.array(own["each"])
        return {name: own[name] for name in ("tuned", "select", "program")} | {
            "final": mean_and_error(scores),
            "gain": {
                "logistic": mean_and_error(scores - of_logistic),
                "network": mean_and_error(scores - of_network),
            },
        }

    return {
        "settings": {"seed": seed, "counts": list(counts), "projections": projections, **sizes}
        | {"steps": list(steps), "offsets": list(offsets), "draws": draws}
        | {"rates": list(rates), "stds": list(stds)},
        "logistic": {"tuned": logistic.settings, "select": round(logistic.score, 6)}
        | {"final": mean_and_error(of_logistic)},
        "network": {"tuned": network.settings, "select": round(network.score, 6)}
        | {"final": mean_and_error(of_network)},
        "variants": [
            one
            | described(own)
            | {
                "worth": None
                if one["of"] is None
                else mean_and_error(each[one["of"]] - each[one["name"]])
            }
            for one, own in zip(listed, measured, strict=False)
        ],
        "offsets": [
            {"offset": parts["offset"]} | described(own)
            for parts, own in zip(moved, measured[len(listed) :], strict=True)
        ],
    }


def measure(
    parts: dict[str, Any],
    *,
    select: ProjectedBinaryTasks,
    final: ProjectedBinaryTasks,
    steps: Sequence[float],
    draws: int,
    seed: int,
) -> dict[str, Any]:
    """One variant: its learning rate chosen on the select pairs, its accuracy on the final pairs.

    Parameters
    ----------
    parts : dict
        Arguments of :func:`~paper_lessons.automl_zero.programs.bilinear_fig6`.
    select, final : ProjectedBinaryTasks
        The pairs.
    steps, draws, seed
        As in :func:`run`.

    Returns
    -------
    dict
        ``"tuned"``, ``"select"``, ``"program"`` and, for each final pair, the accuracy in ``"each"``.
    """

    def make(learning_rate: float) -> Program:
        return programs.bilinear_fig6(learning_rate, **parts)

    grid = [{"learning_rate": float(step)} for step in steps]
    tuned = tune(make, grid, select, draws=draws, seed=seed)
    program = make(**tuned.settings)
    scores = by_pair(accuracies([program], final, draws=draws, seed=seed)[0], final)
    return {
        "tuned": tuned.settings,
        "select": round(tuned.score, 6),
        "program": str(program),
        "each": scores.tolist(),
    }


def plot_variants(result: dict[str, Any], axes: Axes) -> None:
    """Draw the accuracy of each variant on the final pairs, as a difference to the tuned network.

    Parameters
    ----------
    result : dict
        From :func:`run`.
    axes : matplotlib.axes.Axes
    """
    variants = result["variants"]
    for place, one in enumerate(variants):
        gain = one["gain"]["network"]
        color = plotting.COLORS["orange" if one["of"] == PLAIN or one["name"] == PLAIN else "blue"]
        axes.errorbar(
            100 * gain["mean"], place, xerr=100 * gain["error"], fmt="o", color=color, capsize=3
        )
    plotting.mark(axes, 0.0, "tuned network")
    axes.set_yticks(range(len(variants)), [one["name"] for one in variants])
    axes.set_ylim(len(variants) - 0.5, -0.5)
    axes.set_xlabel("gain on the final pairs (points, ± standard error)")


def plot_offsets(result: dict[str, Any], axes: Axes) -> None:
    """Draw the accuracy on the final pairs over the offset, and that of the yardsticks.

    Parameters
    ----------
    result : dict
        From :func:`run`.
    axes : matplotlib.axes.Axes
    """
    rows = result["offsets"]
    axes.errorbar(
        [one["offset"] for one in rows],
        [100 * one["final"]["mean"] for one in rows],
        yerr=[100 * one["final"]["error"] for one in rows],
        fmt="o-",
        capsize=3,
    )
    for name, text in (("network", "tuned network"), ("logistic", "logistic regression")):
        plotting.mark(axes, 100 * result[name]["final"]["mean"], text, along="y")
    axes.set_xlabel("offset c (features have standard deviation 1)")
    axes.set_ylabel("accuracy on the final pairs (%)")


def _variants() -> list[dict[str, Any]]:
    """The program with all parts, without each of them, and all this again without normalising."""
    base: dict[str, Any] = {"offset": OFFSET, "noise": NOISE}
    base |= {"bilinear": True, "normalize": True, "accumulate": True}
    rows: list[dict[str, Any]] = [{"name": ALL, "of": None, "parts": base, "reported": None}]
    for part, change in PARTS.items():
        rows.append(
            {"name": f"no {part}", "of": ALL, "parts": base | change}
            | {"reported": REPORTED.get(part)}
        )
    plain = base | PARTS["normalising"]
    for part, change in PARTS.items():
        if part != "normalising":
            name = f"{PLAIN}, no {part}"
            rows.append({"name": name, "of": PLAIN, "parts": plain | change, "reported": None})
    return rows
