"""A chapter's number is its lesson's, also while lessons before it are not there yet.

Sphinx counts the chapters that exist. Here the first part of every section number is replaced by the number in the
chapter's file name, right after Sphinx has counted and before figures, equations and theorems take their numbers.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx_external_toc.collectors import TocTreeCollectorWithStyles as Collector

_CHAPTER = re.compile(r"chapters/(\d+)_\w+")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    if not hasattr(Collector.assign_section_numbers, "by_lesson"):
        Collector.assign_section_numbers = _after(Collector.assign_section_numbers)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _after(count: Any) -> Any:
    def assign_section_numbers(self: Collector, env: Any) -> list[str]:
        changed = count(self, env)
        for name in env.toc_secnumbers:
            if chapter := _CHAPTER.fullmatch(name):
                renumber(env, name, int(chapter[1]))
        return changed

    assign_section_numbers.by_lesson = True  # type: ignore[attr-defined]
    return assign_section_numbers


def renumber(env: Any, name: str, number: int) -> None:
    """Make `number` the first part of all section numbers of a page.

    Parameters
    ----------
    env : sphinx.environment.BuildEnvironment
    name : str
        The page's name, without ending.
    number : int
    """
    numbers = env.toc_secnumbers[name]
    for anchor, old in numbers.items():
        numbers[anchor] = (number, *old[1:])
    numbered = [env.titles[name], *env.tocs[name].findall(nodes.reference)]
    for node in numbered:
        if node.get("secnumber"):
            node["secnumber"] = [number, *node["secnumber"][1:]]
