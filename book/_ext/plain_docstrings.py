"""Sphinx extension: stars and bars in docstrings are what they look like.

Docstrings are read in editors first. There ``(*batch, n)`` is a shape and ``|v - y|`` a length, while
reStructuredText would open an emphasis and a substitution. Here both are escaped, outside of code, before
the docstring is parsed.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

_CODE_OR_SIGN = re.compile(
    r"(`+)(?!`).+?(?<!`)\1(?!`)|(?P<strong>\*\*?)(?=\S)(?P<words>[^*`]*[^\s*`])(?P=strong)|[*|]"
)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    # Before napoleon, at 500, turns sections into reStructuredText.
    app.connect("autodoc-process-docstring", _escape_all, priority=100)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def escaped(line: str) -> str:
    """A line of a docstring with its loose stars and bars escaped.

    Parameters
    ----------
    line : str

    Returns
    -------
    str

    Examples
    --------
    >>> print(escaped("shape (*batch, n), |v - y|, `*args`, *so*"))
    shape (\\*batch, n), \\|v - y\\|, `*args`, *so*
    """
    if line.lstrip().startswith((">>>", "...", "*")):
        return line
    return _CODE_OR_SIGN.sub(lambda match: match[0] if len(match[0]) > 1 else "\\" + match[0], line)


def _escape_all(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    lines[:] = [escaped(line) for line in lines]
