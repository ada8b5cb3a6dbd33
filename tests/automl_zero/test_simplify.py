"""Dead code goes, and no fitness changes by a bit."""

from __future__ import annotations

import numpy as np
import pytest

from paper_lessons.automl_zero import (
    Instruction,
    Memory,
    Op,
    OpSet,
    Program,
    fitness,
    interpret,
    programs,
    random_program,
    simplify,
)
from paper_lessons.automl_zero.simplify import count_live, liveness

I = Instruction  # noqa: E741


@pytest.mark.parametrize("kind", ["rms", "accuracy"])
def test_no_fitness_changes_by_a_bit(kind, draw_program, tasks, class_tasks):
    chosen = tasks if kind == "rms" else class_tasks
    removed, fitnesses = 0, set()
    for number in range(400):
        program = draw_program(number)
        short = simplify(program)
        task, epochs = number % 2, 1 + number % 3
        one = interpret(program, chosen, task, epochs=epochs)
        other = interpret(short, chosen, task, epochs=epochs)
        assert one.fitness == other.fitness
        assert one.stopped == other.stopped
        assert np.array_equal(one.train_errors, other.train_errors, equal_nan=True)
        for mine, yours in zip(one.valid_predictions, other.valid_predictions, strict=True):
            assert np.array_equal(mine, yours, equal_nan=True)
        fitnesses.add(one.fitness)
        removed += sum(program.sizes) - sum(short.sizes)
    assert removed > 2000  # otherwise nothing was put to the test
    assert len(fitnesses) > (80 if kind == "rms" else 5)


def test_what_is_left_is_needed(memory, tasks):
    """Leaving out one more instruction changes a prediction more often than not."""
    ops = [Op.scalar_sum, Op.scalar_product, Op.vector_mean, Op.vector_sum, Op.scalar_const]
    needed = total = 0
    for seed in range(60):
        generator = np.random.default_rng(seed)
        program = simplify(random_program((3, 4, 4), OpSet(ops, ops, ops), memory, generator))
        reference = interpret(program, tasks).train_errors
        for component in range(3):
            for place in range(program.sizes[component]):
                parts = [list(part) for part in program.components]
                del parts[component][place]
                total += 1
                needed += interpret(Program(*parts), tasks).train_errors != reference
    assert total > 100
    assert needed > 0.5 * total


def test_simplifying_twice_changes_nothing(draw_program):
    for number in range(200):
        short = simplify(draw_program(number))
        assert simplify(short) == short
        assert all(all(flags) for flags in liveness(short))


@pytest.mark.parametrize(
    "program",
    [
        programs.linear_model(),
        programs.neural_network(),
        programs.bilinear_fig6(),
        programs.bilinear_fig6(bilinear=False),
    ],
)
def test_programs_by_hand_have_no_dead_code(program):
    assert simplify(program) == program


def test_no_ops_and_what_only_feeds_dead_code_go():
    dead = [I(Op.no_op), I(Op.scalar_const, out=2, data=[1.0]), I(Op.scalar_abs, 2, out=3)]
    kept = I(Op.vector_mean, 0, out=1)
    assert simplify(Program(dead, [*dead, kept], dead)) == Program((), [kept], ())
    assert count_live(Program(dead, [*dead, kept])) == {"setup": 0, "predict": 1, "learn": 0}


def test_what_is_overwritten_goes_and_what_is_kept_stays():
    first, second = I(Op.scalar_const, out=1, data=[1.0]), I(Op.scalar_const, out=1, data=[2.0])
    assert simplify(Program(predict=[first, second])).predict == (second,)
    use = I(Op.vector_mean, 1, out=1)
    # One element of v1 is set; the others come from before.
    element = I(Op.vector_const, out=1, data=[0.0, 1.0])
    whole = I(Op.vector_abs, 0, out=1)
    assert simplify(Program(predict=[whole, element, use])).predict == (whole, element, use)
    assert simplify(Program(predict=[element, whole, use])).predict == (whole, use)
    cell, sum_up = I(Op.matrix_const, out=0, data=[0.0, 0.5, 1.0]), I(Op.matrix_mean, 0, out=1)
    outer = I(Op.vector_outer_product, 0, 0, 0)
    assert simplify(Program(predict=[outer, cell, sum_up])).predict == (outer, cell, sum_up)


def test_what_predict_leaves_for_the_next_row_is_alive():
    # s3 is read before it is written: from row to row, in validation too.
    predict = [I(Op.scalar_sum, 1, 3, out=1), I(Op.vector_mean, 0, out=3)]
    assert simplify(Program(predict=predict)).predict == tuple(predict)
    # Through three components and two turns of the loop.
    chain = Program(
        setup=[I(Op.scalar_const, out=4, data=[0.5])],
        predict=[I(Op.scalar_abs, 2, out=1)],
        learn=[I(Op.scalar_abs, 3, out=2), I(Op.scalar_abs, 4, out=3)],
    )
    assert simplify(chain) == chain


def test_what_learn_writes_for_nobody_goes():
    program = Program(
        predict=[I(Op.vector_mean, 0, out=1)],
        learn=[I(Op.scalar_abs, 0, out=1), I(Op.scalar_difference, 0, 1, out=2)],
    )
    assert simplify(program).learn == ()


def test_dead_random_ops_go_and_the_fitness_of_others_is_drawn_anew(tasks):
    noise = I(Op.scalar_gaussian, out=3, data=[0.0, 1.0])
    used = I(Op.scalar_gaussian, out=1, data=[0.0, 1.0])
    short = simplify(Program(predict=[noise, used]))
    assert short.predict == (used,)
    assert fitness(short, tasks) != fitness(Program(predict=[noise, used]), tasks)


def test_a_program_that_does_not_fit_the_memory_is_refused():
    with pytest.raises(ValueError, match=r"predict\[0\] .* must read one of s0 to s3, got s7"):
        simplify(Program(predict=[I(Op.scalar_abs, 7, out=1)]), Memory())
