"""Results of long runs, kept with the command, the seed, the versions and the library that made them."""

from __future__ import annotations

import hashlib
import json
import platform
import tokenize
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from paper_lessons.files import write_atomically
from paper_lessons.lessons import find

_PACKAGE = Path(__file__).resolve().parent
_RECORDED = ("paper-lessons", "torch", "numpy", "scikit-learn", "numba")


def library_hash(lesson: str | int | None = None) -> str:
    """Fingerprint of the code behind a result: 12 hexadecimal digits over the ``.py`` files.

    What comments and docstrings say does not count.

    Parameters
    ----------
    lesson : str or int, optional
        Hash this lesson's folder and nothing else, so that a new lesson leaves the records of the
        others alone; without it, the whole package.

    Returns
    -------
    str

    Examples
    --------
    >>> len(library_hash("soft_sort"))
    12
    """
    folder = _PACKAGE if lesson is None else _PACKAGE / find(lesson).name
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(_PACKAGE).as_posix().encode())
        digest.update("\0".join(_code_of(path)).encode())
    return digest.hexdigest()[:12]


def _code_of(path: Path) -> Iterator[str]:
    """The tokens of a file but for comments and docstrings: a better sentence makes no result older."""
    begins = True  # a statement
    with path.open(encoding="utf-8") as file:
        for token in tokenize.generate_tokens(file.readline):
            if token.type in (tokenize.COMMENT, tokenize.NL):
                continue
            if token.type == tokenize.STRING and begins:
                continue
            begins = token.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
            yield token.string


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
        "library": library_hash(lesson),
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
    record["current"] = record["library"] == library_hash(record["lesson"])
    return record


def _versions() -> dict[str, str]:
    found = {}
    for name in _RECORDED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
