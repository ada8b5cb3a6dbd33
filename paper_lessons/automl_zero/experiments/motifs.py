"""Motifs that the paper reports, found in programs by code: noise before the ReLU, a rate that decays.

Dead code does not count: programs are simplified first. What a program is made of is read from where
its values come from, not from addresses or op names alone.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from paper_lessons.automl_zero.interpreter import MemoryState, execute
from paper_lessons.automl_zero.memory import FEATURES, LABEL, PREDICTION, Memory
from paper_lessons.automl_zero.ops import Op
from paper_lessons.automl_zero.program import Instruction, Program
from paper_lessons.automl_zero.simplify import simplify
from paper_lessons.automl_zero.tasks import stream

Cell = tuple[str, int]
Place = tuple[str, int]  # component, number of the instruction in it

MOTIFS = ("noisy_relu", "noisy_input", "rate_decay")
FALL = 0.9  # a rate decays if training leaves it at this share of what it was, or less
STEADY = 0.95  # and if it does not rise in this share of the steps
_RECTIFIERS = (Op.vector_max, Op.vector_min)
_PRODUCTS = (Op.scalar_product, Op.scalar_vector_product, Op.scalar_matrix_product)


def count_motifs(program: Program, steps: int) -> dict[str, bool]:
    """Which motifs a program has.

    Parameters
    ----------
    program : Program
        The algorithm.
    steps : int
        Training steps over which a rate has to fall.

    Returns
    -------
    dict of str to bool
        For each of :data:`MOTIFS`.

    Notes
    -----
    Source: section 4.3 of the paper for the motifs; the definitions are our own, see
    :func:`has_noisy_relu`, :func:`has_noisy_input` and :func:`has_rate_decay`.

    Examples
    --------
    >>> from paper_lessons.automl_zero.programs import neural_network
    >>> count_motifs(neural_network(), steps=100)
    {'noisy_relu': False, 'noisy_input': False, 'rate_decay': False}
    """
    return {
        "noisy_relu": has_noisy_relu(program),
        "noisy_input": has_noisy_input(program),
        "rate_decay": has_rate_decay(program, steps),
    }


def has_noisy_relu(program: Program) -> bool:
    """Whether Predict takes a maximum (or minimum) of vectors one of which has fresh noise in it.

    Parameters
    ----------
    program : Program
        The algorithm.

    Returns
    -------
    bool
        True if noise that is drawn for each row stands in the place of the ReLU's zero or is added on
        the way to it, with no matrix between. Noise that was drawn once, in Setup, does not count; nor
        does noise in what training adds up, such as weights.

    Examples
    --------
    >>> from paper_lessons.automl_zero.programs import neural_network
    >>> network = neural_network()
    >>> noise = Instruction(Op.vector_gaussian, out=5, data=[0.0, 0.1])
    >>> has_noisy_relu(network), has_noisy_relu(Program(*network.components[:2], [noise, *network.learn]))
    (False, True)
    """
    simple = simplify(program)
    flow = _Flow(simple)
    return any(
        flow.carries_noise(cell, ("predict", number))
        for number, instruction in enumerate(simple.predict)
        if instruction.op in _RECTIFIERS
        for cell in instruction.reads
    )


def has_noisy_input(program: Program) -> bool:
    """Whether Predict multiplies a vector by a matrix, one of which has fresh noise in it.

    Parameters
    ----------
    program : Program
        The algorithm.

    Returns
    -------
    bool
        Noise that is drawn for each row, as for :func:`has_noisy_relu`.

    Examples
    --------
    >>> from paper_lessons.automl_zero.programs import bilinear_fig6
    >>> has_noisy_input(bilinear_fig6()), has_noisy_input(bilinear_fig6(noise=0.0))
    (True, False)
    """
    simple = simplify(program)
    flow = _Flow(simple)
    return any(
        flow.carries_noise(cell, ("predict", number))
        for number, instruction in enumerate(simple.predict)
        if instruction.op is Op.matrix_vector_product
        for cell in instruction.reads
    )


def has_rate_decay(program: Program, steps: int) -> bool:
    """Whether a scalar that multiplies the error's way through Learn shrinks as training goes on.

    Parameters
    ----------
    program : Program
        The algorithm.
    steps : int
        Training steps.

    Returns
    -------
    bool
        True if one of the program's :func:`learning_rates` ends at :data:`FALL` of its first value or
        below and falls or stays in :data:`STEADY` of the steps.

    Examples
    --------
    >>> from paper_lessons.automl_zero.programs import neural_network
    >>> network = neural_network(0.1)
    >>> shrink = Instruction(Op.scalar_arctan, 3, out=3)
    >>> has_rate_decay(Program(*network.components[:2], [*network.learn, shrink]), steps=700)
    True
    """
    for rates in learning_rates(program, steps).values():
        sizes = np.abs(rates)
        steady = np.mean(sizes[1:] <= sizes[:-1]) if steps > 1 else 0.0
        if (
            np.isfinite(sizes).all()
            and sizes[0] > 0.0
            and sizes[-1] <= FALL * sizes[0]
            and steady >= STEADY
        ):
            return True
    return False


def learning_rates(program: Program, steps: int) -> dict[int, Float[np.ndarray, " steps"]]:
    """Scalars that multiply what comes from the label in Learn, and their value at each training step.

    Parameters
    ----------
    program : Program
        The algorithm.
    steps : int
        Training steps.

    Returns
    -------
    dict
        From the number of the (simplified) Learn's instruction that multiplies to the factor. Only
        factors count that no row has an influence on: constants, and scalars that change by themselves.
        What divides counts as its reciprocal.

    Raises
    ------
    ValueError
        If ``steps`` is below 1.

    Examples
    --------
    >>> from paper_lessons.automl_zero.programs import linear_model
    >>> learning_rates(linear_model(0.01), steps=3)
    {1: array([0.01, 0.01, 0.01])}
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    simple = simplify(program)
    alone = _autonomous_scalars(simple)
    factors: dict[int, tuple[Cell, bool]] = {}
    from_label = {LABEL}
    for number, instruction in enumerate(simple.learn):
        read = [cell in from_label for cell in instruction.reads]
        if instruction.op in _PRODUCTS and sum(read) == 1:
            factor = instruction.reads[read.index(False)]
            if factor in alone:
                factors[number] = (factor, False)
        divides = instruction.op is Op.scalar_division and read == [True, False]
        if divides and instruction.reads[1] in alone:
            factors[number] = (instruction.reads[1], True)
        for cell in instruction.writes:
            if any(read) or (instruction.op.partial and cell in from_label):
                from_label.add(cell)
            else:
                from_label.discard(cell)
    return _run_alone(simple, alone, factors, steps) if factors else {}


