"""A master that would make bad exercises is refused, with a line that says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from paper_lessons.classroom.making import (
    Execution,
    boundary_faults,
    learner_notebook,
    learner_source,
    solution_notebook,
)
from paper_lessons.classroom.masters import Master, read_master
from paper_lessons.classroom.notebooks import KEY, to_text

SOURCE = Path(__file__).with_name("toy_master.md").read_text(encoding="utf-8")


def master_of(folder: Path, source: str = SOURCE) -> Master:
    path = folder / "02_maxup.md"
    path.write_text(source, encoding="utf-8")
    return read_master(path)


def test_points_are_added_up(tmp_path: Path) -> None:
    double, mean = master_of(tmp_path).exercises
    assert (double.number, double.points, double.hidden_points, double.cpu_seconds) == (1, 3, 3, 30)
    assert (mean.number, mean.points, mean.hidden_points, mean.cpu_seconds) == (2, 3, 0, 20)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            "role: answer, cell: double-answer",
            "role: answr, cell: double-answer",
            "role must be one of",
        ),
        ("cell: double-answer", "cell: mean-answer", "declared 2 times"),
        ("cell: double-answer", "cell: Double_answer", "name of lower-case words"),
        (", cell: double-answer", "", "name of lower-case words"),
        ("    ### BEGIN SOLUTION\n    return [2", "    return [2", "in pairs"),
        ("### BEGIN SOLUTION\n    return sum", "### END SOLUTION\n    return sum", "in pairs"),
        ('    """The mean: (n,) -> ()."""\n', "", "docstring"),
        ("points: 2, visibility: public, seed: 3", "visibility: public, seed: 3", "points must be"),
        ("points: 1", "points: 0", "points must be"),
        ("points: 1", "points: 1.5", "points must be"),
        ("visibility: hidden", "visibility: secret", "visibility must be public or hidden"),
        ("seed: 4, ", "", "seed must be"),
        ("what: nothing at all", "what: ' '", "what must say"),
        ("show(double([]))", "print(double([]))", "print its values with show"),
        ("show(double([]))", "show(double([]))\nassert True", "never asserts"),
        ("show(double([]))", "seed = 4\nshow(double([]))", "made from the metadata"),
        ("seed: 4, what", "seed: 4, colour: red, what", "unknown keys ['colour']"),
        (
            "role: given, cell: mean-given",
            "role: given, cell: mean-given, points: 1",
            "only a check has",
        ),
        (
            "role: given, cell: mean-given",
            "role: setup, cell: mean-given",
            "before the first exercise",
        ),
        ("role: setup, cell: imports", "role: given, cell: imports", "in an exercise"),
        ("difficulty: 1", "difficulty: 6", "difficulty must be 1 to 5"),
        ("minutes: 5", "minutes: soon", "minutes must be"),
        ("      minutes: 5\n", "      minutes: 5\n      mood: good\n", "unknown keys ['mood']"),
        ("        - Multiply by two.\n", "", "hints must be 3 texts"),
        ("title: Twice as much", "title: ''", "title is missing"),
        ("name: double", "name: mean-of", "declared 2 times"),
        ("name: double", "name: treble", "'double' is not in the front matter"),
        ('{"exercise": "mean-of"}', '{"exercise": "double"}', "begun by exactly one text, got 2"),
        ("visibility: public, seed: 5", "visibility: hidden, seed: 5", "has no public check"),
        (
            "role: answer, cell: mean-answer",
            "role: given, cell: mean-answer",
            "no cell of role 'answer'",
        ),
    ],
)
def test_faults(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert old in SOURCE
    with pytest.raises(ValueError, match="cannot be made into exercises") as error:
        master_of(tmp_path, SOURCE.replace(old, new))
    assert fault in str(error.value)


def test_the_order_of_the_front_matter_counts(tmp_path: Path) -> None:
    first, second = SOURCE.split("    - name: mean-of")
    head, one = first.split("    - name: double")
    two, rest = second.split("---\n", 1)
    swapped = f"{head}    - name: mean-of{two}    - name: double{one}---\n{rest}"
    with pytest.raises(ValueError, match="stand in the order"):
        master_of(tmp_path, swapped)


def test_a_master_of_no_lesson(tmp_path: Path) -> None:
    path = tmp_path / "99_none.md"
    path.write_text(SOURCE, encoding="utf-8")
    with pytest.raises(ValueError, match="lesson must be one of"):
        read_master(path)


def executed(master: Master, shown: object = 0.5, printed: str = "0.5\n") -> dict[str, Execution]:
    entry = {"value": shown, "decimals": 4, "tolerance": 1e-7}
    output = {"output_type": "stream", "name": "stdout", "text": [printed]}
    return {cell.name: Execution([output], 1, [entry]) for cell in master.cells}


def test_the_learners_notebook_hides_what_it_must(tmp_path: Path) -> None:
    master = master_of(tmp_path)
    content = learner_notebook(master, executed(master))
    text = to_text(content)
    assert "SOLUTION" not in text
    assert "2 * value for value in values]\\n" not in text
    assert "double-hidden" not in text
    assert "negative numbers" not in text
    roles = {cell["metadata"][KEY]["cell"]: cell for cell in content["cells"]}
    assert roles["double-public"]["outputs"][0]["text"] == ["0.5\n"]
    assert roles["double-public"]["metadata"]["tags"] == ["nbval-check-output"]
    assert roles["double-public"]["source"][:2] == [
        "seed = 3\n",
        "# check, 2 points: five random numbers\n",
    ]
    assert roles["double-feedback"]["outputs"] == []
    assert "".join(roles["double-answer"]["source"]).endswith('"""\n    raise NotImplementedError')
    assert "".join(roles["double-text-1"]["source"]).startswith(
        "## Exercise 1: Twice as much\n\n*Difficulty 1 of 5, about 5 minutes, 3 practice points "
    )
    assert content["metadata"]["kernelspec"]["name"] == "python3"


