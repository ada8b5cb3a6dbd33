"""The book's Sphinx extensions, without Sphinx."""

from __future__ import annotations

import json
from types import SimpleNamespace

import author_year
import execution_cache
import lesson_markdown
import lesson_numbers
import myst_blocks
import offline_math
import page_furniture
import plain_docstrings
import pytest
import tidy_pages
from docutils import nodes
from pybtex.database import parse_string

from paper_lessons import provenance
from paper_lessons.lessons import LESSONS
from paper_lessons.provenance import write_result


def test_the_cache_changes_with_the_library(tmp_path, monkeypatch):
    package = tmp_path / "package"
    package.mkdir()
    (package / "a.py").write_text("one = 1\n", encoding="utf-8")
    monkeypatch.setattr(provenance, "_PACKAGE", package)
    first = execution_cache.execution_key(tmp_path / "results")
    assert first == execution_cache.execution_key(tmp_path / "results")
    (package / "a.py").write_text("one = 2\n", encoding="utf-8")
    assert execution_cache.execution_key(tmp_path / "results") != first


def test_the_cache_changes_with_a_stored_result(tmp_path):
    first = execution_cache.execution_key(tmp_path)
    (tmp_path / "01.json").write_text("{}", encoding="utf-8")
    second = execution_cache.execution_key(tmp_path)
    (tmp_path / "01.json").write_text("{ }", encoding="utf-8")
    assert len({first, second, execution_cache.execution_key(tmp_path)}) == 3


def test_the_cache_changes_with_what_is_installed(tmp_path, monkeypatch):
    first = execution_cache.execution_key(tmp_path)
    monkeypatch.setattr(
        execution_cache, "distributions", lambda: [SimpleNamespace(name="torch", version="0")]
    )
    assert execution_cache.execution_key(tmp_path) != first


def test_old_caches_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(execution_cache, "execution_key", lambda results: "new")
    old = tmp_path / ".jupyter_cache-old"
    old.mkdir()
    monkeypatch.setattr(execution_cache, "_ENVIRONMENT", {})
    config: dict[str, str] = {}
    app = SimpleNamespace(outdir=tmp_path / "html", srcdir=tmp_path / "book")
    execution_cache._choose_folder(app, config)
    assert not old.exists()
    assert config["nb_execution_cache_path"] == str(tmp_path / ".jupyter_cache-new")


def test_mathjax_comes_with_a_wheel():
    folder = offline_math.mathjax_folder()
    for name in offline_math._NEEDED:
        assert (folder / name).exists(), name
    assert list((folder / "output/chtml/fonts/woff-v2").glob("*.woff"))


@pytest.mark.parametrize(
    "address", ["", "https://gitlab.com/a/b", "https://example.org/github.com/a"]
)
def test_only_github_has_launch_links(address):
    assert page_furniture.launch_links(address, "main", "x.ipynb") == {}


def test_launch_links_open_the_plain_notebook():
    links = page_furniture.launch_links("https://github.com/a/b/", "main", "book/notebooks/x.ipynb")
    assert links == {
        "Colab": "https://colab.research.google.com/github/a/b/blob/main/book/notebooks/x.ipynb",
        "Binder": "https://mybinder.org/v2/gh/a/b/main?urlpath=lab/tree/book/notebooks/x.ipynb",
    }


