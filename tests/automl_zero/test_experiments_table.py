"""A user's own table: what is refused and why, the parts, the choice, the Python file."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from paper_lessons import cli
from paper_lessons.automl_zero import Instruction, Op, Program, Tasks, commands, interpret, programs
from paper_lessons.automl_zero.table import experiment as table
from paper_lessons.automl_zero.table import search as table_search
from paper_lessons.automl_zero.table import tasks as table_tasks
from paper_lessons.automl_zero.table.files import read_table
from paper_lessons.automl_zero.table.model import (
    fit_preparation,
    make_model,
    make_script,
    prepare,
    training_order,
)
from paper_lessons.automl_zero.table.search import predicts_row_by_row
from paper_lessons.provenance import read_result


def write(path: Path, header: Sequence[str], rows: Any, delimiter: str = ",") -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def numbers(rows: int = 60, columns: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, columns)).round(4)


@pytest.fixture
def regression(tmp_path: Path) -> Path:
    x = numbers(200)
    y = 5.0 + 3.0 * x[:, 0] - x[:, 2]
    return write(tmp_path / "line.csv", ["a", "b", "c", "y"], np.column_stack([x, y]).tolist())


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    x = numbers(200)
    rows = [[*row, "yes" if row[0] > row[1] else "no"] for row in x.tolist()]
    return write(tmp_path / "words.csv", ["a", "b", "c", "answer"], rows)


def test_a_table_is_read(regression: Path, classes: Path) -> None:
    read = read_table(regression, "y")
    assert (read.kind, read.columns, read.classes) == ("regression", ("a", "b", "c"), ())
    np.testing.assert_allclose(read.y, 5.0 + 3.0 * read.x[:, 0] - read.x[:, 2])
    words = read_table(classes, "answer")
    assert (words.kind, words.classes) == ("classification", ("no", "yes"))
    np.testing.assert_array_equal(words.y, words.x[:, 0] > words.x[:, 1])
    assert read_table(classes, "answer", positive="no").classes == ("yes", "no")
    assert read_table(regression, "y", drop=["b"]).columns == ("a", "c")


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters_and_a_byte_order_mark(tmp_path: Path, delimiter: str) -> None:
    path = write(tmp_path / "t.csv", ["a", "b"], numbers(50, 2).tolist(), delimiter)
    path.write_text("\ufeff" + path.read_text(encoding="utf-8"), encoding="utf-8")
    read = read_table(path, "b")
    assert (read.columns, read.delimiter) == (("a",), delimiter)
    np.testing.assert_array_equal(read.x[:, 0], numbers(50, 2)[:, 0])


def test_one_class_against_all_others(tmp_path: Path) -> None:
    rows = [[i, i % 5, i % 3 + 1] for i in range(60)]
    path = write(tmp_path / "three.csv", ["a", "b", "sort"], rows)
    assert read_table(path, "sort").kind == "regression"
    read = read_table(path, "sort", positive="2.0")  # the file says 2
    assert (read.classes, read.y.sum()) == (("not 2", "2"), 20)
    several = read_table(path, "sort", kind="classification")
    assert several.classes == ("1", "2", "3")
    np.testing.assert_array_equal(several.y, np.arange(60) % 3)
    with pytest.raises(
        ValueError, match=r"positive must be a value of 'sort' \(1, 2, 3\), got '4'"
    ):
        read_table(path, "sort", positive="4")


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_decimal_commas_are_read_where_commas_separate_no_cells(
    tmp_path: Path, delimiter: str
) -> None:
    x = numbers(60) * 2000
    y = [f"{value:,.4f}" for value in x[:, 0]]  # 1,234.5000
    cells = [[*map(str, row), one] for row, one in zip(x.tolist(), y, strict=True)]
    german = [[cell.translate(str.maketrans(",.", ".,")) for cell in row] for row in cells]
    read = read_table(write(tmp_path / "de.csv", ["a", "b", "c", "y"], german, delimiter), "y")
    np.testing.assert_allclose(read.x, x, rtol=1e-15)
    np.testing.assert_allclose(read.y, x[:, 0])
    german[7][1] = "2.5"
    mixed = write(tmp_path / "mixed.csv", ["a", "b", "c", "y"], german, delimiter)
    with pytest.raises(
        ValueError, match=r"one decimal sign; some cells have a comma, line 9 has '2\.5'"
    ):
        read_table(mixed, "y")


def test_words_with_commas_leave_decimal_points_alone(tmp_path: Path) -> None:
    rows = [[i + 0.5, ("one, two", "three")[i % 2]] for i in range(40)]
    read = read_table(write(tmp_path / "t.csv", ["a", "y"], rows, ";"), "y")
    np.testing.assert_array_equal(read.x[:, 0], np.arange(40) + 0.5)
    assert read.classes == ("one, two", "three")


def test_rows_with_missing_values_are_named_or_left_out(tmp_path: Path) -> None:
    rows: list[list[Any]] = numbers(50, 3).tolist()
    rows[1][0], rows[7][0], rows[9][1] = "", "NA", "?"
    path = write(tmp_path / "gaps.csv", ["a", "b", "y"], rows)
    with pytest.raises(ValueError, match=r"3 of 50 rows \(lines 3, 9, 11\), most of them in .*'a'"):
        read_table(path, "y")
    read = read_table(path, "y", drop_missing=True)
    assert (len(read.y), read.missing_rows) == (47, 3)
    assert len(read_table(path, "y", drop=["a"], drop_missing=True).y) == 49
    gone = [*rows[:30], *([["", 1.0, 2.0]] * 20)]
    write(path, ["a", "b", "y"], gone)
    with pytest.raises(ValueError, match=r"at least 40 rows .* got 27 \(23 more have missing"):
        read_table(path, "y", drop_missing=True)


def test_columns_that_cannot_be_used_are_named_all_at_once(tmp_path: Path) -> None:
    rows = [[float(i), "Rome" if i == 3 else "7", 1, "inf" if i == 5 else i, i] for i in range(50)]
    path = write(tmp_path / "t.csv", ["a", "the city", "flag", "size", "y"], rows)
    message = (
        r"the city has 'Rome' in line 5; flag is always 1; size has 'inf' in line 7\. "
        r'Leave them out with --drop "the city" --drop flag --drop size'
    )
    with pytest.raises(ValueError, match=message):
        read_table(path, "y")
    assert read_table(path, "y", drop=["the city", "flag", "size"]).columns == ("a",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must have a line of names and rows below it"),
        ("1,2\n3,4\n", "must begin with the columns' names, got numbers: 1, 2"),
        ("a,a\n3,4\n", "must name each column once, got 'a' twice"),
        ("a,\n3,4\n", "a column without a name"),
        ("a,y\n3,4\n3\n", "must have 2 cells in each row, got 1 in line 3"),
        ("a,y\n" + "3,4\n" * 39, "must have at least 40 rows"),
        ("a,z\n3,4\n", "target must be one of the columns a, z; got 'y'"),
        ("y\n3\n", "must have a column besides the target"),
        ("a,y\n" + "3,4\n" * 50, "target must have at least two values, got '4'"),
        ("a,y\n" + "3,4\n" * 45 + "3,5\n" * 5, "at least 10 rows of each class, got 5 of '5'"),
        ("a,y\n" + "3,x\n" * 20 + "3,y\n" * 20 + "3,z\n" * 4, "at least 10 rows.*got 4 of 'z'"),
        ("a,y\n" + "".join(f"3,w{i % 21}\n" for i in range(210)), "at most 20 classes, got 21"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "t.csv"
    lines = text.splitlines()
    # A column that varies, so that the target's own fault comes to light.
    if len(lines) > 20 and lines[0] == "a,y":
        text = "\n".join([lines[0], *(f"{i},{line[2:]}" for i, line in enumerate(lines[1:]))])
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_table(path, "y")


def test_options_that_do_not_fit_are_refused(tmp_path: Path, classes: Path) -> None:
    with pytest.raises(ValueError, match=r"target must hold finite numbers .* in line 2"):
        read_table(classes, "answer", kind="regression")
    with pytest.raises(ValueError, match="kind must be one of auto"):
        read_table(classes, "answer", kind="ranking")
    with pytest.raises(ValueError, match="drop must not name the target"):
        read_table(classes, "answer", drop=["answer"])
    with pytest.raises(ValueError, match=r"drop must be one of .* got 'bb' \(did you mean 'b'\?\)"):
        read_table(classes, "answer", drop=["bb"])
    with pytest.raises(FileNotFoundError):
        read_table(tmp_path / "absent.csv", "y")
    latin = tmp_path / "latin.csv"
    latin.write_bytes("größe,y\n1,2\n".encode("latin-1"))
    with pytest.raises(ValueError, match="must be text in UTF-8"):
        read_table(latin, "y")
    read = read_table(classes, "answer")
    for options, message in (
        ({"starts": ["forest"]}, "starts must be some of linear, network"),
        ({"features": 100}, "features must be from 2 to 32"),
        ({"budget": 0}, "budget must be at least 1"),
    ):
        with pytest.raises(ValueError, match=message):
            table.run(read, **options)


def test_parts_are_disjoint_and_keep_the_classes_shares() -> None:
    y = (np.arange(300) < 60).astype(float)
    parts = table_tasks.split_rows(y, "classification", 3)
    assert sorted(np.concatenate(list(parts.values()))) == list(range(300))
    assert [y[parts[name]].mean() for name in ("search", "select", "test")] == [0.2] * 3
    again = table_tasks.split_rows(y, "classification", 4)
    assert set(again["test"]) != set(parts["test"])
    large = table_tasks.split_rows(np.zeros(30_000), "regression", 0)
    assert sum(map(len, large.values())) == table_tasks.MOST_ROWS


def test_preparation_standardises_pads_and_keeps_what_varies_most() -> None:
    x = numbers(500, 3) * [1.0, 10.0, 100.0] + 7.0
    few = prepare(x, fit_preparation(x, 4))
    np.testing.assert_allclose(few.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(few.std(axis=0), [1.0, 1.0, 1.0, 0.0])
    hidden = numbers(500, 2)
    wide = hidden @ numbers(2, 30, seed=1) + 0.01 * numbers(500, 30, seed=2)
    two = prepare(wide, fit_preparation(wide, 2))
    np.testing.assert_allclose(two.var(axis=0).mean(), 1.0)
    # All 30 columns are sums of two hidden ones, and so are the two that are left of them.
    known = np.linalg.lstsq(two, hidden - hidden.mean(axis=0), rcond=None)[0]
    assert np.abs(two @ known - (hidden - hidden.mean(axis=0))).max() < 0.1
    still = np.column_stack([numbers(50, 1), np.full(50, 3.0)])
    assert np.isfinite(prepare(still, fit_preparation(still, 2))).all()


def test_a_searchs_tasks_are_rotations_of_splits() -> None:
    x, y = numbers(100, 3), numbers(100, 1)[:, 0]
    tasks = table_tasks.search_tasks(x, y, kind="rms", features=4, seed=0)
    assert len(tasks) == table_tasks.TASKS
    lengths = np.linalg.norm(tasks.valid_x, axis=2)
    assert not np.allclose(tasks.valid_x[0], tasks.valid_x[1])
    assert not tasks.train_x[..., 3].any()  # a rotation leaves the padding alone
    train = tasks.train_x[0][:70]  # the first pass
    np.testing.assert_allclose(train.mean(axis=0), 0.0, atol=1e-12)
    # Standardised columns have mean squared length 3, however they are turned.
    np.testing.assert_allclose((train**2).sum(axis=1).mean(), 3.0)
    assert lengths.min() > 0.0


def test_rows_are_mixed_so_that_none_tells_about_the_next() -> None:
    y = (np.arange(200) < 100).astype(float)
    x = numbers(200, 3)
    tasks = table_tasks.search_tasks(x, y, kind="accuracy", features=4, seed=0)
    for targets in (tasks.train_y, tasks.valid_y):
        repeats = (targets[:, 1:] == targets[:, :-1]).mean()
        assert 0.4 < repeats < 0.6
        np.testing.assert_allclose(targets.mean(axis=1), 0.5)


def test_training_goes_through_all_rows_again_and_again() -> None:
    order = training_order(7, 20, 0)
    assert len(order) == 21
    np.testing.assert_array_equal(np.sort(order.reshape(3, 7)), np.tile(np.arange(7), (3, 1)))
    assert len(training_order(50, 20, 0)) == 50


def test_a_model_computes_what_the_interpreter_does() -> None:
    x, new = numbers(80, 3), numbers(10, 3, seed=1)
    y = (x[:, 0] > 0).astype(float)
    program = programs.neural_network(0.1)
    model = make_model([program], kind="classification", features=4, steps=200, seed=5).fit(x, y)
    preparation = fit_preparation(x, 4)
    order = training_order(80, 200, 5)
    parts = (prepare(x, preparation)[order][None], y[order][None])
    valid = (prepare(new, preparation)[None], np.zeros((1, 10)))
    tasks = Tasks(*parts, *valid, kind="accuracy")
    # The exported class draws from another stream unless its seed is [seed, task].
    model.seed = [5, 0]
    model.trained = model.algorithm(4, seed=[5, 0])
    model.trained.fit(parts[0][0], parts[1][0])
    trace = interpret(program, tasks, seed=5)
    np.testing.assert_allclose(model.predict(new), trace.valid_predictions[0], rtol=1e-9)


def test_predictions_that_overflow_become_what_is_known_without_them() -> None:
    square = Program(predict=[Instruction(Op.vector_reciprocal, 0, out=1)])
    broken = Program(predict=[*square.predict, Instruction(Op.vector_mean, 1, out=1)])
    model = make_model([broken], kind="regression", features=2, steps=10, seed=0)
    model.fit([[1.0, 2.0], [3.0, 5.0], [2.0, 2.0]], [1.0, 2.0, 6.0])
    assert model.predict([[2.0, 3.0]])[0] == pytest.approx(3.0)  # 1 / 0 at the mean


def test_programs_that_remember_rows_are_told_from_those_that_do_not() -> None:
    count = Instruction(Op.scalar_sum, 1, 2, out=1)
    assert not predicts_row_by_row(Program(predict=[count]))
    assert not predicts_row_by_row(Program(predict=[Instruction(Op.scalar_uniform, out=1)]))
    kept = Instruction(Op.vector_sum, 1, 0, out=1)
    read = Instruction(Op.vector_mean, 1, out=1)
    assert not predicts_row_by_row(Program(predict=[kept, read]))
    assert predicts_row_by_row(Program(predict=[Instruction(Op.vector_abs, 0, out=1), read]))
    partial = Instruction(Op.vector_const, out=1, data=[0.0, 1.0])
    assert not predicts_row_by_row(Program(predict=[partial, read]))
    for good in (programs.linear_model(), programs.neural_network()):
        assert predicts_row_by_row(good)
    assert not predicts_row_by_row(programs.bilinear_fig6())  # takes sums in Predict


def run_script(script: Path, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(script), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("kind", ["regression", "classification"])
def test_the_python_file_predicts_the_same_on_its_own(tmp_path: Path, kind: str) -> None:
    x, new = numbers(60, 6), numbers(9, 6, seed=1)
    names = ["a", 'b"""\\', "c {d}", "ä", "e,f", "g"]
    y = x @ np.arange(6.0) + 50.0
    classes: tuple[str, ...] = ()
    cells: list[Any] = y.tolist()
    if kind == "classification":
        y, classes = (y > 50.0).astype(float), ("no", "yes")
        cells = [classes[int(one)] for one in y]
    program = programs.neural_network(0.05)
    settings: dict[str, Any] = {"kind": kind, "features": 4, "steps": 200, "seed": 3}
    about = {"columns": names, "target": "y", "classes": classes, "about": "A test."}
    script = tmp_path / "found.py"
    script.write_text(make_script([program], **settings, **about), encoding="utf-8")
    train = write(
        tmp_path / "train.csv",
        ["y", *names],
        [[cell, *row] for cell, row in zip(cells, x.tolist(), strict=True)],
    )
    rows = write(
        tmp_path / "new.csv", [*names[::-1], "more"], [[*r[::-1], "?"] for r in new.tolist()]
    )
    ran = run_script(script, train, rows)
    assert ran.returncode == 0, ran.stderr
    printed = list(csv.reader(ran.stdout.splitlines()))
    expected = make_model([program], **settings).fit(x, y).predict(new)
    assert [float(row[-1]) for row in printed[1:]] == expected.tolist()
    if kind == "classification":
        assert printed[0] == ["y", "probability of yes"]
        assert [row[0] for row in printed[1:]] == [classes[int(p > 0.5)] for p in expected]
    refused = run_script(script, rows, rows)
    assert refused.returncode == 1
    assert "must have the columns ['y']" in refused.stderr
    assert "usage" in run_script(script).stderr


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(commands.app, ["csv", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_the_command_evolves_measures_and_writes(
    regression: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    out, plot = tmp_path / "line.json", tmp_path / "line.png"
    words = (regression, "--target", "y", "--budget", 400, "--start", "linear", "--quiet")
    shown = run(*words, "--out", out, "--plot", plot).output
    assert "200 rows: 120 for the search, 40 for the choice, 40 for the scores below" in shown
    record = read_result(out)
    assert record["command"] == (
        "paper-lessons run automl-zero csv line.csv --target y --budget 400 --start linear "
        "--out line.json"
    )
    result = record["result"]
    scores = result["scores"]
    assert list(scores) == ["constant", "ridge", "linear", "evolved"]
    assert scores["ridge"]["r2"] > 0.999
    assert scores["linear"]["r2"] > 0.99
    assert scores["constant"]["r2"] < 0.01
    gain = result["gains"]["constant"]["mean"]
    assert gain == pytest.approx(scores["evolved"]["r2"] - scores["constant"]["r2"])
    assert plot.read_bytes().startswith(b"\x89PNG")
    # The file that was written predicts the test rows as well as the table says.
    table_read = read_table(regression, "y")
    parts = table_tasks.split_rows(table_read.y, "regression", 0)
    known = np.concatenate([parts["search"], parts["select"]])
    columns = np.column_stack([table_read.x, table_read.y])
    header = ["a", "b", "c", "y"]
    train = write(tmp_path / "train.csv", header, columns[known].tolist())
    test = write(tmp_path / "test.csv", header, columns[parts["test"]].tolist())
    ran = run_script(tmp_path / "found_line.py", train, test)
    predicted = np.array([float(line) for line in ran.stdout.splitlines()[1:]])
    actual = table_read.y[parts["test"]]
    r2 = 1 - ((predicted - actual) ** 2).mean() / actual.var()
    assert r2 == pytest.approx(scores["evolved"]["r2"], rel=1e-12)
    assert json.loads(json.dumps(result)) == result


def test_two_classes_from_the_command_line(
    classes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = (classes, "--target", "answer", "--budget", 200, "--quiet")
    shown = run(*words, "--out-python", tmp_path / "deep" / "mine.py").output
    assert "classes 'no' (0) and 'yes' (1)" in shown
    assert (tmp_path / "deep" / "mine.py").is_file()
    assert not (tmp_path / "found_words.py").exists()
    again = run(*words, "--out-python", tmp_path / "deep" / "mine.py").output
    assert again == shown  # the same seed, the same result


@pytest.mark.parametrize("words", [True, False])
def test_several_classes_are_told_apart_one_against_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    x = numbers(240)
    sort = x[:, :2].argmax(axis=1) + (x[:, 2] > 0.7)
    names = ["ash", "birch", "oak"] if words else ["3", "5", "20"]
    cells = [[*row, names[one]] for row, one in zip(x.tolist(), sort, strict=True)]
    german = [[str(cell).replace(".", ",") for cell in row] for row in cells]
    header = ["a", "b", "c", "sort"]
    path = write(tmp_path / "trees.csv", header, german, ";")
    out, plot = tmp_path / "trees.json", tmp_path / "trees.png"
    options = (path, "--target", "sort", "--budget", 300, "--start", "linear", "--quiet")
    kind = () if words else ("--kind", "classification")
    shown = run(*options, *kind, "--out", out, "--plot", plot).output
    assert f"3 classes: {', '.join(names)}" in shown
    assert f"{names[1]!r} against the rest: " in shown
    result = read_result(out)["result"]
    assert len(result["found"]) == len(result["searches"]) == 3
    scores = {name: score["accuracy"] for name, score in result["scores"].items()}
    assert list(scores) == ["constant", "logistic regression", "linear", "evolved"]
    assert scores["constant"] < 0.6 < scores["evolved"]
    assert scores["logistic regression"] > 0.7
    # what the file computes on its own is what was measured
    table_read = read_table(path, "sort", kind="classification")
    parts = table_tasks.split_rows(table_read.y, "classification", 0)
    known = np.concatenate([parts["search"], parts["select"]])
    train = write(tmp_path / "train.csv", header, [german[i] for i in known], ";")
    test = write(tmp_path / "test.csv", header, [german[i] for i in parts["test"]], ";")
    ran = run_script(tmp_path / "found_trees.py", train, test)
    assert ran.returncode == 0, ran.stderr
    printed = list(csv.reader(ran.stdout.splitlines()))
    assert printed[0] == ["sort", *(f"score of {name}" for name in names)]
    right = [row[0] == german[i][3] for row, i in zip(printed[1:], parts["test"], strict=True)]
    assert np.mean(right) == pytest.approx(scores["evolved"])
    for row in printed[1:]:
        assert row[0] == names[int(np.argmax([float(score) for score in row[1:]]))]


def test_more_columns_than_features_are_said_to_be_projected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "wide.csv", [*"abcdef", "y"], numbers(60, 7).tolist())
    words = (path, "--target", "y", "--features", 4, "--budget", 100, "--start", "linear")
    shown = run(*words, "--quiet").output
    assert "the columns' first 4 principal components are used (--features 6 takes all)" in shown


@pytest.mark.slow
def test_islands_search_side_by_side(classes: Path) -> None:
    read = read_table(classes, "answer")
    result = table.run(read, budget=500, islands=2, starts=["linear"])
    (search,) = result["searches"]
    assert search["statistics"]["evaluated"] == 500
    assert result == table.run(read, budget=500, islands=2, starts=["linear"])
    assert search["curve"] != table.run(read, budget=500, starts=["linear"])["searches"][0]["curve"]


def test_a_killed_search_goes_on_from_its_checkpoint(
    classes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = read_table(classes, "answer")
    config = table_search._config
    monkeypatch.setattr(
        table_search, "_config", lambda *given: replace(config(*given), round_evaluations=300)
    )
    size: dict[str, Any] = {"budget": 600, "starts": ["linear"]}
    unbroken = table.run(read, **size)
    honest = table_search.evolve
    rounds: list[int] = []

    def breaks(*given: Any, **options: Any) -> Any:
        honest(*given, **(options | {"budget": 300}))
        rounds.append(300)
        raise KeyboardInterrupt

    monkeypatch.setattr(table_search, "evolve", breaks)
    kept = tmp_path / "kept"
    with pytest.raises(KeyboardInterrupt):
        table.run(read, **size, checkpoint=str(kept))
    assert len(list(kept.iterdir())) == 1
    monkeypatch.setattr(table_search, "evolve", honest)
    resumed = table.run(read, **size, checkpoint=str(kept))
    assert rounds == [300]
    assert not list(kept.iterdir())
    assert resumed == unbroken


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("absent.csv", "--target", "y"), "there is no file 'absent.csv'"),
        (("taken.csv", "--target", "z"), "target must be one of the columns a, y; got 'z'"),
        (("taken.csv", "--target", "y", "--out-python", "a.txt"), "out_python must end in .py"),
        (("taken.csv", "--target", "y"), "found_taken.py is there and is not ours"),
        ((".", "--target", "y"), "must be a file, got a folder"),
    ],
)
def test_wrong_input_gives_one_line(
    words: tuple[str, ...],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "taken.csv", ["a", "y"], numbers(50, 2).tolist())
    if "z" not in words and "--out-python" not in words:
        (tmp_path / "found_taken.py").write_text("print('mine')\n", encoding="utf-8")
    with pytest.raises(SystemExit) as stopped:
        cli.main(["run", "automl-zero", "csv", *words])
    assert stopped.value.code == cli.UNUSABLE
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert message in shown