def rate_left(program: Program, steps: int) -> float | None:
    """What the rate that falls most is at the end of training, as a share of what it was.

    Parameters
    ----------
    program : Program
        The algorithm.
    steps : int
        Training steps.

    Returns
    -------
    float or None
        1 for constant rates; None if the program has no :func:`learning_rates` to speak of.

    Examples
    --------
    >>> from paper_lessons.automl_zero.programs import neural_network
    >>> rate_left(neural_network(), steps=10), rate_left(Program(), steps=10)
    (1.0, None)
    """
    with np.errstate(all="ignore"):
        shares = [abs(rates[-1] / rates[0]) for rates in learning_rates(program, steps).values()]
    return min((float(share) for share in shares if np.isfinite(share)), default=None)


def _autonomous_scalars(program: Program) -> set[Cell]:
    """Scalars whose course is settled before the first row is seen."""
    loop = (*program.predict, *program.learn)
    cells = {cell for i in program for cell in (*i.reads, *i.writes) if cell[0] == "s"}
    alone = cells - {LABEL, PREDICTION}
    while True:
        influenced = {
            cell
            for instruction in loop
            for cell in instruction.writes
            if cell in alone
            and (instruction.op.random or any(read not in alone for read in instruction.reads))
        }
        if not influenced:
            return alone
        alone -= influenced