@pytest.fixture
def small_book(tmp_path):
    """A book whose first chapter has its notebook."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "01_soft_sort.ipynb").write_text("{}", encoding="utf-8")
    return tmp_path


def furnished(book, repository: str, page: str = "chapters/01_soft_sort") -> dict:
    config = SimpleNamespace(
        html_theme_options={}, paper_lessons_repository=repository, paper_lessons_branch="main"
    )
    app = SimpleNamespace(config=config, srcdir=book)
    page_furniture._set_repository(app, config)
    theirs = [{"label": "download-buttons"}, {"label": "fullscreen-button"}]
    context = {"header_buttons": theirs, "pathto": lambda target, resource=0: target}
    page_furniture._furnish(app, page, "page.html", context, None)
    return {
        "labels": [button["label"] for button in context["header_buttons"]],
        "buttons": context["header_buttons"],
        "footer": context["theme_extra_footer"],
        "options": config.html_theme_options,
    }


def test_without_an_address_there_are_no_buttons_that_need_one(small_book):
    found = furnished(small_book, "")
    assert found["labels"] == ["download-notebook-button", "print-button", "fullscreen-button"]
    assert found["options"]["use_edit_page_button"] is False
    assert found["options"]["repository_url"] == ""


def test_one_address_switches_all_of_them_on(small_book):
    found = furnished(small_book, "https://github.com/a/b")
    assert found["labels"][:2] == ["launch-buttons", "download-notebook-button"]
    assert [button["text"] for button in found["buttons"][0]["buttons"]] == ["Colab", "Binder"]
    for name in ("use_repository_button", "use_edit_page_button", "use_issues_button"):
        assert found["options"][name] is True


def test_the_download_is_the_plain_notebook(small_book):
    button = furnished(small_book, "")["buttons"][0]
    assert button["url"] == "notebooks/01_soft_sort.ipynb"


def test_other_pages_have_no_notebook(small_book):
    assert furnished(small_book, "", "api/soft_sort")["labels"] == [
        "print-button",
        "fullscreen-button",
    ]


def test_the_line_below_says_version_and_status(small_book):
    footer = furnished(small_book, "")["footer"]
    assert page_furniture.__version__ in footer
    assert f"lesson 01: {LESSONS[0].status}" in footer


def test_scripts_are_kept_once_and_thebe_is_dropped():
    scripts = [
        "a.js",
        "a.js",
        "sphinx-thebe.js",
        SimpleNamespace(filename=None, attributes={"body": "x"}),
    ]
    scripts.append(SimpleNamespace(filename=None, attributes={"body": "const THEBE_JS_URL"}))
    context = {"script_files": list(scripts)}
    tidy_pages._tidy_scripts(None, "p", "t", context, None)
    assert context["script_files"] == [scripts[0], scripts[3]]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('<div role="doc-biblioentry">', '<div role="listitem">'),
        ('<summary aria-label="Toggle hidden content">', "<summary>"),
        (
            '<i class="theme-switch fa" data-mode="dark"  title="Dark">',
            '<i class="theme-switch fa" data-mode="dark">',
        ),
        (
            '<button class="search-button-field" aria-label="Search">',
            '<button class="search-button-field">',
        ),
        (
            '<button class="search-button" aria-label="Search">',
            '<button class="search-button" aria-label="Search">',
        ),
    ],
)
def test_roles_and_labels_are_corrected(tmp_path, before, after):
    (tmp_path / "page.html").write_text(before, encoding="utf-8")
    app = SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(format="html"))
    tidy_pages._correct_pages(app, None)
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == after


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Tensor of shape (*batch, n)", r"Tensor of shape (\*batch, n)"),
        ("argmin |v - y|^2", r"argmin \|v - y\|^2"),
        ("`*batch` and ``a | b``", "`*batch` and ``a | b``"),
        ("this is *meant* so", "this is *meant* so"),
        (">>> a * b", ">>> a * b"),
        ("**options", "**options"),
    ],
)
def test_docstrings_are_read_as_they_look(line, expected):
    assert plain_docstrings.escaped(line) == expected


def test_labels_of_references_are_authors_and_years():
    entries = parse_string(
        """
        @misc{a, author={Ba, A. and Ce, C. and De, D.}, title={x}, year={2020}}
        @misc{b, author={Ba, A. and Ce, C. and Eh, E.}, title={y}, year={2020}}
        @misc{c, author={H{\\"u}llermeier, E. and De, D.}, title={z}, year={2008}}
        """,
        "bibtex",
    ).entries
    labels = list(author_year.AuthorYearLabels().format_labels(entries.values()))
    assert labels == ["Ba et al., 2020", "Ba et al., 2020b", "Hüllermeier and De, 2008"]


def test_the_table_of_lessons_links_only_what_is_there(tmp_path):
    (tmp_path / "02_maxup.md").write_text("x", encoding="utf-8")
    rows = lesson_markdown.lesson_table(tmp_path).splitlines()
    assert len(rows) == 2 + len(LESSONS)
    assert ["(chapters/" in row for row in rows[2:]] == [False, True] + [False] * 5
    assert ["not yet" in row for row in rows[2:]] == [
        lesson.status == "not yet" for lesson in LESSONS
    ]


def test_the_table_of_results_says_whether_the_code_has_changed(tmp_path, monkeypatch):
    write_result(tmp_path / "01_a.json", lesson=1, command="run it", seed=3, result=[1])
    assert lesson_markdown.result_table(tmp_path).splitlines()[-1].endswith("| yes |")
    monkeypatch.setattr(provenance, "library_hash", lambda *_: "0" * 12)
    row = lesson_markdown.result_table(tmp_path).splitlines()[-1]
    assert "`run it` | 3 |" in row
    assert "no: the lesson's code has changed" in row


def test_without_results_the_page_says_so(tmp_path):
    assert "No result" in lesson_markdown.result_table(tmp_path)


@pytest.mark.parametrize("directives", [True, False])
def test_the_list_of_exercises_is_that_of_the_notebook(directives):
    notebook = lesson_markdown.notebook_of("soft-sort")
    exercises = json.loads(notebook.read_text(encoding="utf-8"))["metadata"]["paper_lessons"][
        "exercises"
    ]
    listed = lesson_markdown.exercise_list(notebook, directives=directives)
    places = []
    for number, exercise in enumerate(exercises, start=1):
        places.append(listed.index(f"Exercise {number}: {exercise['title']}"))
        assert (
            f"Difficulty {exercise['difficulty']} of 5, about {exercise['minutes']} minutes"
            in listed
        )
        places += [listed.index(hint.strip()) for hint in exercise["hints"]]
    assert places == sorted(places)
    assert f"about {sum(one['minutes'] for one in exercises)} minutes" in listed
    assert bool(myst_blocks.residue(listed)) is directives


def test_a_missing_notebook_of_exercises_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"exercises/09_gone\.ipynb is not there"):
        lesson_markdown.exercise_list(tmp_path / "09_gone.ipynb", directives=True)


def test_a_chapter_has_its_lessons_number():
    title, link = nodes.title(), nodes.reference()
    title["secnumber"], link["secnumber"] = [2], [2, 1]
    env = SimpleNamespace(
        toc_secnumbers={"chapters/03_dn2": {"": (2,), "#the-idea": (2, 1)}},
        titles={"chapters/03_dn2": title},
        tocs={"chapters/03_dn2": nodes.bullet_list("", link, nodes.reference())},
    )
    lesson_numbers.renumber(env, "chapters/03_dn2", 3)
    assert env.toc_secnumbers["chapters/03_dn2"] == {"": (3,), "#the-idea": (3, 1)}
    assert (title["secnumber"], link["secnumber"]) == ([3], [3, 1])
