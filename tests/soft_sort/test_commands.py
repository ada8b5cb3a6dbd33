"""The experiments on the command line: tables, records that say how to make them again, clear errors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from paper_lessons import cli
from paper_lessons.provenance import read_result
from paper_lessons.soft_sort import commands


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(commands.app, [str(word) for word in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def own_table(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    lines = ["A1,A2,ranking"]
    for a, b in generator.normal(size=(40, 2)):
        lines.append(f"{a:.3f},{b:.3f},{'a>b>c' if a > 0 else 'c>a>b'}")
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_help_lists_the_experiments() -> None:
    shown = run("--help").output
    for name in ("topk", "label-ranking", "robust", "runtime", "warmup"):
        assert name in shown


def test_topk_prints_a_table_and_writes_a_record(tmp_path: Path) -> None:
    out, plot = tmp_path / "deep" / "topk.json", tmp_path / "topk.png"
    size = ("--samples", 100, "--epochs", 1, "--splits", 2, "--loss", "soft-rank-l2")
    shown = run("topk", *size, "--seed", 7, "--quiet", "--out", out, "--plot", plot).output
    assert "soft rank l2" in shown
    assert "±" in shown
    record = read_result(out)
    assert record["seed"] == 7
    assert record["current"]
    assert record["command"] == (
        "paper-lessons run soft-sort topk --samples 100 --epochs 1 --splits 2 "
        "--loss soft-rank-l2 --seed 7 --out topk.json"
    )
    assert record["result"]["settings"]["samples"] == 100
    assert str(tmp_path) not in out.read_text(encoding="utf-8")
    assert plot.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_same_command_gives_the_same_record(own_table: Path, tmp_path: Path) -> None:
    def record(name: str, seed: int) -> str:
        words = ("--folds", 2, "--samples", 30, "--seed", seed, "--quiet")
        run("label-ranking", "--csv", own_table, *words, "--out", tmp_path / name)
        return json.dumps(read_result(tmp_path / name)["result"])

    assert record("first.json", 0) == record("second.json", 0)
    assert record("third.json", 1) != record("first.json", 0)


def test_progress_is_shown_unless_quiet(own_table: Path) -> None:
    loud, quiet = (
        run("label-ranking", "--csv", own_table, "--folds", 2, *more) for more in ((), ("--quiet",))
    )
    assert "run" in loud.stderr
    assert quiet.stderr == ""
    assert quiet.stdout == loud.stdout


def test_label_ranking_takes_a_users_file(own_table: Path, tmp_path: Path) -> None:
    plot, out = tmp_path / "ranking.svg", tmp_path / "ranking.json"
    more = ("--quiet", "--plot", plot, "--out", out)
    shown = run("label-ranking", "--csv", own_table, "--folds", 3, *more).output
    assert "mine" in shown
    assert "iris" not in shown
    assert "<svg" in plot.read_text(encoding="utf-8")
    table = read_result(out)["result"]["tables"]["mine"]
    assert (table["samples"], table["labels"]) == (40, 3)
    assert np.mean(table["models"]["soft rank l2"]["scores"]) > 0.7
    both = run("label-ranking", "--csv", own_table, "--table", "iris", "--folds", 2, "--quiet")
    assert "mine" in both.output
    assert "iris" in both.output


def test_a_full_run_can_be_resumed(
    own_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from paper_lessons.soft_sort.experiments import label_ranking

    kept, honest = tmp_path / "kept", label_ranking.tune_and_score
    calls: list[int] = []

    def breaks_once(*arguments: object, **options: object) -> dict[str, float]:
        calls.append(len(calls))
        if len(calls) == 5:
            raise KeyboardInterrupt
        return honest(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(label_ranking, "tune_and_score", breaks_once)
    monkeypatch.setenv("PAPER_LESSONS_CACHE", str(kept))
    words = ("label-ranking", "--csv", own_table, "--folds", 2, "--repeats", 1, "--full", "--quiet")
    assert CliRunner().invoke(commands.app, [str(word) for word in words]).exit_code != 0
    (file,) = (kept / "checkpoints").iterdir()
    assert len(json.loads(file.read_text(encoding="utf-8"))) == 4
    assert "mine" in run(*words).output
    assert len(calls) == 5 + 2  # six runs: four were kept, one broke and came again, one was left
    assert not list((kept / "checkpoints").iterdir())


def test_runtime_prints_slopes(monkeypatch: pytest.MonkeyPatch) -> None:
    from paper_lessons.soft_sort.experiments import runtime

    honest = runtime.run
    monkeypatch.setattr(
        runtime,
        "run",
        lambda **options: honest(
            seed=options["seed"], sizes=(50, 200), largest_square=50, rounds=1, shortest=0.0
        ),
    )
    lines = run("runtime", "--quiet").output.splitlines()
    assert "n = 200" in lines[0]
    assert [line.split("  ")[0] for line in lines[2:]] == list(runtime.METHODS)


def test_warmup_compiles() -> None:
    assert run("warmup").exit_code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("topk", "--data", "imagenet"), "name must be one of digits"),
        (("topk", "--data", "cifar10"), "root must name the folder"),
        (("topk", "--data", "cifar10", "--root", "."), "CIFAR-10 is not in '.'"),
        (("topk", "--loss", "hinge"), "losses must be some of"),
        (("label-ranking", "--csv", "absent.csv"), "there is no file 'absent.csv'"),
        (("label-ranking", "--table", "heat"), "name must be one of iris"),
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
    with pytest.raises(SystemExit) as stopped:
        cli.main(["run", "soft-sort", *words])
    assert stopped.value.code == cli.UNUSABLE
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert message in shown


def test_a_folder_that_cannot_be_drawn_in_is_told_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"plot must end in .*got 'figure.docx'"):
        run("robust", "--plot", tmp_path / "figure.docx", "--quiet")
    with pytest.raises(ValueError, match=r"out must end in \.json, got 'result.txt'"):
        run("robust", "--out", tmp_path / "result.txt", "--quiet")


def test_other_processes_of_accelerate_are_silent(
    own_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    out = tmp_path / "ranking.json"
    result = run("label-ranking", "--csv", own_table, "--folds", 2, "--out", out)
    assert result.output == ""
    assert not out.exists()
