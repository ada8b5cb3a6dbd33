"""Writes ``book/notebooks/NN_name.ipynb`` from each chapter: the notebook that readers download.

Run it as ``python book/_ext/plain_notebooks.py``, or with ``--check`` to learn whether the notebooks are in
step with the chapters. A notebook has plain Markdown, no outputs, cell ids that follow the cells'
content, and a first cell that installs the package where it is missing. Numbers that the chapter takes
from its run are taken from the reader's run: a paragraph with such a number becomes a cell that tells it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jupytext
from lesson_markdown import BOOK
from myst_blocks import Block, read_blocks, residue
from page_labels import Citations, Labels, collect_code_cell
from plain_markdown import Page

from paper_lessons.files import write_atomically
from paper_lessons.lessons import Lesson, find

_KEPT_TAGS = ("raises-exception", "skip-execution")
_FOLDING_TAGS = ("hide-input", "remove-input", "hide-cell", "remove-cell")
_GLUE_IMPORT = re.compile(r"^from myst_nb import glue *\n?", re.MULTILINE)

_INSTALL = """\
# Installs what this notebook needs where it is missing, on Colab for example.
from importlib.util import find_spec

if any(find_spec(name) is None for name in {modules}):
    %pip install --quiet {packages}"""

_TELL = """\
# Cells keep numbers by name with glue(); tell() shows a paragraph with the numbers of your run in it.
_kept = {}


def glue(name, value, display=False):
    _kept[name] = value


def tell(text):
    import re

    from IPython.display import Markdown, display

    def number(match):
        name, _, how = match[1].partition(":")
        return format(_kept[name], how)

    display(Markdown(re.sub("«([^»]*)»", number, text)))"""

_ABOUT = """\
---

This notebook was made from the chapter *{title}* of Paper Lessons (`{source}`). \
Text and figures: CC BY 4.0. Code: Apache-2.0. The exercises: `paper-lessons exercise {number:02d}`."""


def plain_notebook(chapter: Path, bibliography: Path) -> dict[str, Any]:
    """The notebook of a chapter.

    Parameters
    ----------
    chapter : Path
        A MyST notebook, named after its lesson.
    bibliography : Path
        The BibTeX file that its citations refer to.

    Returns
    -------
    dict
        In notebook format 4.5.

    Raises
    ------
    ValueError
        If the chapter uses something that has no plain form; the message names chapter and cell.
    """
    lesson = find(chapter.stem)
    source = jupytext.read(chapter, fmt="md:myst")
    labels = Labels(lesson.number)
    page = Page(chapter, labels, Citations(bibliography))
    prepared: list[tuple[Any, list[Block], str]] = []
    for position, cell in enumerate(source.cells, 1):
        with _place(chapter, position):
            blocks = read_blocks(cell.source.split("\n")) if cell.cell_type == "markdown" else []
            labels.collect(blocks)
            number = collect_code_cell(labels, cell.metadata) if cell.cell_type == "code" else ""
        prepared.append((cell, blocks, number))

    cells: list[dict[str, Any]] = []
    for position, (cell, blocks, number) in enumerate(prepared, 1):
        with _place(chapter, position):
            if cell.cell_type == "code":
                cells += _code_cells(page, cell, number)
            elif cell.cell_type == "markdown":
                cells += _markdown_cells(page, blocks)
            else:
                raise ValueError(f"cells of type {cell.cell_type} have no plain form")
    if page.note_order:
        notes = "\n".join(f"{at}. {page.notes[name]}" for at, name in enumerate(page.note_order, 1))
        cells.append(_markdown(f"**Notes**\n\n{notes}"))
    return _assembled(lesson, source.metadata, cells)


@contextmanager
def _place(chapter: Path, position: int) -> Iterator[None]:
    """Add chapter and cell to an error's message."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise ValueError(f"{chapter.name}, cell {position}: {error}") from error


def _code_cells(page: Page, cell: Any, number: str) -> list[dict[str, Any]]:
    code = _GLUE_IMPORT.sub("", cell.source).strip("\n")
    tags = cell.metadata.get("tags", [])
    cells = []
    if code:
        metadata: dict[str, Any] = {}
        if kept := [tag for tag in tags if tag in _KEPT_TAGS]:
            metadata["tags"] = kept
        if any(tag in _FOLDING_TAGS for tag in tags):
            metadata["jupyter"] = {"source_hidden": True}
        cells.append(_code(code, metadata))
    if number:
        caption = str(cell.metadata["mystnb"]["figure"]["caption"]).strip()
        cells += _markdown_cells(page, read_blocks(f"**Figure {number}.** {caption}".split("\n")))
    return cells


