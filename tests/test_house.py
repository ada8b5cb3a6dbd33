"""Registry of lessons, files that travel, files that are never half-written, records of runs."""

from __future__ import annotations

import ast
import json
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from paper_lessons import files, lessons, provenance, resources


@pytest.mark.parametrize(
    "text", ["1", "01", 1, "soft_sort", "soft-sort", "01_soft_sort", " Soft-Sort "]
)
def test_every_spelling_of_a_lesson_is_found(text):
    assert lessons.find(text).name == "soft_sort"


@pytest.mark.parametrize("text", ["8", "0", "", "sort", "soft_sort.ipynb"])
def test_an_unknown_lesson_is_refused_with_the_list(text):
    with pytest.raises(ValueError, match=r"lesson must be one of 01 soft-sort, 02 maxup.*got"):
        lessons.find(text)


def test_numbers_and_names_are_unique_and_in_order():
    assert [lesson.number for lesson in lessons.LESSONS] == list(range(1, 8))
    assert len({lesson.name for lesson in lessons.LESSONS}) == 7


def test_a_complete_lesson_has_all_its_rooms(repository):
    for lesson in lessons.LESSONS:
        rooms = [
            f"paper_lessons/{lesson.name}/__init__.py",
            f"book/chapters/{lesson.slug}.md",
            f"book/notebooks/{lesson.slug}.ipynb",
            f"exercises/{lesson.slug}.ipynb",
            f"solutions/{lesson.slug}.md",
            f"solutions/{lesson.slug}.ipynb",
        ]
        present = [room for room in rooms if (repository / room).exists()]
        wanted = {"complete": rooms, "library only": rooms[:1], "begun": rooms[:1], "not yet": []}[
            lesson.status
        ]
        assert present == wanted


def test_locate_finds_shipped_files_and_says_what_is_missing():
    assert resources.locate("exercises").is_dir()
    with pytest.raises(FileNotFoundError, match=r"exercises/99\.ipynb is not shipped"):
        resources.locate("exercises/99.ipynb")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = files.write_atomically(tmp_path / "a.json", "old")
    monkeypatch.setattr(Path, "replace", _fail)
    with pytest.raises(OSError, match="disk full"):
        files.write_atomically(path, "new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def _fail(*_):
    raise OSError("disk full")


def test_text_is_written_with_plain_line_ends(tmp_path):
    assert files.write_atomically(tmp_path / "a.txt", "ü\n").read_bytes() == b"\xc3\xbc\n"


def test_a_record_comes_back_and_knows_its_library(tmp_path):
    path = provenance.write_result(
        tmp_path / "run.json", lesson="01", command="paper-lessons run", seed=3, result={"a": [1.5]}
    )
    record = provenance.read_result(path)
    assert record["result"] == {"a": [1.5]}
    assert record["seed"] == 3
    assert record["lesson"] == "01_soft_sort"
    assert record["current"]
    stale = json.loads(path.read_text())
    stale["library"] = "0" * 12
    path.write_text(json.dumps(stale))
    assert not provenance.read_result(path)["current"]


def test_a_record_refuses_not_a_number(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        provenance.write_result(
            tmp_path / "run.json", lesson=1, command="", seed=0, result=float("nan")
        )
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_record_is_named(tmp_path):
    path = tmp_path / "other.json"
    path.write_text('{"seed": 1}')
    with pytest.raises(ValueError, match=r"other\.json must be a record of a run; it lacks"):
        provenance.read_result(path)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with one lesson: an experiment that imports a part, and a part that nothing imports."""
    folder = tmp_path / "paper_lessons" / "soft_sort"
    (folder / "experiments").mkdir(parents=True)
    (folder / "experiments" / "one.py").write_text(
        "from paper_lessons.soft_sort import part\nfrom paper_lessons.soft_sort.figures import f\n"
    )
    (folder / "part.py").write_text('"""A sentence."""\n\nx = 1\n\n\ndef y():\n    return x\n')
    (folder / "figures.py").write_text("f = 1\n")
    (folder / "other.py").write_text("z = 1\n")
    monkeypatch.setattr(provenance, "_PACKAGE", tmp_path / "paper_lessons")
    return folder


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (
            "part.py",
            b'"""Words."""\r\n\r\nx = 1  # one\r\n\r\ndef y():\r\n    """A."""\r\n    return x\r\n',
        ),
        ("part.py", b"import math\n\ndef y():\n    return x\n\nx = 1\n"),
        ("figures.py", b"f = 2\n"),
        ("other.py", b"z = 2\n"),
        ("experiments/two.py", b"w = 2\n"),
    ],
)
def test_words_order_drawings_and_what_is_not_used_leave_the_hash(package, file, content):
    before = provenance.library_hash("soft_sort", "one")
    (package / file).write_bytes(content)
    assert provenance.library_hash("soft_sort", "one") == before


def test_a_move_leaves_the_hash_and_a_change_does_not(package):
    before = provenance.library_hash("soft_sort")
    (package / "deep").mkdir()
    (package / "part.py").rename(package / "deep" / "part.py")
    experiment = package / "experiments" / "one.py"
    experiment.write_text("from paper_lessons.soft_sort.deep import part\n")
    assert provenance.library_hash("soft_sort") == before
    (package / "deep" / "part.py").write_text("x = 2\n\n\ndef y():\n    return x\n")
    assert provenance.library_hash("soft_sort") != before


# What a lesson's machine may take from the parts above it: names and types, which stand in modules made for that.
NAMES = {"checks", "ops", "memory", "program", "tasks", "config"}
MACHINES = {"kernels", "engine", "search", "pictures"}
LIBRARIES = [lesson.name for lesson in lessons.LESSONS if lesson.status not in ("begun", "not yet")]


def imports_of(path: Path) -> set[str]:
    """Modules of the package that a file needs; what only type checkers read does not count."""
    found = set()
    for node in _statements(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("paper_lessons."):
            found.add(node.module)
            found |= {f"{node.module}.{one.name}" for one in node.names}
    return found


def _statements(node: ast.AST):
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        yield child
        yield from _statements(child)


@pytest.mark.parametrize("lesson", LIBRARIES)
def test_a_lessons_folder_shows_the_paper_first(repository, lesson):
    folder = repository / "paper_lessons" / lesson
    parts = [path.stem for path in folder.glob("*.py") if path.stem != "__init__"]
    assert len(parts) <= 14, sorted(parts)
    assert {"figures", "commands"} <= set(parts)
    assert (folder / "experiments" / "__init__.py").is_file()
    for machine in MACHINES & {path.name for path in folder.iterdir()}:
        assert ast.get_docstring(ast.parse((folder / machine / "__init__.py").read_text()))
        for path in (folder / machine).glob("*.py"):
            for name in imports_of(path):
                first, *_ = name.removeprefix(f"paper_lessons.{lesson}.").split(".")
                beside = name.startswith(f"paper_lessons.{lesson}.") and first in parts
                assert not beside or first in NAMES, f"{path} imports {name}"


@pytest.mark.parametrize("lesson", LIBRARIES)
def test_imports_of_a_lesson_make_no_circle(repository, lesson):
    top = repository / "paper_lessons"
    arrows = {}
    for path in (top / lesson).rglob("*.py"):
        if path.name != "__init__.py":
            name = ".".join(("paper_lessons", *path.relative_to(top).with_suffix("").parts))
            arrows[name] = imports_of(path) - {name}
    arrows = {name: targets & set(arrows) for name, targets in arrows.items()}
    TopologicalSorter(arrows).prepare()  # raises where there is one
