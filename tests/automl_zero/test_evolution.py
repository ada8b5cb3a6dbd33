"""Regularised evolution: what the loop does, that it repeats itself, and what it finds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from paper_lessons.automl_zero import (
    LinearRegressionTasks,
    Memory,
    Op,
    OpSet,
    Program,
    fitness,
    mutate,
    programs,
)
from paper_lessons.automl_zero.config import EvolutionConfig
from paper_lessons.automl_zero.engine import evaluator as evaluator_module
from paper_lessons.automl_zero.engine import kernels_programs as kernels
from paper_lessons.automl_zero.engine.islands import advance, make_rules, new_population
from paper_lessons.automl_zero.engine.parts import AGE, SLOT, table
from paper_lessons.automl_zero.evolution import evolve, random_search
from paper_lessons.automl_zero.mutation import Mutation
from paper_lessons.automl_zero.program import Instruction

TASKS = LinearRegressionTasks(4, train=30, valid=20)
SMALL = EvolutionConfig(population=20, round_evaluations=500)


def found(config=SMALL, tasks=TASKS, **options):
    return evolve(config, tasks, **{"seed": 3, "budget": 2000, "progress": False, **options})


def same_state(one, other) -> bool:
    return all(
        (a == b).all()
        for p, q in zip(one.populations, other.populations, strict=True)
        for name, a, b in zip(p._fields, p, q, strict=True)
        if name != "counters"
    )


# the loop ----------------------------------------------------------------------------------------


def test_a_population_begins_with_what_the_settings_say():
    start = programs.linear_model()
    for begin, wanted in (
        (start, start),
        ("no_op", Program(*([Instruction(0)] * n for n in (10, 2, 8)))),
    ):
        config = replace(SMALL, start=begin)
        assert found(config, budget=20).programs(config) == [[wanted] * 20]
    config = replace(SMALL, start="random")
    (drawn,) = found(config, budget=20).programs(config)
    assert len(set(drawn)) == 20
    assert {i.op for program in drawn for i in program} == set(OpSet.demo().ops)


def test_the_oldest_is_replaced_in_turn():
    first = advance(SMALL, TASKS, new_population(SMALL, [0]), 20)
    assert first.numbers[[SLOT, AGE]].tolist() == [0, 20]
    config = replace(SMALL, mutations=(Mutation.randomize_program,), mutation_probability=1.0)
    later = advance(config, TASKS, first, 7)
    assert later.numbers[[SLOT, AGE]].tolist() == [7, 27]
    changed = (later.code != first.code).any(axis=(1, 2))
    assert changed.tolist() == [True] * 7 + [False] * 13


def test_a_tournament_of_all_copies_the_best():
    """With a tournament that draws everybody, each child is a copy of the best program."""
    config = replace(SMALL, start="random", tournament=400, mutation_probability=0.0)
    first = advance(config, TASKS, new_population(config, [1]), 20)
    best = int(first.fitness.argmax())
    later = advance(config, TASKS, first, 20)
    equals = {first.code[i].tobytes() for i in np.flatnonzero(first.fitness == first.fitness[best])}
    assert {code.tobytes() for code in later.code} <= equals
    assert (later.fitness == first.fitness[best]).all()


def test_without_selection_and_mutation_programs_drift_to_one_ancestor():
    """T = 1, U = 0: the fate of a program is chance, and everyone dies after P replacements."""
    config = replace(SMALL, start="random", tournament=1, mutation_probability=0.0)
    first = advance(config, TASKS, new_population(config, [2]), 20)
    later = advance(config, TASKS, first, 4000)
    assert len(np.unique(later.code, axis=0)) == 1
    winners = {
        int(
            advance(
                config, TASKS, advance(config, TASKS, new_population(config, [s]), 20), 4000
            ).fitness[0]
            * 1e9
        )
        == int(first.fitness.max() * 1e9)
        for s in range(2, 8)
    }
    assert False in winners  # chance, not fitness, decides


def test_the_parent_is_drawn_with_replacement_and_may_be_the_slot_itself():
    """Slot 0 keeps its own program with probability 1/P when T = 1 and nothing mutates."""
    config = replace(SMALL, population=2, start="random", tournament=1, mutation_probability=0.0)
    first = advance(config, TASKS, new_population(config, [5]), 2)
    kept = 0
    for number in range(400):
        state = first._replace(
            random=np.random.default_rng(number).integers(1, 2**63, (2, 4), dtype=np.uint64)
        )
        kept += (advance(config, TASKS, state, 1).code[0] == first.code[0]).all()
    assert 160 < kept < 240


def test_restarts_begin_anew_and_keep_the_best():
    config = replace(SMALL, restart_every=300, start="no_op")
    state = advance(config, TASKS, new_population(config, [0]), 320)
    assert (state.code == 0).all()
    assert state.numbers[AGE] == 20
    assert state.best_fitness[state.numbers[3] - 1] >= state.fitness.max()


def test_the_reported_fitness_is_that_of_the_reported_program():
    one = found(budget=4000)
    expected = fitness(one.best_program, TASKS, memory=SMALL.memory)
    assert one.best_fitness == expected
    values = [step.fitness for step in one.improvements]
    assert values == sorted(set(values))
    assert values[-1] == expected
    for step in one.improvements:
        assert step.fitness == fitness(step.program, TASKS, memory=SMALL.memory)
    assert one.history[-1]["evaluations"] == one.evaluations == 4000 == one.statistics["evaluated"]


def test_a_target_stops_the_search():
    one = found(replace(SMALL, target=0.3), budget=10**6)
    assert one.best_fitness >= 0.3
    assert one.evaluations < 10**6


def test_same_seed_same_search():
    assert same_state(found(), found())
    assert not same_state(found(), found(seed=4))


@pytest.mark.parametrize(
    "options",
    [
        {"prune": False},
        {"program_cache": False},
        {"probe": 0},
        {"prune": False, "program_cache": False, "probe": 0},
        {"forget_every": 3},
        {"round_evaluations": 170},
    ],
    ids=str,
)
@pytest.mark.parametrize("op_set", ["demo", "deterministic"])
def test_caches_pruning_and_rounds_change_no_search(options, op_set, deterministic):
    """Whole trajectories, bit by bit: every program and fitness of the last population."""
    ops = OpSet.demo() if op_set == "demo" else deterministic
    config = replace(SMALL, op_set=ops, population=50, restart_every=3000)
    one = found(config, budget=8000)
    other = found(replace(config, **options), budget=8000)
    assert same_state(one, other)


def test_a_hurdle_saves_steps():
    tasks = LinearRegressionTasks(30, train=30, valid=20)
    plain = replace(SMALL, program_cache=False, probe=0)
    with_hurdle = replace(plain, hurdle=5)
    one, other = found(plain, tasks, budget=6000), found(with_hurdle, tasks, budget=6000)
    assert one.statistics["stopped_at_hurdle"] == 0
    assert other.statistics["stopped_at_hurdle"] > 500
    assert other.statistics["steps"] < 0.95 * one.statistics["steps"]


def test_random_search_draws_every_program_anew():
    config = replace(SMALL, population=100)
    one = random_search(config, TASKS, seed=0, budget=100, progress=False)
    (alive,) = one.programs(config)
    assert len(set(alive)) == 100
    ops = Counter(i.op for program in alive for i in program)
    assert set(ops) == set(OpSet.demo().ops)
    assert max(ops.values()) < 1.4 * min(ops.values())


def test_components_without_ops_are_left_alone():
    model = programs.linear_model()
    config = replace(SMALL, op_set=OpSet((), (), OpSet.demo().learn), start=model)
    (alive,) = found(config).programs(config)
    assert {(p.setup, p.predict) for p in alive} == {(model.setup, model.predict)}
    assert len({p.learn for p in alive}) > 5


def test_progress_is_text_on_standard_error(capsys):
    found(progress=True)
    text = capsys.readouterr()
    assert not text.out
    assert "best 0." in text.err
    assert "cache hits" in text.err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"population": 0}, "population must be a whole number from 1, got 0"),
        ({"restart_every": 20}, "restart_every must be a whole number from 21"),
        ({"mutation_probability": 1.5}, r"mutation_probability must lie in \[0, 1\], got 1.5"),
        ({"mutations": ()}, "mutations must name at least one type"),
        ({"start": "empty"}, "start must be 'no_op', 'random' or a Program, got 'empty'"),
        ({"min_sizes": (11, 2, 8)}, "sizes must be at least min_sizes"),
        (
            {"memory": Memory(4, 1, 1)},
            "memory must have more of kind v for vector_inner_product in setup",
        ),
    ],
)
def test_bad_settings_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **change)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budget": 0}, "budget must be a whole number from 1"),
        ({"islands": 0}, "islands must be a whole number from 1"),
        ({"seed": -1}, "seed must be a whole number from 0"),
        ({"tasks": LinearRegressionTasks(2, 3)}, "tasks must have the memory's 4 features, got 3"),
    ],
)
def test_bad_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        found(**options)


# mutation, against the readable reference ----------------------------------------------------------

DRAWS = 2000
PARENT = Program(
    [
        Instruction(Op.scalar_const, out=2, data=[0.5]),
        Instruction(Op.vector_uniform, out=1, data=[-0.2, 0.4]),
        Instruction(Op.matrix_gaussian, out=0, data=[0.3, 0.2]),
    ],
    [
        Instruction(Op.vector_inner_product, 0, 1, 1),
        Instruction(Op.matrix_const, out=0, data=[0.1, 0.9, 2.0]),
    ],
    [
        Instruction(Op.scalar_sin, 0, out=3),
        Instruction(Op.no_op),
        Instruction(Op.matrix_vector_product, 0, 1, 2),
    ],
)


def _engine_children(kind: Mutation) -> list[Program]:
    config = EvolutionConfig(
        op_set=OpSet.full(),
        mutations=(kind,),
        start=PARENT,
        min_sizes=(1, 2, 0),
        max_sizes=(5, 3, 5),
    )
    rules, known = make_rules(config), table((4, 3, 1), 4)
    state = np.zeros(4, np.uint64)
    kernels.seed(state, int(kind))
    children = []
    for _ in range(DRAWS):
        code, data, sizes = evaluator_module.pack([PARENT], config.room)
        kernels.mutate(code[0], data[0], sizes[0], rules, known, state)
        children.append(evaluator_module.unpack(code[0], data[0], sizes[0].tolist(), config.room))
    return children


def _reference_children(kind: Mutation) -> list[Program]:
    generator = np.random.default_rng(int(kind))
    return [
        mutate(
            PARENT,
            generator,
            op_set=OpSet.full(),
            memory=Memory(),
            mutations=[kind],
            min_sizes=(1, 2, 0),
            max_sizes=(5, 3, 5),
        )
        for _ in range(DRAWS)
    ]


def _features(child: Program) -> list[str]:
    """What is compared: sizes, what changed where, new ops and addresses, and rough constants."""
    seen = [f"sizes {child.sizes}", f"same {child == PARENT}"]
    for name in ("setup", "predict", "learn"):
        old, new = getattr(PARENT, name), getattr(child, name)
        changed = [k for k, i in enumerate(new) if k >= len(old) or i != old[k]]
        seen.append(f"{name} changed at {changed}")
        for k in changed:
            i = new[k]
            seen += [
                f"op {i.op % 13}",
                f"in {len(i.op.inputs)} {i.in1} {i.in2}",
                f"out {i.op.output}{i.out}",
            ]
            seen += [
                f"{part} {np.floor(4 * np.arctan(value))}"
                for part, value in zip(i.op.data, i.data, strict=False)
            ]
    return seen


@pytest.mark.parametrize("kind", list(Mutation), ids=lambda kind: kind.name)
def test_mutations_have_the_references_distributions(kind):
    ours = Counter(feature for child in _engine_children(kind) for feature in _features(child))
    theirs = Counter(feature for child in _reference_children(kind) for feature in _features(child))
    for feature in ours | theirs:
        a, b = ours[feature], theirs[feature]
        # both are counts of the same chance; six standard deviations of their difference
        assert abs(a - b) < 6 * np.sqrt(a + b + 4), (feature, a, b)


def test_zero_stays_zero_and_constants_stay_finite():
    parent = Program([Instruction(Op.scalar_const, out=2, data=[0.0])])
    config = EvolutionConfig(mutations=(Mutation.alter_parameter,), start=parent, population=5)
    (alive,) = found(config, budget=500).programs(config)
    assert {program.setup[0].data[0] for program in alive} == {0.0}
    large = Program([Instruction(Op.vector_gaussian, out=2, data=[3e38, 1e38])])
    config = replace(config, start=large, tournament=1)
    (alive,) = found(config, budget=2000).programs(
        config
    )  # an Instruction refuses what is not finite
    assert len(set(alive)) > 1
