"""Programs that people wrote: where searches start, and what their finds are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from paper_lessons.automl_zero.ops import COMPONENTS, Op
from paper_lessons.automl_zero.program import Instruction, Program

I = Instruction  # noqa: E741 - the programs below are tables of instructions


def empty_program(sizes: Sequence[int]) -> Program:
    """A program of no_ops, from which a search without any knowledge starts.

    Parameters
    ----------
    sizes : three ints
        Instructions of Setup, Predict and Learn.

    Returns
    -------
    Program

    Raises
    ------
    ValueError
        If a size is negative or there are not three.

    Examples
    --------
    >>> empty_program((1, 0, 2)).sizes
    (1, 0, 2)
    """
    if len(sizes) != len(COMPONENTS) or any(size < 0 for size in sizes):
        raise ValueError(f"sizes must be three numbers from 0, got {sizes!r}")
    return Program(*([I(Op.no_op)] * size for size in sizes))


def linear_model(learning_rate: float = 0.01) -> Program:
    """Linear regression by stochastic gradient descent, one row at a time.

    Parameters
    ----------
    learning_rate : float
        Step size.

    Returns
    -------
    Program
        Weights in v1. Needs 4 scalars and 3 vectors.

    Notes
    -----
    Source: the linear model of the authors' reference.

    Examples
    --------
    >>> print(linear_model().predict[0])
    s1 = dot(v1, v0)
    """
    return Program(
        setup=[I(Op.scalar_const, out=2, data=[learning_rate])],
        predict=[I(Op.vector_inner_product, 1, 0, 1)],
        learn=[
            I(Op.scalar_difference, 0, 1, 3),
            I(Op.scalar_product, 2, 3, 3),
            I(Op.scalar_vector_product, 3, 0, 2),
            I(Op.vector_sum, 1, 2, 1),
        ],
    )


def neural_network(
    learning_rate: float = 0.01, *, first_std: float = 0.1, last_std: float = 0.1
) -> Program:
    """A network with one hidden layer of F ReLU units, trained by gradient descent, row by row.

    Parameters
    ----------
    learning_rate : float
        Step size.
    first_std, last_std : float
        Standard deviations that the weights of the first and the last layer are drawn with.

    Returns
    -------
    Program
        First layer: weights m0, bias v1. Last layer: weights v2, bias s2. Needs 5 scalars, 9 vectors
        and 2 matrices.

    Notes
    -----
    Source: Figure 5 of the paper and the reference's network. The error goes back through v2 after v2
    was updated, which textbook backpropagation does not do.

    Examples
    --------
    >>> neural_network().sizes
    (3, 5, 11)
    """
    return Program(
        setup=[
            I(Op.vector_gaussian, out=2, data=[0.0, last_std]),
            I(Op.matrix_gaussian, out=0, data=[0.0, first_std]),
            I(Op.scalar_const, out=3, data=[learning_rate]),
        ],
        predict=[
            I(Op.matrix_vector_product, 0, 0, 3),
            I(Op.vector_sum, 3, 1, 3),
            I(Op.vector_max, 3, 5, 4),  # v5 is never written: zero
            I(Op.vector_inner_product, 4, 2, 1),
            I(Op.scalar_sum, 1, 2, 1),
        ],
        learn=[
            I(Op.scalar_difference, 0, 1, 4),
            I(Op.scalar_product, 3, 4, 4),
            I(Op.scalar_sum, 2, 4, 2),
            I(Op.scalar_vector_product, 4, 4, 6),
            I(Op.vector_sum, 2, 6, 2),
            I(Op.scalar_vector_product, 4, 2, 7),
            I(Op.vector_heaviside, 3, out=8),
            I(Op.vector_product, 8, 7, 7),
            I(Op.vector_sum, 1, 7, 1),
            I(Op.vector_outer_product, 7, 0, 1),
            I(Op.matrix_sum, 0, 1, 0),
        ],
    )


def bilinear_fig6(
    learning_rate: float = 0.01,
    *,
    offset: float = 0.3,
    noise: float = 0.1,
    bilinear: bool = True,
    normalize: bool = True,
    accumulate: bool = True,
) -> Program:
    """The parts of the best program that the paper's search found, each of which can be left out.

    With features x and a vector u, which is drawn anew after each training row, a = x + u and
    b = x - u; the prediction is ``a W b``; W takes a step along the gradient ``(y - p) a b``; and what
    predicts after training is the sum of all the W that training went through.

    Parameters
    ----------
    learning_rate : float
        Step size.
    offset, noise : float
        u is uniform between offset - noise and offset + noise; a noise of 0 makes it constant. The
        offset supplies what is linear in x: with neither, the prediction is the same for x and -x.
    bilinear : bool
        Without, the prediction is linear, ``w a``.
    normalize : bool
        Whether the gradient is divided by its norm. A gradient of zero then gives nan, which ends
        the program.
    accumulate : bool
        Whether the sum of the weights predicts. The program has no way to tell that training is
        over; it takes the sum at the end of every Predict and puts W back at the end of Learn, so the
        first row after training is still predicted with W.

    Returns
    -------
    Program
        s2 step size, v1 noise, m1 (v5) W, m2 (v6) sum, m0 (v4) what predicts.

    Raises
    ------
    ValueError
        If the noise is negative.

    Notes
    -----
    Source: Figure 6 of the paper, for the parts; which address holds what is our own, and so are the
    default numbers.

    Examples
    --------
    >>> print(bilinear_fig6(accumulate=False, normalize=False))
    def Setup():
      s2 = 0.01
    def Predict():
      v2 = v0 + v1
      v3 = v0 - v1
      v7 = dot(m1, v3)
      s1 = dot(v2, v7)
    def Learn():
      s3 = s0 - s1
      s3 = s2 * s3
      v7 = s3 * v2
      m3 = outer(v7, v3)
      m1 = m1 + m3
      v1 = uniform(0.2, 0.4)
    """
    if noise < 0.0:
        raise ValueError(f"noise must not be negative, got {noise!r}")
    setup = [I(Op.scalar_const, out=2, data=[learning_rate])]
    predict = [I(Op.vector_sum, 0, 1, 2)]
    learn = [I(Op.scalar_difference, 0, 1, 3)]
    kind = _MATRIX if bilinear else _VECTOR
    used = kind.used if accumulate else kind.weights

    if accumulate:
        setup.append(I(Op.scalar_const, out=5, data=[1.0]))  # there is no op that copies; 1 W does
    if noise == 0.0:
        setup.append(I(Op.scalar_const, out=4, data=[offset]))
        setup.append(I(Op.scalar_broadcast, 4, out=1))
    if bilinear:
        predict.append(I(Op.vector_difference, 0, 1, 3))
        predict.append(I(Op.matrix_vector_product, used, 3, 7))
        predict.append(I(Op.vector_inner_product, 2, 7, 1))
    else:
        predict.append(I(Op.vector_inner_product, used, 2, 1))
    learn += _gradient(kind, normalize)
    learn.append(I(kind.add, kind.weights, kind.gradient, kind.weights))
    if accumulate:
        predict.append(I(kind.scale, 5, kind.total, used))
        learn.append(I(kind.add, kind.total, kind.weights, kind.total))
        learn.append(I(kind.scale, 5, kind.weights, used))
    if noise > 0.0:
        learn.append(I(Op.vector_uniform, out=1, data=[offset - noise, offset + noise]))
    return Program(setup, predict, learn)


class _Weights(NamedTuple):
    """Ops and addresses of the weights."""

    scale: Op
    add: Op
    norm: Op
    used: int  # what predicts
    weights: int
    total: int  # the sum of the weights so far
    gradient: int


_MATRIX = _Weights(Op.scalar_matrix_product, Op.matrix_sum, Op.matrix_norm, 0, 1, 2, 3)
_VECTOR = _Weights(Op.scalar_vector_product, Op.vector_sum, Op.vector_norm, 4, 5, 6, 7)


def _gradient(kind: _Weights, normalize: bool) -> list[Instruction]:
    """From the error s3, a = v2 and b = v3 to a step along the gradient."""
    steps = []
    if not normalize:
        steps.append(I(Op.scalar_product, 2, 3, 3))
    steps.append(I(Op.scalar_vector_product, 3, 2, 7))
    if kind is _MATRIX:
        steps.append(I(Op.vector_outer_product, 7, 3, kind.gradient))
    if normalize:
        steps.append(I(kind.norm, kind.gradient, out=4))
        steps.append(I(Op.scalar_division, 2, 4, 4))
        steps.append(I(kind.scale, 4, kind.gradient, kind.gradient))
    return steps
