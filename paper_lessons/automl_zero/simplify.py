"""Take out the instructions that cannot change a prediction."""

from __future__ import annotations

from collections.abc import Iterable

from paper_lessons.automl_zero.memory import FEATURES, LABEL, PREDICTION, Memory
from paper_lessons.automl_zero.ops import COMPONENTS
from paper_lessons.automl_zero.program import Instruction, Program

Cells = frozenset[tuple[str, int]]

# The loop itself writes these before each component that could read them.
_GIVEN = frozenset({LABEL, FEATURES})


def simplify(program: Program, memory: Memory | None = None) -> Program:
    """The program without dead code: what no prediction can ever depend on.

    Parameters
    ----------
    program : Program
        The algorithm.
    memory : Memory, optional
        If given, the program is checked against it.

    Returns
    -------
    Program
        A program with the same predictions on every task, in training and after, to the last bit. (A
        program with random ops draws the same distribution; dead random ops no longer take numbers
        from the generator, so that the others get different ones.)

    Raises
    ------
    ValueError
        If the program does not fit the memory.

    Notes
    -----
    Liveness of addresses, backwards through the loop: Learn is followed by Predict, Predict by Learn in
    training and by Predict in validation, so that the two are gone through until nothing is added.

    Examples
    --------
    >>> from paper_lessons.automl_zero.ops import Op
    >>> used = Instruction(Op.scalar_abs, 0, out=1)
    >>> simplify(Program(predict=[used, Instruction(Op.scalar_abs, 0, out=2)])).predict == (used,)
    True
    """
    if memory is not None:
        program.check(memory)
    return Program(
        *(
            [i for i, live in zip(instructions, flags, strict=True) if live]
            for instructions, flags in zip(program.components, liveness(program), strict=True)
        )
    )


def liveness(program: Program) -> tuple[list[bool], list[bool], list[bool]]:
    """Which instructions can change a prediction.

    Parameters
    ----------
    program : Program
        The algorithm.

    Returns
    -------
    three lists of bool
        One entry for each instruction of Setup, Predict and Learn.

    Examples
    --------
    >>> from paper_lessons.automl_zero.programs import linear_model
    >>> liveness(linear_model())
    ([True], [True], [True, True, True, True])
    """
    before_predict: Cells = frozenset()
    while True:
        learn, before_learn = _backwards(program.learn, before_predict - _GIVEN)
        after_predict = {PREDICTION} | (before_learn | before_predict) - _GIVEN
        predict, wanted = _backwards(program.predict, after_predict)
        if wanted == before_predict:
            break
        before_predict = wanted  # can only grow, and there are finitely many addresses
    setup, _ = _backwards(program.setup, before_predict - _GIVEN)
    return setup, predict, learn


def _backwards(
    instructions: tuple[Instruction, ...], wanted: Iterable[tuple[str, int]]
) -> tuple[list[bool], Cells]:
    """Which instructions matter if these cells are read afterwards, and what is read before."""
    live = set(wanted)
    flags = []
    for instruction in reversed(instructions):
        matters = any(cell in live for cell in instruction.writes)
        flags.append(matters)
        if matters:
            if not instruction.op.partial:  # those keep the other elements of what was there
                live.difference_update(instruction.writes)
            live.update(instruction.reads)
    return flags[::-1], frozenset(live)


def count_live(program: Program) -> dict[str, int]:
    """Numbers of instructions that matter, by component.

    Examples
    --------
    >>> from paper_lessons.automl_zero.programs import linear_model
    >>> count_live(linear_model())
    {'setup': 1, 'predict': 1, 'learn': 4}
    """
    return {name: sum(flags) for name, flags in zip(COMPONENTS, liveness(program), strict=True)}
