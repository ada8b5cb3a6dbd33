"""What each op computes, in NumPy.

Sums run from the first element to the last, starting at zero, so that a result is one number to the
last bit and not a matter of the machine. (``np.sum`` and ``np.dot`` choose an order of their own.)
Sines, exponentials and their like come from the C library, which the engine calls too: NumPy has its
own on processors with wide registers, and those differ in the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from paper_lessons.automl_zero.ops import Op

Value = Any  # np.float64, or an array of shape (F,) or (F, F)


def _sum(values: Value, axis: int = -1) -> Value:
    # accumulate is defined as one addition after the other; + 0.0 turns a sum of -0.0 into 0.0
    return np.take(np.add.accumulate(values, axis=axis), -1, axis=axis) + 0.0


def _norm(values: Value, axis: int = -1) -> Value:
    return np.sqrt(_sum(values * values, axis))


def _mean(values: Value) -> Value:
    return _sum(values) / values.shape[-1]


def _std(values: Value) -> Value:
    # Not the sum of squared deviations: rounding can make this the root of a negative number, nan.
    mean = _mean(values)
    return np.sqrt(_mean(values * values) - mean * mean)


def _where(condition: Value, a: Value, b: Value) -> Value:
    chosen: Value = np.where(condition, a, b)
    return chosen[()]  # a float64, not an array without dimensions


def _step(is_one: Value) -> Value:
    return _where(is_one, 1.0, 0.0)


def _columns(a: Value) -> Value:
    return np.repeat(a[:, None], len(a), axis=1)


def _rows(a: Value) -> Value:
    return np.repeat(a[None, :], len(a), axis=0)


def _from_c(name: str, c_name: str) -> Callable[[Value], Value]:
    of_c, of_numpy = getattr(math, c_name), getattr(np, name)

    def function(a: Value) -> Value:
        try:
            return np.float64(of_c(a))
        except (ValueError, OverflowError):  # nan or infinity, which Python refuses
            return of_numpy(a)

    return function


# The ops that have inputs, as functions of them. Comparisons with nan are false: that decides what
# heaviside, min and max make of it.
FUNCTIONS: dict[Op, Callable[..., Value]] = {
    Op.scalar_sum: lambda a, b: a + b,
    Op.scalar_difference: lambda a, b: a - b,
    Op.scalar_product: lambda a, b: a * b,
    Op.scalar_division: lambda a, b: a / b,
    Op.scalar_abs: np.abs,
    Op.scalar_reciprocal: lambda a: 1.0 / a,
    Op.scalar_sin: _from_c("sin", "sin"),
    Op.scalar_cos: _from_c("cos", "cos"),
    Op.scalar_tan: _from_c("tan", "tan"),
    Op.scalar_arcsin: _from_c("arcsin", "asin"),
    Op.scalar_arccos: _from_c("arccos", "acos"),
    Op.scalar_arctan: _from_c("arctan", "atan"),
    Op.scalar_exp: _from_c("exp", "exp"),
    Op.scalar_log: _from_c("log", "log"),
    Op.scalar_heaviside: lambda a: _step(a >= 0.0),
    Op.vector_heaviside: lambda a: _step(a > 0.0),
    Op.matrix_heaviside: lambda a: _step(a > 0.0),
    Op.scalar_vector_product: lambda a, b: a * b,
    Op.vector_reciprocal: lambda a: 1.0 / a,
    Op.vector_norm: _norm,
    Op.vector_abs: np.abs,
    Op.vector_sum: lambda a, b: a + b,
    Op.vector_difference: lambda a, b: a - b,
    Op.vector_product: lambda a, b: a * b,
    Op.vector_division: lambda a, b: a / b,
    Op.vector_inner_product: lambda a, b: _sum(a * b),
    Op.vector_outer_product: lambda a, b: a[:, None] * b[None, :],
    Op.scalar_matrix_product: lambda a, b: a * b,
    Op.matrix_reciprocal: lambda a: 1.0 / a,
    Op.matrix_vector_product: lambda a, b: _sum(a * b),
    Op.vector_column_broadcast: _columns,
    Op.vector_row_broadcast: _rows,
    Op.matrix_norm: lambda a: _norm(a.ravel()),
    Op.matrix_column_norm: lambda a: _norm(a, axis=0),
    Op.matrix_row_norm: _norm,
    Op.matrix_transpose: lambda a: a.T.copy(),
    Op.matrix_abs: np.abs,
    Op.matrix_sum: lambda a, b: a + b,
    Op.matrix_difference: lambda a, b: a - b,
    Op.matrix_product: lambda a, b: a * b,
    Op.matrix_division: lambda a, b: a / b,
    # (F, F, 1) * (1, F, F) -> (F, F, F), summed over the middle
    Op.matrix_matrix_product: lambda a, b: _sum(a[:, :, None] * b[None, :, :], axis=1),
    Op.scalar_min: lambda a, b: _where(b < a, b, a),
    Op.vector_min: lambda a, b: _where(b < a, b, a),
    Op.matrix_min: lambda a, b: _where(a < b, a, b),
    Op.scalar_max: lambda a, b: _where(a < b, b, a),
    Op.vector_max: lambda a, b: _where(a < b, b, a),
    Op.matrix_max: lambda a, b: _where(a > b, a, b),
    Op.vector_mean: _mean,
    Op.matrix_mean: lambda a: _mean(a.ravel()),
    Op.matrix_row_mean: _mean,
    Op.matrix_row_std: _std,
    Op.vector_std: _std,
    Op.matrix_std: lambda a: _std(a.ravel()),
}


def compute(
    op: Op,
    inputs: Sequence[Value],
    data: Sequence[float],
    old: Value,
    generator: np.random.Generator,
) -> Value:
    """The value that an instruction writes.

    Parameters
    ----------
    op : Op
        Any op but no_op.
    inputs : sequence of values
        A float64, an array of shape (F,) or one of shape (F, F) for each input of the op.
    data : sequence of float
        The instruction's constants.
    old : value
        What the output address holds now: it gives the shape, and the elements that the ops
        vector_const and matrix_const keep.
    generator : numpy.random.Generator
        Where the random ops draw from.

    Returns
    -------
    value
        A new float64 or array; the inputs stay as they are.

    Notes
    -----
    Source: the paper's list of ops, with the conventions of the authors' reference at nan and zero.

    Examples
    --------
    >>> a, b = np.float64(2.0), np.array([1.0, 3.0])
    >>> compute(Op.scalar_vector_product, (a, b), (), b, np.random.default_rng(0))
    array([2., 6.])
    """
    if op.inputs:
        # scalar_broadcast has one input but needs the length of what it fills
        return np.full_like(old, inputs[0]) if op is Op.scalar_broadcast else FUNCTIONS[op](*inputs)
    if op.random:
        first, second = data[0], data[1]
        if op.data == ("low", "high"):
            return first + (second - first) * generator.random(np.shape(old))
        return first + second * generator.standard_normal(np.shape(old))
    if op is Op.scalar_const:
        return np.float64(data[0])
    *fractions, value = data[: len(op.data)]
    new = old.copy()
    new[tuple(place(fraction, len(old)) for fraction in fractions)] = value
    return new


def place(fraction: float, features: int) -> int:
    """The index that a fraction in [0, 1) stands for when there are F features.

    Examples
    --------
    >>> place(0.5, 4), place(0.49, 4)
    (2, 1)
    """
    return int(features * fraction)
