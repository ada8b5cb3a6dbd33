"""The engine against the readable interpreter, its caches against having none, and how it is kept."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paper_lessons.automl_zero import (
    LinearRegressionTasks,
    Memory,
    Op,
    OpSet,
    Program,
    Tasks,
    TwoLayerRegressionTasks,
    fitness,
    interpret,
    programs,
    simplify,
)
from paper_lessons.automl_zero.arithmetic import FUNCTIONS
from paper_lessons.automl_zero.engine import native as engine_module
from paper_lessons.automl_zero.engine.evaluator import Evaluator, choose_lanes
from paper_lessons.automl_zero.engine.native import engine
from paper_lessons.automl_zero.mutation import random_component, random_instruction, random_program
from paper_lessons.automl_zero.program import Instruction

BARE = {"prune": False, "program_cache": False, "probe": 0, "quiet": True}
EVERYTHING = OpSet.full()


# Both take these from the C library, so that they agree to the last bit, whatever the processor.
LIBRARY = [
    Op[f"scalar_{name}"]
    for name in ["sin", "cos", "tan", "arcsin", "arccos", "arctan", "exp", "log"]
]
ROUNDING = 4 * np.finfo(float).eps


def agrees(got: float, program: Program, tasks: Tasks, memory: Memory) -> bool:
    """Is this the interpreter's fitness, to the last bit?

    Where the last bits of sines and exponentials are moved on purpose, it may differ by what such moves do to
    this program, which magnifies them near a pole.
    """
    expected = fitness(program, tasks, memory=memory)
    if got == expected or not any(instruction.op in LIBRARY for instruction in program):
        return got == expected
    double = type(FUNCTIONS[Op.scalar_sin])
    if not hasattr(double, "draw"):
        return False
    moved = []
    for double.draw in range(20):
        moved.append(fitness(program, tasks, memory=memory))
    double.draw = 0
    return abs(got - expected) <= 2 * (max(moved) - min(moved)) + ROUNDING


def evaluator(tasks: Tasks, memory: Memory, **options) -> Evaluator:
    return Evaluator(EVERYTHING, tasks, **{"memory": memory, "quiet": True, **options})


@pytest.mark.parametrize("op", [op for op in Op if not op.random], ids=lambda op: op.name)
def test_every_op_computes_what_the_interpreter_computes(op, memory, tasks):
    """Each output kind is carried to s1, over inputs that are positive, negative, zero and large."""
    generator = np.random.default_rng(int(op))
    found = {True: 0, False: 0}
    filled = [Instruction(Op.vector_outer_product, 0, 0, k) for k in (0, 1)]
    filled += [Instruction(Op.vector_sum, 0, 0, k) for k in (1, 2)]
    for _ in range(60):
        numbers = [
            Instruction(Op.scalar_const, out=k, data=generator.normal(size=1)) for k in (1, 2, 3)
        ]
        fill = random_component(
            6, [Op.scalar_const, Op.vector_const, Op.matrix_const], memory, generator
        )
        fill += random_component(
            4, [Op.vector_outer_product, Op.scalar_division], memory, generator
        )
        fill += tuple(numbers[: generator.integers(4)])
        last = random_instruction([op], memory, generator)
        carry = {
            "s": [Instruction(Op.scalar_sum, last.out, last.out, 1)],
            "v": [Instruction(Op.vector_inner_product, last.out, 0, 1)],
            "m": [
                Instruction(Op.matrix_vector_product, last.out, 0, 2),
                Instruction(Op.vector_inner_product, 2, 0, 1),
            ],
            None: [],
        }[op.output]
        program = Program(
            fill,
            (
                *filled[: generator.integers(5)],
                last,
                *carry,
            ),
        )
        expected = fitness(program, tasks, memory=memory)
        got = evaluator(tasks, memory).fitness([program])[0]
        assert agrees(got, program, tasks, memory), program
        found[expected > 0] += 1
    assert found[True] >= 3, "too few of these programs survive to compare anything"


@pytest.mark.parametrize("op", LIBRARY, ids=lambda op: op.name)
def test_each_function_of_the_c_library_agrees_to_a_unit_in_the_last_place(op, memory):
    """One op between a feature and the prediction: nothing magnifies its rounding."""
    values = np.concatenate([np.geomspace(1e-8, 700, 60), -np.geomspace(1e-8, 700, 60), [0.0]])
    x, read = np.zeros((1, 1, memory.features)), Instruction(Op.vector_mean, 0, out=2)
    for value in values:
        x[:] = value
        task = Tasks(x, np.zeros((1, 1)), x, np.zeros((1, 1)))
        program = Program(predict=[read, Instruction(op, 2, out=1)])
        expected = fitness(program, task, memory=memory)
        got = evaluator(task, memory).fitness([program])[0]
        assert abs(got - expected) <= ROUNDING, value


@pytest.mark.parametrize("op", [op for op in Op if op.random], ids=lambda op: op.name)
def test_random_ops_draw_from_the_distribution_that_their_constants_name(op):
    """s1 is the mean or the mean square of many draws; targets are 0, so fitness tells both."""
    memory = Memory(scalars=4, vectors=3, matrices=2, features=8)
    x, y = np.zeros((4, 3, 8)), np.zeros((4, 3))
    long = Tasks(x, y, np.zeros((4, 3000, 8)), np.zeros((4, 3000)))
    data = [0.3, 0.5]
    draw = Instruction(op, out=1, data=data)
    pick = {
        "s": [],
        "v": [Instruction(Op.vector_mean, 1, 0, 1)],
        "m": [Instruction(Op.matrix_mean, 1, 0, 1)],
    }[op.output]
    count = {"s": 1, "v": 8, "m": 64}[op.output]
    low, high = data
    mean, spread = ((low + high) / 2, (high - low) / 12**0.5) if "uniform" in op.name else data
    rms = (mean**2 + spread**2 / count) ** 0.5
    got = Evaluator(EVERYTHING, long, memory=memory, **BARE).fitness([Program((), (draw, *pick))])[
        0
    ]
    expected = 1 - 2 / np.pi * np.arctan(rms)
    assert got == pytest.approx(expected, abs=0.01)


@given(number=st.integers(0, 10**9))
@settings(max_examples=60, deadline=None)
def test_random_programs_agree_with_the_interpreter(
    number, draw_program, tasks, class_tasks, memory
):
    several = [draw_program(number + k) for k in range(8)]
    for chosen in (tasks, class_tasks):
        got = evaluator(chosen, memory).fitness(several)
        for value, program in zip(got, several, strict=True):
            assert agrees(value, program, chosen, memory), program


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["rms", "accuracy"])
def test_thousands_of_random_programs_agree_with_the_interpreter(
    kind, draw_program, tasks, class_tasks, memory
):
    chosen = tasks if kind == "rms" else class_tasks
    several = [draw_program(10**6 + k) for k in range(4000)]
    got = evaluator(chosen, memory).fitness(several)
    wrong = [
        program
        for value, program in zip(got, several, strict=True)
        if not agrees(value, program, chosen, memory)
    ]
    assert not wrong
    assert len(np.unique(got)) > (400 if kind == "rms" else 10)  # of six rows, few accuracies


@pytest.mark.parametrize("features", [2, 4, 5, 16])
def test_published_programs_agree_with_the_interpreter(features):
    memory = Memory(20, 20, 4, features)
    tasks = TwoLayerRegressionTasks(3, features, train=60, valid=20)
    network = programs.neural_network()
    # without random ops, so that both see the same weights
    start = [
        Instruction(Op.vector_const, out=2, data=[0.3, 0.1]),
        Instruction(Op.matrix_const, out=0, data=[0.6, 0.3, -0.2]),
        Instruction(Op.vector_const, out=1, data=[0.3, 0.5]),
    ]
    setup = tuple(i for i in network.setup if not i.op.random)
    network = replace(network, setup=(*setup, *start))
    for program in (programs.linear_model(), network):
        for lanes in (None, 1, 4):
            got = evaluator(tasks, memory, lanes=lanes).fitness([program])[0]
            assert got == fitness(program, tasks, memory=memory)
            assert got > 0.05


def test_several_epochs_and_the_median_are_those_of_the_interpreter(memory, tasks, class_tasks):
    program = replace(
        programs.linear_model(), setup=(Instruction(Op.scalar_const, out=2, data=[0.1]),)
    )
    for chosen in (tasks, class_tasks):
        for options in ({"epochs": 3}, {"epochs": 2, "combine": "median"}):
            got = evaluator(chosen, memory, **options).fitness([program])[0]
            assert got == fitness(program, chosen, memory=memory, **options)


def test_a_failure_in_any_epoch_ends_the_run_as_in_the_interpreter(memory):
    step = Program(
        setup=(Instruction(Op.scalar_const, out=3, data=[1.0]),),
        predict=(Instruction(Op.scalar_sum, 2, 3, out=1),),
        learn=(Instruction(Op.scalar_sum, 2, 3, out=2),),
    )
    x, zeros = np.zeros((1, 2, 3)), np.zeros((1, 2))
    endings = set()
    for target in range(-8, 14):
        for trained in (-3.0, 0.0, 3.0):
            y = np.full((1, 2), float(target))
            rows = Tasks(x, zeros + trained, x, y)
            options = {"epochs": 4, "max_error": 5.0}
            got = evaluator(rows, memory, **options).fitness([step])[0]
            trace = interpret(step, rows, memory=memory, **options)
            assert got == trace.fitness
            endings.add((trace.stopped.split()[0] if trace.stopped else "", got > 0.0))
    assert {("training", True), ("validation", True), ("validation", False), ("", True)} <= endings


def test_errors_at_the_maximum_pass_and_above_it_stop(memory):
    x = np.ones((1, 4, 3))
    for target, survives in ((100.0, True), (100.0001, False)):
        y = np.full((1, 4), target)
        got = Evaluator(EVERYTHING, Tasks(x, y, x, y), memory=memory, **BARE).fitness([Program()])[
            0
        ]
        assert bool(got > 0.0) is survives


def test_the_label_is_hidden_and_the_features_are_restored(memory, tasks):
    leak = Program((), (Instruction(Op.scalar_sum, 0, 0, 1),))
    got = evaluator(tasks, memory).fitness([leak, Program()])
    assert got[0] == got[1]


def test_costly_programs_are_not_run(memory, tasks):
    cheap, costly = Program(), Program(learn=[Instruction(Op.matrix_gaussian)] * 3)
    limit = costly.cost(8) - 1.0
    got = evaluator(tasks, memory, max_cost=limit).fitness([cheap, costly])
    assert got[0] > 0.0 == got[1]


@pytest.mark.parametrize(
    "options",
    [
        {"prune": False},
        {"program_cache": False},
        {"probe": 0},
        BARE,
        {"lanes": 1},
        {"lanes": 4},
        {"forget_every": 2},
    ],
    ids=str,
)
def test_pruning_caches_and_lanes_change_no_bit(options, draw_program, memory, tasks):
    several = [draw_program(5000 + k) for k in range(1500)]
    usual = evaluator(tasks, memory)
    other = evaluator(tasks, memory, **options)
    one, two = usual.fitness(several), other.fitness(several)
    assert (one == two).all()
    assert len(np.unique(one)) > 100
    counts = usual.statistics()
    assert counts["found_by_program"] > 50
    assert counts["found_by_errors"] > 50


def test_pruning_finds_what_the_reference_finds(draw_program, memory, tasks):
    """A simplified program and its original have the same key, so the second comes from the cache."""
    for number in range(40):
        program = draw_program(number)
        engine_ = evaluator(tasks, memory, probe=0)
        engine_.fitness([program, simplify(program, memory)])
        assert engine_.statistics()["found_by_program"] == 1


def test_remembered_values_are_forgotten_after_some_uses(memory, tasks):
    one = evaluator(tasks, memory, forget_every=5, probe=0)
    one.fitness([programs.linear_model()] * 20)
    assert one.statistics()["run_in_full"] == 4


def test_noise_depends_on_the_seed_alone(memory, tasks):
    program = Program((), (Instruction(Op.scalar_gaussian, out=1, data=[0.0, 1.0]),))
    values = [evaluator(tasks, memory, seed=seed).fitness([program])[0] for seed in (1, 1, 2)]
    assert values[0] == values[1] != values[2]


def test_task_fitness_is_that_of_each_task(draw_program, memory):
    tasks = LinearRegressionTasks(7, 3, 8, 6)
    several = [draw_program(k) for k in range(30)]
    each = evaluator(tasks, memory).task_fitness(several)
    alone = [evaluator(tasks.subset([k]), memory, **BARE).fitness(several) for k in range(7)]
    assert (each == np.array(alone).T).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"memory": Memory(features=5)}, "memory must have the tasks' 3 features"),
        ({"memory": Memory(30, 30, 20, 3)}, "memory must have at most 64 addresses"),
        ({"combine": "best"}, "combine must be one of"),
        ({"probe": -1}, "probe must be 0 or more"),
        ({"max_error": 0.0}, "max_error must be positive"),
        ({"max_cost": 0.0}, "max_cost must be positive"),
        ({"hurdle": 2}, "hurdle must be from 1 to 1"),
        ({"lanes": 3}, "lanes must be 1, 2 or a multiple of 4"),
    ],
)
def test_bad_arguments_are_named(arguments, message, memory, tasks):
    with pytest.raises(ValueError, match=message):
        evaluator(tasks, **{"memory": memory, **arguments})


def test_programs_that_do_not_fit_are_refused(memory, tasks):
    with pytest.raises(ValueError, match="must read one of s0 to s3"):
        evaluator(tasks, memory).fitness([Program(learn=[Instruction(Op.scalar_abs, 9, out=1)])])
    few = Evaluator(OpSet.linear(), tasks, memory=memory, quiet=True)
    with pytest.raises(ValueError, match="predict may not use scalar_abs"):
        few.fitness([Program(predict=[Instruction(Op.scalar_abs, 2, out=1)])])


def test_lanes_fill_registers():
    assert [choose_lanes(n, Memory(features=4)) for n in (1, 2, 3, 10, 13, 100)] == [
        1,
        2,
        4,
        12,
        8,
        12,
    ]


# what is kept on disk ----------------------------------------------------------------------------

USE = (
    "import sys; from paper_lessons.automl_zero.engine.native import engine\n"
    "print(engine(3, 4).compiled)\n"
)


def run(folder: Path, code: str = USE) -> tuple[str, str]:
    finished = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PAPER_LESSONS_CACHE": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip(), finished.stderr


def test_an_engine_is_compiled_once_and_says_so(tmp_path):
    first, said = run(tmp_path)
    assert first == "True"
    assert "compiling the engine for 3 features" in said
    assert run(tmp_path) == ("False", "")
    assert len(list((tmp_path / "engines").iterdir())) == 1


SEARCH = """
from paper_lessons.automl_zero import EvolutionConfig, LinearRegressionTasks, evolve
evolve(EvolutionConfig(), LinearRegressionTasks(10), seed=0, budget=100)
"""


@pytest.mark.slow
def test_the_first_search_says_what_it_waits_for(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    said = run(tmp_path, SEARCH)[1]
    assert said.index("compiling the engine for 4 features") < said.index("compiling the search")
    assert "compiling" not in run(tmp_path, SEARCH)[1]


def test_a_damaged_file_is_replaced(tmp_path):
    run(tmp_path)
    (file,) = (tmp_path / "engines").iterdir()
    file.write_bytes(file.read_bytes()[:-100])
    assert run(tmp_path)[0] == "True"
    assert run(tmp_path)[0] == "False"


def test_without_a_place_every_process_compiles(tmp_path):
    nowhere = tmp_path / "file"
    nowhere.write_text("not a folder", encoding="utf-8")
    assert run(nowhere)[0] == "True"


def test_the_name_depends_on_the_generators_source(monkeypatch, tmp_path):
    machine = engine_module._target_machine()
    before = engine_module._key(3, 4, machine)
    assert before != engine_module._key(3, 8, machine)
    copy = tmp_path / "engine_ops.py"
    copy.write_bytes(Path(engine_module.engine_ops.__file__).read_bytes() + b"# changed\n")
    monkeypatch.setattr(engine_module.engine_ops, "__file__", str(copy))
    assert engine_module._key(3, 4, machine) != before


def test_features_must_be_positive():
    with pytest.raises(ValueError, match="features must be a positive whole number, got 0"):
        engine(0, 4)


def test_random_programs_use_all_ops():
    """The tests above draw from all ops that they can compare."""
    drawn = random_program((300, 300, 300), EVERYTHING, Memory(), np.random.default_rng(0))
    assert {instruction.op for instruction in drawn} == set(Op)
