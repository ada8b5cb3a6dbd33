"""Sphinx extension: what other extensions leave behind on a page is put right.

Scripts that are registered twice (a second ``const`` stops the browser's parser) are kept once, those of
Thebe, which would load code from the net, are dropped, and the marks in the table of executions
become words, because a machine without an emoji font shows them as boxes. A full build starts in an
empty folder, so that no page of an earlier build survives.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

_MARKS = {"✅": "ran", "❌": "failed"}


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("builder-inited", _empty_output)
    # After all that add scripts to a page.
    app.connect("html-page-context", _tidy_scripts, priority=999)
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
