"""What a search found, as plain data: its curve, and the best program at each turning point."""

from __future__ import annotations

from typing import Any

from paper_lessons.automl_zero.evolution import Evolution
from paper_lessons.automl_zero.export.latex import to_latex
from paper_lessons.automl_zero.export.python import to_python
from paper_lessons.automl_zero.memory import Memory
from paper_lessons.automl_zero.program import Program
from paper_lessons.automl_zero.simplify import simplify

LEAST_GAIN = 0.01
LATEX_LINES = 12  # a longer formula is no easier to read than the program


def curve(evolution: Evolution) -> list[list[float]]:
    """Best fitness over evaluations, a point for each improvement and one for the end.

    Parameters
    ----------
    evolution : Evolution
        What :func:`~paper_lessons.automl_zero.evolve` returned.

    Returns
    -------
    list of [evaluations, fitness]
        Evaluations of all islands together, which are taken to go on side by side.

    Examples
    --------
    >>> from paper_lessons.automl_zero import EvolutionConfig, LinearRegressionTasks, evolve
    >>> config = EvolutionConfig(population=20)
    >>> found = evolve(config, LinearRegressionTasks(4), seed=0, budget=500, progress=False)
    >>> curve(found)[-1] == [500, found.best_fitness]
    True
    """
    points: list[list[float]] = [
        [_evaluations(evolution, one.evaluations), one.fitness] for one in evolution.improvements
    ]
    if not points or points[-1][0] < evolution.evaluations:
        points.append([evolution.evaluations, evolution.best_fitness])
    return points


def as_record(
    program: Program,
    memory: Memory,
    *,
    fitness: float,
    evaluations: int,
    kind: str = "rms",
) -> dict[str, Any]:
    """A program as it is kept in a record: to be read, run and loaded again.

    Parameters
    ----------
    program : Program
        As it was found.
    memory : Memory
        What it was found with.
    fitness : float
        As the search saw it.
    evaluations : int
        When it was found.
    kind : {"rms", "accuracy"}
        Of the tasks.

    Returns
    -------
    dict
        ``evaluations``, ``fitness``; ``program``, the text of the simplified program, and its number
        of ``instructions``; ``python``, a class; ``latex``, or None if the program has more than
        :data:`LATEX_LINES` instructions; ``json``, the program as found, for
        :meth:`Program.from_dict`.

    Raises
    ------
    ValueError
        If the program does not fit the memory or the kind is unknown.

    Examples
    --------
    >>> from paper_lessons.automl_zero.programs import linear_model
    >>> found = as_record(linear_model(), Memory(), fitness=0.9, evaluations=7)
    >>> found["instructions"], Program.from_dict(found["json"]) == linear_model()
    (6, True)
    """
    simple = simplify(program, memory)
    instructions = sum(simple.sizes)
    return {
        "evaluations": int(evaluations),
        "fitness": float(fitness),
        "program": str(simple),
        "instructions": instructions,
        "python": to_python(simple, kind=kind),
        "latex": to_latex(simple) if instructions <= LATEX_LINES else None,
        "json": program.to_dict(),
    }


def turning_points(
    evolution: Evolution, memory: Memory, *, least_gain: float = LEAST_GAIN, kind: str = "rms"
) -> list[dict[str, Any]]:
    """The best program at each turning point of a search.

    Parameters
    ----------
    evolution : Evolution
        What :func:`~paper_lessons.automl_zero.evolve` returned.
    memory : Memory
        What it searched with.
    least_gain : float
        A program is kept if its fitness is so much above that of the last one kept and it is not the
        same when simplified. The first and the last are always kept.
    kind : {"rms", "accuracy"}
        Of the tasks.

    Returns
    -------
    list of dict
        As :func:`as_record` writes them, in the order in which they were found.

    Raises
    ------
    ValueError
        If ``least_gain`` is negative.

    Examples
    --------
    >>> from paper_lessons.automl_zero import EvolutionConfig, LinearRegressionTasks, evolve
    >>> config = EvolutionConfig(population=20)
    >>> found = evolve(config, LinearRegressionTasks(4), seed=0, budget=500, progress=False)
    >>> turning_points(found, config.memory)[-1]["fitness"] == found.best_fitness
    True
    """
    if not least_gain >= 0.0:
        raise ValueError(f"least_gain must be 0 or more, got {least_gain!r}")
    kept: list[dict[str, Any]] = []
    last = len(evolution.improvements) - 1
    for place, one in enumerate(evolution.improvements):
        near = bool(kept) and one.fitness < kept[-1]["fitness"] + least_gain
        if near and place != last:
            continue
        evaluations = _evaluations(evolution, one.evaluations)
        record = as_record(
            one.program, memory, fitness=one.fitness, evaluations=evaluations, kind=kind
        )
        # With random ops a program can be better than itself by luck.
        if kept and place != last and record["program"] == kept[-1]["program"]:
            continue
        kept.append(record)
    return kept


def _evaluations(evolution: Evolution, on_an_island: int) -> int:
    """What all islands have evaluated when one of them has evaluated so many."""
    return min(on_an_island * len(evolution.populations), evolution.evaluations)
