"""Fitness of many programs, by the fast engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from paper_lessons.automl_zero.engine import kernels_judging, parts
from paper_lessons.automl_zero.engine import llvm_ops as engine_ops
from paper_lessons.automl_zero.engine.native import Engine, engine
from paper_lessons.automl_zero.memory import Memory
from paper_lessons.automl_zero.ops import Op, OpSet
from paper_lessons.automl_zero.program import Program
from paper_lessons.automl_zero.tasks import COMBINATIONS, Tasks, epoch_orders

MOST_ADDRESSES = 64  # the liveness analysis keeps them as the bits of one word
MOST_LANES = 12  # three AVX2 registers
CACHE_BITS = 17
PROBE = 10
FORGET_EVERY = 100


class Evaluator:
    """Runs programs on tasks, several tasks at once.

    Parameters
    ----------
    op_set : OpSet
        The ops that programs may use.
    tasks : Tasks
        What programs are trained on and judged by.
    memory : Memory, optional
        Addresses; by default the authors' demonstration's with the tasks' features.
    epochs : int
        As for :func:`interpret`.
    max_error : float
        As for :func:`interpret`.
    combine : {"mean", "median"}
        How the tasks' fitnesses become one.
    max_cost : float, optional
        A program whose ``cost(training rows)`` is above it is not run and has fitness 0.
    prune : bool
        Whether to leave out instructions that cannot change the fitness.
    program_cache : bool
        Whether to remember the fitness of each (pruned) program.
    probe : int
        Training and validation rows of the functional equivalence check (FEC): programs that make
        the same errors on them are taken for the same program. 0 for no check.
    forget_every : int
        A remembered fitness is measured anew after so many uses; 0 for never.
    hurdle : int, optional
        Tasks after which a program may be given up; see :func:`evolve`.
    lanes : int, optional
        Tasks side by side; by default chosen by their number and by the size of the memory.
    seed : int
        Seed of the epochs' orders and of random ops.
    quiet : bool
        Whether to compile without a message.

    Raises
    ------
    ValueError
        If an argument is out of range or does not fit the tasks.

    Notes
    -----
    Source: section 3.1 (evaluation) and supplement S1 (functional equivalence check, S = 10
    examples of each kind). The ops' arithmetic is that of :func:`interpret` to the last bit, but for
    the C library's functions in the place of NumPy's, and for other random numbers.

    Examples
    --------
    >>> from paper_lessons.automl_zero.tasks import LinearRegressionTasks
    >>> evaluator = Evaluator(OpSet.demo(), LinearRegressionTasks(10), quiet=True)
    >>> bool(0.2 < evaluator.fitness([Program()])[0] < 0.5)  # predicts 0
    True
    """

    def __init__(
        self,
        op_set: OpSet,
        tasks: Tasks,
        *,
        memory: Memory | None = None,
        epochs: int = 1,
        max_error: float = 100.0,
        combine: str = "mean",
        max_cost: float | None = None,
        prune: bool = True,
        program_cache: bool = True,
        probe: int = PROBE,
        forget_every: int = FORGET_EVERY,
        hurdle: int | None = None,
        lanes: int | None = None,
        seed: int = 0,
        quiet: bool = False,
    ) -> None:
        memory = memory or Memory(features=tasks.features)
        _check(memory, tasks, combine, probe, forget_every, max_error, max_cost)
        self.op_set, self.tasks, self.memory = op_set, tasks, memory
        lanes = lanes or choose_lanes(len(tasks), memory)
        self.engine: Engine = engine(memory.features, lanes, quiet=quiet)
        addresses = (memory.scalars, memory.vectors, memory.matrices)
        self.table = parts.table(addresses, memory.features)
        order = epoch_orders(tasks.train_x.shape[1], epochs, seed)
        self.examples, self.layout = _examples(tasks, lanes, order)
        self.judging = parts.Judging(
            prune,
            program_cache,
            probe,
            forget_every,
            float(max_cost or 0.0),
            combine == "median",
            0 if hurdle is None else -(-_hurdle(hurdle, len(tasks)) // lanes),
        )
        self.caches = parts.caches(CACHE_BITS if program_cache or probe else 0)
        self._max_error, self._seed = float(max_error), seed
        self._machine: parts.Machine | None = None
        self._room = 0

    def fitness(
        self, programs: Iterable[Program], *, seed: int | None = None
    ) -> Float[np.ndarray, " n"]:
        """Fitness of each program.

        Parameters
        ----------
        programs : iterable of Program
            They must fit the memory and use the op set only.
        seed : int, optional
            Seed of random ops, if not the evaluator's.

        Returns
        -------
        float64 array of shape (n,)
            In [0, 1].

        Raises
        ------
        ValueError
            If a program uses an op or an address that the evaluator does not have.
        """
        return self._judge(list(programs), seed)[0]

    def task_fitness(
        self, programs: Iterable[Program], *, seed: int | None = None
    ) -> Float[np.ndarray, "n tasks"]:
        """Fitness of each program on each task, never from a cache.

        Parameters
        ----------
        programs : iterable of Program
            As for :meth:`fitness`.
        seed : int, optional
            Seed of random ops, if not the evaluator's.

        Returns
        -------
        float64 array of shape (n, tasks)
        """
        uncached = self.judging._replace(use_programs=False, probe=0, hurdle_groups=0)
        return self._judge(list(programs), seed, uncached)[1]

    def statistics(self) -> dict[str, int]:
        """How often programs were evaluated, found in a cache and run in full.

        Returns
        -------
        dict of str to int
        """
        counters = np.zeros(parts.COUNTERS, np.int64)
        if self._machine is not None:
            counters = self._machine.numbers
        return statistics(counters)

    def _judge(
        self, programs: list[Program], seed: int | None, judging: parts.Judging | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        for program in programs:
            check_program(program, self.op_set, self.memory)
        most = [max((p.sizes[c] for p in programs), default=0) for c in range(3)]
        code, data, sizes = pack(programs, most)
        noise = np.zeros(4, np.uint64)
        kernels_judging.seed(noise, self._seed if seed is None else seed)
        bounds = np.zeros((3, 4), np.int64)
        bounds[:, parts.OFFSET] = offsets(most)
        fitness, each = np.empty(len(programs)), np.empty((len(programs), len(self.tasks)))
        kernels_judging.judge_all(
            *(code, data, sizes, bounds, noise, fitness, each),
            *(judging or self.judging, self.layout, self.machine(sum(most))),
            *(self.caches, self.table),
        )
        return fitness, each

    def machine(self, instructions: int) -> parts.Machine:
        """Working memory for programs of so many instructions."""
        if self._machine is None or self._room < instructions:
            new = make_machine(self.engine, self.memory, self.tasks, instructions, self._max_error)
            if self._machine is not None:
                new.numbers[:] = self._machine.numbers
            self._machine, self._room = new, instructions
        return self._machine


def choose_lanes(tasks: int, memory: Memory) -> int:
    """How many tasks to run side by side.

    Parameters
    ----------
    tasks : int
        Their number.
    memory : Memory
        With many features few lanes, so that the matrices in use stay in the first-level cache.

    Returns
    -------
    int

    Examples
    --------
    >>> choose_lanes(10, Memory(features=4)), choose_lanes(1, Memory(features=4))
    (12, 1)
    """
    if tasks <= 2:
        return tasks
    most = MOST_LANES if memory.features <= 8 else 4
    groups = -(-tasks // most)
    return 4 * -(-tasks // (4 * groups))


def offsets(most: Sequence[int]) -> NDArray[np.int64]:
    """First row of each component in arrays with room for so many instructions."""
    return np.array([0, most[0], most[0] + most[1]], np.int64)


def pack(
    programs: Sequence[Program], most: Sequence[int]
) -> tuple[NDArray[np.int16], NDArray[np.float64], NDArray[np.int64]]:
    """Programs as arrays of shapes (P, n, 4), (P, n, 3) and (P, 3)."""
    code = np.zeros((len(programs), max(1, sum(most)), 4), np.int16)
    data = np.zeros((len(programs), max(1, sum(most)), 3))
    sizes = np.array([program.sizes for program in programs], np.int64).reshape(-1, 3)
    for p, program in enumerate(programs):
        for first, (rows, constants) in zip(offsets(most), program.to_arrays(), strict=True):
            code[p, first : first + len(rows)] = rows
            data[p, first : first + len(rows)] = constants
    return code, data, sizes


def unpack(
    code: NDArray[np.int16], data: NDArray[np.float64], sizes: Sequence[int], most: Sequence[int]
) -> Program:
    """The program that one row of packed arrays holds."""
    components = [
        (code[first : first + size], data[first : first + size])
        for first, size in zip(offsets(most), sizes, strict=True)
    ]
    return Program.from_arrays(components)


def statistics(counters: NDArray[np.int64]) -> dict[str, int]:
    """The counters with their names."""
    return {name: int(counters[place]) for place, name in enumerate(parts.COUNTER_NAMES)}


def check_program(program: Program, op_set: OpSet, memory: Memory) -> None:
    """Raise ValueError if a program does not fit."""
    program.check(memory)
    for name, allowed in zip(("setup", "predict", "learn"), op_set, strict=True):
        for instruction in getattr(program, name):
            if allowed and instruction.op not in allowed and instruction.op != Op.no_op:
                raise ValueError(f"{name} may not use {instruction.op.name}: it is not in op_set")


def make_machine(
    made: Engine, memory: Memory, tasks: Tasks, instructions: int, max_error: float
) -> parts.Machine:
    """Working memory, its rows on cache lines of their own where they are that long."""
    rows = memory.scalars + memory.features * (memory.vectors + memory.matrices * memory.features)
    reserved = memory.features**2 - engine_ops.SCRATCH
    cells = _aligned((reserved + rows) * made.lanes, np.float64).reshape(-1, made.lanes)
    records = _aligned((3 * instructions + 16) * engine_ops.RECORD_WORDS, np.int64)
    records = records.reshape(-1, engine_ops.RECORD_WORDS)
    context = np.zeros(engine_ops.CONTEXT_WORDS, np.int64)
    context.view(np.float64)[engine_ops.MAX_ERROR] = max_error
    kind = tasks.kind
    names = ["stop", "load_features", "clear_label", "set_label", "next_example"]
    names += [f"train_{kind}", f"train_{kind}_hashed", f"valid_{kind}", f"valid_{kind}_hashed"]
    return parts.Machine(
        functions=np.concatenate([made.table[: len(Op)], [made.step(name) for name in names]]),
        memory=cells,
        bits=cells.view(np.uint64),
        reserved=reserved,
        records=records,
        constants=records.view(np.float64),
        context=context,
        dead=np.zeros(max(1, instructions), np.bool_),
        noise=np.zeros(4, np.uint64),
        scores=np.zeros((3, max(len(tasks), made.lanes))),
        numbers=np.zeros(parts.ENDS + 6, np.int64),
    )


def _aligned(count: int, kind: Any) -> NDArray[Any]:
    """Zeros that begin on a cache line."""
    whole = np.zeros(count + 8, kind)
    skipped = (-whole.ctypes.data % 64) // 8
    return whole[skipped : skipped + count]


def _examples(
    tasks: Tasks, lanes: int, order: NDArray[np.int64]
) -> tuple[list[NDArray[Any]], NDArray[np.int64]]:
    """The rows of all tasks, the tasks of a group side by side, and where the kernels find them."""
    groups = -(-len(tasks) // lanes)
    # Lanes left over repeat the first task of their group: they live and die with it.
    chosen = np.arange(groups * lanes).reshape(groups, lanes)
    chosen = np.where(chosen < len(tasks), chosen, chosen[:, :1])

    def lay_out(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.ascontiguousarray(
            np.moveaxis(values[chosen], 1, -1)
        )  # (g, l, n, ..) -> (g, n, .., l)

    arrays: list[NDArray[Any]] = [
        lay_out(values) for values in (tasks.train_x, tasks.train_y, tasks.valid_x, tasks.valid_y)
    ]
    valid_rows = tasks.valid_x.shape[1]
    arrays += [np.ascontiguousarray(order, np.int64), np.arange(valid_rows, dtype=np.int64)]
    layout = [array.ctypes.data for array in arrays]
    layout += [groups, order.shape[1], valid_rows, len(order), len(tasks), tasks.kind == "accuracy"]
    return arrays, np.array(layout, np.int64)


def _hurdle(hurdle: int, tasks: int) -> int:
    if not 1 <= hurdle < tasks:
        raise ValueError(f"hurdle must be from 1 to {tasks - 1} tasks, got {hurdle}")
    return hurdle


def _check(
    memory: Memory,
    tasks: Tasks,
    combine: str,
    probe: int,
    forget_every: int,
    max_error: float,
    max_cost: float | None,
) -> None:
    addresses = memory.scalars + memory.vectors + memory.matrices
    if memory.features != tasks.features:
        raise ValueError(
            f"memory must have the tasks' {tasks.features} features, got {memory.features}"
        )
    if addresses > MOST_ADDRESSES:
        raise ValueError(f"memory must have at most {MOST_ADDRESSES} addresses, got {addresses}")
    if combine not in COMBINATIONS:
        raise ValueError(f"combine must be one of {', '.join(COMBINATIONS)}, got {combine!r}")
    for name, value in (("probe", probe), ("forget_every", forget_every)):
        if value < 0:
            raise ValueError(f"{name} must be 0 or more, got {value}")
    if not max_error > 0.0:
        raise ValueError(f"max_error must be positive, got {max_error!r}")
    if max_cost is not None and not max_cost > 0.0:
        raise ValueError(f"max_cost must be positive, got {max_cost!r}")
