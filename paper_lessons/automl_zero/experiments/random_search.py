"""Evolution against random search: how many programs each evaluates for one that solves the tasks.

Only Learn is searched for; Setup and Predict are given. Every search of every method may evaluate the same
number of programs and stops at its first success. A success is a fitness of ``linear.TARGET``; what lower
thresholds would have said is read from the same searches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from paper_lessons import plotting
from paper_lessons.automl_zero import figures, finds, programs
from paper_lessons.automl_zero.config import EvolutionConfig
from paper_lessons.automl_zero.experiments.linear import (
    TARGET,
    compile_engine,
    learn_only_config,
    timed_search,
)
from paper_lessons.automl_zero.memory import Memory
from paper_lessons.automl_zero.ops import Op, OpSet
from paper_lessons.automl_zero.program import Instruction, Program
from paper_lessons.automl_zero.tasks import LinearRegressionTasks, Tasks, stream
from paper_lessons.runs import run_tasks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RATE = 0.1
RANDOM = "random search"
# Beginning anew every 5,000 was chosen for the linear problem, every 20,000 for the affine one, both on
# other tasks than those that are counted here; one population that goes on is what was not chosen.
METHODS: dict[str, dict[str, Any]] = {
    RANDOM: {"random_search": True, "restart_every": None},
    "evolution, P=100, anew every 5,000": {"population": 100, "restart_every": 5_000},
    "evolution, P=100, anew every 20,000": {"population": 100, "restart_every": 20_000},
    "evolution, P=1000, never anew": {"population": 1_000, "restart_every": None},
}
PROBLEMS = ("linear", "affine")
#: How many times as often evolution succeeds, as the paper reports it (Figure 4, from digests of it).
REPORTED = {"linear": 2.9, "affine": 150.0}
THRESHOLDS = (0.5, 0.7, 0.9, TARGET)
_OFFSETS = 2**31  # a stream that no task has


def run(
    *,
    seed: int = 0,
    searches: int = 24,
    affine_searches: int = 14,
    budget: int = 3_000_000,
    jobs: int | None = None,
    progress: bool = False,
    checkpoint: str | None = None,
) -> dict[str, Any]:
    """Successes of evolution and of random search among the same number of programs.

    Parameters
    ----------
    seed : int
        Fixes tasks and searches. All methods get the same tasks.
    searches, affine_searches : int
        Searches of each method on y = w x, and on y = w x + b; 0 leaves a problem out.
    budget : int
        Programs that a search evaluates at most.
    jobs, progress, checkpoint
        As in :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        ``"settings"``; ``"problems"``: for each problem the ratio ``"reported"`` by the paper and for each
        of the ``"methods"`` the ``"curves"`` of its searches, ``"cpu_seconds"``, up to three different
        programs that it ``"found"``, and for each of the ``"thresholds"`` what :func:`success_rate`
        and, beside random search, :func:`ratio_of_rates` say.

    Raises
    ------
    ValueError
        If there is nothing to do.

    Notes
    -----
    Source: section 4.1 and Figure 4 of the paper, which compares the two on more tasks, with populations,
    memories and thresholds of its own.

    Examples
    --------
    >>> found = run(searches=1, affine_searches=0, budget=300)
    >>> found["problems"]["linear"]["methods"]["random search"]["thresholds"][-1]["evaluations"]
    300
    """
    counts = {"linear": searches, "affine": affine_searches}
    if min(counts.values()) < 0 or not any(counts.values()) or budget < 1:
        raise ValueError(
            "searches and affine_searches must be 0 or more, not both 0, and budget at least 1, "
            f"got {searches}, {affine_searches} and {budget}"
        )
    tasks = [
        {"problem": problem, "method": method, "number": number}
        for problem, count in counts.items()
        for method in METHODS
        for number in range(count)
    ]
    options: dict[str, Any] = {"jobs": jobs, "progress": progress, "checkpoint": checkpoint}
    compile_engine(learn_only_config(RATE), progress)
    found = run_tasks(search, tasks, shared={"seed": seed, "budget": budget}, **options)
    problems: dict[str, Any] = {}
    for problem, count in counts.items():
        if not count:
            continue
        by_method = {
            method: [
                one
                for task, one in zip(tasks, found, strict=True)
                if (task["problem"], task["method"]) == (problem, method)
            ]
            for method in METHODS
        }
        problems[problem] = {"reported": REPORTED[problem], "methods": _compared(by_method)}
    settings = {"seed": seed, "budget": budget, "rate": RATE, "target": TARGET, "searches": counts}
    return {"settings": settings, "problems": problems}


def problem_of(name: str, seed: Sequence[int]) -> tuple[EvolutionConfig, Tasks]:
    """Settings of a search for Learn, and tasks.

    Parameters
    ----------
    name : {"linear", "affine"}
        y = w x; or y = w x + b with one more scalar for b, one more instruction in Predict and in Learn,
        and the sum of scalars among Learn's ops.
    seed : sequence of int
        Of the tasks.

    Returns
    -------
    config : EvolutionConfig
    tasks : Tasks

    Raises
    ------
    ValueError
        If there is no such problem.

    Examples
    --------
    >>> print(problem_of("affine", [0])[0].start.predict[1])
    s1 = s1 + s4
    """
    if name not in PROBLEMS:
        raise ValueError(f"name must be one of {', '.join(PROBLEMS)}, got {name!r}")
    config, linear = learn_only_config(RATE), LinearRegressionTasks(10, seed=seed)
    if name == "linear":
        return config, linear
    model = affine_model(RATE)
    start = Program(model.setup, model.predict, programs.empty_program((0, 0, 5)).learn)
    ops = OpSet((), (), (*config.op_set.learn, Op.scalar_sum))
    offsets = stream(seed, _OFFSETS).standard_normal((len(linear), 1))
    x, y = linear.train_x, linear.train_y + offsets
    tasks = Tasks(x, y, linear.valid_x, linear.valid_y + offsets, kind="rms")
    return replace(config, op_set=ops, memory=Memory(scalars=5), start=start), tasks


def affine_model(learning_rate: float = RATE) -> Program:
    """The linear model with an offset, in s4, that learns as the weights do.

    Parameters
    ----------
    learning_rate : float
        Step size.

    Returns
    -------
    Program

    Examples
    --------
    >>> print(affine_model().learn[-1])
    s4 = s4 + s3
    """
    model = programs.linear_model(learning_rate)
    return Program(
        model.setup,
        (*model.predict, Instruction(Op.scalar_sum, 1, 4, 1)),
        (*model.learn, Instruction(Op.scalar_sum, 4, 3, 4)),
    )


def search(problem: str, method: str, number: int, *, seed: int, budget: int) -> dict[str, Any]:
    """One search until its first success.

    Parameters
    ----------
    problem, method : str
        One of :data:`PROBLEMS`, one of :data:`METHODS`.
    number : int
        Which search of the seed; it has the same tasks for all methods.
    seed, budget
        As in :func:`run`.

    Returns
    -------
    dict
        ``"curve"``, ``"cpu_seconds"`` and ``"found"``: the program if it is a success, or None.
    """
    config, tasks = problem_of(problem, (seed, number))
    config = replace(config, **METHODS[method])
    evolution, seconds = timed_search(config, tasks, seed=1000 * seed + number, budget=budget)
    found = None
    if evolution.best_fitness >= TARGET:
        found = finds.as_record(
            evolution.best_program,
            config.memory,
            fitness=evolution.best_fitness,
            evaluations=evolution.evaluations,
        )
    return {"curve": finds.curve(evolution), "cpu_seconds": seconds, "found": found}


def success_rate(successes: int, evaluations: int) -> dict[str, float | None]:
    """Evaluations for each success, with a 95 % interval.

    Parameters
    ----------
    successes : int
        How many there were, among so many
    evaluations : int
        programs.

    Returns
    -------
    dict
        ``per_success``, ``low`` and ``high``. Without a success the first and the last are None: then
        ``low`` is what is needed at least, at 95 % on that one side.

    Raises
    ------
    ValueError
        If there are no evaluations, or a number is negative.

    Notes
    -----
    Successes are taken to be a Poisson process in the number of programs, the interval is the exact one.
    That searches stop at their first success makes it an approximation.

    Examples
    --------
    >>> success_rate(4, 1000)["per_success"], round(success_rate(0, 3000)["low"])
    (250.0, 1001)
    """
    if successes < 0 or evaluations < 1:
        raise ValueError(
            "successes must be 0 or more and evaluations 1 or more, "
            f"got {successes} and {evaluations}"
        )
    if successes == 0:
        most = float(stats.chi2.ppf(0.95, 2)) / 2
        return {"per_success": None, "low": evaluations / most, "high": None}
    most = float(stats.chi2.ppf(0.975, 2 * successes + 2)) / 2
    least = float(stats.chi2.ppf(0.025, 2 * successes)) / 2
    return {
        "per_success": evaluations / successes,
        "low": evaluations / most,
        "high": evaluations / least,
    }


def ratio_of_rates(
    successes: int, evaluations: int, other_successes: int, other_evaluations: int
) -> dict[str, float | None]:
    """How many times as often the first succeeds as the other, with a 95 % interval.

    Parameters
    ----------
    successes, evaluations : int
        Of the first.
    other_successes, other_evaluations : int
        Of the other.

    Returns
    -------
    dict
        ``ratio``, ``low`` and ``high``; None where a number is not bounded.

    Notes
    -----
    Of the successes together those of the first are binomial; the interval is that of Clopper and Pearson.

    Examples
    --------
    >>> ratio_of_rates(20, 1000, 10, 1000)["ratio"], ratio_of_rates(5, 1000, 0, 1000)["high"]
    (2.0, None)
    """
    more, less = successes, other_successes
    scale = other_evaluations / evaluations

    def odds(share: float) -> float | None:
        return None if share >= 1.0 else scale * share / (1.0 - share)

    low = float(stats.beta.ppf(0.025, more, less + 1)) if more else 0.0
    high = float(stats.beta.ppf(0.975, more + 1, less)) if less else 1.0
    ratio = scale * more / less if less else None
    return {"ratio": ratio, "low": odds(low), "high": odds(high)}


def plot(result: dict[str, Any], axes: Axes, *, problem: str = "linear") -> None:
    """Draw the programs that each method evaluates for a success.

    Parameters
    ----------
    result : dict
        From :func:`run`.
    axes : matplotlib.axes.Axes
    problem : {"linear", "affine"}
    """
    methods = result["problems"][problem]["methods"]
    rows = [{"name": name, **one["thresholds"][-1]} for name, one in methods.items()]
    figures.draw_evaluations_per_success(axes, rows)
    axes.set_title(f"Learn of {problem} regression")


def plot_shares(result: dict[str, Any], axes: Axes, *, problem: str = "linear") -> None:
    """Draw the share of searches that have succeeded, over programs evaluated.

    Parameters
    ----------
    result : dict
        From :func:`run`.
    axes : matplotlib.axes.Axes
    problem : {"linear", "affine"}
    """
    budget = result["settings"]["budget"]
    for (name, one), color in zip(
        result["problems"][problem]["methods"].items(), plotting.COLORS.values(), strict=False
    ):
        when = [_first_time(curve, TARGET) for curve in one["curves"]]
        solved = sorted(time for time, success in when if success)
        shares = [i / len(when) for i in range(len(solved) + 1)]
        axes.step(
            [0, *solved, budget], [*shares, shares[-1]], where="post", color=color, label=name
        )
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("programs evaluated")
    axes.set_ylabel("share of searches that succeeded")
    plotting.label_lines(axes)


def _first_time(curve: Sequence[Sequence[float]], threshold: float) -> tuple[int, bool]:
    """Evaluations until a curve reaches the threshold, or all of them; and whether it does."""
    reached = [point[0] for point in curve if point[1] >= threshold]
    return (int(reached[0]), True) if reached else (int(curve[-1][0]), False)


def _compared(by_method: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    compared: dict[str, Any] = {}
    for method, searches in by_method.items():
        rows = []
        for place, threshold in enumerate(THRESHOLDS):
            times = [_first_time(one["curve"], threshold) for one in searches]
            successes = sum(success for _, success in times)
            evaluations = sum(time for time, _ in times)
            row: dict[str, Any] = {"threshold": threshold, "successes": successes}
            row |= {"evaluations": evaluations, **success_rate(successes, evaluations)}
            if method != RANDOM:
                other = compared[RANDOM]["thresholds"][place]
                row["against_random"] = ratio_of_rates(
                    successes, evaluations, other["successes"], other["evaluations"]
                )
            rows.append(row)
        programs_found = {one["found"]["program"]: one["found"] for one in searches if one["found"]}
        compared[method] = {
            "searches": len(searches),
            "thresholds": rows,
            "curves": [one["curve"] for one in searches],
            "cpu_seconds": round(float(np.sum([one["cpu_seconds"] for one in searches])), 3),
            "found": list(programs_found.values())[:3],
        }
    return compared
