"""The notebooks for download: made from the chapters, plain, in step, and running."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import plain_notebooks
import pytest
from myst_blocks import read_blocks, residue
from page_labels import Citations, Labels
from plain_markdown import Page

BIBLIOGRAPHY = """
@misc{one, author={Ba, A. and Ce, C. and De, D.}, title={First}, year={2020}}
@misc{two, author={Eh, E.}, title={Second}, year={2019}}
"""

FRONT = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  name: python3
  display_name: Python 3
  language: python
---

"""


@pytest.fixture
def small_book(tmp_path) -> Path:
    (tmp_path / "chapters").mkdir()
    (tmp_path / "references.bib").write_text(BIBLIOGRAPHY, encoding="utf-8")
    (tmp_path / "notation.md").write_text("# The notation\n", encoding="utf-8")
    (tmp_path / "picture.svg").write_text("<svg/>", encoding="utf-8")
    return tmp_path


def convert(book: Path, text: str) -> str:
    """The Markdown that a piece of a chapter becomes."""
    labels = Labels(1)
    blocks = read_blocks(text.split("\n"))
    labels.collect(blocks)
    page = Page(book / "chapters" / "01_soft_sort.md", labels, Citations(book / "references.bib"))
    return page.markdown(blocks)


def made(book: Path, text: str) -> dict:
    """The notebook of a chapter with this text."""
    chapter = book / "chapters" / "01_soft_sort.md"
    chapter.write_text(FRONT + text, encoding="utf-8")
    return plain_notebooks.plain_notebook(chapter, book / "references.bib")


@pytest.mark.parametrize(
    ("myst", "plain"),
    [
        ("plain *text* with `code` and $x$", "plain *text* with `code` and $x$"),
        ("costs \\$5, `{not}` a role", "costs \\$5, `{not}` a role"),
        ("{term}`PAV` and {term}`blocks <block>`", "PAV and blocks"),
        ("{py:func}`~paper_lessons.plotting.figure`", "`figure()`"),
        ("{py:class}`a.B` {py:func}`so <a.b>`", "`a.B` `so`"),
        ("{cite:p}`one,two` by {cite:t}`one`", "(Ba et al., 2020; Eh, 2019) by Ba et al. (2020)"),
        ("{math}`x^2`", "$x^2$"),
        ("{doc}`../notation`, {doc}`here <../notation>`", "*The notation*, here"),
        ("[here](../notation.md), [there](https://a.org)", "here, [there](https://a.org)"),
        ("% unseen\nseen", "seen"),
        ("one\n\n+++\n\ntwo", "one\n\ntwo"),
        ("$$\na\n$$ (eq-a)\n\nby {eq}`eq-a`", "$$\na\n\\tag{1.1}\n$$\n\nby (1.1)"),
        ("$$ a $$", "$$\na\n$$"),
        ("$$\na \\\\\nb\n$$", "$$\n\\begin{split}\na \\\\\nb\n\\end{split}\n$$"),
        (
            "\\begin{align*}\na &= b\n\\end{align*}",
            "$$\n\\begin{aligned}\na &= b\n\\end{aligned}\n$$",
        ),
        ("```{math}\n:label: eq-b\na\n```", "$$\na\n\\tag{1.1}\n$$"),
        ("(here)=\n## A part\n\nsee {ref}`here`", "## A part\n\nsee *A part*"),
        ("```{note}\nWell.\n```", "> **Note.** Well."),
        (":::{tip}\nWell.\n:::", "> **Tip.** Well."),
        ("```{note}\n$$\na\n$$\n```", "**Note.** $$\na\n$$"),
        (
            "````{admonition} Which?\n:class: dropdown\n\n```{tip}\nThis.\n```\n````",
            "<details>\n<summary>Which?</summary>\n\n> **Tip.** This.\n\n</details>",
        ),
        (
            "```{prf:theorem} Name\n:label: t\n\nText.\n```\n\n{prf:ref}`t`",
            "**Theorem 1.1 (Name).** Text.\n\nTheorem 1.1",
        ),
        ("```{prf:proof}\nClear.\n```", "**Proof.** Clear."),
        ("```{code-block} python\nx = 1\n```", "```python\nx = 1\n```"),
        ("```python\n{role}`kept`\n```", "```python\n{role}`kept`\n```"),
        (
            "::::{tab-set}\n:::{tab-item} A\none\n:::\n:::{tab-item} B\ntwo\n:::\n::::",
            "**A**\n\none\n\n**B**\n\ntwo",
        ),
        (
            "```{table} Costs\n:name: tab\n\n| a |\n|---|\n| 1 |\n```\n\n{numref}`tab`",
            "**Table 1.1.** Costs\n\n| a |\n|---|\n| 1 |\n\nTable 1.1",
        ),
        (
            "```{list-table}\n:header-rows: 1\n\n* - a\n  - b\n* - {term}`c`\n  - d\n```",
            "| a | b |\n| --- | --- |\n| c | d |",
        ),
        ("- one\n  ```{note}\n  two\n  ```", "- one\n\n  > **Note.** two"),
        ("word[^n]\n\n[^n]: the note", "word [note 1]"),
    ],
)
def test_each_form_becomes_plain(small_book, myst, plain):
    found = convert(small_book, myst)
    assert found == plain
    assert residue(found) == []


