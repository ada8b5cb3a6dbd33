"""Linear regression by search: same seed, same finds; judged on tasks that no search has seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest

from paper_lessons import plotting
from paper_lessons.automl_zero import (
    EvolutionConfig,
    Instruction,
    LinearRegressionTasks,
    Memory,
    Op,
    Program,
    fitness,
    programs,
)
from paper_lessons.automl_zero.engine.native import engine
from paper_lessons.automl_zero.experiments import linear

matplotlib.use("agg")

SMALL: dict[str, Any] = {
    "learn_searches": 2,
    "learn_budget": 100_000,
    "full_searches": 1,
    "full_budget": 20_000,
    "new_tasks": 3,
}


def without_times(result: dict[str, Any]) -> dict[str, Any]:
    """A copy without the seconds, which differ from run to run."""
    return json.loads(
        json.dumps(result, allow_nan=False),
        object_hook=lambda one: {key: one[key] for key in one if key != "cpu_seconds"},
    )


@pytest.fixture(scope="module")
def small() -> dict[str, Any]:
    return linear.run(**SMALL)


def test_the_same_seed_finds_the_same(small: dict[str, Any]) -> None:
    again = linear.run(**SMALL)
    assert without_times(again) == without_times(small)
    assert linear.run(seed=1, **SMALL)["full"][0]["curve"] != small["full"][0]["curve"]


@pytest.mark.slow
def test_processes_find_what_one_finds(small: dict[str, Any]) -> None:
    assert without_times(linear.run(jobs=2, **SMALL)) == without_times(small)


def test_compiling_is_told_where_progress_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = EvolutionConfig(memory=Memory(features=2))
    for progress in (True, True, False):  # the second time there is nothing to compile
        engine.cache_clear()  # as in a new process
        monkeypatch.setenv("PAPER_LESSONS_CACHE", str(tmp_path / str(progress)))
        linear.compile_engine(config, progress)
    assert capsys.readouterr().err.count("compiling the engine for 2 features") == 1


def test_a_search_stops_when_it_is_solved_or_spent(small: dict[str, Any]) -> None:
    (given, slow) = small["learn_only"]
    assert (given["rate"], slow["rate"]) == (0.1, 0.01)
    first = given["searches"][0]
    assert first["solved"]
    assert first["evaluations"] < SMALL["learn_budget"]
    assert first["evaluations"] == first["curve"][-1][0] == first["found"]["evaluations"]
    assert all(not one["solved"] for one in slow["searches"])
    assert all(one["evaluations"] == SMALL["learn_budget"] for one in slow["searches"])
    assert all(one["cpu_seconds"] > 0 for one in slow["searches"])


def test_what_is_found_is_the_readable_interpreters_opinion_too(small: dict[str, Any]) -> None:
    searches = [one for group in small["learn_only"] for one in group["searches"]]
    for number, one in zip((0, 1, 0, 1, 0), (*searches, *small["full"]), strict=True):
        program = Program.from_dict(one["found"]["json"])
        tasks = LinearRegressionTasks(10, seed=(0, number))
        again = fitness(program, tasks, memory=Memory())
        assert again == pytest.approx(one["fitness"], abs=1e-9)


def test_learn_is_searched_for_and_the_rest_stays(small: dict[str, Any]) -> None:
    for group in small["learn_only"]:
        model = programs.linear_model(group["rate"])
        for one in group["searches"]:
            program = Program.from_dict(one["found"]["json"])
            assert (program.setup, program.predict) == (model.setup, model.predict)
            assert len(program.learn) == 4


def test_a_solution_solves_new_tasks_too(small: dict[str, Any]) -> None:
    elsewhere = small["learn_only"][0]["searches"][0]["elsewhere"]
    as_searched, more_rows = elsewhere[:2]
    assert (as_searched["features"], as_searched["train"]) == (4, 100)
    assert as_searched["fitness"] > 0.99
    assert as_searched["solved"] == more_rows["solved"] == 3


def test_only_the_first_search_keeps_all_of_its_turning_points(small: dict[str, Any]) -> None:
    (first,) = small["full"]
    assert first["turning_points"][-1] == first["found"]
    other = linear.search(1, None, 5000, seed=0, new_tasks=1)
    assert "program" in other["turning_points"][-1]
    assert "json" not in other["turning_points"][-1]
    assert other["turning_points"][-1]["program"] == other["found"]["program"]


def test_new_tasks_are_no_searchs_tasks() -> None:
    new = LinearRegressionTasks(50, seed=(0, linear._UNSEEN)).weights
    searched = [LinearRegressionTasks(10, seed=(0, number)).weights for number in range(10)]
    together = np.concatenate([new, *searched])
    assert len(np.unique(together, axis=0)) == 150


def test_the_textbooks_learning_rate_must_fit_the_rows_and_features(
    small: dict[str, Any],
) -> None:
    textbook = {one["rate"]: one["elsewhere"] for one in small["textbook"]}
    assert textbook[0.01][0]["fitness"] < 0.8 < linear.TARGET < textbook[0.1][0]["fitness"]
    assert textbook[0.01][1]["fitness"] > 0.99  # ten times as many rows are enough for it
    assert textbook[0.3][4]["fitness"] < 0.1  # too long a step in 16 dimensions


def test_the_mean_of_y_times_x_is_what_searches_get_stuck_at() -> None:
    """With 100 rows a rate of 0.01 makes their mean, which is w but for chance: no error is used."""
    model = programs.linear_model(0.01)
    learn = [
        Instruction(Op.scalar_product, 2, 0, 3),
        Instruction(Op.scalar_vector_product, 3, 0, 2),
        Instruction(Op.vector_sum, 1, 2, 1),
    ]
    mean = Program(model.setup, model.predict, learn)
    tasks = LinearRegressionTasks(20, seed=7)
    assert fitness(model, tasks) + 0.1 < fitness(mean, tasks) < 0.85
    more_rows = LinearRegressionTasks(5, train=1000, seed=7)
    assert fitness(mean, more_rows) < 0.1 < 0.99 < fitness(model, more_rows)


@pytest.mark.slow
def test_learn_is_found_by_five_of_five_and_the_whole_by_two_of_three() -> None:
    found = linear.run(rates=(0.1,), learn_searches=5, full_searches=3, new_tasks=3)
    assert all(one["solved"] for one in found["learn_only"][0]["searches"])
    solved = [one for one in found["full"] if one["solved"]]
    assert len(solved) >= 2
    assert all(one["elsewhere"][0]["fitness"] > 0.9 for one in solved)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"learn_searches": 0}, "learn_searches must be at least 1, got 0"),
        ({"full_budget": -3}, "full_budget must be at least 1, got -3"),
        ({"rates": ()}, "rates must hold at least one learning rate"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        linear.run(**wrong)


def test_the_plots_draw_every_search(small: dict[str, Any]) -> None:
    figure, (left, right, third) = plotting.figure(ncols=3)
    linear.plot_learn_only(small, left)
    assert [text.get_text() for text in left.texts] == [
        *("rate 0.1", "rate 0.01", "hand-written Learn, rate 0.01")
    ]
    assert len(left.lines) == 4 + 1
    linear.plot_full(small, right)
    points = small["full"][0]["turning_points"]
    assert len(right.lines) == 1 + len(points)
    several = {"full": [{"curve": [[1, 0.2]]}, *small["full"], {"curve": [[1, 0.3]]}]}
    linear.plot_full(several, third, number=1)
    assert len(third.lines) == 3 + len(points)
    assert third.texts[1].get_text() == "search 2"
    matplotlib.pyplot.close(figure)
