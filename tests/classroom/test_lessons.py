"""Every lesson's checks, proven by wrong answers: each loses exactly the points that it should."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from paper_lessons.classroom import sync
from paper_lessons.classroom.checking import check_notebook
from paper_lessons.classroom.notebooks import KEY
from paper_lessons.classroom.rehearsing import WrongAnswer, answered, read_wrong_answers, rehearse
from paper_lessons.classroom.releases import Release, read_release

WRONG = Path(__file__).with_name("wrong_answers")
LESSONS = [path.stem for path in sync.masters()]
PLANTED = [(slug, wrong) for slug in LESSONS for wrong in read_wrong_answers(WRONG / slug)]
# Planted mistakes divide nothing by nothing.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Mean of empty slice:RuntimeWarning", "ignore:invalid value encountered:RuntimeWarning"
)


@pytest.fixture(autouse=True)
def own_defaults() -> Iterator[None]:
    """A notebook may set PyTorch's defaults; the other tests shall not notice."""
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    yield
    torch.set_default_dtype(dtype)
    torch.set_num_threads(threads)


def solution_of(repository: Path, slug: str) -> tuple[Path, Release]:
    path = repository / "solutions" / f"{slug}.ipynb"
    return path, read_release(path)


@pytest.mark.parametrize("slug", LESSONS)
def test_at_least_four_mistakes_are_planted_in_each_exercise(repository: Path, slug: str) -> None:
    _, release = solution_of(repository, slug)
    planted = Counter(wrong.exercise for name, wrong in PLANTED if name == slug)
    assert set(planted) == {one.name for one in release.exercises}
    assert min(planted.values()) >= 4
    checks = {cell.name for cell in release.cells if cell.role == "check"}
    caught = {name for lesson, wrong in PLANTED if lesson == slug for name in wrong.loses}
    assert caught == checks, "a check that no planted mistake loses may be unable to fail"


@pytest.mark.parametrize("slug", LESSONS)
def test_nothing_is_said_on_the_side(repository: Path, slug: str) -> None:
    """A warning carries a path of the machine, and another machine has another one."""
    path, _ = solution_of(repository, slug)
    outputs = [
        output
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        for output in cell.get("outputs", [])
    ]
    assert [output for output in outputs if output.get("name") == "stderr"] == []


@pytest.mark.parametrize("slug", LESSONS)
def test_the_solution_passes_every_check(repository: Path, slug: str) -> None:
    path, release = solution_of(repository, slug)
    for one in release.exercises:
        passed, feedback = rehearse(release, answered(path, {}), one.name)
        assert all(passed.values()), passed
        cells = release.of_role("feedback", one.name)
        explained = sum(cell.source.count("explain(") for cell in cells)
        assert feedback.count("agree.") == explained
        assert "not yet" not in feedback


@pytest.mark.parametrize("slug", LESSONS)
def test_the_untouched_notebook_passes_none(repository: Path, slug: str) -> None:
    _, release = solution_of(repository, slug)
    stubs = repository / "exercises" / f"{slug}.ipynb"
    for one in release.exercises:
        passed, feedback = rehearse(release, answered(stubs, {}), one.name)
        assert not any(passed.values()), passed
        assert "not written yet" in feedback


@pytest.mark.parametrize(
    ("slug", "wrong"), PLANTED, ids=[f"{wrong.exercise}: {wrong.what}" for _, wrong in PLANTED]
)
def test_a_wrong_answer_loses_its_checks_and_no_others(
    repository: Path, slug: str, wrong: WrongAnswer
) -> None:
    path, release = solution_of(repository, slug)
    passed, feedback = rehearse(release, answered(path, {wrong.cell: wrong.source}), wrong.exercise)
    assert {name for name, ok in passed.items() if not ok} == wrong.loses
    assert wrong.says in feedback


@pytest.mark.slow
@pytest.mark.parametrize("slug", LESSONS)
def test_kernels_and_nbval_agree(repository: Path, tmp_path: Path, slug: str) -> None:
    """The last planted mistake of each exercise, all in one notebook, checked as a learner would."""
    path, release = solution_of(repository, slug)
    last = {wrong.exercise: wrong for name, wrong in PLANTED if name == slug}
    content = json.loads(path.read_text(encoding="utf-8"))
    for cell in content["cells"]:
        for wrong in last.values():
            if cell["metadata"][KEY]["cell"] == wrong.cell:
                cell["source"] = wrong.source
    handed_in = tmp_path / path.name
    handed_in.write_text(json.dumps(content), encoding="utf-8")
    for score in check_notebook(handed_in, release=release).exercises:
        lost = {one.check.name for one in score.checks if not one.passed}
        assert lost == last[score.exercise.name].loses
    assert check_notebook(path, release=release).full


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--nbval", "--nbval-lax"])
def test_plain_nbval_passes_on_the_solutions(repository: Path, option: str) -> None:
    """No plugin, no conftest, no setting of ours."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", option, "-p", "no:cacheprovider"),
            *("-c", os.devnull, "--rootdir", str(repository), str(repository / "solutions")),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=repository,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
