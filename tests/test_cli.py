"""The command line, as a person types it."""

from __future__ import annotations

import json
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import typer

from paper_lessons import __version__, cli
from paper_lessons.classroom.notebooks import KEY
from paper_lessons.lessons import LESSONS

ANSWER = """from sklearn.isotonic import isotonic_regression

def isotonic_minimax(y):
    return torch.tensor(isotonic_regression(y.numpy(), increasing=False).tolist())
"""


def type_in(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a command."""
    try:
        cli.main(list(words))
        code: Any = 0
    except SystemExit as stop:
        code = stop.code or 0
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = type_in(capsys, "--help")
    assert code == 0
    for command in ("lessons", "exercise", "check", "hint", "handout", "warmup", "run"):
        assert f"  {command} " in out


def test_version_and_lessons(capsys: pytest.CaptureFixture[str]) -> None:
    assert type_in(capsys, "--version") == (0, f"{__version__}\n", "")
    lines = type_in(capsys, "lessons")[1].splitlines()
    assert len(lines) == len(LESSONS)
    assert lines[0].split() == ["01", "soft-sort", "complete", "Sorting", "with", "a", "gradient"]


@pytest.mark.parametrize("name", ["01", "1", "soft_sort", "soft-sort", "01_soft_sort"])
def test_every_spelling_of_a_lesson(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str
) -> None:
    code, out, _ = type_in(capsys, "exercise", name, str(tmp_path))
    assert code == 0
    assert (tmp_path / "01_soft_sort.ipynb").is_file()
    assert "paper-lessons check" in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["exercise", "09"], "lesson must be one of 01 soft-sort,"),
        (["exercise", "hidt"], "lesson 06 hidt has no exercises yet"),
        (["run", "hidt"], "lesson 06 hidt has no experiments to run yet"),
        (["check", "none.ipynb"], "there is no such file"),
        (["hint", "pav", "4"], "number must be 1, 2 or 3, got 4"),
        (["hint", "pvv"], "exercise must be one of"),
        (["handout", "x", "--lesson", "8"], "lesson must be one of"),
    ],
)
def test_wrong_input_gives_one_line_and_code_2(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = type_in(capsys, *words)
    assert (code, out) == (2, "")
    assert err.startswith("paper-lessons: ")
    assert err.count("\n") == 1
    assert sentence in err
    assert list(tmp_path.iterdir()) == []


def test_an_existing_notebook_is_kept(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert type_in(capsys, "exercise", "01", str(tmp_path))[0] == 0
    code, _, err = type_in(capsys, "exercise", "01", str(tmp_path))
    assert code == 2
    assert "--force" in err
    assert type_in(capsys, "exercise", "01", str(tmp_path), "--force")[0] == 0


def test_checking_below_full_points_gives_code_1(
    capsys: pytest.CaptureFixture[str], repository: Path
) -> None:
    path = str(repository / "exercises" / "01_soft_sort.ipynb")
    code, out, _ = type_in(capsys, "check", path)
    assert code == 1
    assert "0 of 20" in out
    code, out, _ = type_in(capsys, "check", path, "--exercise", "pav")
    assert code == 1
    assert "0 of 4 " in out


@pytest.mark.slow
def test_checking_at_full_points_gives_code_0(
    capsys: pytest.CaptureFixture[str], repository: Path, tmp_path: Path
) -> None:
    """Of one exercise, filled in by hand."""
    content = json.loads((repository / "exercises" / "01_soft_sort.ipynb").read_text("utf-8"))
    for cell in content["cells"]:
        if cell["metadata"][KEY]["cell"] == "minimax-answer":
            cell["source"] = ANSWER
    path = tmp_path / "mine.ipynb"
    path.write_text(json.dumps(content), encoding="utf-8")
    code, out, _ = type_in(capsys, "check", str(path), "-e", "1")
    assert code == 0, out
    assert out.count("4 of 4") == 2


def test_hints(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = type_in(capsys, "hint", "pav", "2")
    assert code == 0
    assert out.startswith("hint 2 of 3: ")


def test_a_lessons_commands_are_mounted_when_they_are_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    module: Any = types.ModuleType("commands")
    module.app = typer.Typer()

    @module.app.callback()
    def top() -> None:
        """Experiments."""

    @module.app.command()
    def train(seed: int = 0) -> None:
        if seed == 13:
            raise ValueError("seed must not be 13")
        print("trained with", seed)

    module.warmup = lambda: print("compiling")
    monkeypatch.setattr(
        cli, "_module", lambda lesson, name="": module if lesson.name == "soft_sort" else None
    )
    assert type_in(capsys, "run", "soft-sort", "train", "--seed", "3")[1] == "trained with 3\n"
    assert type_in(capsys, "run", "1", "train", "--seed", "13")[0] == 2
    code, out, _ = type_in(capsys, "run", "01", "--help")
    assert code == 0
    assert "paper-lessons run soft-sort" in out
    assert "train" in out
    assert "LESSON EXPERIMENT" in type_in(capsys, "run")[1]
    assert type_in(capsys, "warmup")[1] == "compiling\n01 soft-sort: compiled\n"


def test_a_missing_extra_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise ModuleNotFoundError("No module named 'psutil'", name="psutil")

    monkeypatch.setattr("paper_lessons.classroom.checking.check_notebook", fails)
    code, _, err = type_in(capsys, "check", str(tmp_path / "x.ipynb"))
    assert code == 2
    assert err == 'paper-lessons: this needs psutil: pip install "paper-lessons[classroom]"\n'


def test_a_console_without_the_signs_does_not_end_the_program(tmp_path: Path) -> None:
    """As on Windows, where a pipe may know 256 signs only."""
    code = (
        "import sys; from paper_lessons import cli; sys.stdout.reconfigure(encoding='ascii'); "
        "cli._make_streams_safe(); print('the check “α”')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "the check ???")


def test_python_m_is_the_same_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "paper_lessons", "--version"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, __version__)
