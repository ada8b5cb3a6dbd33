"""A toy lesson of two exercises, made by the machine that makes the real ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from paper_lessons.classroom.notebooks import KEY
from paper_lessons.classroom.releases import Release, read_release
from paper_lessons.classroom.sync import make

collect_ignore_glob = ["wrong_answers/*"]

MASTER = Path(__file__).with_name("toy_master.md")

RIGHT = {
    "double-answer": "def double(values):\n    return [2 * value for value in values]",
    "mean-answer": "def mean_of(values):\n    return sum(values) / len(values)",
}


@dataclass(frozen=True)
class Toy:
    """Where the toy lesson's notebooks are, and helpers to fill them in."""

    exercise: Path
    solution: Path

    @property
    def release(self) -> Release:
        return read_release(self.exercise)

    @property
    def full_release(self) -> Release:
        return read_release(self.solution)

    def content(self, **answers: str) -> dict[str, Any]:
        """The learner's notebook with right answers, or others: ``double_answer="..."``."""
        content = json.loads(self.exercise.read_text(encoding="utf-8"))
        given = RIGHT | {name.replace("_", "-"): source for name, source in answers.items()}
        for cell in content["cells"]:
            name = cell["metadata"][KEY]["cell"]
            if name in given:
                cell["source"] = given[name]
        return content


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """The toy lesson, made once; it takes the place of a lesson that has no exercises of its own here."""
    folder = tmp_path_factory.mktemp("toy")
    master = folder / "solutions" / "02_maxup.md"
    master.parent.mkdir()
    master.write_text(MASTER.read_text(encoding="utf-8"), encoding="utf-8")
    made = make(master)
    made.write()
    return Toy(folder / "exercises" / "02_maxup.ipynb", folder / "solutions" / "02_maxup.ipynb")


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Any], Path]:
    """Write something as a notebook file."""

    def to_file(content: Any) -> Path:
        path = tmp_path / "handed_in.ipynb"
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_text(text, encoding="utf-8")
        return path

    return to_file
