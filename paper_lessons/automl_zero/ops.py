"""The 65 operations that programs are made of, and which of them a search may use.

Numbers, signatures and costs are those of the authors' reference. A cost is what one execution
takes in the authors' unit; the sum over a program serves as a time limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

COMPONENTS = ("setup", "predict", "learn")

KINDS = {"s": "scalar", "v": "vector", "m": "matrix"}

_INDEX = ("index", "value")
_CELL = ("row", "column", "value")
_UNIFORM = ("low", "high")
_GAUSSIAN = ("mean", "std")


class Op(IntEnum):
    """One operation; its value is the paper's OP number.

    Attributes
    ----------
    inputs : tuple of str
        Kind of memory that each input is read from: "s" scalar, "v" vector, "m" matrix.
    output : str or None
        Kind of memory that the result is written to.
    data : tuple of str
        Names of the constants that an instruction with this op carries.
    cost : float
        The authors' cost of one execution, in their unit.
    text : str
        How an instruction is printed; ``a`` and ``b`` are its inputs, ``d0`` to ``d2`` its data.
    doc : str
        What it computes, in one line.
    random : bool
        Whether it draws numbers each time it is executed.
    partial : bool
        Whether it writes one element and keeps the others.

    Examples
    --------
    >>> Op(18).name, Op.scalar_vector_product.inputs, Op.scalar_vector_product.output
    ('scalar_vector_product', ('s', 'v'), 'v')
    """

    inputs: tuple[str, ...]
    output: str | None
    data: tuple[str, ...]
    cost: float
    text: str
    doc: str
    random: bool
    partial: bool

    def __new__(
        cls,
        number: int,
        inputs: str = "",
        output: str | None = None,
        data: tuple[str, ...] = (),
        cost: float = 0.0,
        text: str = "",
        doc: str = "",
    ) -> Op:
        """A member, from a row of the table below."""
        op = int.__new__(cls, number)
        op._value_ = number
        op.inputs = tuple(inputs)
        op.output = output
        op.data = data
        op.cost = cost
        op.text = text
        op.doc = doc
        op.random = data in (_UNIFORM, _GAUSSIAN)
        op.partial = data in (_INDEX, _CELL)
        return op

    # number, inputs, output, data, cost, how it is printed, what it does
    no_op = 0, "", None, (), 3.01, "pass", "nothing"
    scalar_sum = 1, "ss", "s", (), 4.70, "{a} + {b}", "a + b"
    scalar_difference = 2, "ss", "s", (), 5.10, "{a} - {b}", "a - b"
    scalar_product = 3, "ss", "s", (), 4.42, "{a} * {b}", "a b"
    scalar_division = 4, "ss", "s", (), 3.96, "{a} / {b}", "a / b; x/0 is inf, 0/0 is nan"
    scalar_abs = 5, "s", "s", (), 3.68, "abs({a})", "|a|"
    scalar_reciprocal = 6, "s", "s", (), 4.21, "1 / {a}", "1 / a; 1/0 is inf"
    scalar_sin = 7, "s", "s", (), 7.54, "sin({a})", "sine, a in radians"
    scalar_cos = 8, "s", "s", (), 7.45, "cos({a})", "cosine, a in radians"
    scalar_tan = 9, "s", "s", (), 7.58, "tan({a})", "tangent, a in radians"
    scalar_arcsin = 10, "s", "s", (), 9.15, "arcsin({a})", "arc sine; nan outside [-1, 1]"
    scalar_arccos = 11, "s", "s", (), 7.67, "arccos({a})", "arc cosine; nan outside [-1, 1]"
    scalar_arctan = 12, "s", "s", (), 9.27, "arctan({a})", "arc tangent"
    scalar_exp = 13, "s", "s", (), 11.76, "exp({a})", "e to the power a"
    scalar_log = 14, "s", "s", (), 11.63, "log({a})", "natural logarithm; log 0 is -inf"
    scalar_heaviside = 15, "s", "s", (), 4.06, "heaviside({a}, 1)", "1 if a >= 0 else 0"
    vector_heaviside = 16, "v", "v", (), 3.97, "heaviside({a}, 0)", "1 where a > 0, else 0"
    matrix_heaviside = 17, "m", "m", (), 6.73, "heaviside({a}, 0)", "1 where a > 0, else 0"
    scalar_vector_product = 18, "sv", "v", (), 3.71, "{a} * {b}", "a b, a scalar and b vector"
    scalar_broadcast = 19, "s", "v", (), 4.17, "broadcast({a})", "a vector that is a everywhere"
    vector_reciprocal = 20, "v", "v", (), 6.31, "1 / {a}", "1 / a, element by element"
    vector_norm = 21, "v", "s", (), 4.81, "norm({a})", "Euclidean norm"
    vector_abs = 22, "v", "v", (), 3.71, "abs({a})", "|a|, element by element"
    vector_sum = 23, "vv", "v", (), 4.70, "{a} + {b}", "a + b"
    vector_difference = 24, "vv", "v", (), 4.17, "{a} - {b}", "a - b"
    vector_product = 25, "vv", "v", (), 4.50, "{a} * {b}", "a b, element by element"
    vector_division = 26, "vv", "v", (), 4.56, "{a} / {b}", "a / b, element by element"
    vector_inner_product = 27, "vv", "s", (), 4.29, "dot({a}, {b})", "sum of a[i] b[i]"
    vector_outer_product = 28, "vv", "m", (), 9.83, "outer({a}, {b})", "out[i, j] = a[i] b[j]"
    scalar_matrix_product = 29, "sm", "m", (), 5.99, "{a} * {b}", "a b, a scalar and b matrix"
    matrix_reciprocal = 30, "m", "m", (), 24.34, "1 / {a}", "1 / a, element by element"
    matrix_vector_product = 31, "mv", "v", (), 9.31, "dot({a}, {b})", "a b, a matrix and b vector"
    vector_column_broadcast = 32, "v", "m", (), 10.99, "columns({a})", "out[i, j] = a[i]"
    vector_row_broadcast = 33, "v", "m", (), 11.09, "rows({a})", "out[i, j] = a[j]"
    matrix_norm = 34, "m", "s", (), 6.42, "norm({a})", "Frobenius norm"
    matrix_column_norm = 35, "m", "v", (), 6.68, "norm({a}, axis=0)", "norm of each column"
    matrix_row_norm = 36, "m", "v", (), 13.35, "norm({a}, axis=1)", "norm of each row"
    matrix_transpose = 37, "m", "m", (), 9.39, "transpose({a})", "out[i, j] = a[j, i]"
    matrix_abs = 38, "m", "m", (), 4.63, "abs({a})", "|a|, element by element"
    matrix_sum = 39, "mm", "m", (), 5.58, "{a} + {b}", "a + b"
    matrix_difference = 40, "mm", "m", (), 5.43, "{a} - {b}", "a - b"
    matrix_product = 41, "mm", "m", (), 5.48, "{a} * {b}", "a b, element by element"
    matrix_division = 42, "mm", "m", (), 18.23, "{a} / {b}", "a / b, element by element"
    matrix_matrix_product = 43, "mm", "m", (), 14.52, "matmul({a}, {b})", "the matrix product"
    scalar_min = 44, "ss", "s", (), 3.68, "min({a}, {b})", "b if b < a else a"
    vector_min = 45, "vv", "v", (), 3.99, "min({a}, {b})", "b where b < a, else a"
    matrix_min = 46, "mm", "m", (), 5.46, "min({a}, {b})", "a where a < b, else b"
    scalar_max = 47, "ss", "s", (), 4.57, "max({a}, {b})", "b if a < b else a"
    vector_max = 48, "vv", "v", (), 3.97, "max({a}, {b})", "b where a < b, else a"
    matrix_max = 49, "mm", "m", (), 5.84, "max({a}, {b})", "a where a > b, else b"
    vector_mean = 50, "v", "s", (), 4.28, "mean({a})", "mean of the elements"
    matrix_mean = 51, "m", "s", (), 4.60, "mean({a})", "mean of the elements"
    matrix_row_mean = 52, "m", "v", (), 9.76, "mean({a}, axis=1)", "mean of each row"
    matrix_row_std = 53, "m", "v", (), 16.77, "std({a}, axis=1)", "deviation of each row, as below"
    vector_std = 54, "v", "s", (), 5.59, "std({a})", "sqrt(mean(a^2) - mean(a)^2); may be nan"
    matrix_std = 55, "m", "s", (), 10.64, "std({a})", "sqrt(mean(a^2) - mean(a)^2); may be nan"
    scalar_const = 56, "", "s", ("const",), 3.69, "{d0}", "a constant"
    vector_const = 57, "", "v", _INDEX, 3.99, "{d1}", "out[int(F index)] = value, rest kept"
    matrix_const = 58, "", "m", _CELL, 3.69, "{d2}", "out[int(F row), int(F column)] = value"
    scalar_uniform = 59, "", "s", _UNIFORM, 26.61, "uniform({d0}, {d1})", "drawn at each execution"
    vector_uniform = 60, "", "v", _UNIFORM, 57.82, "uniform({d0}, {d1})", "drawn at each execution"
    matrix_uniform = 61, "", "m", _UNIFORM, 208.34, "uniform({d0}, {d1})", "drawn at each execution"
    scalar_gaussian = 62, "", "s", _GAUSSIAN, 20.78, "gaussian({d0}, {d1})", "drawn when executed"
    vector_gaussian = 63, "", "v", _GAUSSIAN, 77.48, "gaussian({d0}, {d1})", "drawn when executed"
    matrix_gaussian = 64, "", "m", _GAUSSIAN, 277.69, "gaussian({d0}, {d1})", "drawn when executed"


@dataclass(frozen=True)
class OpSet:
    """The ops that a search may put into each component.

    Parameters
    ----------
    setup, predict, learn : iterable of Op
        An instruction's op is drawn uniformly from its component's list. A component with an empty
        list is never changed.

    Raises
    ------
    ValueError
        If a list holds something that is no op.

    Examples
    --------
    >>> OpSet((), (), [Op.scalar_sum]).learn
    (<Op.scalar_sum: 1>,)
    """

    setup: tuple[Op, ...]
    predict: tuple[Op, ...]
    learn: tuple[Op, ...]

    def __init__(self, setup: Iterable[Op], predict: Iterable[Op], learn: Iterable[Op]) -> None:
        for name, ops in zip(COMPONENTS, (setup, predict, learn), strict=True):
            try:
                listed = tuple(Op(op) for op in ops)
            except (TypeError, ValueError):
                raise ValueError(
                    f"{name} must list ops (members of Op or numbers 0 to 64), got {ops!r}"
                ) from None
            object.__setattr__(self, name, listed)

    def __iter__(self) -> Iterator[tuple[Op, ...]]:
        return iter((self.setup, self.predict, self.learn))

    @property
    def ops(self) -> tuple[Op, ...]:
        """All ops of the three lists, each once, in the order of their numbers."""
        return tuple(sorted({*self.setup, *self.predict, *self.learn}))

    @classmethod
    def demo(cls) -> OpSet:
        """The authors' demonstration: six ops, in every component.

        Examples
        --------
        >>> len(OpSet.demo().ops)
        6
        """
        ops = (
            Op.scalar_const,
            Op.vector_inner_product,
            Op.scalar_difference,
            Op.scalar_product,
            Op.scalar_vector_product,
            Op.vector_sum,
        )
        return cls(ops, ops, ops)

    @classmethod
    def linear(cls) -> OpSet:
        """The same six, each only where a linear model needs it (the authors' integration test).

        Examples
        --------
        >>> [op.name for op in OpSet.linear().predict]
        ['vector_inner_product']
        """
        return cls(
            (Op.scalar_const,),
            (Op.vector_inner_product,),
            (Op.scalar_difference, Op.scalar_product, Op.scalar_vector_product, Op.vector_sum),
        )

    @classmethod
    def baseline(cls) -> OpSet:
        """What a two-layer network is made of, and some more (supplement S9, "basic").

        Examples
        --------
        >>> [len(ops) for ops in OpSet.baseline()]
        [7, 5, 9]
        """
        return cls(
            (
                Op.scalar_const,
                Op.scalar_gaussian,
                Op.vector_gaussian,
                Op.matrix_gaussian,
                Op.scalar_uniform,
                Op.vector_uniform,
                Op.matrix_uniform,
            ),
            (
                Op.scalar_sum,
                Op.matrix_vector_product,
                Op.vector_max,
                Op.vector_inner_product,
                Op.vector_sum,
            ),
            (
                Op.scalar_sum,
                Op.scalar_difference,
                Op.scalar_product,
                Op.scalar_vector_product,
                Op.vector_sum,
                Op.vector_heaviside,
                Op.vector_product,
                Op.vector_outer_product,
                Op.matrix_sum,
            ),
        )

    @classmethod
    def full(cls) -> OpSet:
        """All 65 ops in every component.

        Examples
        --------
        >>> len(OpSet.full().ops)
        65
        """
        return cls(Op, Op, Op)
