"""Reads MyST Markdown into blocks: directives, display mathematics, targets, and plain text.

Only what the chapters use is understood. What remains of MyST after a conversion is found by
:func:`residue`, so that nothing slips through as text that only Sphinx can read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

import yaml

_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,}|~{3,}|:{3,})(?P<info>.*)$")
_DIRECTIVE = re.compile(r"^\{(?P<name>[^}\s]+)\}\s*(?P<argument>.*)$")
_TARGET = re.compile(r"^\((?P<label>[^()\s]+)\)=\s*$")
_MATH_LABEL = re.compile(r"\$\$\s*\((?P<label>[^()\s]+)\)\s*$")
_ENVIRONMENT = re.compile(r"^\\begin\{(?P<name>align|gather|equation|alignat)(?P<star>\*?)\}")
_FOOTNOTE = re.compile(r"^\[\^(?P<name>[^\]]+)\]:\s*(?P<text>.*)$")
_HEADING = re.compile(r"^#{1,6}\s+(?P<title>.*?)\s*#*$")
_OPTION = re.compile(r"^:(?P<key>[\w-]+):(?:\s+(?P<value>.*))?$")

Kind = Literal["text", "heading", "code", "directive", "math", "target", "footnote"]


@dataclass
class Block:
    """One piece of a page.

    Attributes
    ----------
    kind : str
        What it is; the other fields are used as the kind needs them.
    text : str
        Text, title, code with its fences, or the body of mathematics.
    name, argument : str
        Of a directive; ``name`` also holds a footnote's name and an environment of mathematics.
    options : dict of str to str
        Of a directive.
    body : list of str
        Lines of a directive.
    label : str
        By which others refer to it.
    indent : int
        Spaces before a directive inside a list.
    number : str
        As the book shows it, ``1.2``; empty for what the book does not number.
    children : list of Block
        What the body of a directive consists of, once it was read.
    """

    kind: Kind
    text: str = ""
    name: str = ""
    argument: str = ""
    options: dict[str, str] = field(default_factory=dict)
    body: list[str] = field(default_factory=list)
    label: str = ""
    indent: int = 0
    number: str = ""
    children: list[Block] = field(default_factory=list)


def read_blocks(lines: list[str]) -> list[Block]:
    """Split Markdown into blocks.

    Parameters
    ----------
    lines : list of str
        Without line ends.

    Returns
    -------
    list of Block
        In order; bodies of directives are not split further.

    Raises
    ------
    ValueError
        If a fence or a formula is never closed.
    """
    blocks: list[Block] = []
    text: list[str] = []

    def finish_text() -> None:
        if any(line.strip() for line in text):
            blocks.append(Block("text", "\n".join(text).strip("\n")))
        text.clear()

    position = 0
    while position < len(lines):
        block, after = _read_one(lines, position)
        if block is None:
            line = lines[position]
            if line.strip():
                text.append(line)
            else:
                finish_text()
        else:
            finish_text()
            blocks.append(block)
        position = after
    finish_text()
    return [block for block in blocks if block.kind != "text" or block.text]


def _read_one(lines: list[str], position: int) -> tuple[Block | None, int]:
    """The block that starts at a line and the line after it; None for a line of text."""
    line = lines[position]
    if match := _FENCE.match(line):
        return _read_fence(lines, position, match)
    if line.startswith("$$"):
        return _read_dollars(lines, position)
    if match := _ENVIRONMENT.match(line):
        return _read_environment(lines, position, match["name"], match["star"])
    if match := _TARGET.match(line):
        return Block("target", label=match["label"]), position + 1
    if match := _HEADING.match(line):
        return Block("heading", text=line, name=match["title"]), position + 1
    if match := _FOOTNOTE.match(line):
        return Block("footnote", match["text"], name=match["name"]), position + 1
    if line.startswith("%") or line.rstrip() == "+++":
        return Block("text"), position + 1
    return None, position + 1


def _read_fence(lines: list[str], start: int, match: re.Match[str]) -> tuple[Block, int]:
    fence, indent = match["fence"], len(match["indent"])
    closing = re.compile(rf"^ *{re.escape(fence[0])}{{{len(fence)},}}\s*$")
    end = start + 1
    # Colon fences of the same length may nest; those of backticks close at the first one.
    depth = 1
    while end < len(lines):
        if closing.match(lines[end]):
            depth -= 1
            if depth == 0:
                break
        elif fence[0] == ":" and (inner := _FENCE.match(lines[end])):
            depth += inner["fence"] == fence and bool(inner["info"].strip())
        end += 1
    else:
        raise ValueError(f"line {start + 1}: the fence {lines[start].strip()!r} is never closed")
    body = [line[indent:] if line[:indent].isspace() else line for line in lines[start + 1 : end]]
    if not (directive := _DIRECTIVE.match(match["info"].strip())):
        return Block("code", "\n".join(lines[start : end + 1])), end + 1
    options, body = _read_options(body)
    block = Block(
        "directive",
        name=directive["name"],
        argument=directive["argument"],
        options=options,
        body=body,
        label=options.get("label") or options.get("name", ""),
        indent=indent,
    )
    return block, end + 1


def _read_options(body: list[str]) -> tuple[dict[str, str], list[str]]:
    if body and body[0].strip() == "---":
        end = next((at for at, line in enumerate(body[1:], 1) if line.strip() == "---"), len(body))
        options = yaml.safe_load("\n".join(body[1:end])) or {}
        return {key: str(value) for key, value in options.items()}, body[end + 1 :]
    options = {}
    at = 0
    while at < len(body) and (match := _OPTION.match(body[at].strip())):
        options[match["key"]] = match["value"] or ""
        at += 1
    return options, body[at:]


def _read_dollars(lines: list[str], start: int) -> tuple[Block, int]:
    first = lines[start]
    end = start
    while not re.search(
        r"\$\$\s*(\([^()\s]+\))?\s*$", lines[end][2:] if end == start else lines[end]
    ):
        end += 1
        if end == len(lines):
            raise ValueError(f"line {start + 1}: the formula {first.strip()!r} is never closed")
    whole = "\n".join(lines[start : end + 1])
    label = _MATH_LABEL.search(whole)
    content = _MATH_LABEL.sub("", whole) if label else whole.rstrip().removesuffix("$$")
    return Block(
        "math", content.removeprefix("$$").strip(), label=label["label"] if label else ""
    ), end + 1


def _read_environment(lines: list[str], start: int, name: str, star: str) -> tuple[Block, int]:
    end = start
    while f"\\end{{{name}{star}}}" not in lines[end]:
        end += 1
        if end == len(lines):
            raise ValueError(f"line {start + 1}: \\begin{{{name}{star}}} is never closed")
    inner = "\n".join(lines[start : end + 1])
    inner = inner.removeprefix(f"\\begin{{{name}{star}}}")
    inner = inner[: inner.rindex(f"\\end{{{name}{star}}}")].strip()
    return Block("math", inner, name=f"{name}{star}"), end + 1


_PROTECTED = re.compile(
    r"^( *)(`{3,}|~{3,})(?![`~{]).*?^ *\2\s*$|(?<![`}])(`{1,2})(?!`)(?:(?!\n\n).)+?(?<!`)\3(?!`)|\$\$.*?\$\$",
    re.DOTALL | re.MULTILINE,
)
_LEFT_OVER = {
    "a directive": re.compile(r"^[ >]*(`{3,}|~{3,}|:{3,})\{.*$", re.MULTILINE),
    "a colon fence": re.compile(r"^[ >]*:{3,}.*$", re.MULTILINE),
    "a role": re.compile(r"\{[a-zA-Z][\w:+-]*\}`"),
    "a target": re.compile(r"^\([^()\s]+\)=\s*$", re.MULTILINE),
    "a substitution": re.compile(r"\{\{.*?\}\}"),
    "a comment": re.compile(r"^%.*$", re.MULTILINE),
    "a block break": re.compile(r"^\+\+\+.*$", re.MULTILINE),
    "a footnote": re.compile(r"\[\^[^\]]+\]"),
    "a labelled formula": re.compile(r"\$\$ *\([^()\s]+\) *$", re.MULTILINE),
    "a definition list": re.compile(r"^: {1,3}\S.*$", re.MULTILINE),
    "an attribute": re.compile(r"^\{[.#][^}]*\}\s*$", re.MULTILINE),
}


def residue(markdown: str) -> list[str]:
    """What a reader without MyST would stumble over.

    Parameters
    ----------
    markdown : str
        Text of a Markdown cell.

    Returns
    -------
    list of str
        One sentence per find; empty for plain Markdown.
    """
    labelled = _LEFT_OVER["a labelled formula"].findall(markdown)
    plain = _PROTECTED.sub("", markdown)
    found = [f"a labelled formula: {label!r}" for label in labelled]
    for what, pattern in _LEFT_OVER.items():
        if what != "a labelled formula":
            found += [f"{what}: {match[0].strip()!r}" for match in pattern.finditer(plain)]
    return found
