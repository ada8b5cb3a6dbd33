"""Numbers and titles behind a page's labels, and its citations: what Sphinx would resolve.

Numbers are the lesson's number and a count in the order of the page, as the book shows them; a test
compares the two.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from myst_blocks import Block, read_blocks
from pybtex.database import Entry, parse_file
from pybtex.plugin import find_plugin
from pybtex.richtext import Text

PROOF_TYPES = frozenset(
    [
        "theorem",
        "lemma",
        "definition",
        "corollary",
        "axiom",
        "algorithm",
        "criterion",
        "remark",
        "conjecture",
        "example",
        "property",
        "observation",
        "proposition",
        "assumption",
        "notation",
    ]
)


class Labels:
    """Every label of a page with the text that a reference to it shows.

    Parameters
    ----------
    lesson : int
        First part of each number.
    """

    def __init__(self, lesson: int) -> None:
        self.lesson = lesson
        self.text: dict[str, str] = {}
        self.number: dict[str, str] = {}
        self.title: dict[str, str] = {}
        self._count: Counter[str] = Counter()

    def collect(self, blocks: Iterable[Block]) -> None:
        """Give numbers to the blocks of a Markdown cell, and to those inside them.

        Parameters
        ----------
        blocks : iterable of Block
            ``number`` and ``children`` of each are filled in.
        """
        waiting: list[str] = []
        for block in blocks:
            if block.kind == "target":
                waiting.append(block.label)
                continue
            if block.kind == "heading":
                for label in waiting:
                    self.title[label] = self.text[label] = block.name
            waiting = []
            self._collect_one(block)

    def figure(self, caption: str, name: str = "") -> str:
        """Number a figure that a code cell draws.

        Parameters
        ----------
        caption, name : str
            Without a caption there is no number.

        Returns
        -------
        str
            The number, or an empty string.
        """
        return self._next("Figure", name, caption) if caption else ""

    def _collect_one(self, block: Block) -> None:
        if block.kind == "math":
            numbered = bool(block.label) or (block.name and not block.name.endswith("*"))
            if numbered:
                block.number = self._next("equation", block.label)
            return
        if block.kind != "directive":
            return
        kind = block.name.removeprefix("prf:")
        if block.name == "math":
            if block.label:
                block.number = self._next("equation", block.label)
            return
        if (
            block.name.startswith("prf:")
            and kind in PROOF_TYPES
            and "nonumber" not in block.options
        ):
            block.number = self._next(kind.capitalize(), block.label, block.argument)
        elif block.name == "figure" and any(line.strip() for line in block.body):
            block.number = self._next("Figure", block.label)
        elif block.name in ("table", "list-table") and block.argument:
            block.number = self._next("Table", block.label, block.argument)
        if block.name not in ("code", "code-block", "list-table"):
            block.children = read_blocks(block.body)
            self.collect(block.children)

    def _next(self, kind: str, label: str, title: str = "") -> str:
        self._count[kind] += 1
        number = f"{self.lesson}.{self._count[kind]}"
        if label:
            self.number[label] = number
            self.title[label] = title
            self.text[label] = f"({number})" if kind == "equation" else f"{kind} {number}"
        return number


class Citations:
    """The entries of a BibTeX file, and those that a page has cited.

    Parameters
    ----------
    bibliography : Path
        The ``.bib`` file.
    """

    def __init__(self, bibliography: Path) -> None:
        self._entries = parse_file(str(bibliography), bib_format="bibtex").entries
        self.cited: list[str] = []

    def cite(self, keys: str, *, textual: bool) -> str:
        """Citation as text: ``Blondel et al. (2020)`` or ``(Blondel et al., 2020)``.

        Parameters
        ----------
        keys : str
            One key, or several with commas.
        textual : bool
            Whether the authors are part of the sentence.

        Returns
        -------
        str

        Raises
        ------
        ValueError
            If the bibliography lacks a key.
        """
        parts = []
        for key in (one.strip() for one in keys.split(",")):
            if key not in self._entries:
                raise ValueError(f"the bibliography has no entry {key!r}")
            if key not in self.cited:
                self.cited.append(key)
            authors, year = author_text(self._entries[key]), self._entries[key].fields["year"]
            parts.append(f"{authors} ({year})" if textual else f"{authors}, {year}")
        return ", ".join(parts) if textual else f"({'; '.join(parts)})"

    def reference_list(self) -> str:
        """All that was cited, by author and year, as a Markdown list."""
        style = find_plugin("pybtex.style.formatting", "plain")()
        backend = find_plugin("pybtex.backends", "markdown")()
        entries = [self._entries[key] for key in self.cited]
        entries.sort(key=lambda entry: (author_text(entry), entry.fields["year"], entry.key))
        lines = []
        for formatted in style.format_entries(entries, None):
            text = re.sub(r"\\([.\-_()+!:])", r"\1", formatted.text.render(backend))
            lines.append("- " + " ".join(text.split("\n")))
        # The style sorts as well; its order is the same for the same entries.
        return "\n".join(lines)


def author_text(entry: Entry) -> str:
    """Family names of an entry's authors, shortened to the first when there are more than two.

    Parameters
    ----------
    entry : pybtex.database.Entry
        With authors.

    Returns
    -------
    str
    """
    names = [
        str(Text.from_latex(" ".join(person.prelast_names + person.last_names)))
        for person in entry.persons["author"]
    ]
    return f"{names[0]} et al." if len(names) > 2 else " and ".join(names)


def collect_code_cell(labels: Labels, metadata: dict[str, Any]) -> str:
    """Number the figure of a code cell, if it declares one.

    Parameters
    ----------
    labels : Labels
        Of the page.
    metadata : dict
        Of the cell.

    Returns
    -------
    str
        The number, or an empty string.
    """
    figure = metadata.get("mystnb", {}).get("figure", {})
    return labels.figure(str(figure.get("caption", "")), str(figure.get("name", "")))
