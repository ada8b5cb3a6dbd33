"""Results of long runs, kept with the command, the seed, the versions and the library that made them."""

from __future__ import annotations

import ast
import hashlib
import json
import platform
import shlex
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from paper_lessons.files import write_atomically
from paper_lessons.lessons import find

_PACKAGE = Path(__file__).resolve().parent
# Modules that draw, ask, or keep records.
_OUTSIDE = {"figures", "plotting", "commands", "provenance", "lessons", "files", "resources"}
_RECORDED = ("paper-lessons", "torch", "numpy", "scikit-learn", "numba")


def library_hash(lesson: str | int | None = None, experiment: str | None = None) -> str:
    """Fingerprint of the code that an experiment's results depend on: 12 hexadecimal digits.

    In it is every function, class and constant of the experiment's module and of the modules of this package that it
    imports, directly or not, but for those that draw, ask or keep records (``figures``, ``plotting``, ``commands``,
    ``provenance``, ``lessons``, ``files``, ``resources``). A definition counts by its code: its place, the order of
    definitions, imports, comments and docstrings do not. So moving a function makes no result older, and neither does
    a better sentence, another experiment or another lesson.

    Parameters
    ----------
    lesson : str or int, optional
        Without it, every definition of the package counts.
    experiment : str, optional
        A module of the lesson's ``experiments``; all of them where there is none of that name.

    Returns
    -------
    str

    Examples
    --------
    >>> len(library_hash("soft_sort"))
    12
    """
    outside = set() if lesson is None else _OUTSIDE
    waiting = list(_PACKAGE.rglob("*.py"))
    if lesson is not None:
        folder = _PACKAGE / find(lesson).name
        waiting = list(folder.glob(f"experiments/{experiment}.py")) or [
            *folder.glob("experiments/*.py"),
            *folder.glob("*/experiment.py"),
        ]
    seen: set[Path] = set()
    definitions = []
    while waiting:
        path = waiting.pop()
        if path in seen or path.stem in outside:
            continue
        seen.add(path)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        waiting += _imported(tree)
        definitions += [ast.dump(one) for one in _without_words(tree).body]
    return hashlib.sha256("\0".join(sorted(definitions)).encode()).hexdigest()[:12]


def _imported(tree: ast.Module) -> Iterator[Path]:
    """The files of this package that a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{one.name}" for one in node.names)]
        elif isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        else:
            continue
        for name in names:
            package, *parts = name.split(".")
            if package == _PACKAGE.name and parts:
                path = _PACKAGE.joinpath(*parts)
                yield from (
                    file
                    for file in (path.with_suffix(".py"), path / "__init__.py")
                    if file.is_file()
                )


def _without_words(tree: ast.Module) -> ast.Module:
    """The code without imports, docstrings and lists of public names."""
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            node.body = [  # type: ignore[attr-defined]
                one
                for one in body
                if not isinstance(one, (ast.Import, ast.ImportFrom))
                and not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
                and not (isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == "__all__")
            ]
    return tree


def write_result(
    path: str | Path, *, lesson: str | int, command: str, seed: int, result: Any
) -> Path:
    """Write an experiment's result with all that is needed to make it again.

    Parameters
    ----------
    path : str or Path
        A ``.json`` file, replaced as a whole.
    lesson : str or int
        The lesson whose code made the result.
    command : str
        What to type to make it again.
    seed : int
        The seed of the run.
    result : object
        Plain data: dictionaries, lists, numbers, strings.

    Returns
    -------
    pathlib.Path
    """
    record = {
        "command": command,
        "seed": seed,
        "lesson": find(lesson).slug,
        "library": library_hash(lesson, _experiment_of(command)),
        "versions": {"python": platform.python_version(), **_versions()},
        "result": result,
    }
    return write_atomically(path, json.dumps(record, indent=1, allow_nan=False) + "\n")


def read_result(path: str | Path) -> dict[str, Any]:
    """A record written by :func:`write_result`, with ``"current"``: was it made by the code at hand?

    Parameters
    ----------
    path : str or Path
        The ``.json`` file.

    Returns
    -------
    dict
        Keys ``command``, ``seed``, ``lesson``, ``library``, ``versions``, ``result``, ``current``.

    Raises
    ------
    ValueError
        If the file is not such a record.
    """
    record = json.loads(Path(path).read_text(encoding="utf-8"))
    missing = {"command", "seed", "lesson", "library", "versions", "result"} - set(record)
    if missing:
        raise ValueError(f"{Path(path).name} must be a record of a run; it lacks {sorted(missing)}")
    record["current"] = record["library"] == library_hash(
        record["lesson"], _experiment_of(record["command"])
    )
    return record


def _experiment_of(command: str) -> str | None:
    """``label_ranking`` of ``paper-lessons run soft-sort label-ranking --full``."""
    words = shlex.split(command)
    return words[3].replace("-", "_") if len(words) > 3 else None


def _versions() -> dict[str, str]:
    found = {}
    for name in _RECORDED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
