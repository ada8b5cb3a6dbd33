"""The searches for a table's algorithm, and the choice between what they found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from paper_lessons.automl_zero import finds, programs
from paper_lessons.automl_zero.config import NETWORK_MUTATIONS, EvolutionConfig
from paper_lessons.automl_zero.engine.evaluator import Evaluator
from paper_lessons.automl_zero.evolution import Evolution, evolve
from paper_lessons.automl_zero.memory import Memory
from paper_lessons.automl_zero.ops import OpSet
from paper_lessons.automl_zero.program import Program
from paper_lessons.automl_zero.simplify import simplify
from paper_lessons.automl_zero.table.files import Table
from paper_lessons.automl_zero.table.tasks import search_tasks, select_tasks

STARTS = ("linear", "network")
RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
STDS = (0.1, 0.5)  # of a network's first weights
CANDIDATES = 20  # of the improvements, and of the programs alive at the end


def search(
    start: str,
    against: float | None = None,
    *,
    x: Float[np.ndarray, "n columns"],
    y: Float[np.ndarray, " n"],
    kind: str,
    features: int,
    seed: int,
    budget: int,
    islands: int = 1,
    progress: bool = False,
    checkpoint: str | None = None,
) -> dict[str, Any]:
    """One search from a hand-written program, whose learning rate is tuned first.

    Parameters
    ----------
    start : str
        One of :data:`STARTS`.
    against : float, optional
        The class that is told from all others, where there are more than two.
    x, y, kind, features, seed
        As for :func:`search_tasks`.
    budget, islands, progress
        As for :func:`~paper_lessons.automl_zero.evolve`.
    checkpoint : str, optional
        Beginning of the name of the file that keeps the search's state; it is removed at the end.

    Returns
    -------
    dict
        ``"start"``, ``"against"``, ``"rate"``, ``"tuned"`` (the start as a record), ``"curve"``,
        ``"turning_points"``, ``"statistics"`` and ``"candidates"``.
    """
    if against is not None:
        y = (y == against).astype(float)
    tasks = search_tasks(x, y, kind=kind, features=features, seed=seed)
    memory = memory_for(features)
    if start == "linear":
        grid = [(rate, programs.linear_model(rate)) for rate in RATES]
    else:
        grid = [
            (rate, programs.neural_network(rate, first_std=std, last_std=std))
            for rate in RATES
            for std in STDS
        ]
    tuned = [program for _, program in grid]
    fitness = Evaluator(OpSet.full(), tasks, memory=memory, quiet=not progress).fitness(tuned)
    best = int(np.argmax(fitness))
    config = _config(tuned[best], memory, tasks.train_x.shape[1])
    file = None if checkpoint is None else Path(f"{checkpoint}.{start}{against or ''}.npz")
    evolution = evolve(
        config,
        tasks,
        seed=seed,
        budget=budget,
        islands=islands,
        checkpoint=file,
        progress=progress,
    )
    if file is not None:
        file.unlink(missing_ok=True)
    tuned_record = finds.as_record(
        tuned[best], memory, fitness=float(fitness[best]), evaluations=0, kind=kind
    )
    return {
        "start": start,
        "against": against,
        "rate": grid[best][0],
        "tuned": tuned_record,
        "curve": finds.curve(evolution),
        "turning_points": finds.turning_points(evolution, memory, least_gain=0.005, kind=kind),
        "statistics": evolution.statistics,
        "candidates": [tuned_record, *_candidates(evolution, config, kind)],
    }


def rank_candidates(
    table: Table,
    rows: dict[str, Int[np.ndarray, " k"]],
    searches: Sequence[dict[str, Any]],
    *,
    features: int,
    seed: int,
) -> list[tuple[Program, dict[str, Any]]]:
    """All candidates whose predictions do not depend on the order of rows, the best on the select part first.

    Parameters
    ----------
    table, rows, features, seed
        As for :func:`select_tasks`.
    searches : sequence of dict
        From :func:`search`.

    Returns
    -------
    list of (Program, dict)
        The dictionary has ``"start"``, ``"fitness"``, ``"evaluations"``, and ``"select"``, the mean
        fitness on the select tasks.
    """
    tasks = select_tasks(table, rows, features=features, seed=seed)
    listed = [
        (Program.from_dict(one["json"]), {"start": each["start"]} | one)
        for each in searches
        for one in each["candidates"]
    ]
    listed = [(program, about) for program, about in listed if predicts_row_by_row(program)]
    evaluator = Evaluator(OpSet.full(), tasks, memory=memory_for(features), quiet=True)
    each = evaluator.task_fitness([program for program, _ in listed]).mean(axis=1)
    for (_, about), value in zip(listed, each.tolist(), strict=True):
        about["select"] = value
    # Of equals the shorter one.
    return sorted(listed, key=lambda one: (-one[1]["select"], one[1]["instructions"]))


def predicts_row_by_row(program: Program) -> bool:
    """Whether a prediction depends on its row and on training only, not on rows predicted before it.

    Parameters
    ----------
    program : Program
        The algorithm.

    Returns
    -------
    bool
        False also for some programs that happen not to use what they keep.

    Examples
    --------
    >>> from paper_lessons.automl_zero import Instruction, Op
    >>> predicts_row_by_row(programs.neural_network())
    True
    >>> predicts_row_by_row(Program(predict=[Instruction(Op.scalar_sum, 1, 2, out=1)]))
    False
    """
    predict = simplify(program).predict
    written = {cell for instruction in predict for cell in instruction.writes}
    fresh: set[tuple[str, int]] = set()
    for instruction in predict:
        if instruction.op.random:
            return False
        used = {*instruction.reads, *(instruction.writes if instruction.op.partial else ())}
        if any(cell in written and cell not in fresh for cell in used):
            return False
        fresh.update(instruction.writes)
    return True


def memory_for(features: int) -> Memory:
    """As much as the network needs: that of the authors' experiments that begin with it."""
    return Memory(5, 9, 2, features)


def _config(start: Program, memory: Memory, steps: int) -> EvolutionConfig:
    still = [op for op in OpSet.full().predict if not op.random]
    most = max(programs.neural_network().cost(steps), start.cost(steps))
    return EvolutionConfig(
        op_set=OpSet(OpSet.baseline().setup, still, OpSet.full().learn),
        memory=memory,
        min_sizes=(0, 1, 1),
        max_sizes=(8, 12, 24),
        population=100,
        mutations=NETWORK_MUTATIONS,
        start=start,
        round_evaluations=10_000,
        max_cost=2.0 * most,
    )


def _candidates(evolution: Evolution, config: EvolutionConfig, kind: str) -> list[dict[str, Any]]:
    """The best program at each improvement and the best that live at the end, each once."""
    found = [(one.fitness, one.evaluations, one.program) for one in evolution.improvements]
    alive = [
        (float(fitness), evolution.evaluations, program)
        for population, listed in zip(
            evolution.populations, evolution.programs(config), strict=True
        )
        for fitness, program in zip(population.fitness, listed, strict=True)
    ]
    alive = sorted(alive, key=lambda one: -one[0])
    records: dict[str, dict[str, Any]] = {}
    for group in (found[-CANDIDATES:], alive):
        least = len(records)
        for fitness, evaluations, program in group:
            if len(records) < least + CANDIDATES:
                record = finds.as_record(
                    program, config.memory, fitness=fitness, evaluations=evaluations, kind=kind
                )
                records.setdefault(record["program"], record)
    return list(records.values())
