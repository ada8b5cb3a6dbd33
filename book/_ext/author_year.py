"""Sphinx extension: the lists of references name works as the text does, by author and year."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from page_labels import author_text
from pybtex.database import Entry
from pybtex.plugin import register_plugin
from pybtex.style.formatting.plain import Style as PlainStyle
from pybtex.style.labels import BaseLabelStyle
from sphinx.application import Sphinx

# Chapters have lists of their own, and a label means one work in all of them.
_SHARED: dict[str, list[str]] = {}


class AuthorYearLabels(BaseLabelStyle):
    """Labels such as ``Blondel et al., 2020``; a letter is added where two works would share one."""

    def format_labels(self, sorted_entries: Iterable[Entry]) -> Iterator[str]:
        """Yield one label for each entry."""
        for entry in sorted_entries:
            label = f"{author_text(entry)}, {entry.fields['year']}"
            works = _SHARED.setdefault(label, [])
            if entry.key not in works:
                works.append(entry.key)
            number = works.index(entry.key)
            yield label if number == 0 else label + "abcdefgh"[number]


class AuthorYearStyle(PlainStyle):
    """The plain style with those labels."""

    default_label_style = AuthorYearLabels


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the style as ``author_year``."""
    register_plugin("pybtex.style.formatting", "author_year", AuthorYearStyle, force=True)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
