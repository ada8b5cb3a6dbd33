"""The settings of a search."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from paper_lessons.automl_zero.engine.evaluator import FORGET_EVERY, PROBE, check_program
from paper_lessons.automl_zero.memory import Memory
from paper_lessons.automl_zero.mutation import Mutation
from paper_lessons.automl_zero.ops import OpSet
from paper_lessons.automl_zero.program import Program

DEMO_MUTATIONS = (
    Mutation.alter_parameter,
    Mutation.randomize_instruction,
    Mutation.randomize_component,
)
# Of searches that begin with a hand-written program.
NETWORK_MUTATIONS = (
    Mutation.alter_parameter,
    Mutation.randomize_instruction,
    Mutation.insert,
    Mutation.remove,
    Mutation.remove,  # twice as likely as to insert
)


def at_least(name: str, value: int, least: int) -> None:
    """Raise ValueError unless a value is a whole number from ``least`` on."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} must be a whole number from {least}, got {value!r}")


@dataclass(frozen=True)
class EvolutionConfig:
    """How to search; defaults are those of the authors' demonstration.

    Parameters
    ----------
    op_set : OpSet
        Ops of each component; a component without ops is left as the start has it.
    memory : Memory
        Addresses and number of features.
    sizes : three ints
        Instructions of Setup, Predict and Learn that a search without ``start`` begins with.
    min_sizes, max_sizes : three ints each, optional
        Bounds for insertions and removals, the upper one exclusive. By default sizes stay.
    population, tournament : int
        P and T of the paper: programs alive, and how many of them are drawn for each parent.
    mutation_probability : float
        U of the paper; otherwise the child is a copy.
    mutations : tuple of Mutation
        The type of a mutation is drawn uniformly; one that stands twice is twice as likely.
    start : {"no_op", "random"} or Program
        What the population begins with.
    restart_every : int, optional
        Begin anew after so many evaluations of an island; the best program of all is kept.
    target : float, optional
        Stop as soon as a program's fitness reaches it.
    round_evaluations : int
        Evaluations of an island between two checkpoints and migrations.
    migration : float
        Share of each population that is sent around between rounds, if there are several islands.
    epochs, max_error, combine, max_cost, prune, program_cache, probe, forget_every
        As for :class:`Evaluator`.
    hurdle : int, optional
        Number of tasks, rounded up to whole groups of tasks that run side by side, after which a
        program is given up if its fitness so far is below the 75th percentile of the different
        fitnesses in the population; it keeps that fitness. Renewed once per generation.

    Raises
    ------
    ValueError
        If a setting is out of range.

    Notes
    -----
    Source: section 3.2 (regularised evolution), section 4.2 (hurdles, migration).

    Examples
    --------
    >>> EvolutionConfig(population=100).tournament
    10
    """

    op_set: OpSet = field(default_factory=OpSet.demo)
    memory: Memory = field(default_factory=Memory)
    sizes: tuple[int, int, int] = (10, 2, 8)
    min_sizes: tuple[int, int, int] | None = None
    max_sizes: tuple[int, int, int] | None = None
    population: int = 1000
    tournament: int = 10
    mutation_probability: float = 0.9
    mutations: tuple[Mutation, ...] = DEMO_MUTATIONS
    start: str | Program = "no_op"
    restart_every: int | None = None
    target: float | None = None
    round_evaluations: int = 200_000
    migration: float = 0.5
    epochs: int = 1
    max_error: float = 100.0
    combine: str = "mean"
    max_cost: float | None = None
    prune: bool = True
    program_cache: bool = True
    probe: int = PROBE
    forget_every: int = FORGET_EVERY
    hurdle: int | None = None
    random_search: bool = False

    def __post_init__(self) -> None:
        for name in ("population", "tournament", "round_evaluations"):
            at_least(name, getattr(self, name), 1)
        if self.restart_every is not None:
            at_least("restart_every", self.restart_every, self.population + 1)
        for name in ("mutation_probability", "migration"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must lie in [0, 1], got {getattr(self, name)!r}")
        if not self.mutations:
            raise ValueError("mutations must name at least one type, got none")
        object.__setattr__(self, "mutations", tuple(Mutation(one) for one in self.mutations))
        if isinstance(self.start, Program):
            check_program(self.start, OpSet((), (), ()), self.memory)
        elif self.start not in ("no_op", "random"):
            raise ValueError(f"start must be 'no_op', 'random' or a Program, got {self.start!r}")
        for name, ops in zip(("setup", "predict", "learn"), self.op_set, strict=True):
            for op in ops:
                for kind in (*op.inputs, op.output):
                    if kind and self.memory.addresses(kind) <= self.memory.first_output(kind):
                        raise ValueError(
                            f"memory must have more of kind {kind} for {op.name} in {name}"
                        )
        for least, start, most in zip(*self.bounds, strict=True):
            if not 0 <= least <= start < most:
                raise ValueError(
                    "sizes must be at least min_sizes and below max_sizes (exclusive), "
                    f"got {self.bounds[1]}, {self.bounds[0]} and {self.bounds[2]}"
                )

    @property
    def bounds(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """Least sizes, sizes at the start, and the exclusive upper bound of sizes."""
        start = self.start.sizes if isinstance(self.start, Program) else tuple(self.sizes)
        most = tuple(self.max_sizes) if self.max_sizes else tuple(n + 1 for n in start)
        return tuple(self.min_sizes or start), start, most

    @property
    def room(self) -> tuple[int, ...]:
        """Rows of each component's arrays: a trade inserts before it removes."""
        return self.bounds[2]