def test_a_picture_travels_inside_the_notebook(small_book):
    notebook = made(
        small_book, "```{figure} ../picture.svg\n:name: f\n:alt: A picture\n\nSee {numref}`f`.\n```"
    )
    cell = notebook["cells"][1]
    assert (
        cell["source"] == "![A picture](attachment:picture.svg)\n\n**Figure 1.1.** See Figure 1.1."
    )
    assert cell["attachments"] == {"picture.svg": {"image/svg+xml": "PHN2Zy8+"}}


def test_a_figure_of_a_cell_gets_its_caption_and_number(small_book):
    text = (
        "See {numref}`later`.\n\n```{code-cell}\n---\ntags: [hide-input]\nmystnb:\n  figure:\n    name: later\n"
        "    caption: |\n      By {eq}`e`.\n---\ndraw()\n```\n\n$$\na\n$$ (e)"
    )
    cells = made(small_book, text)["cells"]
    assert [cell["source"] for cell in cells[1:5]] == [
        "See Figure 1.1.",
        "draw()",
        "**Figure 1.1.** By (1.1).",
        "$$\na\n\\tag{1.1}\n$$",
    ]
    assert cells[2]["metadata"] == {"jupyter": {"source_hidden": True}}


def test_numbers_of_the_run_are_told_by_a_cell(small_book):
    text = (
        "```{code-cell}\nfrom myst_nb import glue\nglue('speed', 3.14159, display=False)\n```\n\n"
        "Before.\n\nIt is {glue:text}`speed:.1f` times {term}`PAV`.\n\nAfter."
    )
    cells = made(small_book, text)["cells"]
    sources = [cell["source"] for cell in cells]
    assert "myst_nb" not in "".join(sources)
    assert sources[2:6] == [
        "glue('speed', 3.14159, display=False)",
        "Before.",
        'tell(r"""\nIt is «speed:.1f» times PAV.\n""")',
        "After.",
    ]
    shown = []
    scope: dict = {}
    exec(sources[1], scope)
    scope["glue"]("speed", 3.14159)
    import IPython.display

    original = IPython.display.display
    IPython.display.display = shown.append
    try:
        scope["tell"]("It is «speed:.1f», «speed».")
    finally:
        IPython.display.display = original
    assert shown[0].data == "It is 3.1, 3.14159."


@pytest.mark.parametrize(
    ("myst", "words"),
    [
        ("```{mermaid}\nx\n```", "directive {mermaid}"),
        ("```{prf:joke}\nx\n```", "directive {prf:joke}"),
        ("{rfc}`1`", "role {rfc}"),
        ("{eq}`nowhere`", "label 'nowhere'"),
        ("{cite:p}`nobody`", "no entry 'nobody'"),
        ("{{ name }}", "a substitution"),
        ("word\n: meaning", "a definition list"),
        ("« no", "reserved"),
        ("```{note}\nx", "never closed"),
        ("$$\na", "never closed"),
        ("```{image} https://a.org/b.png\n:alt: b\n```", "loaded from the net"),
        ("```{image} ../picture.svg\n```", "alternative text"),
        ("  $$\n  a\n  $$ (e)", "labelled formula"),
        ("```{list-table}\n* - a\n```", "header-rows"),
    ],
)
def test_what_has_no_plain_form_is_refused_with_its_place(small_book, myst, words):
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        made(small_book, myst)
    assert str(caught.value).startswith("01_soft_sort.md, cell 1:")


@pytest.mark.parametrize(
    "left",
    [
        "```{note}",
        "> ```{note}",
        ":::{note}",
        ":::",
        "{term}`x`",
        "(label)=",
        "{{ x }}",
        "% comment",
        "+++",
        "[^1]",
        "$$ a $$ (eq)",
        "word\n: meaning",
        "{.class}",
    ],
)
def test_what_is_left_over_is_found(left):
    assert residue(f"before\n\n{left}\n\nafter")


