"""Sphinx extension: directives that write tables and lists from the project's own data.

``{lesson-table}``, ``{version-table}`` and ``{result-table}`` take no argument;
``{exercise-list}`` takes a lesson, as in ``{exercise-list} 01``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lesson_markdown
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from paper_lessons.lessons import find


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("lesson-table", _table(lesson_markdown.lesson_table, "lessons"))
    app.add_directive("version-table", _table(lesson_markdown.version_table, "versions"))
    app.add_directive("result-table", _table(lesson_markdown.result_table, "results"))
    app.add_directive("exercise-list", ExerciseList)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


class GeneratedMarkdown(SphinxDirective):
    """A directive that stands for Markdown made by a function."""

    def nodes_of(self, markdown: str) -> list[nodes.Node]:
        """Parse Markdown in the place of the directive."""
        source, _ = self.get_source_info()
        container = nodes.container()
        self.state.nested_parse(StringList(markdown.splitlines(), source), 0, container)
        return container.children


def _table(make: Callable[[], str], name: str) -> type[GeneratedMarkdown]:
    class Table(GeneratedMarkdown):
        def run(self) -> list[nodes.Node]:
            found = self.nodes_of(make())
            for table in found:
                if isinstance(table, nodes.table):
                    table["classes"].append(f"{name}-table")
            return found

    return Table


class ExerciseList(GeneratedMarkdown):
    """The exercises of a lesson: title, difficulty, minutes, points and hints."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Read the learner's notebook and write the list."""
        try:
            lesson = find(self.arguments[0])
        except ValueError as error:
            raise self.error(str(error)) from error
        notebook = lesson_markdown.REPOSITORY / "exercises" / f"{lesson.slug}.ipynb"
        self.env.note_dependency(str(notebook))
        try:
            return self.nodes_of(lesson_markdown.exercise_list(notebook, directives=True))
        except ValueError as error:
            raise self.error(str(error)) from error
