"""Evolution against random search: the intervals are right, and both get the same tasks."""

from __future__ import annotations

import json
from typing import Any

import matplotlib
import numpy as np
import pytest

from paper_lessons import plotting
from paper_lessons.automl_zero import Program, fitness, programs
from paper_lessons.automl_zero.experiments import random_search as experiment

matplotlib.use("agg")

SMALL: dict[str, Any] = {"searches": 3, "affine_searches": 1, "budget": 100_000}
P100 = "evolution, P=100, anew every 5,000"


@pytest.fixture(scope="module")
def small() -> dict[str, Any]:
    return experiment.run(**SMALL)


def without_times(result: dict[str, Any]) -> dict[str, Any]:
    return json.loads(
        json.dumps(result, allow_nan=False),
        object_hook=lambda one: {key: one[key] for key in one if key != "cpu_seconds"},
    )


def test_the_same_seed_gives_the_same_numbers(small: dict[str, Any]) -> None:
    assert without_times(experiment.run(**SMALL)) == without_times(small)
    other = experiment.run(seed=1, **SMALL)["problems"]["linear"]["methods"]
    assert other[P100]["curves"] != small["problems"]["linear"]["methods"][P100]["curves"]


def test_successes_and_programs_are_counted(small: dict[str, Any]) -> None:
    for found in small["problems"].values():
        for one in found["methods"].values():
            ends = [curve[-1] for curve in one["curves"]]
            last = one["thresholds"][-1]
            assert last["successes"] == sum(value >= last["threshold"] for _, value in ends)
            assert last["evaluations"] == sum(when for when, _ in ends)
            assert all(when <= SMALL["budget"] for when, _ in ends)
            assert len(one["found"]) <= min(3, last["successes"])
    assert small["problems"]["linear"]["methods"][P100]["thresholds"][-1]["successes"] >= 1


def test_a_lower_threshold_is_reached_sooner_and_more_often(small: dict[str, Any]) -> None:
    for found in small["problems"].values():
        for one in found["methods"].values():
            counts = [(row["successes"], -row["evaluations"]) for row in one["thresholds"]]
            assert counts == sorted(counts, reverse=True)


def test_the_time_of_a_threshold_is_that_of_the_first_program_above() -> None:
    curve = [[1, 0.2], [10, 0.6], [40, 0.96], [40, 0.96]]
    assert experiment._first_time(curve, 0.5) == (10, True)
    assert experiment._first_time(curve, 0.95) == (40, True)
    assert experiment._first_time(curve, 0.99) == (40, False)


def test_successes_are_programs_that_solve_the_problem(small: dict[str, Any]) -> None:
    (first, *_) = small["problems"]["linear"]["methods"][P100]["found"]
    config, tasks = experiment.problem_of("linear", (5, 5))
    program = Program.from_dict(first["json"])
    assert fitness(program, tasks, memory=config.memory) > 0.9


def test_all_methods_get_the_same_tasks_and_start(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Any, ...]] = []

    def look(config: Any, tasks: Any, *, seed: int, budget: int) -> Any:
        seen.append((tasks.train_y, config.start, seed))
        raise KeyboardInterrupt

    monkeypatch.setattr(experiment, "timed_search", look)
    for method in experiment.METHODS:
        with pytest.raises(KeyboardInterrupt):
            experiment.search("affine", method, 2, seed=1, budget=10)
    first, *others = seen
    assert len(others) == len(experiment.METHODS) - 1 >= 2
    for other in others:
        np.testing.assert_array_equal(other[0], first[0])
        assert other[1:] == first[1:]


def test_the_affine_problem_needs_its_offset() -> None:
    config, tasks = experiment.problem_of("affine", (3,))
    assert fitness(experiment.affine_model(), tasks, memory=config.memory) > 0.99
    assert fitness(programs.linear_model(0.1), tasks, memory=config.memory) < 0.8
    assert isinstance(config.start, Program)
    assert config.start.sizes == experiment.affine_model().sizes
    assert not {i.op for i in experiment.affine_model().learn} - set(config.op_set.learn)


def test_intervals_are_those_of_the_tables() -> None:
    found = experiment.success_rate(10, 10_000)  # exact Poisson limits of 10: 4.795 and 18.39
    assert found["per_success"] == 1000
    assert found["low"] == pytest.approx(10_000 / 18.390, rel=1e-3)
    assert found["high"] == pytest.approx(10_000 / 4.795, rel=1e-3)
    none = experiment.success_rate(0, 3000)
    assert (none["per_success"], none["high"]) == (None, None)
    assert none["low"] == pytest.approx(1001.4, rel=1e-3)  # the rule of three


def test_the_interval_of_a_ratio_holds_it_in_95_of_100_cases() -> None:
    generator = np.random.default_rng(0)
    cases = 400
    held = 0
    for first, second in generator.poisson((12.0, 6.0), size=(cases, 2)):
        found = experiment.ratio_of_rates(int(first), 1000, int(second), 2000)  # the truth is 4
        low, high = found["low"], found["high"]
        assert low is not None
        held += low <= 4.0 and (high is None or high >= 4.0)
    assert 0.93 * cases <= held < cases


def test_a_ratio_without_successes_is_open() -> None:
    assert experiment.ratio_of_rates(0, 10, 0, 10) == {"ratio": None, "low": 0.0, "high": None}
    none = experiment.ratio_of_rates(0, 10, 5, 10)
    assert none["ratio"] == none["low"] == 0.0
    assert none["high"] is not None
    assert 0 < none["high"] < 1.1
    only = experiment.ratio_of_rates(5, 10, 0, 10)
    assert (only["ratio"], only["high"]) == (None, None)
    assert only["low"] is not None
    assert only["low"] > 0.9


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: experiment.run(searches=0, affine_searches=0), "not both 0"),
        (lambda: experiment.run(searches=-1), "searches and affine_searches must be 0 or more"),
        (lambda: experiment.run(budget=0), "budget at least 1"),
        (lambda: experiment.problem_of("cubic", (0,)), "name must be one of linear, affine"),
        (lambda: experiment.success_rate(1, 0), "evaluations 1 or more, got 1 and 0"),
    ],
)
def test_what_makes_no_sense_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_the_plots_draw_every_method(small: dict[str, Any]) -> None:
    figure, (left, right) = plotting.figure(ncols=2)
    experiment.plot(small, left)
    assert set(experiment.METHODS) <= {text.get_text() for text in left.texts}
    experiment.plot_shares(small, right)
    ends = [line.get_ydata()[-1] for line in right.lines]
    methods = small["problems"]["linear"]["methods"].values()
    assert ends == [pytest.approx(one["thresholds"][-1]["successes"] / 3) for one in methods]
    matplotlib.pyplot.close(figure)