@pytest.mark.parametrize(
    "plain",
    [
        "`{term}` `x`",
        "```\n{term}`x`\n:::\n```",
        "$$\n\\{\\{a\\}\\}\n$$",
        "a (b)= c",
        "100 % sure",
        "a: b",
    ],
)
def test_plain_text_is_not_suspected(plain):
    assert residue(plain) == []


def test_ids_are_unique_and_survive_an_insertion(small_book):
    before = made(
        small_book, "One.\n\n```{code-cell}\nx = 1\n```\n\n```{code-cell}\nx = 1\n```\n\nTwo."
    )
    ids = [cell["id"] for cell in before["cells"]]
    assert len(set(ids)) == len(ids)
    after = made(
        small_book,
        "One.\n\n```{code-cell}\ny = 0\n```\n\n```{code-cell}\nx = 1\n```\n\n```{code-cell}\nx = 1\n```\n\nTwo.",
    )
    assert set(ids) < {cell["id"] for cell in after["cells"]}


def test_the_same_chapter_gives_the_same_bytes(small_book):
    text = "# A\n\n{cite:p}`two,one`\n\n```{bibliography}\n```"
    assert plain_notebooks.notebook_text(made(small_book, text)) == plain_notebooks.notebook_text(
        made(small_book, text)
    )


def test_references_are_listed_once_by_author(small_book):
    cells = made(small_book, "{cite:p}`two` {cite:p}`one` {cite:t}`two`\n\n```{bibliography}\n```")[
        "cells"
    ]
    lines = cells[1]["source"].splitlines()[2:]
    assert [line[:6] for line in lines] == ["- A. B", "- E. E"]


def test_the_first_cell_installs_what_is_missing(small_book):
    chapter = small_book / "chapters" / "01_soft_sort.md"
    front = FRONT.replace("kernelspec:", "paper_lessons:\n  requires: [mlxtend]\nkernelspec:")
    chapter.write_text(front + "# A", encoding="utf-8")
    first = plain_notebooks.plain_notebook(chapter, small_book / "references.bib")["cells"][0]
    assert 'for name in ["paper_lessons", "mlxtend"]' in first["source"]
    assert "%pip install --quiet paper-lessons mlxtend" in first["source"]


def test_check_reports_and_writes_nothing(small_book, capsys):
    chapter = small_book / "chapters" / "01_soft_sort.md"
    chapter.write_text(FRONT + "# A", encoding="utf-8")
    target = small_book / "notebooks" / "01_soft_sort.ipynb"

    def run(*arguments: str) -> int:
        return plain_notebooks.main(list(arguments), book=small_book)

    assert run("--check") == 1
    assert "01_soft_sort.ipynb is out of step" in capsys.readouterr().err
    assert not target.exists()
    assert (run(), run("--check")) == (0, 0)
    (small_book / "notebooks" / "02_gone.ipynb").write_text("{}", encoding="utf-8")
    assert (run("--check"), run(), run("--check")) == (1, 0, 0)
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    chapter.write_text(FRONT + "{rfc}`1`", encoding="utf-8")
    assert run() == 1
    assert "no plain form" in capsys.readouterr().err


# From here on: the notebooks that are committed.


def test_every_committed_notebook_is_in_step_with_its_chapter():
    assert plain_notebooks.main(["--check"]) == 0


def committed() -> list[Path]:
    return sorted((plain_notebooks.BOOK / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", committed(), ids=lambda path: path.name)
def test_a_committed_notebook_is_plain(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert "%pip install" in notebook.cells[0].source
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            assert residue(cell.source) == []
        else:
            assert cell.outputs == []
            assert cell.execution_count is None
            assert "myst_nb" not in cell.source


@pytest.mark.parametrize("path", committed(), ids=lambda path: path.name)
def test_a_committed_notebook_names_no_place_on_a_machine(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"/(home|work|tmp|root|Users)/|[A-Z]:\\\\", text)
    assert set(json.loads(text)["metadata"]) == {"kernelspec", "language_info", "paper_lessons"}


@pytest.mark.slow
@pytest.mark.parametrize("path", committed(), ids=lambda path: path.name)
def test_a_committed_notebook_runs(path, tmp_path):
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    told = [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" and cell.source.startswith("tell(")
    ]
    for cell in told:
        assert "«" not in cell.outputs[0].data["text/markdown"]
