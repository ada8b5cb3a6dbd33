"""The pages' sources: structure, references, terms, pictures, and the map from paper to code."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import jupytext
import pytest
from pybtex.database import parse_file

from paper_lessons.lessons import find
from paper_lessons.provenance import read_result

REPOSITORY = Path(__file__).resolve().parents[2]
BOOK = REPOSITORY / "book"
CHAPTERS = sorted((BOOK / "chapters").glob("*.md"))
PAGES = sorted(BOOK.rglob("*.md"))

# Headings of the second level that every chapter has, in this order; its own ones stand between them.
PARTS = [
    r"The idea on .+",
    r"The mathematics",
    r"The code, grown",
    r"Claims, checked",
    r"From the paper to the code",
    r"Three quick questions",
    r"Exercises",
    r"What was left out.*",
]

chapters = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
pages = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)


WIDEST = 76  # characters of a line that fits into its column


@chapters
def test_lines_of_code_fit_into_their_column(chapter: Path) -> None:
    """Of every cell whose input is on the page, folded or not."""
    cells = jupytext.read(chapter, fmt="md:myst").cells
    shown = [
        cell
        for cell in cells
        if cell.cell_type == "code" and "remove-input" not in cell.metadata.get("tags", [])
    ]
    assert shown
    wide = [line for cell in shown for line in cell.source.splitlines() if len(line) > WIDEST]
    assert wide == []


def prose(page: Path) -> str:
    """The Markdown of a page, without its code cells and its blocks of plain code."""
    cells = jupytext.read(page, fmt="md:myst").cells
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    kept, directives, literal = [], [], ""
    for line in text.splitlines():
        fence = re.match(r" *(`{3,}|~{3,})(.*)$", line)
        if literal:
            if fence and fence[1].startswith(literal) and not fence[2].strip():
                literal = ""
            continue
        if fence and fence[2].startswith("{"):
            directives.append(fence[1])
        elif fence and directives and fence[1].startswith(directives[-1]) and not fence[2].strip():
            directives.pop()
        elif fence:
            literal = fence[1]
            continue
        kept.append(line)
    return "\n".join(kept)


def part(chapter: Path, heading: str) -> str:
    """The text below a heading of the second level."""
    match = re.search(rf"^## {heading}$(.*?)(?=^## |\Z)", prose(chapter), re.M | re.S)
    assert match, f"{chapter.name} has no part {heading!r}"
    return match[1]


def test_every_chapter_is_named_after_its_lesson():
    for chapter in CHAPTERS:
        assert find(chapter.stem).slug == chapter.stem


@chapters
def test_the_parts_stand_in_order(chapter):
    headings = re.findall(r"^## (.+)$", prose(chapter), re.M)
    places = [
        next((at for at, one in enumerate(headings) if re.fullmatch(part, one)), None)
        for part in PARTS
    ]
    assert None not in places, (
        f"missing: {[p for p, at in zip(PARTS, places, strict=True) if at is None]}"
    )
    assert places == sorted(places)
    # The trouble comes before the idea, and the experiment between the code and the claims.
    assert places[0] >= 1
    assert places[3] > places[2] + 1


@chapters
def test_it_opens_with_what_you_will_be_able_to_do(chapter):
    opening = prose(chapter).partition("\n## ")[0]
    for words in ("you can", "need to know", "minutes to read"):
        assert words in opening


@chapters
def test_three_questions_each_with_an_answer_that_is_folded(chapter):
    questions = part(chapter, "Three quick questions")
    assert len(re.findall(r"^\*\*\d\. .+\*\*$", questions, re.M)) == 3
    assert len(re.findall(r"^`{3,}\{admonition\} .+\n:class: .*dropdown", questions, re.M)) == 3


@chapters
def test_every_drawn_figure_says_what_it_shows(chapter):
    notebook = jupytext.read(chapter, fmt="md:myst")
    figures = 0
    for cell in notebook.cells:
        metadata = cell.metadata.get("mystnb", {})
        if "plt.show()" not in cell.source and "figure" not in metadata:
            continue
        figures += 1
        assert metadata.get("figure", {}).get("caption", "").strip(), cell.source
        assert len(metadata.get("image", {}).get("alt", "")) >= 20, cell.source
    assert figures >= 3


@pages
def test_pictures_in_the_text_have_a_description(page):
    text = prose(page)
    for options in re.findall(r"^`{3,}\{(?:figure|image)\} .*\n((?::.*\n)*)", text, re.M):
        assert ":alt:" in options
    assert not re.search(r"!\[\]\(", text)
    assert "<img" not in text


@pages
def test_every_citation_has_an_entry(page):
    entries = parse_file(str(BOOK / "references.bib"), bib_format="bibtex").entries
    for keys in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", prose(page)):
        for key in keys.split(","):
            assert key.strip() in entries


def test_references_are_complete():
    entries = parse_file(str(BOOK / "references.bib"), bib_format="bibtex").entries
    where = {"article": "journal", "inproceedings": "booktitle", "misc": "url", "book": "publisher"}
    for key, entry in entries.items():
        assert entry.persons.get("author"), key
        for field in ("title", "year", where[entry.type]):
            assert entry.fields.get(field), f"{key}: {field}"
        family = entry.persons["author"][0].last_names[-1]
        assert key.startswith(re.sub(r"[^a-z]", "", family.lower().replace('\\"', ""))), key
        assert entry.fields["year"] in key, key


def glossary() -> list[list[str]]:
    """Entries of the glossary: the names of each."""
    text = (BOOK / "glossary.md").read_text(encoding="utf-8")
    body = text.partition("{glossary}")[2].partition("\n```")[0]
    return [
        [line for line in entry.splitlines() if line and not line.startswith(" ")]
        for entry in re.split(r"\n\n+", body.strip())
    ]


def test_terms_of_the_glossary_stand_in_order_and_once():
    # Several names of one thing stand together, and the first one decides.
    firsts = [names[0].lower() for names in glossary()]
    assert len(firsts) > 10
    assert firsts == sorted(firsts)
    terms = [name.lower() for names in glossary() for name in names]
    assert len(terms) == len(set(terms))


@pages
def test_every_term_is_in_the_glossary(page):
    known = {name.lower() for names in glossary() for name in names}
    for content in re.findall(r"\{term\}`([^`]+)`", prose(page)):
        target = re.sub(r"^.*<(.+)>$", r"\1", content, flags=re.S)
        assert " ".join(target.lower().split()) in known


@chapters
def test_values_that_the_text_takes_are_given_by_a_cell(chapter):
    text = chapter.read_text(encoding="utf-8")
    given = set(re.findall(r"""glue\(\s*["'](\w+)["']""", text))
    # Names made in a loop are known when the page is built; Sphinx then refuses what is missing.
    if not re.search(r"glue\(\s*f[\"']", text):
        assert set(re.findall(r"\{glue(?::\w+)?\}`(\w+)", text)) <= given


@pytest.mark.parametrize(
    "path", sorted((BOOK / "results").glob("*.json")), ids=lambda path: path.name
)
def test_every_stored_result_can_be_made_again(path):
    record = read_result(path)
    assert path.stem.startswith(record["lesson"][:3])  # "01_"
    assert record["command"].startswith(("paper-lessons ", "make "))
    assert isinstance(record["seed"], int)
    assert re.fullmatch(r"[0-9a-f]{12}", record["library"])
    assert {"python", "torch"} <= set(record["versions"])
    assert record["result"]


def test_the_library_page_describes_every_public_name():
    for page in sorted((BOOK / "api").glob("*.md")):
        text = page.read_text(encoding="utf-8")
        module = importlib.import_module(f"paper_lessons.{page.stem}")
        described = set(re.findall(rf"auto\w+:: paper_lessons\.{page.stem}\.(\w+)", text))
        for names in re.findall(r"automodule:: .+\n +:members: (.+)", text):
            described |= {name.strip() for name in names.split(",")}
        assert described == set(module.__all__), page.name


# The map from paper to code.


def rows_of_the_map(chapter: Path) -> list[list[str]]:
    lines = [line for line in part(chapter, PARTS[4]).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def code_names(cell: str) -> list[str]:
    """What a cell names as code: `x`, {py:func}`x` or {py:func}`x <y>`."""
    return [
        re.sub(r"^.*<(.+)>$|^~", r"\1", name).rstrip("()")
        for name in re.findall(r"`([^`]+)`", cell)
    ]


def exists_in(lesson: str, name: str) -> bool:
    """Is there such a thing in the lesson's package?"""
    for prefix in (f"paper_lessons.{lesson}", "paper_lessons", ""):
        parts = f"{prefix}.{name}".strip(".").split(".")
        for split in range(len(parts), 0, -1):
            try:
                thing = importlib.import_module(".".join(parts[:split]))
            except ImportError:
                continue
            try:
                for attribute in parts[split:]:
                    thing = getattr(thing, attribute)
            except AttributeError:
                continue
            if thing.__name__.startswith("paper_lessons") or parts[0] == "paper_lessons":
                return True
    return False


def test_exists(lesson: str, name: str) -> bool:
    """Is there such a test: `test_x`, `test_file.py::test_x` or `tests/a/test_file.py::test_x`?"""
    file, _, function = name.rpartition("::")
    folder = REPOSITORY / "tests" / lesson
    files = [REPOSITORY / file, folder / file] if file else sorted(folder.rglob("test_*.py"))
    for path in files:
        if not path.is_file():
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(
            isinstance(node, ast.FunctionDef) and node.name == function for node in ast.walk(tree)
        ):
            return True
    return False


test_exists.__test__ = False  # type: ignore[attr-defined]


@chapters
def test_no_row_of_the_map_dangles(chapter):
    lesson = find(chapter.stem).name
    rows = rows_of_the_map(chapter)
    assert len(rows) >= 5
    for row in rows:
        where, functions, tests = row[0], code_names(row[1]), code_names(row[2])
        assert where, row
        assert functions, f"no function: {row}"
        assert tests, f"no test: {row}"
        for function in functions:
            assert exists_in(lesson, function), f"{function} is not in paper_lessons.{lesson}"
        for test in tests:
            assert test_exists(lesson, test), f"{test} is not in tests/{lesson}"


def test_a_dangling_row_would_be_found():
    assert exists_in("soft_sort", "soft_rank")
    assert exists_in("soft_sort", "paper_lessons.soft_sort.operators.soft_rank")
    assert not exists_in("soft_sort", "soft_argsort")
    assert not exists_in("soft_sort", "operators.soft_argsort")
    assert not exists_in("soft_sort", "torch")
    assert test_exists("book", "test_pages.py::test_a_dangling_row_would_be_found")
    assert test_exists("book", "test_a_dangling_row_would_be_found")
    assert not test_exists("book", "test_pages.py::test_of_nothing")
    assert code_names("{py:func}`~a.b`, {py:class}`C <a.C>` and `d()`") == ["a.b", "a.C", "d"]
