"""Plain arrays that the search's kernels work on, grouped by what they are for."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paper_lessons.automl_zero.ops import Op

KINDS: dict[str | None, int] = {None: 0, "s": 1, "v": 2, "m": 3}
# How an instruction's constants are drawn and changed.
NO_DATA, CONST, INDEX, CELL, GAUSSIAN, UNIFORM = range(6)
_FORMS = {"const": CONST, "index": INDEX, "row": CELL, "mean": GAUSSIAN, "low": UNIFORM}

# Columns of ``Table.ops`` and of ``Table.kinds``.
IN1_KIND, IN2_KIND, OUT_KIND, FORM = range(4)
ADDRESSES, FIRST_ROW, ROWS, FIRST_BIT = range(4)
# Places in ``Machine.numbers``: counters of a run, records to be patched, the components' rows.
EVALUATED, PROGRAM_HITS, FEC_HITS, FULL_RUNS, STEPS, HURDLED, OVER_BUDGET, _ = range(8)
TRAIN, TRAIN_ERROR, VALID, VALID_ERROR = range(8, 12)
ENDS = 12  # first and last row of Setup, of Predict, of Learn
COUNTERS = 8
COUNTER_NAMES = (
    "evaluated",
    "found_by_program",
    "found_by_errors",
    "run_in_full",
    "steps",
    "stopped_at_hurdle",
    "over_cost",
)
# Places in ``Machine.functions`` after the ops; of the errors, plain and hashed.
STOP, LOAD, CLEAR, SET, NEXT, TRAIN_STEP, TRAIN_HASHED, VALID_STEP, VALID_HASHED = range(65, 74)
# Rows of ``Machine.scores``.
FITNESS, ORDERED, FAILED = range(3)
# Places in the layout of examples: addresses of arrays, then numbers.
TRAIN_X, TRAIN_Y, VALID_X, VALID_Y, TRAIN_ORDER, VALID_ORDER = range(6)
GROUPS, TRAIN_ROWS, VALID_ROWS, EPOCHS, TASKS, ACCURACY = range(6, 12)
# Rows of the caches' arrays.
BY_PROGRAM, BY_ERRORS = range(2)


class Table(NamedTuple):
    """What the kernels know about ops and memory."""

    ops: NDArray[np.int64]  # (65, 4): kinds of inputs and output, form of the constants
    costs: NDArray[np.float64]  # (65,)
    kinds: NDArray[np.int64]  # (4, 4): addresses; first row, rows and number of the first of them


class Machine(NamedTuple):
    """The engine's functions and the places in which it works."""

    functions: NDArray[np.int64]  # addresses: ops, then steps
    memory: NDArray[np.float64]  # (reserved + rows, lanes)
    bits: NDArray[np.uint64]  # the same bytes
    reserved: int  # rows in front of s0
    records: NDArray[np.int64]  # (n, 8)
    constants: NDArray[np.float64]  # the same bytes
    context: NDArray[np.int64]
    noise: NDArray[np.uint64]  # (4,), what probes draw from
    dead: NDArray[np.bool_]  # by instruction
    scores: NDArray[np.float64]  # (3, tasks or lanes)
    numbers: NDArray[np.int64]


class Caches(NamedTuple):
    """Two hash tables of fitnesses: by program, and by the errors that it makes on a few rows."""

    keys: NDArray[np.uint64]  # (2, n)
    values: NDArray[np.float64]
    uses: NDArray[np.int64]


class Judging(NamedTuple):
    """How a program is evaluated."""

    prune: bool
    use_programs: bool  # the cache by program
    probe: int  # examples of the functional equivalence check, 0 for none
    forget_every: int
    most_cost: float  # 0 for any
    median: bool
    hurdle_groups: int  # 0 for no hurdle


OP_COUNT, OFFSET, LEAST, MOST = range(4)  # columns of ``Rules.bounds``


class Rules(NamedTuple):
    """How programs are changed and chosen."""

    ops: NDArray[np.int64]  # (3, 65)
    bounds: NDArray[np.int64]  # (3, 4): number of ops, first row, least size, exclusive most
    components: NDArray[np.int64]  # those that may change
    kinds: NDArray[np.int64]  # mutation types, one drawn uniformly
    probability: float
    tournament: int
    restart_every: int  # 0 for never
    random_start: bool
    random_search: bool


class Population(NamedTuple):
    """The state of one island: all that the next round depends on."""

    code: NDArray[np.int16]  # (P, n, 4)
    data: NDArray[np.float64]  # (P, n, 3)
    sizes: NDArray[np.int64]  # (P, 3)
    fitness: NDArray[np.float64]  # (P,)
    numbers: NDArray[np.int64]  # slot, evaluations since the start, in all, recorded
    random: NDArray[np.uint64]  # (2, 4): choices, noise
    threshold: NDArray[np.float64]  # (1,), the hurdle
    best_code: NDArray[np.int16]  # (records, n, 4)
    best_data: NDArray[np.float64]
    best_sizes: NDArray[np.int64]
    best_fitness: NDArray[np.float64]
    best_when: NDArray[np.int64]
    start_code: NDArray[np.int16]  # (1, n, 4): what restarts begin with
    start_data: NDArray[np.float64]
    start_sizes: NDArray[np.int64]
    counters: NDArray[np.int64]


SLOT, AGE, TOTAL, RECORDED = range(4)


def table(addresses: tuple[int, int, int], features: int) -> Table:
    """The tables for a memory with so many scalars, vectors and matrices."""
    scalars, vectors, _ = addresses
    kinds = np.zeros((4, 4), np.int64)
    kinds[1:, ADDRESSES] = addresses
    kinds[1:, FIRST_ROW] = 0, scalars, scalars + vectors * features
    kinds[1:, ROWS] = 1, features, features * features
    kinds[1:, FIRST_BIT] = 0, scalars, scalars + vectors
    ops = np.zeros((len(Op), 4), np.int64)
    for op in Op:
        first, second = (*op.inputs, None, None)[:2]
        form = _FORMS[op.data[0]] if op.data else NO_DATA
        ops[op] = KINDS[first], KINDS[second], KINDS[op.output], form
    return Table(ops, np.array([op.cost for op in Op]), kinds)


def caches(bits: int) -> Caches:
    """Two empty tables of ``2**bits`` places."""
    shape = 2, 1 << bits
    return Caches(np.zeros(shape, np.uint64), np.zeros(shape), np.zeros(shape, np.int64))
