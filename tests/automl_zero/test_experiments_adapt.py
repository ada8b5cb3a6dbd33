"""Adaptation: the treatments differ in one thing each; counts, tests and gains fit together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from typer.testing import CliRunner

from paper_lessons import plotting
from paper_lessons.automl_zero import Program, commands
from paper_lessons.automl_zero.experiments import adapt, digits
from paper_lessons.automl_zero.experiments.motifs import MOTIFS, count_motifs, rate_left
from paper_lessons.provenance import read_result

pytest.importorskip("mlxtend")
matplotlib.use("agg")

SMALL: dict[str, Any] = {
    "searches": 2,
    "budget": 300,
    "counts": (4, 3, 3),
    "features": 4,
    "train": 60,
    "valid": 40,
    "draws": 1,
}


@pytest.fixture(scope="module")
def small() -> dict[str, Any]:
    return adapt.run(**SMALL)


def test_treatments_differ_from_the_control_in_one_thing() -> None:
    tasks = digits.pair_tasks([(3, 8), (4, 9)], features=3, train=50, valid=20)
    given = {name: adapt.treated(tasks, name, seed=1) for name in adapt.TREATMENTS}
    steps = {name: one.train_x.shape[1] for name, one in given.items()}
    rows = {name: len(np.unique(one.train_x[0], axis=0)) for name, one in given.items()}
    assert rows == {"control": 50, "few rows": 5, "few steps": 50}
    assert steps["few rows"] == steps["control"] == 4 * steps["few steps"]
    for one in given.values():
        assert one.valid_x is tasks.valid_x
        for row, target in zip(one.train_x[1], one.train_y[1], strict=True):
            (place,) = np.flatnonzero((tasks.train_x[1] == row).all(axis=1))
            assert target == tasks.train_y[1, place]
    assert tasks.train_x.shape[1] == 50  # the tasks themselves are left alone
    with pytest.raises(ValueError, match="treatment must be one of control, few rows, few steps"):
        adapt.treated(tasks, "few pixels")


def test_counts_come_from_the_programs(small: dict[str, Any]) -> None:
    assert list(small["treatments"]) == ["control", "few rows", "few steps"]
    for name, found in small["treatments"].items():
        assert [one["number"] for one in found["searches"]] == [0, 1]
        for one in found["searches"]:
            program = Program.from_dict(one["chosen"]["json"])
            assert one["motifs"] == count_motifs(program, 4 * 60)  # the control's steps, for all
            assert one["rate_left"] == rate_left(program, one["steps"])
            assert one["treatment"] == name
        for motif in MOTIFS:
            assert found["counts"][motif] == sum(one["motifs"][motif] for one in found["searches"])
            assert 0.0 <= found["mean_alive"][motif] <= 1.0
    for name, tests in small["tests"].items():
        for motif in MOTIFS:
            counts = [small["treatments"][one]["counts"][motif] for one in (name, "control")]
            assert tests[motif] == adapt.fisher(*counts, 2)


def test_the_same_seed_finds_the_same(small: dict[str, Any]) -> None:
    again = adapt.run(**SMALL)
    assert json.dumps(again, allow_nan=False) == json.dumps(small)
    other = adapt.run(**SMALL | {"seed": 1, "searches": 1})
    assert (
        other["treatments"]["control"]["searches"] != small["treatments"]["control"]["searches"][:1]
    )


def test_fishers_test_is_that_of_the_counts() -> None:
    # Of 20 searches 10 have the motif, all of them treated: 2 of the binomial(20, 10) ways.
    assert adapt.fisher(10, 0, 10)["p"] == pytest.approx(2 / 184_756)
    assert adapt.fisher(0, 10, 10)["p"] == adapt.fisher(10, 0, 10)["p"]
    assert adapt.fisher(0, 0, 10)["p"] == 1.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"searches": 0}, "searches must be at least 1, got 0"),
        ({"train": 9}, "train must be at least 10, got 9"),
        ({"counts": (20, 20, 20)}, "at most 45 in all"),
        ({"train": 900, "valid": 300}, "train and valid need 600 images"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        adapt.run(**SMALL | options)


def test_drawings_show_each_treatment(small: dict[str, Any]) -> None:
    figure, axes = plotting.figure(ncols=2)
    adapt.plot_motifs(small, axes[0])
    adapt.plot_gains(small, axes[1])
    for one in axes:
        assert [label.get_text() for label in one.get_xticklabels()] == list(adapt.TREATMENTS)
    heights = [bar.get_height() for bar in axes[0].patches]
    expected = [one["counts"][motif] for motif in MOTIFS for one in small["treatments"].values()]
    assert heights == expected
    matplotlib.pyplot.close(figure)


def test_the_command_prints_counts_beside_the_papers(
    small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}

    def keeps(**options: Any) -> dict[str, Any]:
        given.update(options)
        return small

    monkeypatch.setattr(adapt, "run", keeps)
    out, plot = tmp_path / "adapt.json", tmp_path / "adapt.png"
    words = ["adapt", "--searches", "2", "--quiet", "--out", str(out), "--plot", str(plot)]
    shown = CliRunner().invoke(commands.app, words, catch_exceptions=False).output
    assert "searches of 2 with" in shown
    alive = [f"({small['treatments']['control']['mean_alive'][motif]:.0%})" for motif in MOTIFS]
    control = next(line for line in shown.splitlines() if line.startswith("control"))
    assert [word for word in control.split() if word.startswith("(")] == alive
    assert "8 of 30 and 0 of 30" in shown
    assert "30 of 30 and 3 of 30" in shown
    assert given["searches"] == 2
    assert given["train"] == 200
    assert read_result(out)["result"] == small
    assert plot.read_bytes().startswith(b"\x89PNG")
    CliRunner().invoke(commands.app, ["adapt", "--full", "--quiet"], catch_exceptions=False)
    assert given["checkpoint"] is not None
