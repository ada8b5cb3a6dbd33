"""Sphinx extension: what other extensions leave behind on a page is put right.

Scripts that are registered twice (a second ``const`` stops the browser's parser) are kept once, those of
Thebe, which would load code from the net, are dropped, and the marks in the table of executions
become words, because a machine without an emoji font shows them as boxes. Roles and labels that screen
readers stumble over are corrected. A full build starts in an empty folder, so that no page of an
earlier build survives.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

_MARKS = {"✅": "ran", "❌": "failed"}

_CORRECTIONS = [
    # A role of digital publishing that was withdrawn; without a list item, the list has no children.
    (re.compile(r' role="doc-biblioentry"'), ' role="listitem"'),
    # A label hides the words that are seen: "Show code cell source", "Search", and what to press for it.
    (re.compile(r'(<summary) aria-label="[^"]*"'), r"\1"),
    (
        re.compile(r'(<button class="[^"]*search-button-field[^"]*"[^>]*?) aria-label="[^"]*"'),
        r"\1",
    ),
    # Three titles, of which one is seen, name a button whose label says what it does.
    (re.compile(r'(<i class="theme-switch [^>]*?)\s+title="[^"]*"'), r"\1"),
]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("builder-inited", _empty_output)
    # After all that add scripts to a page.
    app.connect("html-page-context", _tidy_scripts, priority=999)
    app.connect("build-finished", _correct_pages)
    app.add_post_transform(WordsForMarks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


class WordsForMarks(SphinxPostTransform):
    """Writes words where the table of executions has emoji."""

    default_priority = 20  # the table is made at 8

    def run(self, **kwargs: Any) -> None:
        """Replace the marks of this page."""
        for text in list(self.document.findall(nodes.Text)):
            if str(text) in _MARKS:
                text.parent.replace(text, nodes.Text(_MARKS[str(text)]))


def _empty_output(app: Sphinx) -> None:
    if not app.fresh_env_used or app.builder.format != "html":
        return
    for path in Path(app.outdir).iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _tidy_scripts(
    app: Sphinx, page: str, template: str, context: dict[str, Any], tree: Any
) -> None:
    seen, kept = set(), []
    for script in context.get("script_files", []):
        name = str(getattr(script, "filename", script) or "")
        body = str((getattr(script, "attributes", None) or {}).get("body") or "")
        if (name, body) in seen or "thebe" in f"{name}{body}".lower():
            continue
        seen.add((name, body))
        kept.append(script)
    context["script_files"][:] = kept


def _correct_pages(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    for path in Path(app.outdir).rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        corrected = page
        for pattern, replacement in _CORRECTIONS:
            corrected = pattern.sub(replacement, corrected)
        if corrected != page:
            path.write_text(corrected, encoding="utf-8", newline="\n")