def _run_alone(
    program: Program, alone: set[Cell], factors: dict[int, tuple[Cell, bool]], steps: int
) -> dict[int, Float[np.ndarray, " steps"]]:
    """The factors' values in a run of nothing but the scalars that go their own way."""

    def own(instructions: tuple[Instruction, ...]) -> list[Instruction]:
        return [i for i in instructions if any(cell in alone for cell in i.writes)]

    state = MemoryState.zeros(Memory.holding(program, features=1))
    generator = stream(0, 0)
    values = {number: np.empty(steps) for number in factors}
    with np.errstate(all="ignore"):  # inf and nan are values here
        # Setup may make a scalar of a vector's norm; its length is 1 here, which no rate depends on.
        execute(program.setup, state, generator)
        predict = own(program.predict)
        for step in range(steps):
            execute(predict, state, generator)
            for number, instruction in enumerate(program.learn):
                if number in factors:
                    cell, divides = factors[number]
                    values[number][step] = 1.0 / state[cell] if divides else state[cell]
                if any(cell in alone for cell in instruction.writes):
                    execute([instruction], state, generator)
    return values


class _Flow:
    """Where the values of a program's cells come from."""

    def __init__(self, program: Program) -> None:
        self.parts = {"predict": program.predict, "learn": program.learn}

    def carries_noise(self, cell: Cell, before: Place, *, crossed: bool = False) -> bool:
        """Whether what a cell holds before an instruction has noise in it that is drawn for each row.

        From an instruction of Predict the way leads back through Predict, and on through the component
        that ran before it, but no further. It ends at sums that training keeps, and at matrices.
        """
        if cell in (FEATURES, LABEL):
            return False
        place, outside = self._writer(cell, before)
        if place is None or (outside and crossed) or self._keeps(place, cell):
            return False
        instruction = self.parts[place[0]][place[1]]
        if _draws(instruction):
            return True
        if instruction.op is Op.matrix_vector_product:
            return False
        return any(
            self.carries_noise(read, place, crossed=crossed or outside)
            for read in _inputs(instruction)
        )

    def _keeps(self, place: Place, cell: Cell) -> bool:
        """Whether an instruction makes the cell's next value from its last, as sums of steps do."""
        waiting, seen = [place], set()
        while waiting:
            here = waiting.pop()
            if here in seen:
                continue
            seen.add(here)
            for read in _inputs(self.parts[here[0]][here[1]]):
                writer, outside = self._writer(read, here)
                if outside and read == cell and writer == place:
                    return True
                if writer is not None and not outside:
                    waiting.append(writer)
        return False

    def _writer(self, cell: Cell, before: Place) -> tuple[Place | None, bool]:
        """The instruction that wrote a cell last, and whether it belongs to an earlier component."""
        part, number = before
        other = "learn" if part == "predict" else "predict"
        ways = [
            (False, part, range(number - 1, -1, -1)),
            (True, other, range(len(self.parts[other]) - 1, -1, -1)),
            (True, part, range(len(self.parts[part]) - 1, number - 1, -1)),
        ]
        for outside, where, numbers in ways:
            for one in numbers:
                if cell in self.parts[where][one].writes:
                    return (where, one), outside
        return None, True  # Setup's, or zero


def _inputs(instruction: Instruction) -> tuple[Cell, ...]:
    """What an instruction reads; one that writes a single element keeps the others."""
    kept = instruction.writes if instruction.op.partial else ()
    return (*instruction.reads, *kept)


def _draws(instruction: Instruction) -> bool:
    """Whether an instruction draws numbers that differ from one execution to the next."""
    first, second, _ = instruction.data
    if instruction.op.data == ("mean", "std"):
        return second > 0.0
    return instruction.op.data == ("low", "high") and first != second
