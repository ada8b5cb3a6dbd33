"""Generated notebooks are in step with their masters, and making them is repeatable."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from paper_lessons.classroom import sync
from paper_lessons.classroom.hints import hint, hints_of
from paper_lessons.classroom.masters import read_master
from paper_lessons.classroom.notebooks import write_notebook
from paper_lessons.classroom.releases import read_release
from paper_lessons.lessons import LESSONS

MASTERS = sync.masters()


def test_there_is_a_master_for_every_complete_lesson() -> None:
    complete = {lesson.slug for lesson in LESSONS if lesson.status == "complete"}
    assert complete <= {path.stem for path in MASTERS}


@pytest.mark.parametrize("path", MASTERS, ids=lambda path: path.stem)
def test_notebooks_are_in_step_with_their_master(path: Path) -> None:
    assert sync.make(path, run=False).stale() == [], "run `make sync` and commit what it made"


@pytest.mark.slow
def test_making_everything_again_changes_no_byte(capsys: pytest.CaptureFixture[str]) -> None:
    assert sync.main(["--check"]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("path", MASTERS, ids=lambda path: path.stem)
def test_generated_notebooks_are_clean(path: Path, repository: Path) -> None:
    for folder in ("exercises", "solutions"):
        text = (repository / folder / f"{path.stem}.ipynb").read_text(encoding="utf-8")
        content = json.loads(text)
        assert not re.search(r"/(home|root|Users|work|tmp)/|[A-Z]:\\\\", text), "a machine's path"
        assert not re.search(r"ipykernel_\d+|0x[0-9a-f]{8,}", text), "a process's number"
        assert "```{" not in text, "a directive that Jupyter shows raw"
        assert content["metadata"]["kernelspec"]["name"] == "python3"
        assert set(content["metadata"]["language_info"]) == {"name"}
        for cell in content["cells"]:
            assert "execution" not in cell["metadata"], "a timing"
            assert len(cell["id"]) <= 64


@pytest.mark.parametrize("path", MASTERS, ids=lambda path: path.stem)
def test_exercises_are_of_the_promised_kind(path: Path, repository: Path) -> None:
    master = read_master(path)
    assert 4 <= len(master.exercises) <= 6
    learner = read_release(repository / "exercises" / f"{path.stem}.ipynb")
    full = read_release(repository / "solutions" / f"{path.stem}.ipynb")
    assert learner.exercises == full.exercises == master.exercises
    assert {cell.visibility for cell in learner.cells if cell.role == "check"} == {"public"}
    for one in master.exercises:
        assert one.hidden_points > 0
        assert any(cell.role == "feedback" for cell in full.cells if cell.exercise == one.name)
        lengths = [len(text) for text in one.hints]
        assert all(text.rstrip()[-1] in ".?" for text in one.hints), lengths
        assert one.hints[0].rstrip().endswith("?"), "the first hint asks"


def test_a_changed_master_is_seen(toy: Any, tmp_path: Path) -> None:
    for folder in ("solutions", "exercises"):
        (tmp_path / folder).mkdir()
    master = tmp_path / "solutions" / "02_maxup.md"
    master.write_text(
        (toy.solution.with_suffix(".md")).read_text(encoding="utf-8"), encoding="utf-8"
    )
    (tmp_path / "exercises" / toy.exercise.name).write_bytes(toy.exercise.read_bytes())
    master.with_suffix(".ipynb").write_bytes(toy.solution.read_bytes())
    for file, content in sync.make(master, run=False).files.items():
        if file.name == "02_maxup.feedback.json":
            write_notebook(file, content)
    assert sync.make(master, run=False).stale() == []
    text = master.read_text(encoding="utf-8")
    master.write_text(text.replace("Double every number.", "Double them."), encoding="utf-8")
    assert len(sync.make(master, run=False).stale()) == 2
    master.write_text(text.replace("what: negative", "what: odd"), encoding="utf-8")
    assert [path.parent.name for path in sync.make(master, run=False).stale()] == ["solutions"]


def test_a_failing_solution_is_refused(toy: Any, tmp_path: Path) -> None:
    master = tmp_path / "02_maxup.md"
    text = toy.solution.with_suffix(".md").read_text(encoding="utf-8")
    master.write_text(text.replace("return [2 * value", "return [3 / 0 * value"), encoding="utf-8")
    with pytest.raises(ValueError, match="the solution fails") as error:
        sync.make(master)
    assert "ZeroDivisionError" in str(error.value)
    assert "\x1b" not in str(error.value)


def test_hints_travel_with_the_notebooks(capsys: pytest.CaptureFixture[str]) -> None:
    for path in MASTERS:
        for one in read_master(path).exercises:
            assert hints_of(one.name) == one.hints
    hint("pav", 2)
    printed = capsys.readouterr().out
    assert printed.startswith("hint 2 of 3: ")
    assert printed.endswith('(hint("pav", 3) says more)\n')
    with pytest.raises(ValueError, match="exercise must be one of"):
        hint("pavv")


def test_the_command_names_what_it_cannot_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert sync.main(["06"]) == 1
    assert "lesson 06_hidt has no master" in capsys.readouterr().err
