"""Sphinx extension: the buttons above a page and the line below it.

All that needs the repository's address comes from one setting, ``paper_lessons_repository`` in
``_config.yml``, and is absent while that is empty. The download button of a chapter hands out its
generated notebook of ``book/notebooks/``, which is copied into the site. The line below each page says
which version of the package the site was built with, and how far the page's lesson is.
"""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

from paper_lessons import __version__
from paper_lessons.lessons import LESSONS, Lesson

NOTEBOOKS = "notebooks"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension and its two settings."""
    app.add_config_value("paper_lessons_repository", "", "html", [str])
    app.add_config_value("paper_lessons_branch", "main", "html", [str])
    # Before the theme reads its options.
    app.connect("config-inited", _set_repository, priority=100)
    # After the theme has made its own buttons at 501.
    app.connect("html-page-context", _furnish, priority=510)
    app.connect("build-finished", _copy_notebooks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def lesson_of(page: str) -> Lesson | None:
    """The lesson that a page belongs to.

    Parameters
    ----------
    page : str
        Name of the page in the book, such as ``"chapters/01_soft_sort"``.

    Returns
    -------
    Lesson or None
    """
    name = PurePosixPath(page).name
    return next((one for one in LESSONS if name in (one.slug, one.name)), None)


def launch_links(repository: str, branch: str, notebook: str) -> dict[str, str]:
    """Where a notebook of the repository can be run without an installation.

    Parameters
    ----------
    repository : str
        Address of a repository on GitHub; others have no such service.
    branch : str
        The branch to open.
    notebook : str
        Path in the repository.

    Returns
    -------
    dict
        Service to address; empty if the repository is elsewhere.
    """
    host, _, name = repository.rstrip("/").partition("github.com/")
    if host not in ("https://", "https://www.") or not name:
        return {}
    return {
        "Colab": f"https://colab.research.google.com/github/{name}/blob/{branch}/{notebook}",
        "Binder": f"https://mybinder.org/v2/gh/{name}/{branch}?urlpath=lab/tree/{notebook}",
    }


def _set_repository(app: Sphinx, config: Config) -> None:
    options = config.html_theme_options
    repository = config.paper_lessons_repository
    # Jupyter Book has defaults of its own here, which name Jupyter Book's repository.
    options.update(
        launch_buttons={},
        repository_url=repository,
        repository_branch=config.paper_lessons_branch,
        path_to_docs="book",
        use_repository_button=bool(repository),
        use_edit_page_button=bool(repository),
        use_issues_button=bool(repository),
    )


def _furnish(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    lesson = lesson_of(page)
    context["theme_extra_footer"] = _footer(lesson, context["pathto"])
    if "header_buttons" not in context:
        return
    buttons = [one for one in context["header_buttons"] if one.get("label") != "download-buttons"]
    notebook = Path(app.srcdir) / NOTEBOOKS / f"{PurePosixPath(page).name}.ipynb"
    new = [_print_button()]
    if lesson is not None and page.startswith("chapters/") and notebook.is_file():
        new.insert(0, _download_button(context["pathto"](f"{NOTEBOOKS}/{notebook.name}", 1)))
        links = launch_links(
            app.config.paper_lessons_repository,
            app.config.paper_lessons_branch,
            f"book/{NOTEBOOKS}/{notebook.name}",
        )
        if links:
            new.insert(0, _launch_buttons(links))
    context["header_buttons"] = new + buttons


def _download_button(url: str) -> dict[str, str]:
    return {
        "type": "link",
        "url": url,
        "tooltip": "Download this chapter as a notebook (.ipynb)",
        "icon": "fas fa-download",
        "label": "download-notebook-button",
    }


def _print_button() -> dict[str, str]:
    return {
        "type": "javascript",
        "javascript": "window.print()",
        "tooltip": "Print this page, or save it as PDF",
        "icon": "fas fa-print",
        "label": "print-button",
    }


def _launch_buttons(links: dict[str, str]) -> dict[str, Any]:
    buttons = [
        {"type": "link", "url": url, "text": service, "tooltip": f"Run this chapter on {service}"}
        for service, url in links.items()
    ]
    return {
        "type": "group",
        "buttons": buttons,
        "tooltip": "Run this chapter without an installation",
        "icon": "fas fa-rocket",
        "label": "launch-buttons",
    }


def _footer(lesson: Lesson | None, pathto: Any) -> str:
    parts = [f"Paper Lessons {__version__}"]
    if lesson is not None:
        parts.append(f"lesson {lesson.number:02d}: {lesson.status}")
    parts.append(f'<a href="{pathto("status")}">how this site was built</a>')
    parts.append("text and figures CC BY 4.0, code Apache-2.0")
    return f'<p class="built-with">{" · ".join(parts)}</p>'


def _copy_notebooks(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    target = Path(app.outdir) / NOTEBOOKS
    target.mkdir(exist_ok=True)
    for notebook in sorted((Path(app.srcdir) / NOTEBOOKS).glob("*.ipynb")):
        shutil.copyfile(notebook, target / notebook.name)
