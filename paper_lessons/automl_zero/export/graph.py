"""What feeds what in a program: which instruction reads what which other one wrote."""

from __future__ import annotations

from paper_lessons.automl_zero.memory import FEATURES, LABEL
from paper_lessons.automl_zero.program import Program

# The loop itself writes these before each component that could read them.
_GIVEN = frozenset({LABEL, FEATURES})
Place = tuple[int, int]  # number of the component, number of the instruction in it


def feeds(program: Program) -> list[tuple[Place, Place, tuple[str, int]]]:
    """Which instruction reads what which other one wrote.

    Parameters
    ----------
    program : Program
        The algorithm.

    Returns
    -------
    list of (writer, reader, cell)
        Writer and reader are (component, place), both from 0. What the loop writes, features and
        label, has no writer. A cell can reach its reader by several ways.

    Examples
    --------
    >>> from paper_lessons.automl_zero.programs import linear_model
    >>> feeds(linear_model())[0]
    ((0, 0), (2, 1), ('s', 2))
    """
    Writers = dict[tuple[str, int], frozenset[Place]]
    found: set[tuple[Place, Place, tuple[str, int]]] = set()

    def follow(component: int, entry: Writers) -> Writers:
        writers = {cell: who for cell, who in entry.items() if cell not in _GIVEN}
        for place, one in enumerate(program.components[component]):
            for cell in one.reads:
                found.update((who, (component, place), cell) for who in writers.get(cell, ()))
            for cell in one.writes:
                before = writers.get(cell, frozenset()) if one.op.partial else frozenset()
                writers[cell] = before | {(component, place)}
        return writers

    def either(*several: Writers) -> Writers:
        cells = {cell for one in several for cell in one}
        return {
            cell: frozenset().union(*(one.get(cell, frozenset()) for one in several))
            for cell in cells
        }

    before: Writers = follow(0, {})
    while True:
        after_predict = follow(1, before)
        reached = either(before, after_predict, follow(2, after_predict))
        if reached == before:
            return sorted(found)
        before = reached
