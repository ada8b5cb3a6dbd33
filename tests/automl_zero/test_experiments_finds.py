"""What is kept of a search: its curve, and programs that can be read, run and loaded again."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from paper_lessons.automl_zero import (
    Evolution,
    EvolutionConfig,
    Instruction,
    LinearRegressionTasks,
    Memory,
    Op,
    Program,
    evolve,
    finds,
    fitness,
    interpret,
    programs,
    simplify,
)
from paper_lessons.automl_zero.evolution import Improvement


def evolution_of(*improvements: tuple[int, float, Program], islands: int = 1) -> Evolution:
    """An evolution that went through these (evaluations, fitness, program) and on to 1000."""
    listed = [Improvement(0, when, value, program) for when, value, program in improvements]
    populations: list[Any] = [None] * islands
    last = listed[-1]
    return Evolution(last.program, last.fitness, 1000, [], listed, {}, populations)


def constant(value: float) -> Program:
    return Program(predict=[Instruction(Op.scalar_const, out=1, data=[value])])


@pytest.fixture(scope="module")
def found() -> tuple[EvolutionConfig, Evolution]:
    config = EvolutionConfig(population=50, start="random", round_evaluations=2000)
    tasks = LinearRegressionTasks(10)
    return config, evolve(config, tasks, seed=1, budget=8000, islands=2, progress=False, jobs=1)


def test_a_curve_rises_and_ends_with_the_last_program(
    found: tuple[EvolutionConfig, Evolution],
) -> None:
    points = np.array(finds.curve(found[1]))
    assert (np.diff(points[:, 0]) >= 0).all()
    assert (np.diff(points[:-1, 1]) > 0).all()
    assert points[-1].tolist() == [8000, found[1].best_fitness]


def test_evaluations_are_those_of_all_islands_together() -> None:
    steps = ((10, 0.1, constant(0.1)), (400, 0.2, constant(0.2)), (700, 0.3, constant(0.3)))
    assert finds.curve(evolution_of(*steps)) == [[10, 0.1], [400, 0.2], [700, 0.3], [1000, 0.3]]
    two = evolution_of(*steps, islands=2)
    assert finds.curve(two) == [[20, 0.1], [800, 0.2], [1000, 0.3]]
    kept = finds.turning_points(two, Memory())
    assert [one["evaluations"] for one in kept] == [20, 800, 1000]


def test_turning_points_are_the_first_the_last_and_what_gained_enough() -> None:
    values = (0.1, 0.105, 0.2, 0.201, 0.209, 0.2101, 0.2102)
    steps = [(i, value, constant(value)) for i, value in enumerate(values, start=1)]
    kept = finds.turning_points(evolution_of(*steps), Memory(), least_gain=0.01)
    assert [one["fitness"] for one in kept] == [0.1, 0.2, 0.2101, 0.2102]
    every = finds.turning_points(evolution_of(*steps), Memory(), least_gain=0.0)
    assert [one["fitness"] for one in every] == list(values)


def test_a_program_that_was_lucky_twice_turned_once() -> None:
    noise = Instruction(Op.scalar_gaussian, out=1, data=[0.0, 1.0])
    dead = Instruction(Op.scalar_abs, 0, out=2)
    steps = ((1, 0.1, Program(predict=[noise])), (2, 0.3, Program(predict=[noise, dead])))
    kept = finds.turning_points(evolution_of(*steps, (3, 0.5, constant(1.0))), Memory())
    assert [one["fitness"] for one in kept] == [0.1, 0.5]


def test_a_negative_gain_is_refused() -> None:
    with pytest.raises(ValueError, match="least_gain must be 0 or more, got -1"):
        finds.turning_points(evolution_of((1, 0.1, constant(0.1))), Memory(), least_gain=-1)


def test_turning_points_have_the_fitness_that_they_say(
    found: tuple[EvolutionConfig, Evolution],
) -> None:
    config, evolution = found
    kept = finds.turning_points(evolution, config.memory)
    assert len(kept) > 2
    assert kept[-1]["fitness"] == evolution.best_fitness
    for one in kept:
        program = Program.from_dict(json.loads(json.dumps(one["json"])))
        again = fitness(program, LinearRegressionTasks(10), memory=config.memory)
        assert again == pytest.approx(one["fitness"], abs=1e-12)
        assert one["program"] == str(simplify(program))


@pytest.mark.parametrize("kind", ["rms", "accuracy"])
def test_the_python_of_a_record_predicts_as_the_program_does(kind: str, class_tasks: Any) -> None:
    tasks = class_tasks if kind == "accuracy" else LinearRegressionTasks(1, features=3, train=20)
    dead = Instruction(Op.vector_abs, 0, out=2)
    model = programs.linear_model(0.1)
    program = Program((dead, *model.setup), model.predict, model.learn)
    memory = Memory(features=3)
    record = finds.as_record(program, memory, fitness=0.5, evaluations=3, kind=kind)
    assert record["instructions"] == 6
    assert "abs" not in record["program"] + record["python"]
    assert Program.from_dict(record["json"]) == program
    space: dict[str, Any] = {}
    exec(record["python"], space)
    algorithm = space["Algorithm"](features=3).fit(tasks.train_x[0], tasks.train_y[0])
    wanted = interpret(program, tasks.subset([0]), memory=memory).valid_predictions[0]
    np.testing.assert_allclose(algorithm.predict(tasks.valid_x[0]), wanted, atol=1e-12)


def test_only_short_programs_are_written_as_a_formula() -> None:
    short, long = (programs.linear_model(), programs.neural_network())
    memory = Memory(5, 9, 2)
    assert "aligned" in finds.as_record(short, memory, fitness=0.0, evaluations=1)["latex"]
    assert finds.as_record(long, memory, fitness=0.0, evaluations=1)["latex"] is None


def test_a_program_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="must write"):
        finds.as_record(programs.neural_network(), Memory(), fitness=0.0, evaluations=1)
