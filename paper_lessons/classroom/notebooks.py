"""Notebook files: written the same on every machine, and read without trust."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paper_lessons.files import write_atomically

KEY = "paper_lessons"
LARGEST = 20_000_000  # bytes; an exercise filled in is a hundredth of that

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")

KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}


@dataclass(frozen=True)
class Cell:
    """A cell of a notebook that somebody handed in.

    Attributes
    ----------
    kind : str
        ``"code"`` or ``"markdown"``.
    source : str
        Its text.
    id : str
        The notebook format's identifier, or empty.
    claims : dict
        What its metadata say under ``paper_lessons``.
    """

    kind: str
    source: str
    id: str = ""
    claims: dict[str, Any] = field(default_factory=dict)


def read_cells(path: str | Path) -> tuple[list[Cell], dict[str, Any]]:
    """The cells of any notebook file, however it was treated, and its own metadata.

    Parameters
    ----------
    path : str or Path
        A file that should be a notebook.

    Returns
    -------
    tuple of (list of Cell, dict)
        Code and Markdown cells that have a text; what the notebook's metadata say under ``paper_lessons``.

    Raises
    ------
    ValueError
        If the file is absent, too large, or not a notebook.
    """
    path = Path(path)
    content = _parse(path)
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} must be a Jupyter notebook; it holds something else")
    if isinstance(content.get("worksheets"), list):
        raise ValueError(
            f"{path.name} must be in notebook format 4; it is older (open it in Jupyter and save it once)"
        )
    cells = content.get("cells")
    if not isinstance(cells, list):
        raise ValueError(f"{path.name} must be a Jupyter notebook; it has no list of cells")
    metadata = content.get("metadata")
    own = metadata.get(KEY) if isinstance(metadata, dict) else None
    found = [cell for raw in cells if (cell := _cell(raw)) is not None]
    return found, own if isinstance(own, dict) else {}


def _parse(path: Path) -> Any:
    if not path.is_file():
        raise ValueError(f"{path} must be a notebook file; there is no such file")
    size = path.stat().st_size
    if size > LARGEST:
        raise ValueError(
            f"{path.name} must be smaller than {LARGEST // 10**6} MB, got {size / 10**6:.0f} MB "
            "(clear its outputs and save it)"
        )
    try:
        return json.loads(path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path.name} must be a notebook in UTF-8; byte {error.start} is not"
        ) from error
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path.name} must be a notebook (JSON); it breaks off at line {error.lineno}: {error.msg}"
        ) from error
    except (RecursionError, ValueError) as error:
        raise ValueError(f"{path.name} must be a notebook; its JSON cannot be read") from error


def _cell(raw: Any) -> Cell | None:
    if not isinstance(raw, dict) or raw.get("cell_type") not in ("code", "markdown"):
        return None
    source = raw.get("source")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    if not isinstance(source, str):
        return None
    # A lone surrogate cannot be sent to a kernel.
    source = source.encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n")
    metadata = raw.get("metadata")
    claims = metadata.get(KEY) if isinstance(metadata, dict) else None
    identifier = raw.get("id")
    return Cell(
        raw["cell_type"],
        source,
        identifier if isinstance(identifier, str) else "",
        claims if isinstance(claims, dict) else {},
    )


def code_cell(
    source: str,
    *,
    id: str,
    metadata: dict[str, Any] | None = None,
    outputs: list[dict[str, Any]] | None = None,
    execution_count: int | None = None,
) -> dict[str, Any]:
    """A code cell in notebook format 4.5."""
    return {
        "cell_type": "code",
        "execution_count": execution_count,
        "id": id,
        "metadata": metadata or {},
        "outputs": outputs or [],
        "source": source.splitlines(keepends=True),
    }


def markdown_cell(
    source: str, *, id: str, metadata: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A Markdown cell in notebook format 4.5."""
    return {
        "cell_type": "markdown",
        "id": id,
        "metadata": metadata or {},
        "source": source.splitlines(keepends=True),
    }


def notebook(cells: list[dict[str, Any]], own: dict[str, Any]) -> dict[str, Any]:
    """A notebook in format 4.5 for a plain Python kernel."""
    return {
        "cells": cells,
        "metadata": {
            "kernelspec": dict(KERNELSPEC),
            "language_info": {"name": "python"},
            KEY: own,
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def to_text(content: dict[str, Any]) -> str:
    """The notebook's file: keys sorted, one space of indentation, as Jupyter writes it."""
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def write_notebook(path: str | Path, content: dict[str, Any]) -> Path:
    """Write a notebook's file, whole or not at all."""
    return write_atomically(path, to_text(content))


def without_colour(text: str) -> str:
    """A traceback without the codes that colour it in a terminal."""
    return _COLOUR.sub("", text)
