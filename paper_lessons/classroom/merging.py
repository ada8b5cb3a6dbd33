"""A learner's answers, put into the notebook as it was handed out.

Of what a learner hands in only code is taken: answers, recognised by their metadata, then by their identifier, then by
their place; and the learner's own cells, where they stand. Checks, their reference outputs, tags and the kernel's name
come from the release, so that editing or deleting them changes nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from paper_lessons.classroom.absent import used_names
from paper_lessons.classroom.notebooks import KEY, Cell, code_cell, notebook
from paper_lessons.classroom.releases import Exercise, Release, ReleaseCell


@dataclass
class Merged:
    """One exercise, ready to run in a kernel of its own.

    Attributes
    ----------
    exercise : Exercise
        Which one.
    notebook : dict
        Set-up, the learner's cells, then the checks with their reference outputs.
    checks : list of ReleaseCell
        Those in the notebook.
    labels : dict of str to str
        What each cell of the notebook is, in words, by its id.
    answers : list of str
        Ids of the cells that hold the learner's answers.
    untouched : bool
        Is every answer still the stub, with no other cell that defines the same names?
    remarks : list of str
        What was repaired or left out.
    """

    exercise: Exercise
    notebook: dict[str, Any]
    checks: list[ReleaseCell]
    labels: dict[str, str]
    answers: list[str] = field(default_factory=list)
    untouched: bool = False
    remarks: list[str] = field(default_factory=list)


@dataclass
class _Placed:
    """A learner's cell and where it stands: the release cell it is, or the one it follows."""

    number: int
    cell: Cell
    match: ReleaseCell | None
    after: ReleaseCell | None
    was_text: bool = False

    @property
    def section(self) -> int:
        place = self.match or self.after
        return place.section if place else 0


def merge(release: Release, cells: list[Cell], exercise: Exercise) -> Merged:
    """Put the answers to one exercise into the release.

    Parameters
    ----------
    release : Release
        The exercises as handed out, or a solution, whose hidden checks then count too.
    cells : list of Cell
        What the learner handed in.
    exercise : Exercise
        Which exercise.

    Returns
    -------
    Merged
    """
    placed = _place(release, cells)
    merged = Merged(exercise, {}, [], {})
    body: list[dict[str, Any]] = []
    for entry in placed:
        if entry.section == 0 and entry.match is None and entry.after is None:
            body += _own(entry, merged)
    tail: list[dict[str, Any]] = []
    for cell in release.cells:
        if cell.section not in (0, exercise.number):
            continue
        here = [entry for entry in placed if entry.match is cell]
        followers = [entry for entry in placed if entry.match is None and entry.after is cell]
        if cell.role == "check":
            tail.append(_check(cell, merged))
            if any(entry.cell.source.strip() != cell.source.strip() for entry in here):
                merged.remarks.append(f"The check “{cell.what}” was edited; the original ran.")
        elif cell.role == "answer":
            body += _answer(cell, here, placed, merged)
        elif cell.kind == "code":
            body += _given(cell, here, merged)
        for entry in followers:
            body += _own(entry, merged)
    merged.notebook = notebook(
        [_library(release, exercise), *body, *tail], {"exercise": exercise.name}
    )
    merged.untouched = _untouched(release, exercise, merged)
    return merged


def defined_names(source: str) -> set[str]:
    """Names that a cell binds at its top level.

    Parameters
    ----------
    source : str
        A cell's text; lines that only IPython understands are passed over.

    Returns
    -------
    set of str
        Empty when the text is not Python.

    Examples
    --------
    >>> sorted(defined_names("%time\\nimport math as m\\ndef f(): pass\\na, b = 1, 2"))
    ['a', 'b', 'f', 'm']
    """
    lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in source.splitlines()]
    try:
        tree = ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(one.asname or one.name).split(".")[0] for one in node.names}
        else:
            names |= {
                one.id
                for one in ast.walk(node)
                if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
            }
    return names


def where_defined(release: Release, cells: list[Cell], name: str) -> str:
    """The section of a learner's notebook that defines a name, in words; empty if none does."""
    for entry in _place(release, cells):
        if entry.cell.kind == "code" and name in defined_names(entry.cell.source):
            return _section_name(release, entry.section)
    return ""


def _section_name(release: Release, section: int) -> str:
    if section == 0:
        return "the set-up"
    return f"exercise {section}" if section > 0 else "the end of the notebook"


def _place(release: Release, cells: list[Cell]) -> list[_Placed]:
    by_name = {cell.name: cell for cell in release.cells}
    by_id = {cell.id: cell for cell in release.cells}
    by_text = _unique((cell.source.strip(), cell) for cell in release.cells)
    placed: list[_Placed] = []
    last: ReleaseCell | None = None
    for number, cell in enumerate(cells, start=1):
        name = cell.claims.get("cell")
        match = by_name.get(name) if isinstance(name, str) else None
        match = match or by_id.get(cell.id) or by_text.get(cell.source.strip())
        # A cell that was turned from code into text, or back, marks its place and nothing more; but one key
        # does that to an answer, which still counts.
        same_kind = match is not None and match.kind == cell.kind
        was_text = match is not None and match.role == "answer" and not same_kind
        if was_text:
            cell = replace(cell, kind="code")
        kept = match if same_kind or was_text else None
        placed.append(_Placed(number, cell, kept, match or last, was_text))
        last = match or last
    return placed


