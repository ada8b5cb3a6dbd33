"""Finds the files that travel with the package: in a wheel beside the code, in a checkout at its top."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_ROOTS = (_PACKAGE / "_shipped", _PACKAGE.parent)


def locate(name: str) -> Path:
    """Path of a file or folder that travels with the package.

    Parameters
    ----------
    name : str
        Path relative to the repository's top, with forward slashes: ``"exercises/01_soft_sort.ipynb"``.

    Returns
    -------
    pathlib.Path
        An existing file or folder.

    Raises
    ------
    FileNotFoundError
        If neither the wheel nor the checkout has it.

    Examples
    --------
    >>> locate("exercises").is_dir()
    True
    """
    for root in _ROOTS:
        path = root.joinpath(*name.split("/"))
        if path.exists():
            return path
    raise FileNotFoundError(
        f"{name} is not shipped with this installation of paper_lessons (looked beside the package)"
    )


def repository() -> Path | None:
    """Top folder of the checkout that this package is imported from, or None in a wheel."""
    top = _PACKAGE.parent
    return top if (top / "pyproject.toml").is_file() and (top / "solutions").is_dir() else None
