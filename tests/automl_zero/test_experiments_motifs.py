"""Motifs are found where they are, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from paper_lessons.automl_zero import Instruction as I
from paper_lessons.automl_zero import Op, Program, programs
from paper_lessons.automl_zero.experiments.motifs import (
    MOTIFS,
    count_motifs,
    has_noisy_input,
    has_noisy_relu,
    has_rate_decay,
    learning_rates,
    rate_left,
)

NETWORK = programs.neural_network(0.1)


def network(
    *,
    setup: Sequence[I] = (),
    first: Sequence[I] = (),
    predict: dict[int, I] | None = None,
    learn: Sequence[I] = (),
    early: Sequence[I] = (),
) -> Program:
    """The network with instructions added: to Setup, before Predict, before places of Predict, before and after Learn."""
    between = [
        one
        for n, i in enumerate(NETWORK.predict)
        for one in ([predict[n]] if predict and n in predict else []) + [i]
    ]
    return Program([*NETWORK.setup, *setup], [*first, *between], [*early, *NETWORK.learn, *learn])


def noise(out: int, op: Op = Op.vector_gaussian, data: Sequence[float] = (0.0, 0.1)) -> I:
    return I(op, out=out, data=data)


NOISY = {
    "drawn in Predict in the zero's place": network(first=[noise(5)]),
    "drawn in Learn in the zero's place": network(learn=[noise(5)]),
    "uniform": network(learn=[noise(5, Op.vector_uniform, (0.0, 0.2))]),
    "added before the maximum": network(first=[noise(7)], predict={2: I(Op.vector_sum, 3, 7, 3)}),
    "drawn in Learn, added before the maximum": network(
        learn=[noise(8)], predict={2: I(Op.vector_sum, 8, 3, 3)}
    ),
    "a factor": network(
        first=[noise(4, Op.scalar_gaussian, (1.0, 0.5))],
        predict={2: I(Op.scalar_vector_product, 4, 3, 3)},
    ),
    "over two steps": network(
        learn=[noise(7), I(Op.vector_abs, 7, out=5)],
    ),
    "next to a weight": network(
        learn=[noise(7), I(Op.vector_sum, 7, 1, 5)],
    ),
    "at the end of Predict, for the next row": Program(
        NETWORK.setup, [*NETWORK.predict, noise(5)], NETWORK.learn
    ),
}

QUIET = {
    "the network": NETWORK,
    "the linear model": programs.linear_model(),
    "drawn once": network(setup=[noise(5)]),
    "no spread": network(learn=[noise(5, data=(0.3, 0.0))]),
    "no width": network(learn=[noise(5, Op.vector_uniform, (0.2, 0.2))]),
    "dead": network(learn=[noise(7)]),
    "overwritten": network(first=[noise(5)], predict={2: I(Op.vector_abs, 0, out=5)}),
    "after the maximum": network(first=[noise(7)], predict={3: I(Op.vector_sum, 4, 7, 4)}),
    "in the gradient": Program(
        NETWORK.setup,
        NETWORK.predict,
        [*NETWORK.learn[:8], noise(6), I(Op.vector_sum, 6, 7, 7), *NETWORK.learn[8:]],
    ),
    "a walk": network(learn=[noise(7), I(Op.vector_sum, 7, 5, 5)]),
}


@pytest.mark.parametrize("name", NOISY)
def test_noise_at_the_relu_is_found(name: str) -> None:
    assert has_noisy_relu(NOISY[name])
    assert not has_noisy_input(NOISY[name])


@pytest.mark.parametrize("name", QUIET)
def test_other_noise_is_not_taken_for_it(name: str) -> None:
    assert not has_noisy_relu(QUIET[name])


def test_noise_in_the_input_is_another_motif() -> None:
    noisy = [noise(8), I(Op.vector_sum, 0, 8, 7), I(Op.matrix_vector_product, 0, 7, 3)]
    program = Program(NETWORK.setup, [*noisy, *NETWORK.predict[1:]], NETWORK.learn)
    assert has_noisy_input(program)
    assert not has_noisy_relu(program)
    assert has_noisy_input(programs.bilinear_fig6())
    for quiet in (NETWORK, network(learn=[noise(7)]), programs.bilinear_fig6(noise=0.0)):
        assert not has_noisy_input(quiet)


def scalar(value: float, out: int) -> I:
    return I(Op.scalar_const, out=out, data=[value])


DECAYING = {
    "arctan at the end": network(learn=[I(Op.scalar_arctan, 3, out=3)]),
    "arctan at the beginning": network(early=[I(Op.scalar_arctan, 3, out=3)]),
    "arctan in Predict": network(first=[I(Op.scalar_arctan, 3, out=3)]),
    "sine": network(learn=[I(Op.scalar_sin, 3, out=3)]),
    "a factor below 1": Program(
        [*programs.linear_model(0.1).setup, scalar(0.999, 4)],
        programs.linear_model().predict,
        [*programs.linear_model().learn, I(Op.scalar_product, 2, 4, 2)],
    ),
    "a denominator that grows": Program(
        [scalar(10.0, 2), scalar(0.1, 4)],
        programs.linear_model().predict,
        [
            I(Op.scalar_sum, 2, 4, 2),
            I(Op.scalar_difference, 0, 1, 3),
            I(Op.scalar_division, 3, 2, 3),
            *programs.linear_model().learn[2:],
        ],
    ),
    "by way of another scalar": Program(
        [scalar(1.0, 4), scalar(0.1, 2)],
        programs.linear_model().predict,
        [
            I(Op.scalar_arctan, 4, out=4),
            I(Op.scalar_product, 2, 4, 5),
            I(Op.scalar_difference, 0, 1, 3),
            I(Op.scalar_product, 5, 3, 3),
            *programs.linear_model().learn[2:],
        ],
    ),
}

STEADY = {
    "the network": NETWORK,
    "arctan of another scalar": network(learn=[I(Op.scalar_arctan, 3, out=5)]),
    "a rate that grows": network(learn=[I(Op.scalar_tan, 3, out=3)]),
    "absolute value": network(learn=[I(Op.scalar_abs, 3, out=3)]),
    "set anew in each step": network(
        early=[scalar(0.05, 3)], learn=[I(Op.scalar_arctan, 3, out=3)]
    ),
    "never set": Program((), NETWORK.predict, NETWORK.learn),
    "what the rows decide": network(learn=[I(Op.scalar_product, 3, 1, 3)]),
    "drawn anew": network(learn=[I(Op.scalar_gaussian, out=3, data=[0.1, 0.01])]),
    "arctan of the error": network(learn=[I(Op.scalar_arctan, 4, out=4)]),
    "nothing is learned": Program(NETWORK.setup, NETWORK.predict, ()),
}


@pytest.mark.parametrize("name", DECAYING)
def test_rates_that_fall_are_found(name: str) -> None:
    assert has_rate_decay(DECAYING[name], steps=700)
    assert count_motifs(DECAYING[name], 700) == dict.fromkeys(MOTIFS, False) | {"rate_decay": True}


@pytest.mark.parametrize("name", STEADY)
def test_other_rates_are_not_taken_for_falling_ones(name: str) -> None:
    assert not has_rate_decay(STEADY[name], steps=700)


def test_a_rate_too_small_to_shrink_does_not_count() -> None:
    """arctan takes a third of the cube: of 0.001 next to nothing in 700 steps, much in a million."""
    tiny = programs.neural_network(0.001)
    program = Program(tiny.setup, tiny.predict, [*tiny.learn, I(Op.scalar_arctan, 3, out=3)])
    assert not has_rate_decay(program, steps=700)
    (rates,) = {tuple(rates) for rates in learning_rates(program, 700).values()}
    assert rates[0] == 0.001
    # 1 / rate^2 grows by 2/3 a step.
    assert rates[-1] == pytest.approx(1 / np.sqrt(1e6 + 699 * 2 / 3), rel=1e-6)


def test_rates_are_those_of_the_run() -> None:
    program = DECAYING["arctan at the beginning"]
    (rates,) = learning_rates(program, 4).values()
    expected = [np.arctan(0.1)]
    for _ in range(3):
        expected.append(np.arctan(expected[-1]))
    np.testing.assert_allclose(rates, expected, rtol=1e-15)
    assert rate_left(program, 4) == rates[-1] / rates[0]
    # Nothing is left of a rate of zero, nor of none.
    assert rate_left(STEADY["never set"], 4) is None
    assert rate_left(STEADY["nothing is learned"], 4) is None
    with pytest.raises(ValueError, match="steps must be at least 1"):
        learning_rates(program, 0)
