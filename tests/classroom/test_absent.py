"""Where answers are checked, the library has what the exercise is given, and calling what it asks for is no answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from paper_lessons.classroom.absent import Reduced, leave_out, restored, used_names
from paper_lessons.classroom.rehearsing import answered, rehearse
from paper_lessons.classroom.releases import read_release


@pytest.fixture(autouse=True)
def own_defaults() -> Iterator[None]:
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    with restored():
        yield
    torch.set_default_dtype(dtype)
    torch.set_num_threads(threads)


def run(source: str) -> dict:
    space: dict = {"__name__": "__main__"}
    exec(compile(source, "<cell>", "exec"), space)
    return space


def test_a_notebook_gets_the_given_names_and_no_other() -> None:
    leave_out("soft_sort", ["isotonic_l2"])
    space = run("from paper_lessons import soft_sort as library\nf = library.isotonic_l2")
    assert isinstance(space["library"], Reduced)
    assert space["f"](torch.tensor([1.0, 2.0])).tolist() == [1.5, 1.5]
    with pytest.raises(
        AttributeError, match=r"soft_rank of the library is absent.*isotonic_l2 is there"
    ):
        space["library"].soft_rank  # noqa: B018
    run("from paper_lessons.classroom import show\nimport numpy, torch")


@pytest.mark.parametrize(
    "source",
    [
        "from paper_lessons.soft_sort import soft_rank",
        "from paper_lessons.soft_sort.operators import soft_rank",
        "import paper_lessons.soft_sort",
        "import paper_lessons",
        "from paper_lessons.classroom.feedback import calls_for",
        "from paper_lessons import soft_sort; soft_sort.soft_rank",
    ],
)
def test_other_ways_to_the_library_are_closed(source: str) -> None:
    leave_out("soft_sort", ["isotonic_l2"])
    with pytest.raises((ImportError, AttributeError), match=r"absent|cannot import name"):
        run(source)


def test_the_library_itself_goes_on() -> None:
    leave_out("soft_sort", ["soft_rank"])
    leave_out("soft_sort", ["soft_rank"])  # a second notebook in one process
    from paper_lessons.soft_sort import LabelRanker, spearman_loss  # not the notebook's import

    assert LabelRanker
    ranks = run("from paper_lessons import soft_sort as library\nr = library.soft_rank")["r"]
    assert spearman_loss(ranks(torch.tensor([2.0, 1.0])), torch.tensor([2, 1])) >= 0


def test_what_given_cells_use_is_found() -> None:
    given = ["import numpy as np\nf = library.a", "def g(x):\n    return library.b(np.c(x))"]
    assert used_names(given) == ["a", "b"]


CALLS = {
    "01_soft_sort": {
        "pav-answer": "def pav(y):\n    return library.isotonic_l2(y)",
        "soft-rank-answer": "def soft_rank(values, strength):\n    return library.soft_rank(values, 'l2', strength)",
    },
    "03_dn2": {
        "knn-score-answer": "def knn_score(queries, normal, k):\n"
        "    return library.nearest_neighbors(queries, normal, k)[0].mean(axis=1)",
    },
}


@pytest.mark.parametrize(("slug", "cell"), [(s, c) for s, cells in CALLS.items() for c in cells])
def test_calling_what_an_exercise_asks_for_earns_nothing(
    repository: Path, slug: str, cell: str
) -> None:
    path = repository / "solutions" / f"{slug}.ipynb"
    release = read_release(path)
    passed, feedback = rehearse(
        release, answered(path, {cell: CALLS[slug][cell]}), cell.removesuffix("-answer")
    )
    assert not any(passed.values())
    assert "agree." in feedback  # in the learner's own notebook it works
