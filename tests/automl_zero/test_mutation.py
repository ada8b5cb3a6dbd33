"""Mutations: their distributions, their bounds, and what they leave alone."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy import stats

from paper_lessons.automl_zero import Instruction, Memory, Mutation, Op, OpSet, Program, mutate
from paper_lessons.automl_zero.mutation import (
    alter_data,
    alter_instruction,
    mutate_component,
    random_instruction,
    random_program,
)

MEMORY = Memory(scalars=4, vectors=3, matrices=2, features=4)
I = Instruction  # noqa: E741
SIZES = (3, 4, 5)


def uniform(counts, categories, draws):
    """The p-value of "all categories are equally likely"; each must have been drawn."""
    assert set(counts) == set(categories)
    return stats.chisquare(
        [counts[c] for c in categories], [draws / len(categories)] * len(categories)
    )[1]


def parent():
    ops = [op for op in Op if op is not Op.no_op]  # which has nothing to alter
    return random_program(SIZES, OpSet(ops, ops, ops), MEMORY, np.random.default_rng(0))


def children(mutation, count, program=None, seed=1, **options):
    settings = {
        "op_set": OpSet.full(),
        "memory": MEMORY,
        "probability": 1.0,
        "max_sizes": (9, 9, 9),
    } | options
    generator = np.random.default_rng(seed)
    program = parent() if program is None else program
    return [mutate(program, generator, mutations=[mutation], **settings) for _ in range(count)]


def changed(child, program):
    """(component, place) where two programs of equal sizes differ."""
    return [
        (c, i)
        for c, (ours, theirs) in enumerate(zip(child.components, program.components, strict=True))
        for i, (a, b) in enumerate(zip(ours, theirs, strict=True))
        if a != b
    ]


def test_random_instructions_draw_ops_and_addresses_uniformly():
    generator = np.random.default_rng(0)
    drawn = [random_instruction(list(Op), MEMORY, generator) for _ in range(13000)]
    assert uniform(Counter(i.op for i in drawn), list(Op), 13000) > 1e-4
    for kind in "svm":
        reads = [a for i in drawn for k, a in i.reads if k == kind]
        assert uniform(Counter(reads), range(MEMORY.addresses(kind)), len(reads)) > 1e-4
        writes = [a for i in drawn for k, a in i.writes if k == kind]
        allowed = range(MEMORY.first_output(kind), MEMORY.addresses(kind))  # never s0, never v0
        assert uniform(Counter(writes), allowed, len(writes)) > 1e-4


def test_random_constants_have_the_references_ranges():
    generator = np.random.default_rng(0)
    low = {"std": 0.0, "index": 0.0, "row": 0.0, "column": 0.0}
    for op in Op:
        drawn = [
            random_instruction([op], MEMORY, generator).data for _ in range(400 * bool(op.data))
        ]
        for name, values in zip(op.data, zip(*drawn, strict=True), strict=False):
            start = low.get(name, -1.0)
            assert stats.kstest(values, "uniform", (start, 1.0 - start)).pvalue > 1e-4, (op, name)
    unsorted = [random_instruction([Op.scalar_uniform], MEMORY, generator).data for _ in range(50)]
    assert 10 < sum(low > high for low, high, _ in unsorted) < 40


@pytest.mark.parametrize(
    "mutation", [Mutation.alter_parameter, Mutation.randomize_instruction, Mutation.trade]
)
def test_one_component_is_changed_and_its_size_kept(mutation):
    program = parent()
    touched = Counter()
    for child in children(mutation, 1500):
        assert child.sizes == SIZES
        differences = changed(child, program)
        assert len({component for component, _ in differences}) <= 1
        if mutation is not Mutation.trade:
            assert len(differences) <= 1
        touched.update(differences)
    assert len(touched) == sum(SIZES)  # every place


def test_components_and_places_are_equally_likely():
    program = Program(*([I(Op.no_op)] * size for size in SIZES))
    ops = OpSet(*([[op for op in Op if op is not Op.no_op]] * 3))
    made = children(Mutation.randomize_instruction, 3000, program, op_set=ops)
    places = [changed(child, program)[0] for child in made]
    assert uniform(Counter(c for c, _ in places), range(3), 3000) > 1e-4
    for component, size in enumerate(SIZES):
        inside = [i for c, i in places if c == component]
        assert uniform(Counter(inside), range(size), len(inside)) > 1e-4


def test_a_component_without_ops_is_never_touched():
    program = parent()
    for mutation in Mutation:
        for child in children(mutation, 60, program, op_set=OpSet([], Op, [])):
            assert child.setup == program.setup
            assert child.learn == program.learn
    moved = children(Mutation.randomize_component, 60, program, op_set=OpSet([], Op, []))
    assert all(child.predict != program.predict for child in moved)


def test_a_component_or_all_of_them_are_drawn_anew():
    program = parent()
    touched = Counter()
    for child in children(Mutation.randomize_component, 300):
        assert child.sizes == SIZES
        (component,) = {c for c, _ in changed(child, program)}
        touched[component] += 1
        assert len(changed(child, program)) >= SIZES[component] - 1
    assert uniform(touched, range(3), 300) > 1e-4
    for child in children(Mutation.randomize_program, 50):
        assert child.sizes == SIZES
        assert {c for c, _ in changed(child, program)} == {0, 1, 2}


def test_insertion_stops_one_below_the_maximum():
    program = Program(learn=[I(Op.no_op)] * 3)
    only_learn = OpSet([], [], [Op.scalar_sum])
    for maximum, size in ((3, 3), (4, 3), (5, 4), (9, 4)):
        made = children(Mutation.insert, 20, program, op_set=only_learn, max_sizes=(0, 0, maximum))
        assert {len(child.learn) for child in made} == {size}
    grown = program
    for _ in range(20):
        (grown,) = children(Mutation.insert, 1, grown, op_set=only_learn, max_sizes=(0, 0, 8))
    assert len(grown.learn) == 7
    made = children(Mutation.insert, 2000, program, op_set=only_learn, max_sizes=(0, 0, 9))
    places = Counter([i.op for i in child.learn].index(Op.scalar_sum) for child in made)
    assert uniform(places, range(4), 2000) > 1e-4


def test_removal_stops_at_the_minimum():
    program = Program(learn=[I(Op.scalar_const, out=1, data=[x]) for x in (1.0, 2.0, 3.0)])
    only_learn = OpSet([], [], [Op.scalar_sum])
    for minimum, size in ((3, 3), (4, 3), (2, 2), (0, 2)):
        made = children(Mutation.remove, 20, program, op_set=only_learn, min_sizes=(0, 0, minimum))
        assert {len(child.learn) for child in made} == {size}
    made = children(Mutation.remove, 1500, program, op_set=only_learn)
    gone = [({1.0, 2.0, 3.0} - {i.data[0] for i in child.learn}).pop() for child in made]
    assert uniform(Counter(gone), [1.0, 2.0, 3.0], 1500) > 1e-4
    assert children(Mutation.remove, 5, Program(), op_set=only_learn) == [Program()] * 5


def test_a_trade_inserts_and_removes_whatever_the_bounds():
    program = Program(learn=[I(Op.scalar_const, out=1, data=[x]) for x in (1.0, 2.0, 3.0)])
    only_learn = OpSet([], [], [Op.no_op])
    made = children(
        Mutation.trade,
        1600,
        program,
        op_set=only_learn,
        min_sizes=(0, 0, 3),
        max_sizes=(0, 0, 3),
    )
    assert {len(child.learn) for child in made} == {3}
    # One in four times the new instruction is the one that goes.
    same = sum(child == program for child in made)
    assert stats.binomtest(same, 1600, 0.25).pvalue > 1e-4
    assert children(Mutation.trade, 3, Program(), op_set=only_learn) == [Program()] * 3


def test_empty_components_stay_empty_where_nothing_can_be_changed():
    for mutation in (0, 1, 2, 3, 5):
        assert children(mutation, 5, Program()) == [Program()] * 5


def test_how_often_a_child_is_changed_at_all():
    program = Program(learn=[I(Op.no_op)])
    ops = OpSet([], [], [Op.scalar_const])
    for probability in (0.0, 0.3, 0.9, 1.0):
        made = children(
            Mutation.randomize_instruction, 2000, program, op_set=ops, probability=probability
        )
        count = sum(child != program for child in made)
        assert stats.binomtest(count, 2000, probability).pvalue > 1e-4
    assert children(Mutation.identity, 20, program) == [program] * 20


def test_types_are_drawn_from_the_list_and_may_be_weighted():
    program = Program(learn=[I(Op.no_op)] * 4)
    generator = np.random.default_rng(0)
    sizes = Counter(
        len(
            mutate(
                program,
                generator,
                op_set=OpSet([], [], [Op.no_op]),
                memory=MEMORY,
                mutations=[Mutation.insert, Mutation.remove, Mutation.remove, Mutation.identity],
                probability=1.0,
                max_sizes=(9, 9, 9),
            ).learn
        )
        for _ in range(2000)
    )
    observed, expected = [sizes[5], sizes[3], sizes[4]], [500, 1000, 500]
    assert stats.chisquare(observed, expected)[1] > 1e-4


@pytest.mark.parametrize(
    ("op", "parts"),
    [
        (Op.scalar_sum, {"in1": 1 / 3, "in2": 1 / 3, "out": 1 / 3}),
        (Op.vector_norm, {"in1": 1 / 2, "out": 1 / 2}),
        (Op.matrix_const, {"data": 1 / 2, "out": 1 / 2}),
        (Op.scalar_gaussian, {"data": 1 / 2, "out": 1 / 2}),
    ],
)
def test_each_part_of_an_instruction_is_equally_likely(op, parts):
    wide = Memory(scalars=1000, vectors=1000, matrices=1000)  # a redrawn address is a new one
    old = I(op, 1, 2, 3, [0.25, 0.5, 0.75])
    generator = np.random.default_rng(0)
    seen = Counter()
    for _ in range(1500):
        new = alter_instruction(old, wide, generator)
        seen.update(
            [p for p in ("in1", "in2", "out", "data") if getattr(new, p) != getattr(old, p)]
        )
    observed = [seen[part] for part in parts]
    total = sum(observed)
    assert set(seen) <= set(parts)
    assert total > 1400  # the rest redrew what it had
    assert stats.chisquare(observed, [total * share for share in parts.values()])[1] > 1e-4


def test_altered_addresses_are_uniform_and_never_the_label_or_the_features():
    generator = np.random.default_rng(0)
    made = [alter_instruction(I(Op.scalar_sum, 1, 2, 3), MEMORY, generator) for _ in range(9000)]
    outs = Counter(i.out for i in made if i.in1 == 1 and i.in2 == 2 and i.out != 3)
    assert uniform(outs, [1, 2], sum(outs.values())) > 1e-4
    first = Counter(i.in1 for i in made if i.in1 != 1)
    assert uniform(first, [0, 2, 3], sum(first.values())) > 1e-4
    made = [alter_instruction(I(Op.vector_abs, 0, out=2), MEMORY, generator) for _ in range(500)]
    assert {i.out for i in made} == {1, 2}
    assert alter_instruction(I(Op.no_op), MEMORY, generator) == I(Op.no_op)


def test_constants_take_log_normal_steps_and_turn_their_sign():
    generator = np.random.default_rng(0)
    for op, place in ((Op.scalar_const, 0), (Op.vector_const, 1), (Op.vector_gaussian, 0)):
        old = I(op, out=1, data=[0.5, 0.5, 0.5])
        new = np.array([alter_data(old, generator).data[place] for _ in range(6000)])
        new = new[new != 0.5]
        turned = new == -0.5
        assert stats.binomtest(int(turned.sum()), len(new), 0.1).pvalue > 1e-4
        assert (new[~turned] > 0).all()
        assert stats.kstest(np.log(new[~turned] / 0.5), "norm").pvalue > 1e-4
    negative = I(Op.scalar_const, out=1, data=[-2.0])
    new = np.array([alter_data(negative, generator).data[0] for _ in range(500)])
    assert set(np.sign(new[new != 2.0])) == {-1.0}


def test_a_standard_deviation_stays_positive():
    generator = np.random.default_rng(0)
    old = I(Op.vector_gaussian, out=1, data=[0.5, 0.5])
    new = np.array([alter_data(old, generator).data[1] for _ in range(4000)])
    assert (new > 0).all()
    new = new[new != 0.5]
    assert stats.binomtest(len(new), 4000, 0.5).pvalue > 1e-4  # one half changed the mean
    assert stats.kstest(np.log(new / 0.5), "norm").pvalue > 1e-4


def test_zero_stays_zero():
    generator = np.random.default_rng(0)
    old = I(Op.scalar_const, out=1, data=[0.0])
    assert all(alter_data(old, generator).data[0] == 0.0 for _ in range(50))


def test_an_index_is_drawn_anew_and_the_value_kept():
    generator = np.random.default_rng(0)
    old = I(Op.matrix_const, out=1, data=[0.25, 0.5, 0.75])
    made = [alter_data(old, generator) for _ in range(3000)]
    seen = Counter()
    for new in made:
        differ = [
            name for name, a, b in zip(old.op.data, old.data, new.data, strict=True) if a != b
        ]
        assert len(differ) == 1
        seen.update(differ)
    assert uniform(seen, ["row", "column", "value"], 3000) > 1e-4
    rows = [new.data[0] for new in made if new.data[0] != 0.25]
    assert stats.kstest(rows, "uniform").pvalue > 1e-4


def test_bounds_are_put_in_order():
    generator = np.random.default_rng(0)
    old = I(Op.scalar_uniform, out=1, data=[0.5, -0.5])
    made = [alter_data(old, generator).data for _ in range(500)]
    assert all(low <= high for low, high, _ in made)
    assert all(0.5 in data or -0.5 in data for data in made)  # one of the two was kept


def test_a_constant_that_would_overflow_stays():
    generator = np.random.default_rng(0)
    old = I(Op.vector_uniform, out=1, data=[3e38, 3.2e38])
    for _ in range(100):
        assert np.isfinite(alter_data(old, generator).data).all()


def test_children_fit_the_memory_and_parents_stay(draw_program):
    for seed in range(60):
        program = draw_program(seed)
        before = str(program)
        generator = np.random.default_rng(seed)
        memory = Memory(scalars=4, vectors=3, matrices=2, features=3)
        for mutation in Mutation:
            child = mutate(
                program,
                generator,
                op_set=OpSet.full(),
                memory=memory,
                mutations=[mutation],
                max_sizes=(20, 20, 20),
            )
            child.check(memory)
        assert str(program) == before


def test_bad_arguments_are_named():
    generator, program = np.random.default_rng(0), parent()
    options = {"memory": MEMORY, "max_sizes": (9, 9, 9)}
    with pytest.raises(ValueError, match="mutations must name a type"):
        mutate(program, generator, op_set=OpSet.full(), mutations=[], **options)
    with pytest.raises(ValueError, match="op_set an op, got none"):
        mutate(program, generator, op_set=OpSet([], [], []), mutations=[1], **options)
    with pytest.raises(ValueError, match=r"probability must lie in \[0, 1\], got 1.5"):
        mutate(program, generator, op_set=OpSet.full(), mutations=[1], probability=1.5, **options)
    with pytest.raises(ValueError, match="is not a valid Mutation"):
        mutate(program, generator, op_set=OpSet.full(), mutations=[8], **options)
    with pytest.raises(ValueError, match="ops must hold at least one op, got none"):
        random_instruction([], MEMORY, generator)
    with pytest.raises(ValueError, match="memory must have more vectors for vector_abs, got 1"):
        random_instruction([Op.vector_abs], Memory(vectors=1), generator)
    with pytest.raises(ValueError, match="memory must have more matrices for matrix_norm, got 0"):
        mutate_component(
            (), Mutation.insert, [Op.matrix_norm], Memory(matrices=0), generator, largest=3
        )