def _markdown_cells(page: Page, blocks: list[Block]) -> list[dict[str, Any]]:
    """Markdown as it stands, and a telling cell for each block that holds a value of the run."""
    cells: list[dict[str, Any]] = []
    text: list[str] = []

    def finish() -> None:
        if text:
            cells.append(_markdown("\n\n".join(text), dict(page.attachments)))
            text.clear()
            page.attachments.clear()

    for piece in page.pieces(blocks):
        if left := residue(piece.markdown):
            raise ValueError(f"after the conversion there is still {left[0]}")
        if piece.told:
            finish()
            cells.append(_code(_telling(piece.markdown), {}))
        else:
            text.append(piece.markdown)
    finish()
    return cells


def _telling(markdown: str) -> str:
    if '"""' in markdown:
        return f"tell({markdown!r})"
    return f'tell(r"""\n{markdown}\n""")'


def _markdown(text: str, attachments: dict[str, Any] | None = None) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": "markdown", "metadata": {}, "source": text}
    if attachments:
        cell["attachments"] = attachments
    return cell


def _code(text: str, metadata: dict[str, Any]) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": metadata,
        "outputs": [],
        "source": text,
    }


def _assembled(lesson: Lesson, metadata: Any, cells: list[dict[str, Any]]) -> dict[str, Any]:
    extra = list(metadata.get("paper_lessons", {}).get("requires", []))
    install = _INSTALL.format(
        modules=json.dumps(["paper_lessons", *extra]), packages=" ".join(["paper-lessons", *extra])
    )
    first = [_code(install, {})]
    if any(
        "glue(" in cell["source"] or "tell(" in cell["source"]
        for cell in cells
        if cell["cell_type"] == "code"
    ):
        first.append(_code(_TELL, {"jupyter": {"source_hidden": True}}))
    about = _ABOUT.format(
        title=lesson.title, source=f"book/chapters/{lesson.slug}.md", number=lesson.number
    )
    cells = [*first, *cells, _markdown(about)]
    _give_ids(lesson, cells)
    return {
        "cells": [dict(sorted(cell.items())) for cell in cells],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "paper_lessons": {"lesson": lesson.slug, "source": f"book/chapters/{lesson.slug}.md"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _give_ids(lesson: Lesson, cells: list[dict[str, Any]]) -> None:
    """Ids from the content, so that an inserted cell leaves the ids of the others alone."""
    seen: set[str] = set()
    for cell in cells:
        content = f"{cell['cell_type']}\n{cell['source']}"
        count = 0
        while True:
            digest = hashlib.sha256(f"{content}\n{count}".encode()).hexdigest()[:10]
            if digest not in seen:
                break
            count += 1
        seen.add(digest)
        cell["id"] = f"{lesson.command}-{digest}"


def notebook_text(notebook: dict[str, Any]) -> str:
    """A notebook as the text of its file, with one line of source per line."""
    for cell in notebook["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def made_notebooks(book: Path) -> dict[Path, str]:
    """All notebooks that should lie in ``book/notebooks``, with their text.

    Parameters
    ----------
    book : Path
        Folder with ``chapters``, ``notebooks`` and ``references.bib``.

    Returns
    -------
    dict of Path to str
    """
    return {
        book / "notebooks" / f"{chapter.stem}.ipynb": notebook_text(
            plain_notebook(chapter, book / "references.bib")
        )
        for chapter in sorted((book / "chapters").glob("*.md"))
    }


def main(arguments: list[str] | None = None, *, book: Path = BOOK) -> int:
    """Write the notebooks, or check them.

    Parameters
    ----------
    arguments : list of str, optional
        Of the command line.
    book : Path
        Folder with ``chapters``, ``notebooks`` and ``references.bib``.

    Returns
    -------
    int
        0 if all is in step (or now is), 1 if ``--check`` found a difference or a chapter was refused.
    """
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing, fail if something is out of step"
    )
    options = parser.parse_args(arguments)
    try:
        wanted = made_notebooks(book)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    present = {
        path: path.read_text(encoding="utf-8") for path in (book / "notebooks").glob("*.ipynb")
    }
    different = sorted(
        path for path in wanted.keys() | present.keys() if wanted.get(path) != present.get(path)
    )
    for path in different:
        name = path.relative_to(book.parent).as_posix()
        if options.check:
            print(
                f"{name} is out of step with its chapter; `make sync` writes it anew",
                file=sys.stderr,
            )
        elif path in wanted:
            write_atomically(path, wanted[path])
            print(f"wrote {name}")
        else:
            path.unlink()
            print(f"removed {name}: it has no chapter")
    if not different:
        print(f"{len(wanted)} notebooks are in step with their chapters")
    return int(options.check and bool(different))


if __name__ == "__main__":
    sys.exit(main())
