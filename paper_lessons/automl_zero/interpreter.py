"""The readable interpreter: what a program's fitness is, one instruction at a time.

It is slow, and it is the definition. The fast engine is tested against it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from paper_lessons.automl_zero.arithmetic import FUNCTIONS, compute
from paper_lessons.automl_zero.memory import FEATURES, LABEL, PREDICTION, Memory
from paper_lessons.automl_zero.ops import Op
from paper_lessons.automl_zero.program import Instruction, Program
from paper_lessons.automl_zero.tasks import COMBINATIONS, Tasks, epoch_orders, stream


@dataclass(frozen=True)
class MemoryState:
    """What stands in a program's memory: all of it zero at first."""

    scalars: Float[np.ndarray, " S"]
    vectors: Float[np.ndarray, "V F"]
    matrices: Float[np.ndarray, "M F F"]

    @classmethod
    def zeros(cls, memory: Memory) -> MemoryState:
        """Memory as Setup finds it."""
        f = memory.features
        return cls(
            np.zeros(memory.scalars),
            np.zeros((memory.vectors, f)),
            np.zeros((memory.matrices, f, f)),
        )

    @cached_property
    def _by_kind(self) -> dict[str, np.ndarray]:
        return {"s": self.scalars, "v": self.vectors, "m": self.matrices}

    def __getitem__(self, cell: tuple[str, int]) -> Any:
        kind, address = cell
        return self._by_kind[kind][address]

    def __setitem__(self, cell: tuple[str, int], value: Any) -> None:
        kind, address = cell
        self._by_kind[kind][address] = value


@dataclass
class Trace:
    """What happened while a program was trained and judged.

    Attributes
    ----------
    fitness : float
        In [0, 1]; the best of the epochs.
    epoch_fitness : list of float
        Fitness after each epoch that was trained to its end.
    train_errors : list of float
        |y - s1| of each training step, over all epochs.
    valid_errors : list of lists of float
        For each of these epochs the error of each row: |y - s1|, or 0 and 1 for right and wrong.
    valid_predictions : list of lists of float
        For each of these epochs s1, or its sigmoid, of each row.
    stopped : str
        Why training or the last validation ended early; empty if it did not.
    memory : MemoryState
        The memory as it was left.
    """

    memory: MemoryState
    fitness: float = 0.0
    epoch_fitness: list[float] = field(default_factory=list)
    train_errors: list[float] = field(default_factory=list)
    valid_errors: list[list[float]] = field(default_factory=list)
    valid_predictions: list[list[float]] = field(default_factory=list)
    stopped: str = ""


def execute(
    instructions: Iterable[Instruction], state: MemoryState, generator: np.random.Generator
) -> None:
    """Run the instructions of a component, in order, on the memory.

    Examples
    --------
    >>> from paper_lessons.automl_zero.ops import Op
    >>> state = MemoryState.zeros(Memory())
    >>> execute([Instruction(Op.scalar_const, out=2, data=[0.5])], state, stream(0, 0))
    >>> state.scalars
    array([0. , 0. , 0.5, 0. ])
    """
    for instruction in instructions:
        for target in instruction.writes:  # one, or none for no_op
            inputs = [state[cell] for cell in instruction.reads]
            state[target] = compute(
                instruction.op, inputs, instruction.data, state[target], generator
            )


def sigmoid(logit: float) -> float:
    """1 / (1 + exp(-logit)).

    Examples
    --------
    >>> float(sigmoid(np.float64(0.0)))
    0.5
    """
    return 1.0 / (1.0 + FUNCTIONS[Op.scalar_exp](-logit))


def interpret(
    program: Program,
    tasks: Tasks,
    task: int = 0,
    *,
    memory: Memory | None = None,
    epochs: int = 1,
    max_error: float = 100.0,
    seed: int | Sequence[int] = 0,
) -> Trace:
    """Train a program on one task, then judge it on the task's validation rows.

    Parameters
    ----------
    program : Program
        The algorithm.
    tasks : Tasks
        Where the task is taken from.
    task : int
        Its number.
    memory : Memory, optional
        Sizes of the memory; by default as much as the program addresses. Has no influence on the
        result.
    epochs : int
        How often the training rows are gone through, each time but the first in a new order
        (`epoch_orders` of the seed). The program is judged after each epoch; the best counts.
    max_error : float
        An error above it, or one that is nan, ends the trace. In validation that epoch is worth 0.
    seed : int or sequence of int
        Seed of the orders and of the random ops, which draw from ``stream(seed, task)``.

    Returns
    -------
    Trace
        Fitness, errors of every step and the memory that was left.

    Raises
    ------
    ValueError
        If the program does not fit the memory, or the memory the task.

    Notes
    -----
    Source: the paper's evaluation of an algorithm; the order in which memory is written is that of the
    authors' reference.

    Examples
    --------
    >>> from paper_lessons.automl_zero.tasks import LinearRegressionTasks
    >>> interpret(Program(), LinearRegressionTasks(1, valid=5)).valid_predictions
    [[0.0, 0.0, 0.0, 0.0, 0.0]]
    """
    memory = memory or Memory.holding(program, tasks.features)
    if memory.features != tasks.features:
        raise ValueError(
            f"memory must have the tasks' {tasks.features} features, got {memory.features}"
        )
    if not 0 <= task < len(tasks):
        raise ValueError(f"task must be from 0 to {len(tasks) - 1}, got {task!r}")
    program.check(memory)
    generator = stream(seed, task)
    trace = Trace(MemoryState.zeros(memory))
    with np.errstate(all="ignore"):  # inf and nan are values here
        execute(program.setup, trace.memory, generator)
        for order in epoch_orders(tasks.train_x.shape[1], epochs, seed):
            _train(program, tasks, task, order, max_error, trace, generator)
            if trace.stopped:
                break
            _validate(program, tasks, task, max_error, trace, generator)
            if trace.stopped:
                break
    trace.fitness = max(trace.epoch_fitness, default=0.0)
    return trace


