"""Where answers are checked, the library has only what an exercise is given: calling what it asks for is no answer.

The first cell of a checked notebook calls :func:`leave_out`. In the learner's own notebook everything is there.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

_PACKAGE = "paper_lessons"
_CLASSROOM = f"{_PACKAGE}.classroom"


class Reduced:
    """A module of which only some names are there."""

    def __init__(self, module: ModuleType, names: Iterable[str]) -> None:
        self._module, self._names = module, frozenset(names)

    def __getattr__(self, name: str) -> Any:
        if name in self._names:
            return getattr(self._module, name)
        there = ", ".join(sorted(self._names)) or "nothing"
        raise AttributeError(
            f"{name} of the library is absent where answers are checked: write it yourself ({there} is there)"
        )


def used_names(sources: Iterable[str], library: str = "library") -> list[str]:
    """The names of the library that given cells use, sorted.

    Examples
    --------
    >>> used_names(["isotonic_l2 = library.isotonic_l2"])
    ['isotonic_l2']
    """
    found = set()
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == library:
                found.add(node.attr)
    return sorted(found)


def leave_out(lesson: str, names: Iterable[str]) -> None:
    """From now on a notebook gets these names of the lesson's library, and no other module of the package.

    Only what the notebook itself imports is looked at; the library goes on as it is.

    Parameters
    ----------
    lesson : str
        The library: ``"soft_sort"``.
    names : iterable of str
        What is there.
    """
    real = getattr(builtins.__import__, "real", builtins.__import__)
    allowed = list(names)

    def guarded(
        name: str,
        globals: Any = None,
        locals: Any = None,
        fromlist: Any = (),
        level: int = 0,
    ) -> Any:
        module = real(name, globals, locals, fromlist, level)
        asked = (globals or {}).get("__name__") == "__main__" and level == 0
        if not asked or name.split(".")[0] != _PACKAGE or name == _CLASSROOM:
            return module
        if name == _PACKAGE and fromlist:
            whole = {one: getattr(module, one) for one in fromlist if one != "*"}
            if lesson in whole:
                whole[lesson] = Reduced(whole[lesson], allowed)
            return SimpleNamespace(**whole)
        if name == f"{_PACKAGE}.{lesson}" and fromlist:
            return Reduced(module, allowed)
        raise ImportError(
            f"{name} is absent where answers are checked: use what the exercise gives, and write the rest yourself"
        )

    guarded.real = real  # type: ignore[attr-defined]
    builtins.__import__ = guarded


@contextmanager
def restored() -> Iterator[None]:
    """Undo :func:`leave_out` at the end."""
    before = builtins.__import__
    try:
        yield
    finally:
        builtins.__import__ = before
