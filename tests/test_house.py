"""Registry of lessons, files that travel, files that are never half-written, records of runs."""

from __future__ import annotations

import json
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
        wanted = {"complete": rooms, "library only": rooms[:1], "not yet": []}[lesson.status]
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


def test_the_library_hash_follows_the_code_and_not_the_line_ends(tmp_path, monkeypatch):
    folder = tmp_path / "soft_sort"
    folder.mkdir()
    monkeypatch.setattr(provenance, "_PACKAGE", tmp_path)
    (folder / "a.py").write_bytes(b'"""One."""\n\nx = 1\n')
    first = provenance.library_hash("soft_sort")
    (folder / "a.py").write_bytes(b'"""One."""\r\n\r\nx = 1\r\n')
    assert provenance.library_hash("soft_sort") == first
    (folder / "a.py").write_bytes(b'"""Another sentence."""\n\nx = 1  # one\n')
    assert provenance.library_hash("soft_sort") == first
    (folder / "a.py").write_bytes(b'"""One."""\n\nx = 2\n')
    assert provenance.library_hash("soft_sort") != first
