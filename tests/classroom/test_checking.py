"""A whole check: kernels, the watchdog, and what a person reads in the end.

Each of the fast tests starts two kernels at most; what has to wait for a limit is slow.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from paper_lessons.classroom import checking
from paper_lessons.classroom.checking import check_notebook
from paper_lessons.classroom.reporting import report
from paper_lessons.classroom.running import Limits
from paper_lessons.classroom.scores import Score

Write = Callable[[Any], Path]

RETURNS = "return [2 * value for value in values]"


def points(score: Score) -> list[int]:
    return [one.points for one in score.exercises]


def test_a_solved_notebook_gets_all_points(toy: Any, write: Write) -> None:
    score = check_notebook(write(toy.content()), release=toy.release)
    assert (score.points, score.possible, score.full) == (6, 6, True)
    assert report(score) == (
        "02 Training on the worst copy\n"
        "\n"
        "  exercise           points\n"
        "  1  Twice as much    3 of 3    ok\n"
        "  2  The mean         3 of 3    ok\n"
        "  total               6 of 6\n"
        "\n"
        "All points. This is a practice score on the public checks; marks come from hidden ones."
    )


def test_an_untouched_notebook_gets_none_without_a_kernel(toy: Any) -> None:
    begun = len(psutil.Process().children(recursive=True))
    score = check_notebook(toy.exercise, release=toy.release)
    assert len(psutil.Process().children(recursive=True)) == begun
    assert (score.points, score.possible) == (0, 6)
    assert 'not written yet   (hint("double"))' in report(score)


def test_wrong_answers_are_shown_beside_the_right_ones(toy: Any, write: Write) -> None:
    content = toy.content(
        double_answer="def double(values):\n    print('here')\n    " + RETURNS,
        mean_answer=(
            "def mean_of(values):\n    if len(values) == 1:\n        return helper(values)\n"
            "    return float('nan')"
        ),
    )
    score = check_notebook(write(content), release=toy.release)
    assert points(score) == [0, 0]
    text = report(score)
    assert "The value is right, but your code prints something else too" in text
    assert "    yours      nan\n    expected   2.3333\n               ^^^^^^\n" in text
    assert "The cell below an answer tries it on smaller inputs" in text
    assert "`helper` is not defined in any cell of your notebook." in text
    assert 'What is one number plus itself?   (hint 1 of 3; hint("double", 2) for more)' in text


def test_a_function_that_returns_nothing_is_asked_for_its_return(toy: Any, write: Write) -> None:
    content = toy.content(mean_answer="def mean_of(values):\n    sum(values) / len(values)")
    text = report(check_notebook(write(content), release=toy.release, exercise="mean-of"))
    assert (
        "    yours      nothing\n    expected   2.3333\n    Your function returned nothing." in text
    )
    assert "Does it end with a `return`?" in text


def test_an_answer_that_silences_print_is_told_so(toy: Any, write: Write) -> None:
    silent = (
        f"import builtins\nbuiltins.print = lambda *_: None\ndef double(values):\n    {RETURNS}"
    )
    text = report(check_notebook(write(toy.content(double_answer=silent)), release=toy.release))
    assert "yours      printed nothing; is `print` still Python's own?" in text
    assert "Cell outputs differ" not in text


def test_a_kernel_that_dies_keeps_what_was_earned(toy: Any, write: Write) -> None:
    dies = f"import os\ndef double(values):\n    if not values:\n        os._exit(0)\n    {RETURNS}"
    content = toy.content(double_answer=dies, mean_answer="def mean_of(values)\n    return 1")
    before, begun = children(), time.monotonic()
    score = check_notebook(write(content), release=toy.release)
    assert points(score) == [2, 0]
    assert "The kernel died in the check “nothing at all”" in report(score)
    assert (
        "hint 1 of 3" not in report(score).partition("2  The mean  ")[2].partition("2  The mean")[0]
    )
    assert "Your answer cell stops with SyntaxError: expected ':' (line 1)" in report(score)
    # Nbval alone would wait for more than half an hour.
    assert time.monotonic() - begun < 120
    assert children() <= before


def test_one_exercise_only(toy: Any, write: Write) -> None:
    path = write(toy.content(double_answer="def double(values):\n    return []"))
    score = check_notebook(path, release=toy.release, exercise="mean-of")
    assert (score.points, score.possible) == (3, 3)
    with pytest.raises(ValueError, match=r"exercise must be one of 1 \(double\), 2 \(mean-of\)"):
        check_notebook(path, release=toy.release, exercise=3)


def children() -> set[int]:
    """This process's descendants; joblib, for one, keeps some from earlier tests."""
    return {child.pid for child in psutil.Process().children(recursive=True)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "sentence", "earned"),
    [
        ("while not values:\n        pass", "Stopped after 4 seconds of computing in the check", 2),
        (
            "while not values:\n        try:\n            print('x' * 1000)\n"
            "        except BaseException:\n            pass",
            "printed without end",
            2,
        ),
        (
            "import time\n    while not values:\n        time.sleep(1)",
            "Stopped after 8 seconds in the check",
            2,
        ),
        (
            "import subprocess, sys\n    while not values:\n"
            "        subprocess.run([sys.executable, '-c', 'sum(range(10**7))'])",
            "Stopped after 4 seconds of computing in the check",
            2,
        ),
        ("kept = []\n    while not values:\n        kept.append(b'1' * 10**8)", "GB of memory", 2),
        ("import os, signal\n    if not values: os.kill(os.getpid(), signal.SIGTERM)", "The kernel died", 2),
        ("values = values and values or input()", "StdinNotImplementedError", 2),
        ("import warnings\n    warnings.warn('careful')", "", 3),
    ],
)  # fmt: skip
def test_the_watchdog(toy: Any, write: Write, body: str, sentence: str, earned: int) -> None:
    content = toy.content(double_answer=f"def double(values):\n    {body}\n    {RETURNS}")
    # Only who sleeps meets the limit on the wall's clock; the others may be slow because the machine is busy.
    limits = Limits(cpu_seconds=4, wall_factor=2 if "sleep" in body else 20, kernel_bytes=10**9)
    before = children()
    score = check_notebook(write(content), release=toy.release, limits=limits, exercise="double")
    assert points(score) == [earned]
    assert sentence in report(score)
    assert ("hint 1 of" in report(score)) == (sentence == "StdinNotImplementedError")
    assert children() <= before


