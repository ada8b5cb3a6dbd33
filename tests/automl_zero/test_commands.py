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
    for name in ("linear", "random-search"):
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
    assert len([line for line in lines if line.startswith("linear, ")]) == 3
    assert lines[2].startswith("linear, random search  ")
    assert lines[3].endswith(" 2.9")
    assert lines[6].endswith(" 150")
    assert "1 of 1" in lines[3]
    assert "at least 33,381" in lines[5]  # nothing in 100,000: at 95 %, three times as rare
    assert "<svg" in plot.read_text(encoding="utf-8")


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
