"""A release that nbval would let pass without a comparison is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from paper_lessons.classroom.notebooks import KEY
from paper_lessons.classroom.releases import exercise_file, read_release, release_of


@pytest.mark.parametrize("lost", ["outputs", "execution_count"])
def test_checks_without_a_reference_are_refused(toy: Any, tmp_path: Path, lost: str) -> None:
    content = json.loads(toy.exercise.read_text(encoding="utf-8"))
    for cell in content["cells"]:
        if cell["metadata"][KEY]["cell"] == "double-empty":
            cell[lost] = [] if lost == "outputs" else None
    path = tmp_path / "02_maxup.ipynb"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match="'double-empty' must have a reference output"):
        read_release(path)


def test_a_notebook_of_somebody_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "02_maxup.ipynb"
    path.write_text('{"cells": [], "metadata": {}}', encoding="utf-8")
    with pytest.raises(ValueError, match="made by `make sync`"):
        read_release(path)


def test_sections_and_exercises(toy: Any) -> None:
    release = toy.release
    sections = {cell.name: cell.section for cell in release.cells}
    assert (sections["imports"], sections["double-answer"], sections["mean-public"]) == (0, 1, 2)
    assert sections["closing-text-1"] == -1
    assert release.exercise("2") is release.exercise("mean-of") is release.exercise(2)
    assert toy.full_release.of_role("check", "double")[-1].visibility == "hidden"


def test_every_spelling_finds_the_shipped_exercises() -> None:
    assert exercise_file("soft-sort") == exercise_file(1)
    assert [one.number for one in release_of("01").exercises] == [1, 2, 3, 4, 5]
    with pytest.raises(ValueError, match="has no exercises yet"):
        release_of(6)