@pytest.mark.slow
def test_a_kernel_that_does_not_start(
    toy: Any, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ipykernel_launcher.py").write_text("raise SystemExit(1)\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr("paper_lessons.classroom.running.repository", lambda: None)
    score = check_notebook(write(toy.content()), release=toy.release, exercise=1)
    assert score.points == 0
    assert "The kernel did not start." in report(score)


@pytest.mark.slow
def test_nothing_of_the_learners_folder_reaches_the_check(
    toy: Any, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = "from pathlib import Path\nPath(__file__).with_suffix('.ran').touch()\n"
    for name in ("conftest.py", "json.py", "nbval.py", "sitecustomize.py"):
        (tmp_path / name).write_text(trap, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --collect-only\n", encoding="utf-8")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--collect-only")
    monkeypatch.chdir(tmp_path)
    score = check_notebook(write(toy.content()), release=toy.release)
    assert score.full
    assert not list(tmp_path.glob("*.ran"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "conftest.py", "handed_in.ipynb", "json.py", "nbval.py", "pytest.ini", "sitecustomize.py",
    ]  # fmt: skip


def test_the_lesson_is_recognised(tmp_path: Path, repository: Path) -> None:
    source = (repository / "exercises" / "01_soft_sort.ipynb").read_text(encoding="utf-8")
    renamed = tmp_path / "my homework.ipynb"
    renamed.write_text(source, encoding="utf-8")
    assert check_notebook(renamed).title.startswith("01 ")
    stranger = tmp_path / "01_soft_sort (2).ipynb"
    stranger.write_text('{"cells": []}', encoding="utf-8")
    assert check_notebook(stranger).points == 0
    stranger = tmp_path / "stranger.ipynb"
    stranger.write_text('{"cells": []}', encoding="utf-8")
    with pytest.raises(ValueError, match="none of its cells belongs to a lesson"):
        check_notebook(stranger)


def test_check_finds_the_notebook_it_runs_in(
    tmp_path: Path,
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="in this folder are: none"):
        checking.check()
    source = (repository / "exercises" / "01_soft_sort.ipynb").read_bytes()
    one, two = tmp_path / "01_soft_sort.ipynb", tmp_path / "02_maxup.ipynb"
    one.write_bytes(source)
    checking.check()
    assert capsys.readouterr().out.startswith("01_soft_sort.ipynb as it was saved at ")
    two.write_bytes(source)
    with pytest.raises(ValueError, match=r"01_soft_sort\.ipynb, 02_maxup\.ipynb"):
        checking.check()
    monkeypatch.setenv("JPY_SESSION_NAME", str(two))
    checking.check()
    assert capsys.readouterr().out.startswith("02_maxup.ipynb as it was saved at ")
    checking.check(one, exercise=2)
    assert "0 of 4 " in capsys.readouterr().out


def test_the_environment_is_quiet_and_its_own(tmp_path: Path) -> None:
    from paper_lessons.classroom.running import _environment

    made = _environment(tmp_path)
    assert made["PYTHONHASHSEED"] == "0"
    assert made["OMP_NUM_THREADS"] == "1"
    assert not any(key.startswith("JPY_") for key in made)
    assert made["IPYTHONDIR"].startswith(str(tmp_path))
    assert os.environ.get("IPYTHONDIR") != made["IPYTHONDIR"]