def test_the_stub_is_python_and_raises(tmp_path: Path) -> None:
    for cell in master_of(tmp_path).cells:
        if cell.role == "answer":
            space: dict[str, object] = {}
            exec(learner_source(cell), space)
            function = space["double" if "double" in cell.name else "mean_of"]
            with pytest.raises(NotImplementedError):
                function([1.0])  # type: ignore[operator]


def test_identifiers_are_stable_and_unique(tmp_path: Path) -> None:
    master = master_of(tmp_path)
    solution = solution_notebook(master, {})
    ids = [cell["id"] for cell in solution["cells"]]
    assert len(set(ids)) == len(ids)
    assert "02_maxup-double-hidden" in ids
    moved = SOURCE.replace("# A toy lesson", "# A toy lesson\n\nOne more word.")
    assert [
        cell["id"] for cell in solution_notebook(master_of(tmp_path, moved), {})["cells"]
    ] == ids


@pytest.mark.parametrize(
    ("shown", "fault"),
    [
        (0.12345, "less than 10 times the tolerance"),
        ([1.0, [0.5, 0.99995 + 9e-7]], "less than 10 times the tolerance"),
        (float("nan"), "NaN or infinite"),
        (0.12345 + 2e-6, None),
        ([3, True, "0.12345"], None),
    ],
)
def test_references_near_a_boundary_are_refused(
    tmp_path: Path, shown: object, fault: str | None
) -> None:
    master = master_of(tmp_path)
    faults = boundary_faults(executed(master, shown), master)
    assert bool(faults) == (fault is not None)
    assert all(str(fault) in line for line in faults)


def test_a_tolerance_must_fit_the_decimals(tmp_path: Path) -> None:
    master = master_of(tmp_path)
    entry = {"value": 0.5, "decimals": 6, "tolerance": 1e-7}
    done = {name: Execution(one.outputs, 1, [entry]) for name, one in executed(master).items()}
    assert "too many for a tolerance" in boundary_faults(done, master)[0]


def test_a_check_that_shows_nothing_or_prints_to_the_error_stream(tmp_path: Path) -> None:
    master = master_of(tmp_path)
    stderr = {"output_type": "stream", "name": "stderr", "text": ["warning\n"]}
    done = {
        name: Execution([*one.outputs, stderr], 1, []) for name, one in executed(master).items()
    }
    faults = boundary_faults(done, master)
    assert any("showed nothing" in fault for fault in faults)
    assert any("do nothing else" in fault for fault in faults)