def _unique(pairs: Iterable[tuple[str, ReleaseCell]]) -> dict[str, ReleaseCell]:
    found: dict[str, list[ReleaseCell]] = {}
    for text, cell in pairs:
        found.setdefault(text, []).append(cell)
    return {text: cells[0] for text, cells in found.items() if text and len(cells) == 1}


def _library(release: Release, exercise: Exercise) -> dict[str, Any]:
    """The cell after which the library has what this exercise is given, and no more."""
    given = [
        cell.source
        for cell in release.cells
        if cell.role in ("setup", "given") and cell.section in (0, exercise.number)
    ]
    source = (
        "import paper_lessons.classroom.absent as _absent\n"
        f"_absent.leave_out({release.lesson.name!r}, {used_names(given)!r})\n"
        "del _absent"
    )
    return code_cell(source, id="library")


def _check(cell: ReleaseCell, merged: Merged) -> dict[str, Any]:
    merged.checks.append(cell)
    merged.labels[cell.id] = f"the check “{cell.what}”"
    return code_cell(
        cell.source,
        id=cell.id,
        metadata={KEY: {"cell": cell.name}, "tags": ["nbval-check-output"]},
        outputs=cell.outputs,
        execution_count=1,
    )


def _answer(
    cell: ReleaseCell, here: list[_Placed], placed: list[_Placed], merged: Merged
) -> list[dict[str, Any]]:
    if not here:
        _seek(cell, placed, merged)
    if len(here) > 1:
        merged.remarks.append(
            f"The answer cell {cell.name!r} is there {len(here)} times; all ran in order, the last one counts."
        )
    made = []
    for index, entry in enumerate(here):
        if entry.was_text:
            merged.remarks.append(
                f"The answer cell {cell.name!r} is a text cell now, so that Jupyter does not run it; its code counted. "
                "To turn it back, click beside it and press Y."
            )
        identifier = cell.id if index == 0 else f"{cell.id[:58]}-{index + 1}"
        merged.labels[identifier] = "your answer cell"
        merged.answers.append(identifier)
        made.append(code_cell(entry.cell.source, id=identifier))
    return made


def _seek(cell: ReleaseCell, placed: list[_Placed], merged: Merged) -> None:
    """An answer that lost its metadata and its identifier is still known by its place and its name."""
    wanted = defined_names(cell.source)
    found = [
        entry
        for entry in placed
        if entry.match is None
        and entry.section == cell.section
        and entry.cell.kind == "code"
        and wanted & defined_names(entry.cell.source)
    ]
    merged.answers += [f"own-{entry.number}" for entry in found]
    if found:
        names = ", ".join(f"`{name}`" for name in sorted(wanted))
        merged.remarks.append(
            f"The answer cell {cell.name!r} had lost its mark; your cell that defines {names} was taken for it."
        )
    else:
        merged.remarks.append(f"The answer cell {cell.name!r} is missing.")


def _given(cell: ReleaseCell, here: list[_Placed], merged: Merged) -> list[dict[str, Any]]:
    """The release's cell; before it the learner's version, which may hold an import that the answers need."""
    made = []
    for entry in here:
        if entry.cell.source.strip() != cell.source.strip():
            made += _own(entry, merged)
            if cell.role in ("setup", "given"):
                merged.remarks.append(
                    f"The given cell {cell.name!r} was edited; your version ran first, then the original."
                )
    if cell.role in ("setup", "given"):
        merged.labels[cell.id] = f"the given cell {cell.name!r}"
        made.append(code_cell(cell.source, id=cell.id))
    return made


def _own(entry: _Placed, merged: Merged) -> list[dict[str, Any]]:
    cell = entry.cell
    if cell.kind != "code" or not cell.source.strip():
        return []
    if entry.match is None and cell.claims.get("role") == "check":
        merged.remarks.append(
            "A cell that calls itself a check, and is none of this release, did not run."
        )
        return []
    identifier = f"own-{entry.number}"
    merged.labels[identifier] = f"your own cell (number {entry.number} of the notebook)"
    return [code_cell(cell.source, id=identifier)]


def _untouched(release: Release, exercise: Exercise, merged: Merged) -> bool:
    stubs = release.of_role("answer", exercise.name)
    if any("raise NotImplementedError" not in cell.source for cell in stubs):
        return False
    wanted = set().union(*(defined_names(cell.source) for cell in stubs))
    given = {cell.id for cell in release.cells if cell.role in ("setup", "given", "check")}
    sources = {cell.source.strip() for cell in stubs}
    for cell in merged.notebook["cells"]:
        text = "".join(cell["source"])
        if cell["id"] not in given and text.strip() not in sources and wanted & defined_names(text):
            return False
        if cell["id"] in merged.answers and text.strip() not in sources:
            return False
    return True
