"""Turns a page's MyST into Markdown that Jupyter, Colab and GitHub show as it is meant.

References become numbers or titles, citations become authors and years, boxes become quotations or
folded details. A directive or role that is not listed here is refused by name: better no notebook than
one with riddles in it.
"""

from __future__ import annotations

import base64
import mimetypes
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import lesson_markdown
from myst_blocks import Block
from page_labels import PROOF_TYPES, Citations, Labels

_BOXES = (
    "note",
    "tip",
    "hint",
    "important",
    "warning",
    "caution",
    "attention",
    "danger",
    "seealso",
)
_QUOTES = ("epigraph", "pull-quote", "highlights")
_DROPPED = ("contents", "tableofcontents")
_PY_ROLES = frozenset(
    f"py:{kind}" for kind in ["func", "class", "meth", "mod", "attr", "data", "obj", "exc"]
)
_CODE_ROLES = ("code", "file", "command", "kbd", "guilabel", "program", "samp")

_INLINE = re.compile(
    r"""
    (?P<escape>\\[\\`*_{}\[\]()$<>#+.!|~-])
  | \{(?P<role>[a-zA-Z][\w:+-]*)\}(?P<ticks>`+)(?P<content>.+?)(?P=ticks)(?!`)
  | (?P<code>(?P<run>(?<!`)`+)(?!`).+?(?<!`)(?P=run)(?!`))
  | (?P<math>\$\$.+?\$\$|\$(?!\s)(?:\\.|[^$\\])+?(?<!\s)\$)
  | (?P<image>!\[(?P<alt>[^\]]*)\]\((?P<path>[^)\s]+)\))
  | (?P<link>(?<!!)\[(?P<words>[^\]\[]*(?:\[[^\]]*\][^\]\[]*)*)\]\((?P<target>[^)\s]*)\))
  | (?P<footnote>\[\^(?P<note>[^\]]+)\])
    """,
    re.VERBOSE | re.DOTALL,
)
_EXPLICIT = re.compile(r"^(?P<text>.*?)\s*<(?P<target>[^<>]+)>$", re.DOTALL)
_GLUE = re.compile(r"«[^»]*»")


@dataclass
class Piece:
    """Markdown of one block, and whether it needs a value of the run."""

    markdown: str

    @property
    def told(self) -> bool:
        """Whether a cell has to write this, because it holds values that the run computes."""
        return bool(_GLUE.search(self.markdown))


