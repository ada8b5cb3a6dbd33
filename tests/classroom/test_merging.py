"""Of a notebook that was handed in only answers and own cells are taken, each to its place."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paper_lessons.classroom.merging import Merged, defined_names, merge, where_defined
from paper_lessons.classroom.notebooks import KEY, read_cells
from paper_lessons.classroom.rehearsing import rehearse

Write = Callable[[Any], Path]

FULL = {"double": [True, True], "mean-of": [True, True]}


def merged_of(toy: Any, path: Path, exercise: str = "double") -> Merged:
    cells, _ = read_cells(path)
    return merge(toy.release, cells, toy.release.exercise(exercise))


def results(toy: Any, path: Path) -> dict[str, list[bool]]:
    cells, _ = read_cells(path)
    return {
        one.name: list(rehearse(toy.release, cells, one.name)[0].values())
        for one in toy.release.exercises
    }


def sources(merged: Merged) -> list[str]:
    return ["".join(cell["source"]) for cell in merged.notebook["cells"]]


def named(content: dict[str, Any], name: str) -> dict[str, Any]:
    return next(cell for cell in content["cells"] if cell["metadata"][KEY]["cell"] == name)


def own_cell(source: str, kind: str = "code") -> dict[str, Any]:
    return {"cell_type": kind, "id": "mine", "metadata": {}, "source": source, "outputs": []}


def after(content: dict[str, Any], name: str, cell: dict[str, Any]) -> None:
    content["cells"].insert(content["cells"].index(named(content, name)) + 1, cell)


def test_right_answers(toy: Any, write: Write) -> None:
    assert results(toy, write(toy.content())) == FULL


def test_edited_checks_change_nothing(toy: Any, write: Write) -> None:
    content = toy.content(double_answer="def double(values):\n    return [3.0]")
    for name in ("double-public", "double-empty"):
        named(content, name)["source"] = "print('[]')"
        named(content, name)["outputs"][0]["text"] = ["[]\n"]
        named(content, name)["metadata"]["tags"] = ["nbval-skip"]
    merged = merged_of(toy, write(content))
    assert results(toy, write(content))["double"] == [False, False]
    assert len([one for one in merged.remarks if "was edited; the original ran" in one]) == 2
    assert merged.notebook["metadata"]["kernelspec"]["name"] == "python3"


def test_deleted_cells_change_nothing(toy: Any, write: Write) -> None:
    content = toy.content()
    content["cells"] = [
        cell for cell in content["cells"] if cell["metadata"][KEY]["role"] == "answer"
    ]
    assert results(toy, write(content)) == FULL


def test_a_missing_answer_costs_only_its_exercise(toy: Any, write: Write) -> None:
    content = toy.content()
    content["cells"].remove(named(content, "double-answer"))
    assert results(toy, write(content)) == {"double": [False, False], "mean-of": [True, True]}
    assert "'double-answer' is missing" in merged_of(toy, write(content)).remarks[0]


def test_the_solutions_answers_are_never_taken(toy: Any, write: Write) -> None:
    content = toy.content()
    content["cells"].remove(named(content, "double-answer"))
    cells, _ = read_cells(write(content))
    passed, _ = rehearse(toy.full_release, cells, "double")
    assert list(passed.values()) == [False, False, False]


def test_hidden_checks_count_in_a_full_release(toy: Any, write: Write) -> None:
    wrong = "def double(values):\n    return [abs(2 * value) for value in values]"
    cells, _ = read_cells(write(toy.content(double_answer=wrong)))
    passed, _ = rehearse(toy.full_release, cells, "double")
    assert passed == {"double-public": True, "double-empty": True, "double-hidden": False}


@pytest.mark.parametrize("lost", ["metadata", "id", "both"])
def test_answers_are_recognised_by_metadata_identifier_or_place(
    toy: Any, write: Write, lost: str
) -> None:
    content = toy.content()
    for cell in content["cells"]:
        if lost != "id":
            cell["metadata"] = {}
        if lost != "metadata":
            del cell["id"]
    assert results(toy, write(content)) == FULL
    remarks = merged_of(toy, write(content)).remarks
    assert bool(remarks) == (lost == "both")
    assert all("was taken for it" in remark for remark in remarks)


def test_cells_in_another_order(toy: Any, write: Write) -> None:
    content = toy.content()
    content["cells"].reverse()
    assert results(toy, write(content)) == FULL


def test_the_last_of_several_answers_counts(toy: Any, write: Write) -> None:
    content = toy.content(double_answer="def double(values):\n    return []")
    second = copy.deepcopy(named(content, "double-answer"))
    second["source"] = "def double(values):\n    return [value + value for value in values]"
    after(content, "double-answer", second)
    path = write(content)
    assert results(toy, path) == FULL
    merged = merged_of(toy, path)
    assert "is there 2 times" in merged.remarks[0]
    ids = [cell["id"] for cell in merged.notebook["cells"]]
    assert len(set(ids)) == len(ids)


def test_own_cells_help_in_the_setup_and_in_their_exercise(toy: Any, write: Write) -> None:
    content = toy.content(
        double_answer="def double(values):\n    return [TWO * value for value in values]",
        mean_answer="def mean_of(values):\n    return total(values) / len(values)",
    )
    after(content, "double-answer", own_cell("TWO = 2"))
    after(content, "imports", own_cell("total = sum"))
    assert results(toy, write(content)) == FULL


def test_own_cells_do_not_reach_another_exercise(toy: Any, write: Write) -> None:
    content = toy.content(
        mean_answer="def mean_of(values):\n    return total(values) / len(values)"
    )
    after(content, "double-answer", own_cell("total = sum"))
    path = write(content)
    assert results(toy, path)["mean-of"] == [False, False]
    assert where_defined(toy.release, read_cells(path)[0], "total") == "exercise 1"
    assert where_defined(toy.release, read_cells(path)[0], "nothing") == ""


def test_own_cells_below_the_checks_run_before_them(toy: Any, write: Write) -> None:
    content = toy.content(double_answer="def double(values):\n    raise NotImplementedError")
    last = own_cell("def double(values):\n    return [2 * value for value in values]")
    after(content, "double-empty", last)
    path = write(content)
    assert results(toy, path) == FULL
    assert not merged_of(toy, path).untouched


def test_own_cells_after_the_last_exercise_do_not_run(toy: Any, write: Write) -> None:
    content = toy.content()
    content["cells"].append(own_cell("double = mean_of = None"))
    assert results(toy, write(content)) == FULL


def test_edited_given_cells_run_before_the_original(toy: Any, write: Write) -> None:
    content = toy.content(
        double_answer="def double(values):\n    return [math.fsum([value, value]) for value in values]"
    )
    named(content, "imports")["source"] = "import math\nfrom paper_lessons.classroom import *"
    named(content, "mean-given")["source"] = "data = [0.0]"
    path = write(content)
    assert results(toy, path) == FULL
    assert any("'imports' was edited" in remark for remark in merged_of(toy, path).remarks)


def test_forged_checks_do_not_run(toy: Any, write: Write) -> None:
    content = toy.content()
    forged = own_cell("print('[]')")
    forged["metadata"] = {KEY: {"role": "check", "cell": "free-points", "points": 100}}
    after(content, "double-answer", forged)
    merged = merged_of(toy, write(content))
    assert [check.name for check in merged.checks] == ["double-public", "double-empty"]
    assert "print('[]')" not in sources(merged)
    assert "calls itself a check" in merged.remarks[0]


def test_feedback_does_not_run(toy: Any, write: Write) -> None:
    assert not any("explain(" in source for source in sources(merged_of(toy, write(toy.content()))))


def test_an_answer_that_became_text(toy: Any, write: Write) -> None:
    content = toy.content()
    named(content, "double-answer")["cell_type"] = "markdown"
    path = write(content)
    assert results(toy, path)["double"] == [True, True]
    (remark,) = merged_of(toy, path).remarks
    assert "'double-answer' is a text cell now" in remark
    assert "click beside it and press Y" in remark


def test_a_text_cell_that_is_no_code_fails_as_code_does(toy: Any, write: Write) -> None:
    content = toy.content(double_answer="I do not know")
    named(content, "double-answer")["cell_type"] = "raw"
    assert results(toy, write(content))["double"] == [False, False]


def test_untouched_is_seen(toy: Any) -> None:
    assert merged_of(toy, toy.exercise).untouched
    cells, _ = read_cells(toy.solution)
    solved = merge(toy.full_release, cells, toy.full_release.exercise(1))
    assert not solved.untouched


def test_outputs_tags_and_metadata_of_own_cells_are_left_behind(toy: Any, write: Write) -> None:
    content = toy.content()
    mine = own_cell("x = 1")
    mine |= {"outputs": [{"output_type": "stream", "name": "stdout", "text": "1"}]}
    mine["metadata"] = {"tags": ["nbval-check-output"]}
    after(content, "double-answer", mine)
    merged = merged_of(toy, write(content))
    kept = next(cell for cell in merged.notebook["cells"] if cell["source"] == ["x = 1"])
    assert (kept["outputs"], kept["metadata"]) == ([], {})


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def f(): g = 1", {"f"}),
        ("class A: b = 1", {"A"}),
        ("import a.b, c as d", {"a", "d"}),
        ("for i in x:\n    y = i", {"i", "y"}),
        ("%matplotlib inline\n!ls\nz: int = 1", {"z"}),
        ("def broken(", set()),
        ("\x00", set()),
    ],
)
def test_defined_names(source: str, names: set[str]) -> None:
    assert defined_names(source) == names
