"""What is handed out holds no solution, and replaces nothing that a learner wrote."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from paper_lessons.classroom.handing_out import ARCHIVE, copy_exercise, write_handout
from paper_lessons.classroom.releases import release_of


def test_a_copy_is_the_shipped_notebook(tmp_path: Path, repository: Path) -> None:
    path = copy_exercise("1", tmp_path / "new" / "folder")
    assert path.read_bytes() == (repository / "exercises" / "01_soft_sort.ipynb").read_bytes()


def test_a_learners_work_is_not_replaced(tmp_path: Path) -> None:
    path = copy_exercise("01", tmp_path)
    path.write_text("my answers", encoding="utf-8")
    with pytest.raises(ValueError, match="may hold your answers; --force"):
        copy_exercise("01", tmp_path)
    assert path.read_text(encoding="utf-8") == "my answers"
    copy_exercise("01", tmp_path, force=True)
    assert path.read_text(encoding="utf-8") != "my answers"
    with pytest.raises(ValueError, match="must be a folder"):
        copy_exercise("01", path)


def test_lessons_without_exercises_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="lesson 06 hidt has no exercises yet"):
        copy_exercise("hidt", tmp_path)
    with pytest.raises(ValueError, match="lesson must be one of"):
        write_handout(tmp_path, ["eight"])


def test_the_handout_holds_exercises_and_totals_and_no_solution(tmp_path: Path) -> None:
    path = write_handout(tmp_path)
    assert path == tmp_path / ARCHIVE
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        readme = archive.read("paper-lessons/README.md").decode("utf-8")
        everything = b"".join(archive.read(name) for name in names)
    assert "paper-lessons/01_soft_sort.ipynb" in names
    assert b"BEGIN SOLUTION" not in everything
    assert b"-hidden-" not in everything
    exercises = release_of(1).exercises
    minutes, points = (sum(getattr(one, key) for one in exercises) for key in ("minutes", "points"))
    assert f"| | **total** | | **{minutes}** | **{points}** | **20** |" in readme
    assert "paper-lessons check 01_soft_sort.ipynb" in readme


def test_the_handout_is_the_same_every_time(tmp_path: Path) -> None:
    first = write_handout(tmp_path / "one.zip", ["soft-sort"])
    second = write_handout(tmp_path / "two", ["01", "soft_sort"])
    assert first.read_bytes() == second.read_bytes()


def test_the_copy_opens_in_jupyter(tmp_path: Path) -> None:
    import nbformat

    nbformat.validate(nbformat.read(copy_exercise(1, tmp_path), as_version=4))
    content = json.loads((tmp_path / "01_soft_sort.ipynb").read_text(encoding="utf-8"))
    assert "/" not in content["metadata"]["kernelspec"]["name"]
