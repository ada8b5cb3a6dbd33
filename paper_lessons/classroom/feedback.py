"""Cases, diagnoses and references of all exercises: written in the masters, kept as package data, tried by `explain`.

A learner's feedback cell is one line, ``explain(pav)``. What it tries stands in ``exercises/NN_name.feedback.json``, which is
made from the master's feedback cells, so that nothing below an answer cell tells the answer.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from paper_lessons.lessons import LESSONS
from paper_lessons.resources import locate

if TYPE_CHECKING:
    from paper_lessons.classroom.masters import Master


@dataclass(frozen=True)
class Feedback:
    """What a master's feedback cell does.

    Attributes
    ----------
    exercise : str
        The exercise's name.
    functions : tuple of str
        The learner's functions that it tries.
    before : str
        Code that it builds on: the notebook's setup and what the exercise is given.
    source : str
        The cell.
    """

    exercise: str
    functions: tuple[str, ...]
    before: str
    source: str


def feedback_name(slug: str) -> str:
    """The file of a lesson's feedback, beside its exercises.

    Examples
    --------
    >>> feedback_name("01_soft_sort")
    '01_soft_sort.feedback.json'
    """
    return f"{slug}.feedback.json"


def explained(source: str) -> tuple[str, ...]:
    """The learner's functions that a feedback cell tries, in order.

    Parameters
    ----------
    source : str
        The cell; each statement ``explain(NAME, ...)`` tries one.

    Returns
    -------
    tuple of str

    Raises
    ------
    ValueError
        If the cell tries nothing, or something that has no name.

    Examples
    --------
    >>> explained("explain(pav, reference, cases)")
    ('pav',)
    """
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "explain":
            if not node.args or not isinstance(node.args[0], ast.Name):
                raise ValueError(
                    f"explain must get a function by its name, got {ast.unparse(node)}"
                )
            names.append(node.args[0].id)
    if not names:
        raise ValueError("a feedback cell must call explain(NAME, ...)")
    return tuple(names)


def of_master(master: Master) -> list[Feedback]:
    """The feedback of all exercises of a master.

    Parameters
    ----------
    master : Master

    Returns
    -------
    list of Feedback
    """
    found = []
    for cell in master.cells:
        if cell.role != "feedback":
            continue
        before = [
            one.source
            for one in master.cells
            if one.role == "setup" or (one.role == "given" and one.exercise == cell.exercise)
        ]
        functions = explained(cell.source)
        found.append(Feedback(cell.exercise, functions, "\n\n".join(before), cell.source))
    return found


def calls_for(function: Callable[..., Any]) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    """How a master's cell calls `explain` for a learner's function: arguments after the function.

    Parameters
    ----------
    function : callable
        The learner's; its name says which exercise it belongs to.

    Returns
    -------
    list of (tuple, dict)
        Positional and keyword arguments of each call.

    Raises
    ------
    ValueError
        If no exercise asks for a function of that name.
    """
    name = getattr(function, "__name__", type(function).__name__)
    known = _by_function()
    if name not in known:
        raise ValueError(f"explain knows {', '.join(sorted(known))}; got {name!r}")
    feedback = known[name]
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def record(tried: object, *arguments: Any, **options: Any) -> None:
        if tried is function:
            calls.append((arguments, options))

    space: dict[str, Any] = {"__name__": "feedback"}
    # a name without a file: no traceback shows these lines
    exec(compile(feedback.before, "<exercise>", "exec"), space)
    space |= dict.fromkeys(feedback.functions) | {name: function, "explain": record}
    exec(compile(feedback.source, "<exercise>", "exec"), space)
    return calls


@cache
def _by_function() -> dict[str, Feedback]:
    found = {}
    for lesson in LESSONS:
        try:
            path = locate(f"exercises/{feedback_name(lesson.slug)}")
        except FileNotFoundError:
            continue
        for entry in json.loads(path.read_text(encoding="utf-8"))["exercises"]:
            one = Feedback(**entry | {"functions": tuple(entry["functions"])})
            found.update(dict.fromkeys(one.functions, one))
    return found