@dataclass
class Page:
    """Converts the cells of one page, which share labels, citations and footnotes.

    Attributes
    ----------
    path : Path
        The page's file; links are read relative to it.
    labels, citations : Labels, Citations
        What references resolve to.
    attachments : dict
        Pictures of the cell at hand, as the notebook format keeps them.
    notes : dict of str to str
        Footnotes met so far.
    """

    path: Path
    labels: Labels
    citations: Citations
    attachments: dict[str, dict[str, str]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    note_order: list[str] = field(default_factory=list)

    def pieces(self, blocks: list[Block]) -> list[Piece]:
        """Convert blocks whose labels have been collected.

        Parameters
        ----------
        blocks : list of Block

        Returns
        -------
        list of Piece
            One for each block that shows something.

        Raises
        ------
        ValueError
            If a directive, a role or a label is unknown.
        """
        found = (self._block(block) for block in blocks)
        return [Piece(text) for text in found if text]

    def markdown(self, blocks: list[Block]) -> str:
        """All of :meth:`pieces` as one text."""
        return "\n\n".join(piece.markdown for piece in self.pieces(blocks))

    def inline(self, text: str) -> str:
        """Convert roles, links, pictures and footnotes within a text."""
        if "«" in text or "»" in text:
            raise ValueError(f"« and » are reserved for values of the run, found in {text!r}")
        return _INLINE.sub(self._span, text)

    def _block(self, block: Block) -> str:
        if block.kind in ("text", "heading"):
            return self.inline(block.text)
        if block.kind == "code":
            return block.text
        if block.kind == "math":
            return _formula(block.text, block.number, block.name)
        if block.kind == "footnote":
            self.notes[block.name] = self.inline(block.text)
            return ""
        if block.kind == "target":
            return ""
        text = self._directive(block)
        return "\n".join((" " * block.indent + line).rstrip() for line in text.split("\n"))

    def _directive(self, block: Block) -> str:
        name = block.name
        if name in _DROPPED:
            return ""
        if name in _BOXES or name in ("admonition", "sidebar", "margin", "dropdown"):
            return self._box(block)
        if name.startswith("prf:"):
            return self._proof(block)
        handlers: dict[str, Callable[[Block], str]] = {
            "math": lambda one: _formula("\n".join(one.body).strip(), one.number, ""),
            "code": _code,
            "code-block": _code,
            "figure": self._figure,
            "image": self._figure,
            "table": self._table,
            "list-table": self._list_table,
            "tab-set": lambda one: self.markdown(one.children),
            "tab-item": self._titled,
            "rubric": lambda one: f"**{self.inline(one.argument)}**",
            "glue": lambda one: f"«{one.argument.strip()}»",
            "bibliography": lambda one: self.citations.reference_list(),
            "exercise-list": self._exercise_list,
            "lesson-table": lambda one: lesson_markdown.lesson_table(),
        }
        if name in handlers:
            return handlers[name](block)
        if name in _QUOTES:
            return _quoted(self.markdown(block.children))
        raise ValueError(
            f"the directive {{{name}}} has no plain form; add one to plain_markdown.py"
        )

    def _titled(self, block: Block) -> str:
        return f"**{self.inline(block.argument)}**\n\n{self.markdown(block.children)}"

    def _box(self, block: Block) -> str:
        title = self.inline(block.argument) or block.name.capitalize().replace(
            "Seealso", "See also"
        )
        content = self.markdown(block.children)
        if block.name == "dropdown" or "dropdown" in block.options.get("class", ""):
            return _folded(title, content)
        # Quotation marks at the starts of lines would become part of a formula.
        if "$$" in content:
            return f"**{title}.** {content}"
        return _quoted(f"**{title}.** {content}")

    def _proof(self, block: Block) -> str:
        kind = block.name.removeprefix("prf:")
        if kind != "proof" and kind not in PROOF_TYPES:
            raise ValueError(
                f"the directive {{{block.name}}} has no plain form; add one to plain_markdown.py"
            )
        title = f"{kind.capitalize()} {block.number}".strip()
        if block.argument:
            title += f" ({self.inline(block.argument)})"
        content = f"**{title}.** {self.markdown(block.children)}"
        if "dropdown" in block.options.get("class", ""):
            return _folded(title, self.markdown(block.children))
        return content

    def _figure(self, block: Block) -> str:
        picture = self._picture(block.options.get("alt", ""), block.argument)
        caption = self.markdown(block.children) if block.name == "figure" else ""
        if not caption:
            return picture
        return f"{picture}\n\n**Figure {block.number}.** {caption}"

    def _picture(self, alt: str, path: str) -> str:
        if path.startswith(("http:", "https:")):
            raise ValueError(f"the picture {path} would be loaded from the net")
        if not alt:
            raise ValueError(f"the picture {path} must have an alternative text")
        file = (self.path.parent / path).resolve()
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        self.attachments[file.name] = {kind: base64.b64encode(file.read_bytes()).decode("ascii")}
        return f"![{alt}](attachment:{file.name})"

    def _table(self, block: Block) -> str:
        content = self.markdown(block.children)
        return (
            f"**Table {block.number}.** {self.inline(block.argument)}\n\n{content}"
            if block.number
            else content
        )

    def _list_table(self, block: Block) -> str:
        rows: list[list[str]] = []
        for line in block.body:
            match = re.match(r"^(\* +- ?|  +- ?)(.*)$", line)
            if match:
                if line.startswith("*"):
                    rows.append([])
                rows[-1].append(match[2].strip())
            elif line.strip():
                rows[-1][-1] += f" {line.strip()}"
        if block.options.get("header-rows") != "1":
            raise ValueError("a {list-table} must have :header-rows: 1, as Markdown's tables do")
        rows.insert(1, ["---"] * len(rows[0]))
        table = self.inline("\n".join(f"| {' | '.join(row)} |" for row in rows))
        return (
            f"**Table {block.number}.** {self.inline(block.argument)}\n\n{table}"
            if block.number
            else table
        )

    def _exercise_list(self, block: Block) -> str:
        return lesson_markdown.exercise_list(
            lesson_markdown.notebook_of(block.argument), directives=False
        )

    def _span(self, match: re.Match[str]) -> str:
        if match["role"]:
            return self._role(match["role"], match["content"])
        if match["image"]:
            return self._picture(match["alt"], match["path"])
        if match["link"]:
            return self._link(match["words"], match["target"])
        if match["footnote"]:
            if match["note"] not in self.note_order:
                self.note_order.append(match["note"])
            return f" [note {self.note_order.index(match['note']) + 1}]"
        return match[0]

    def _link(self, words: str, target: str) -> str:
        if target.startswith(("http:", "https:", "mailto:")):
            return f"[{self.inline(words)}]({target})"
        if words:
            return self.inline(words)
        return self._reference(target.removeprefix("#"))

    def _reference(self, label: str) -> str:
        if not self.labels.text.get(label):
            raise ValueError(
                f"nothing on this page has the label {label!r} and a number or a title"
            )
        return self.labels.text[label]

    def _role(self, role: str, content: str) -> str:
        explicit = _EXPLICIT.match(content)
        text = explicit["text"] if explicit else ""
        target = explicit["target"] if explicit else content
        if role in _PY_ROLES:
            return f"`{text or _python_name(role, target)}`"
        if role in _CODE_ROLES:
            return f"`{content}`"
        if role in ("cite", "cite:p", "cite:t", "cite:ps", "cite:ts"):
            return self.citations.cite(content, textual=role.startswith("cite:t"))
        if role in ("glue:text", "glue", "glue:math"):
            marker = f"«{content}»"
            return f"${marker}$" if role == "glue:math" else marker
        if role == "numref":
            return self._numbered_reference(text, target)
        handlers: dict[str, Callable[[], str]] = {
            "eq": lambda: self._reference(target),
            "ref": lambda: text or f"*{self._reference(target)}*",
            "prf:ref": lambda: text or self._reference(target),
            "doc": lambda: text or f"*{self._title_of(target)}*",
            "term": lambda: text or target,
            "math": lambda: f"${content}$",
            "abbr": lambda: content,
            "sub": lambda: f"<sub>{content}</sub>",
            "sup": lambda: f"<sup>{content}</sup>",
            "download": lambda: f"{text or Path(target).name} (`{self._in_repository(target)}`)",
        }
        if role not in handlers:
            raise ValueError(f"the role {{{role}}} has no plain form; add one to plain_markdown.py")
        return handlers[role]()

    def _numbered_reference(self, text: str, label: str) -> str:
        whole = self._reference(label)
        if not text:
            return whole
        number = self.labels.number.get(label, whole)
        text = text.replace("{number}", number).replace("{name}", self.labels.title.get(label, ""))
        return text.replace("%s", number)

    def _title_of(self, page: str) -> str:
        base = self.path.parents[1] if page.startswith("/") else self.path.parent
        file = (base / f"{page.lstrip('/')}.md").resolve()
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("# "):
                return line[2:].strip()
        raise ValueError(f"{page} has no title")

    def _in_repository(self, target: str) -> str:
        file = (self.path.parent / target).resolve()
        return file.relative_to(lesson_markdown.REPOSITORY).as_posix()


def _formula(content: str, number: str, environment: str) -> str:
    """Display mathematics between two lines of dollars, with its number as a tag."""
    inner = {
        "align": "aligned",
        "gather": "gathered",
        "alignat": "alignedat",
    }
    name = environment.removesuffix("*")
    if name in inner:
        content = f"\\begin{{{inner[name]}}}\n{content}\n\\end{{{inner[name]}}}"
    elif "\\\\" in content and "\\begin{" not in content:
        # What Sphinx does as well: without it, MathJax would not break the line.
        content = f"\\begin{{split}}\n{content}\n\\end{{split}}"
    tag = f"\n\\tag{{{number}}}" if number else ""
    return f"$$\n{content}{tag}\n$$"


def _code(block: Block) -> str:
    body = "\n".join(block.body).strip("\n")
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`{3,}", body)), default=0))
    return f"{fence}{block.argument}\n{body}\n{fence}"


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def _folded(title: str, content: str) -> str:
    # The empty lines make Jupyter read what is inside as Markdown.
    return f"<details>\n<summary>{title}</summary>\n\n{content}\n\n</details>"


def _python_name(role: str, target: str) -> str:
    name = target.rsplit(".", 1)[-1] if target.startswith("~") else target
    return f"{name}()" if role in ("py:func", "py:meth") else name
