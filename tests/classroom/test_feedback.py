"""A learner's feedback cell is one line; what it tries is the master's, and nothing of it can be read off the notebook."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from paper_lessons.classroom import explain, sync
from paper_lessons.classroom.feedback import explained, of_master
from paper_lessons.classroom.masters import read_master
from paper_lessons.classroom.rehearsing import WrongAnswer, answered, read_wrong_answers
from paper_lessons.classroom.releases import read_release

MASTERS = sync.masters()
WRONG = Path(__file__).with_name("wrong_answers")
PLANTED = [(p.stem, wrong) for p in MASTERS for wrong in read_wrong_answers(WRONG / p.stem)]
# Planted mistakes divide nothing by nothing.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Mean of empty slice:RuntimeWarning", "ignore:invalid value encountered:RuntimeWarning"
)
LONG = 25  # characters of a sentence
WIDEST = 76


@pytest.fixture(autouse=True)
def own_defaults() -> Iterator[None]:
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    yield
    torch.set_default_dtype(dtype)
    torch.set_num_threads(threads)


def strings_of(source: str) -> set[str]:
    """The sentences of a feedback cell: diagnoses."""
    found = {
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {text for text in found if len(text) >= LONG}


def code_of(source: str) -> Iterator[str]:
    """References, cases and their inputs, as text: the arguments of `explain`, and helpers."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            yield from (ast.unparse(one) for one in node.body if not isinstance(one, ast.Pass))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("explain", "Case"):
            yield from (ast.unparse(one) for one in node.args[1:])


@pytest.mark.parametrize("path", MASTERS, ids=lambda path: path.stem)
def test_a_learners_notebook_tells_no_reference_no_case_and_no_diagnosis(
    path: Path, repository: Path
) -> None:
    notebook = json.loads((repository / "exercises" / f"{path.stem}.ipynb").read_text("utf-8"))
    everything = json.dumps(notebook, ensure_ascii=False)
    cells = {
        cell["metadata"]["paper_lessons"].get("cell"): cell
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    }
    master = read_master(path)
    exercises = of_master(master)
    assert {one.exercise for one in exercises} == {one.name for one in master.exercises}
    for cell in master.cells:
        if cell.role != "feedback":
            continue
        lines = "".join(cells[cell.name]["source"]).splitlines()
        assert lines == [f"explain({name})" for name in explained(cell.source)]
        assert cells[cell.name]["outputs"] == []
        assert set(cells[cell.name]["metadata"]["paper_lessons"]) == {"cell", "role", "exercise"}
        assert strings_of(cell.source), "a feedback without a diagnosis"
        for sentence in strings_of(cell.source):
            assert sentence not in everything
    # what is long enough to tell something, in the exercise's own cells (a later one is given the library's version)
    for one in exercises:
        own = [
            "".join(cell["source"])
            for cell in cells.values()
            if cell["metadata"]["paper_lessons"].get("exercise") == one.exercise
        ]
        for text in code_of(one.source):
            if len(text) >= LONG and text not in one.before:
                assert text not in "".join(own), text


@pytest.mark.parametrize("path", MASTERS, ids=lambda path: path.stem)
def test_the_only_outputs_of_a_learners_notebook_are_those_of_public_checks(
    path: Path, repository: Path
) -> None:
    release = read_release(repository / "exercises" / f"{path.stem}.ipynb")
    notebook = json.loads((repository / "exercises" / f"{path.stem}.ipynb").read_text("utf-8"))
    public = {cell.id for cell in release.cells if cell.visibility == "public"}
    assert {cell["id"] for cell in notebook["cells"] if cell.get("outputs")} == public


@pytest.mark.parametrize(("slug", "wrong"), PLANTED, ids=lambda one: getattr(one, "what", one))
def test_the_learners_line_says_what_the_masters_cell_says(
    repository: Path, slug: str, wrong: WrongAnswer
) -> None:
    path = repository / "solutions" / f"{slug}.ipynb"
    release = read_release(path)
    cells = answered(path, {wrong.cell: wrong.source})
    learner = read_release(repository / "exercises" / f"{slug}.ipynb")
    printed = []
    for notebook in (release, learner):
        space: dict = {"__name__": "__main__"}
        for cell in cells:
            claims = cell.claims
            mine = claims.get("exercise") == wrong.exercise
            if claims.get("role") == "setup" or (
                mine and claims.get("role") in ("given", "answer")
            ):
                exec(compile(cell.source, "<cell>", "exec"), space)
        with contextlib.redirect_stdout(io.StringIO()) as out:
            for cell in notebook.of_role("feedback", wrong.exercise):
                exec(compile(cell.source, "<cell>", "exec"), space)
        printed.append(out.getvalue())
    assert printed[0] == printed[1]
    assert "not yet" in printed[1] or not wrong.says


def test_a_function_of_another_name_is_told_which_there_are() -> None:
    with pytest.raises(ValueError, match=r"explain knows .*pav.*; got 'pavv'"):
        explain(type("pavv", (), {"__call__": lambda self: None}))


def test_an_interrupted_explanation_shows_no_frame_of_the_cases() -> None:
    def pav(y):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        explain(pav)
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names[-1] == "explain"
    assert "Case" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("source", ["explain(lambda x: x, f, [])", "explain()", "1 + 1"])
def test_a_feedback_cell_must_name_what_it_tries(source: str) -> None:
    with pytest.raises(ValueError, match="explain"):
        explained(source)


@pytest.mark.parametrize("path", MASTERS, ids=lambda path: path.stem)
@pytest.mark.parametrize("folder", ["exercises", "solutions"])
def test_lines_of_code_fit_into_their_column(path: Path, folder: str, repository: Path) -> None:
    notebook = json.loads((repository / folder / f"{path.stem}.ipynb").read_text("utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    wide = [
        line for cell in code for line in "".join(cell["source"]).splitlines() if len(line) > WIDEST
    ]
    assert wide == []
