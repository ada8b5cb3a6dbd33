"""Linear regression found by search: with Setup and Predict given, and from random programs.

What a search found is judged again by the readable interpreter on tasks that no search has seen, some of
them with more training rows or with another number of features.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from paper_lessons import plotting
from paper_lessons.automl_zero import figures, finds, programs
from paper_lessons.automl_zero.config import EvolutionConfig
from paper_lessons.automl_zero.engine.islands import compile_search
from paper_lessons.automl_zero.evolution import Evolution, evolve
from paper_lessons.automl_zero.interpreter import fitness
from paper_lessons.automl_zero.memory import Memory
from paper_lessons.automl_zero.ops import OpSet
from paper_lessons.automl_zero.program import Program
from paper_lessons.automl_zero.simplify import simplify
from paper_lessons.automl_zero.tasks import LinearRegressionTasks, Tasks
from paper_lessons.runs import run_tasks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TARGET = 0.95
RATES = (0.1, 0.01)
TEXTBOOK_RATES = (0.01, 0.03, 0.1, 0.2, 0.3, 0.5)
# (features, training rows) of the tasks that no search has seen; the first is what searches see.
ELSEWHERE = ((4, 100), (4, 1000), (2, 100), (8, 100), (16, 100))
_UNSEEN = 10**6  # no search has this number


def run(
    *,
    seed: int = 0,
    rates: Sequence[float] = RATES,
    learn_searches: int = 10,
    learn_budget: int = 3_000_000,
    full_searches: int = 10,
    full_budget: int = 20_000_000,
    new_tasks: int = 50,
    jobs: int | None = None,
    progress: bool = False,
    checkpoint: str | None = None,
) -> dict[str, Any]:
    """Search for linear regression, by Learn alone and as a whole.

    Parameters
    ----------
    seed : int
        Fixes tasks and searches.
    rates : sequence of float
        Learning rates in the Setup that searches for Learn are given.
    learn_searches, full_searches : int
        Searches for Learn with each rate, and for whole programs. Each has tasks of its own.
    learn_budget, full_budget : int
        Programs that a search evaluates at most; it stops at a fitness of :data:`TARGET`.
    new_tasks : int
        Tasks of each kind in :data:`ELSEWHERE`.
    jobs, progress, checkpoint
        As in :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        ``"settings"``; ``"textbook"``, the fitness of the linear model that people write, for each
        learning rate, ``"elsewhere"`` on new tasks; ``"learn_only"`` with a list of searches for each
        rate; ``"full"`` with one list. A search has ``"solved"``, ``"evaluations"``,
        ``"cpu_seconds"``, ``"fitness"``, ``"curve"``, what it ``"found"`` and how that does
        ``"elsewhere"``; searches for whole programs also their ``"turning_points"``, with all that
        :func:`~.finds.as_record` says in the first search, and what is read in the others.

    Raises
    ------
    ValueError
        If a number is below 1 or there is no rate.

    Notes
    -----
    Source: section 4.1 of the paper and the authors' integration test, whose ops, sizes and tasks
    these are (10 tasks of 100 + 100 rows, 4 features; 5, 1 and 4 instructions). Populations are smaller
    and begin anew again and again (P = 100), since a search that is stuck rarely gets off.

    Examples
    --------
    >>> sizes = {"learn_searches": 1, "learn_budget": 500, "full_searches": 1, "full_budget": 500}
    >>> found = run(rates=(0.1,), new_tasks=2, **sizes)
    >>> found["full"][0]["evaluations"], [one["features"] for one in found["textbook"][0]["elsewhere"]]
    (500, [4, 4, 2, 8, 16])
    """
    sizes = {"learn_searches": learn_searches, "full_searches": full_searches}
    sizes |= {"learn_budget": learn_budget, "full_budget": full_budget, "new_tasks": new_tasks}
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}")
    if not rates:
        raise ValueError("rates must hold at least one learning rate, got none")
    options: dict[str, Any] = {"jobs": jobs, "progress": progress, "checkpoint": checkpoint}
    shared = {"seed": seed, "new_tasks": new_tasks}
    tasks: list[dict[str, Any]] = [
        {"number": number, "rate": float(rate), "budget": learn_budget}
        for rate in rates
        for number in range(learn_searches)
    ]
    tasks += [
        {"number": number, "rate": None, "budget": full_budget} for number in range(full_searches)
    ]
    compile_engine(full_config(), progress)
    searches = run_tasks(search, tasks, shared=shared, **options)
    by_rate = [searches[i * learn_searches :][:learn_searches] for i in range(len(rates))]
    return {
        "settings": {"seed": seed, "target": TARGET, "rates": list(rates), **sizes},
        "textbook": _textbook(seed, new_tasks),
        "learn_only": [
            {"rate": float(rate), "searches": own} for rate, own in zip(rates, by_rate, strict=True)
        ],
        "full": searches[len(rates) * learn_searches :],
    }


def learn_only_config(rate: float) -> EvolutionConfig:
    """A search for the four instructions of Learn, with Setup and Predict of the linear model.

    Parameters
    ----------
    rate : float
        Learning rate in Setup.

    Returns
    -------
    EvolutionConfig

    Examples
    --------
    >>> print(learn_only_config(0.1).start.setup[0])
    s2 = 0.1
    """
    model = programs.linear_model(rate)
    nothing = programs.empty_program((0, 0, len(model.learn)))
    return EvolutionConfig(
        op_set=OpSet((), (), OpSet.linear().learn),
        start=Program(model.setup, model.predict, nothing.learn),
        population=100,
        restart_every=5_000,
        target=TARGET,
    )


def full_config() -> EvolutionConfig:
    """A search for whole programs of 5, 1 and 4 instructions that begins with random ones.

    Returns
    -------
    EvolutionConfig

    Examples
    --------
    >>> full_config().sizes
    (5, 1, 4)
    """
    return EvolutionConfig(
        op_set=OpSet.linear(),
        sizes=(5, 1, 4),
        start="random",
        population=100,
        restart_every=10_000,
        target=TARGET,
    )


def search(
    number: int, rate: float | None, budget: int, *, seed: int, new_tasks: int
) -> dict[str, Any]:
    """One search, and what it found judged on tasks that it has not seen.

    Parameters
    ----------
    number : int
        Which search of the seed.
    rate : float or None
        Learning rate that is given; None searches for whole programs.
    budget : int
        Programs to evaluate at most.
    seed, new_tasks
        As in :func:`run`.

    Returns
    -------
    dict
        As :func:`run` describes it.
    """
    config = full_config() if rate is None else learn_only_config(rate)
    tasks = LinearRegressionTasks(10, seed=(seed, number))
    evolution, seconds = timed_search(config, tasks, seed=1000 * seed + number, budget=budget)
    last = evolution.improvements[-1]
    found: dict[str, Any] = {
        "solved": bool(evolution.best_fitness >= TARGET),
        "evaluations": evolution.evaluations,
        "cpu_seconds": seconds,
        "fitness": evolution.best_fitness,
        "curve": finds.curve(evolution),
        "found": finds.as_record(
            last.program, config.memory, fitness=last.fitness, evaluations=last.evaluations
        ),
        "elsewhere": _elsewhere(last.program, seed, new_tasks),
    }
    if rate is None:
        points = finds.turning_points(evolution, config.memory)
        names = ("evaluations", "fitness", "program", "instructions")
        found["turning_points"] = [
            point if number == 0 else {name: point[name] for name in names} for point in points
        ]
    return found


def compile_engine(config: EvolutionConfig, progress: bool) -> None:
    """Compile before the work is spread over processes; with a word about it, unless it is kept.

    Parameters
    ----------
    config : EvolutionConfig
        Of the searches, on ten tasks.
    progress : bool
        Whether to say so on standard error.
    """
    tasks = LinearRegressionTasks(10, config.memory.features, train=1, valid=1)
    compile_search(config, tasks, quiet=not progress)


def timed_search(
    config: EvolutionConfig, tasks: Tasks, *, seed: int, budget: int
) -> tuple[Evolution, float]:
    """A search and its CPU seconds, without what is compiled on first use.

    Parameters
    ----------
    config, tasks, seed, budget
        As for :func:`~paper_lessons.automl_zero.evolve`.

    Returns
    -------
    evolution : Evolution
    seconds : float
        Of this process, to the millisecond.
    """
    evolve(config, tasks, seed=seed, budget=1, progress=False)
    start = time.process_time()
    evolution = evolve(config, tasks, seed=seed, budget=budget, progress=False)
    return evolution, round(time.process_time() - start, 3)


def plot_learn_only(result: dict[str, Any], axes: Axes) -> None:
    """Draw the searches for Learn, a colour for each rate, and the fitness of the textbook's Learn.

    Parameters
    ----------
    result : dict
        From :func:`run`.
    axes : matplotlib.axes.Axes
    """
    groups = {
        f"rate {group['rate']:g}": [one["curve"] for one in group["searches"]]
        for group in result["learn_only"]
    }
    figures.draw_curves(axes, groups)
    rates = [group["rate"] for group in result["learn_only"]]
    for one in result["textbook"]:
        fitness = one["elsewhere"][0]["fitness"]
        if one["rate"] in rates and fitness < TARGET:
            text = plotting.mark(
                axes, fitness, f"hand-written Learn, rate {one['rate']:g}", along="y"
            )
            text.set(position=(3, 3), ha="left")  # on the left nothing is in the way
            text.xy = (0.0, fitness)  # type: ignore[attr-defined]


def plot_full(result: dict[str, Any], axes: Axes, *, number: int = 0) -> None:
    """Draw the searches for whole programs, one of them with its turning points.

    Parameters
    ----------
    result : dict
        From :func:`run`.
    axes : matplotlib.axes.Axes
    number : int
        Which one, from 0.
    """
    curves = [one["curve"] for one in result["full"]]
    others = curves[:number] + curves[number + 1 :]
    groups = {"others": others} if others else {}
    figures.draw_curves(axes, groups | {f"search {number + 1}": [curves[number]]})
    figures.draw_turning_points(axes, result["full"][number]["turning_points"])


def _textbook(seed: int, new_tasks: int) -> list[dict[str, Any]]:
    return [
        {"rate": rate, "elsewhere": _elsewhere(programs.linear_model(rate), seed, new_tasks)}
        for rate in TEXTBOOK_RATES
    ]


def _elsewhere(program: Program, seed: int, new_tasks: int) -> list[dict[str, Any]]:
    """Mean fitness on unseen tasks of each kind, and how many of them are solved."""
    simple = simplify(program)
    found = []
    for features, train in ELSEWHERE:
        tasks = LinearRegressionTasks(new_tasks, features, train=train, seed=(seed, _UNSEEN))
        memory = Memory(features=features)
        each = [fitness(simple, tasks.subset([task]), memory=memory) for task in range(len(tasks))]
        found.append(
            {
                "features": features,
                "train": train,
                "fitness": float(np.mean(each)),
                "solved": int(np.sum(np.array(each) >= TARGET)),
            }
        )
    return found