def _train(
    program: Program,
    tasks: Tasks,
    task: int,
    order: np.ndarray,
    max_error: float,
    trace: Trace,
    generator: np.random.Generator,
) -> None:
    state = trace.memory
    trace.stopped = ""
    for row in order:
        x, y = tasks.train_x[task, row], tasks.train_y[task, row]
        state[FEATURES] = x
        state[LABEL] = 0.0  # hidden while the program predicts
        execute(program.predict, state, generator)
        if tasks.kind == "accuracy":
            state[PREDICTION] = sigmoid(state[PREDICTION])  # Learn sees the probability
        error = float(abs(y - state[PREDICTION]))
        trace.train_errors.append(error)
        if not error <= max_error:  # nan too
            trace.stopped = f"training step {len(trace.train_errors)}: error {error:.6g}"
            return
        state[FEATURES] = x
        state[LABEL] = y
        execute(program.learn, state, generator)


def _validate(
    program: Program,
    tasks: Tasks,
    task: int,
    max_error: float,
    trace: Trace,
    generator: np.random.Generator,
) -> None:
    state = trace.memory  # goes on from training: what Predict writes stays for the next row
    errors: list[float] = []
    predictions: list[float] = []
    trace.valid_errors.append(errors)
    trace.valid_predictions.append(predictions)
    loss = 0.0
    for x, y in zip(tasks.valid_x[task], tasks.valid_y[task], strict=True):
        state[FEATURES] = x
        state[LABEL] = 0.0
        execute(program.predict, state, generator)
        prediction = float(state[PREDICTION])
        if tasks.kind == "accuracy":
            prediction = float(sigmoid(state[PREDICTION]))  # s1 itself stays a logit
            error = float((y > 0.5) != (prediction > 0.5))  # nan is not above: class 0
            loss += error
        else:
            error = abs(float(y) - prediction)
            loss += error * error
        errors.append(error)
        predictions.append(prediction)
        if not error <= max_error:
            trace.stopped = f"validation row {len(errors)}: error {error:.6g}"
            trace.epoch_fitness.append(0.0)
            return
    mean_loss = loss / len(errors)
    trace.epoch_fitness.append(
        1.0 - mean_loss if tasks.kind == "accuracy" else rms_fitness(math.sqrt(mean_loss))
    )


def rms_fitness(rms: float) -> float:
    """Fitness of a root mean squared error: 1 for none, falling to 0.

    Parameters
    ----------
    rms : float
        The error, from 0.

    Returns
    -------
    float
        1 - (2 / pi) arctan(rms); 0 for inf and nan.

    Examples
    --------
    >>> rms_fitness(0.0), rms_fitness(1.0), rms_fitness(float("inf"))
    (1.0, 0.5, 0.0)
    """
    return max(0.0, 1.0 - (2.0 / math.pi) * math.atan(rms)) if math.isfinite(rms) else 0.0


def fitness(
    program: Program,
    tasks: Tasks,
    *,
    memory: Memory | None = None,
    epochs: int = 1,
    max_error: float = 100.0,
    combine: str = "mean",
    max_cost: float | None = None,
    seed: int | Sequence[int] = 0,
) -> float:
    """A program's fitness over all tasks.

    Parameters
    ----------
    program : Program
        The algorithm.
    tasks : Tasks
        On each of them the program starts anew.
    memory, epochs, max_error, seed
        As for `interpret`.
    combine : {"mean", "median"}
        How the tasks' fitnesses become one; of an even number the median is the upper middle one.
    max_cost : float, optional
        A program whose ``cost(training rows)`` is above it is not run and has fitness 0.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        As for `interpret`, and if combine is unknown.

    Notes
    -----
    Source: the authors' reference; the median is what section 4.2 of the paper uses.

    Examples
    --------
    >>> from paper_lessons.automl_zero.tasks import LinearRegressionTasks
    >>> 0.2 < fitness(Program(), LinearRegressionTasks(10)) < 0.5  # predicts 0
    True
    """
    if combine not in COMBINATIONS:
        raise ValueError(f"combine must be one of {', '.join(COMBINATIONS)}, got {combine!r}")
    if max_cost is not None and program.cost(tasks.train_x.shape[1]) > max_cost:
        return 0.0
    each = [
        interpret(
            program, tasks, task, memory=memory, epochs=epochs, max_error=max_error, seed=seed
        ).fitness
        for task in range(len(tasks))
    ]
    return sum(each) / len(each) if combine == "mean" else sorted(each)[len(each) // 2]
