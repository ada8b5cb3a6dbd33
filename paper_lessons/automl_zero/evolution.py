"""Regularised evolution of programs: the loop over rounds, and what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from paper_lessons.automl_zero.config import EvolutionConfig, at_least
from paper_lessons.automl_zero.engine.evaluator import statistics, unpack
from paper_lessons.automl_zero.engine.islands import (
    advance_all,
    compile_search,
    load_checkpoint,
    make_evaluator,
    migrate,
    new_population,
    save_checkpoint,
)
from paper_lessons.automl_zero.engine.parts import COUNTERS, RECORDED, TOTAL, Population
from paper_lessons.automl_zero.memory import Memory
from paper_lessons.automl_zero.program import Program
from paper_lessons.automl_zero.tasks import LinearRegressionTasks, Tasks


@dataclass(frozen=True)
class Improvement:
    """A program that was better than all before it on its island."""

    island: int
    evaluations: int
    fitness: float
    program: Program


@dataclass(frozen=True)
class Evolution:
    """What a search found.

    Attributes
    ----------
    best_program : Program
        The first program that had the best fitness.
    best_fitness : float
        Its fitness, as the search saw it.
    evaluations : int
        Programs evaluated, on all islands.
    history : list of dict
        After each round: evaluations, best fitness so far, and the mean fitness of the populations.
    improvements : list of Improvement
        Turning points: programs better than all before them on any island.
    statistics : dict of str to int
        How often programs were evaluated, found in a cache, run in full.
    populations : list of Population
        The islands' states, as plain arrays.
    """

    best_program: Program
    best_fitness: float
    evaluations: int
    history: list[dict[str, float]]
    improvements: list[Improvement]
    statistics: dict[str, int]
    populations: list[Population]

    def programs(self, config: EvolutionConfig) -> list[list[Program]]:
        """The programs that are alive on each island."""
        return [
            [
                unpack(p.code[i], p.data[i], p.sizes[i].tolist(), config.room)
                for i in range(len(p.fitness))
            ]
            for p in self.populations
        ]


def evolve(
    config: EvolutionConfig,
    tasks: Tasks,
    *,
    seed: int,
    budget: int,
    islands: int = 1,
    checkpoint: str | Path | None = None,
    progress: bool = True,
    jobs: int | None = None,
) -> Evolution:
    """Search for a program by regularised evolution.

    Parameters
    ----------
    config : EvolutionConfig
        Settings.
    tasks : Tasks
        What programs are judged by.
    seed : int
        Seed of everything: same seed, same result, however often the run is interrupted.
    budget : int
        Programs to evaluate, on all islands together.
    islands : int
        Populations that evolve side by side and exchange programs after each round.
    checkpoint : str or Path, optional
        File (.npz) to which the state is written after each round, and from which the run goes on if
        it is there.
    progress : bool
        Whether to draw a bar of text on standard error.
    jobs : int, optional
        Processes for several islands; by default one for each, at most one for each core. What
        ``joblib.parallel_config`` says about the backend holds: it may be a Dask or Ray cluster.

    Returns
    -------
    Evolution

    Raises
    ------
    ValueError
        If an argument is out of range, or the checkpoint is of another run.

    Notes
    -----
    Source: section 3.2 of the paper. A round of an island is a function of its state alone: what
    caches hold is not taken from one round to the next.

    Examples
    --------
    >>> from paper_lessons.automl_zero.tasks import LinearRegressionTasks
    >>> config = EvolutionConfig(population=20, round_evaluations=100)
    >>> found = evolve(config, LinearRegressionTasks(4), seed=0, budget=200, progress=False)
    >>> found.evaluations, found.best_program.sizes
    (200, (10, 2, 8))
    """
    at_least("budget", budget, 1)
    at_least("islands", islands, 1)
    at_least("seed", seed, 0)
    if config.memory.features != tasks.features:
        raise ValueError(
            f"tasks must have the memory's {config.memory.features} features, got {tasks.features}"
        )
    settings = {"config": config, "tasks": tasks, "seed": seed, "islands": islands}
    populations, history = load_checkpoint(checkpoint, settings)
    if not populations:
        populations = [new_population(config, (seed, island)) for island in range(islands)]
    share = [budget // islands + (island < budget % islands) for island in range(islands)]
    compile_search(config, tasks, quiet=not progress)
    with _bar(budget, populations, progress) as bar:
        while not _finished(config, populations, share):
            counts = [
                min(config.round_evaluations, max(0, most - int(p.numbers[TOTAL])))
                for most, p in zip(share, populations, strict=True)
            ]
            if history and islands > 1 and config.migration > 0.0:
                populations = migrate(populations, config.migration, (seed, len(history)))
            populations = advance_all(config, tasks, populations, counts, jobs)
            history.append(_summary(populations))
            save_checkpoint(checkpoint, settings, populations, history)
            _show(bar, populations, history[-1])
    return _result(config, populations, history)


def random_search(
    config: EvolutionConfig,
    tasks: Tasks,
    *,
    seed: int,
    budget: int,
    islands: int = 1,
    checkpoint: str | Path | None = None,
    progress: bool = True,
    jobs: int | None = None,
) -> Evolution:
    """Evaluate programs whose every instruction is drawn at random: what evolution is compared with.

    Parameters
    ----------
    config : EvolutionConfig
        Settings; those of populations and mutations have no influence. Components without ops stay
        as the start has them.
    tasks, seed, budget, islands, checkpoint, progress, jobs
        As for :func:`evolve`.

    Returns
    -------
    Evolution

    Raises
    ------
    ValueError
        As for :func:`evolve`.

    Notes
    -----
    Source: section 4.1 of the paper, the baseline of Figure 4.

    Examples
    --------
    >>> from paper_lessons.automl_zero.tasks import LinearRegressionTasks
    >>> tasks = LinearRegressionTasks(4)
    >>> random_search(EvolutionConfig(), tasks, seed=0, budget=100, progress=False).evaluations
    100
    """
    config = replace(config, random_search=True, migration=0.0, restart_every=None)
    return evolve(
        config,
        tasks,
        seed=seed,
        budget=budget,
        islands=islands,
        checkpoint=checkpoint,
        progress=progress,
        jobs=jobs,
    )


def warmup() -> None:
    """Compile the search now, for 4 and for 16 features and ten tasks, instead of when it is first used.

    Needed once per machine and version. Other shapes compile an engine of their own, which takes less.

    Examples
    --------
    >>> warmup()
    """
    for features in (4, 16):
        config = EvolutionConfig(memory=Memory(features=features))
        tasks = LinearRegressionTasks(10, features, train=1, valid=1)
        compile_search(config, tasks, quiet=True)
        make_evaluator(config, tasks, quiet=True).fitness([Program()])


def _finished(
    config: EvolutionConfig, populations: Sequence[Population], share: Sequence[int]
) -> bool:
    if config.target is not None and _best(populations)[0] >= config.target:
        return True
    return all(p.numbers[TOTAL] >= most for p, most in zip(populations, share, strict=True))


def _best(populations: Sequence[Population]) -> tuple[float, int]:
    """The best fitness so far, and the island that has it (the lowest of several)."""
    found = [
        float(p.best_fitness[p.numbers[RECORDED] - 1]) if p.numbers[RECORDED] else -1.0
        for p in populations
    ]
    return max(found), int(np.argmax(found))


def _summary(populations: Sequence[Population]) -> dict[str, float]:
    return {
        "evaluations": float(sum(int(p.numbers[TOTAL]) for p in populations)),
        "best_fitness": _best(populations)[0],
        "mean_fitness": float(np.mean([p.fitness.mean() for p in populations])),
    }


def _result(
    config: EvolutionConfig, populations: list[Population], history: list[dict[str, float]]
) -> Evolution:
    fitness, island = _best(populations)
    improvements = []
    best = -1.0
    records = [
        (int(p.best_when[place]), number, place)
        for number, p in enumerate(populations)
        for place in range(int(p.numbers[RECORDED]))
    ]
    for when, number, place in sorted(records):
        p = populations[number]
        if p.best_fitness[place] > best:
            best = float(p.best_fitness[place])
            sizes = p.best_sizes[place].tolist()
            program = unpack(p.best_code[place], p.best_data[place], sizes, config.room)
            improvements.append(Improvement(number, when, best, program))
    last = int(populations[island].numbers[RECORDED]) - 1
    p = populations[island]
    return Evolution(
        best_program=unpack(
            p.best_code[last], p.best_data[last], p.best_sizes[last].tolist(), config.room
        ),
        best_fitness=fitness,
        evaluations=int(sum(int(p.numbers[TOTAL]) for p in populations)),
        history=history,
        improvements=improvements,
        statistics=statistics(_counters(populations)),
        populations=populations,
    )


def _counters(populations: Sequence[Population]) -> NDArray[np.int64]:
    return np.sum([p.counters for p in populations], axis=0, dtype=np.int64).reshape(COUNTERS)


def _bar(budget: int, populations: Sequence[Population], progress: bool) -> Any:
    done = sum(int(p.numbers[TOTAL]) for p in populations)
    return tqdm(total=budget, initial=done, disable=not progress, unit="program", unit_scale=True)


def _show(bar: Any, populations: Sequence[Population], summary: dict[str, float]) -> None:
    counts = statistics(_counters(populations))
    hits = counts["found_by_program"] + counts["found_by_errors"]
    bar.set_postfix_str(
        f"best {summary['best_fitness']:.4f}, cache hits {hits / max(1, counts['evaluated']):.0%}",
        refresh=False,
    )
    bar.update(int(summary["evaluations"]) - bar.n)
