"""The table of ops, and each op against NumPy and SciPy, on numbers of every kind."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from paper_lessons.automl_zero import Instruction, Memory, Op, OpSet
from paper_lessons.automl_zero.arithmetic import compute, place
from paper_lessons.automl_zero.interpreter import MemoryState, execute

F = 3
GENERATOR = np.random.default_rng(0)


def column_by_column(function):
    return lambda a: np.array([function(a[:, c]) for c in range(F)])


def row_by_row(function):
    return lambda a: np.array([function(a[r]) for r in range(F)])


def spread(a):
    return np.sqrt(np.mean(a * a) - np.mean(a) ** 2)


def prefer(a, b, better):
    """b where b is better than a, else a: as a loop over elements."""
    pairs = zip(np.ravel(a), np.ravel(b), strict=True)
    chosen = [y if better(y, x) else x for x, y in pairs]
    return np.array(chosen).reshape(np.shape(a))


def step(a, includes_zero):
    return np.array(
        [1.0 if (x > 0 or (includes_zero and x == 0)) else 0.0 for x in np.ravel(a)]
    ).reshape(np.shape(a))


def less(x, y):
    return x < y


def greater(x, y):
    return x > y


# Written apart from the library, with other functions where there are some.
ORACLES = {
    "scalar_sum": np.add,
    "scalar_difference": np.subtract,
    "scalar_product": np.multiply,
    "scalar_division": np.divide,
    "scalar_abs": lambda a: np.sqrt(a * a) if abs(a) < 1e100 else np.fabs(a),
    "scalar_reciprocal": lambda a: np.divide(1.0, a),
    "scalar_sin": lambda a: np.imag(np.exp(1j * a)) if np.isfinite(a) else np.nan,
    "scalar_cos": lambda a: np.real(np.exp(1j * a)) if np.isfinite(a) else np.nan,
    "scalar_tan": lambda a: np.sin(a) / np.cos(a) if np.isfinite(a) else np.nan,
    "scalar_arcsin": lambda a: np.arctan2(a, np.sqrt((1 - a) * (1 + a))) if abs(a) <= 1 else np.nan,
    "scalar_arccos": lambda a: np.arctan2(np.sqrt((1 - a) * (1 + a)), a) if abs(a) <= 1 else np.nan,
    "scalar_arctan": lambda a: np.arctan2(a, 1.0),
    "scalar_exp": lambda a: np.expm1(a) + 1.0,
    "scalar_log": lambda a: np.log2(a) * np.log(2.0),
    "scalar_heaviside": lambda a: step(a, True),
    "vector_heaviside": lambda a: step(a, False),
    "matrix_heaviside": lambda a: step(a, False),
    "scalar_vector_product": lambda a, b: np.array([a * x for x in b]),
    "scalar_broadcast": lambda a: np.array([a] * F),
    "vector_reciprocal": lambda a: np.divide(np.ones(F), a),
    "vector_norm": lambda a: np.sqrt(np.dot(a, a)),
    "vector_abs": np.fabs,
    "vector_sum": np.add,
    "vector_difference": np.subtract,
    "vector_product": np.multiply,
    "vector_division": np.divide,
    "vector_inner_product": np.dot,
    "vector_outer_product": lambda a, b: np.array([[x * y for y in b] for x in a]),
    "scalar_matrix_product": lambda a, b: np.array([[a * x for x in row] for row in b]),
    "matrix_reciprocal": lambda a: np.divide(np.ones((F, F)), a),
    "matrix_vector_product": lambda a, b: np.array([np.dot(row, b) for row in a]),
    "vector_column_broadcast": lambda a: np.array([[a[r] for c in range(F)] for r in range(F)]),
    "vector_row_broadcast": lambda a: np.array([[a[c] for c in range(F)] for r in range(F)]),
    "matrix_norm": lambda a: np.sqrt(np.sum(a * a)),
    "matrix_column_norm": column_by_column(lambda x: np.sqrt(np.dot(x, x))),
    "matrix_row_norm": row_by_row(lambda x: np.sqrt(np.dot(x, x))),
    "matrix_transpose": lambda a: np.array([[a[c, r] for c in range(F)] for r in range(F)]),
    "matrix_abs": np.fabs,
    "matrix_sum": np.add,
    "matrix_difference": np.subtract,
    "matrix_product": np.multiply,
    "matrix_division": np.divide,
    "matrix_matrix_product": lambda a, b: np.array([[np.dot(x, y) for y in b.T] for x in a]),
    "scalar_min": lambda a, b: prefer(a, b, less),
    "vector_min": lambda a, b: prefer(a, b, less),
    "matrix_min": lambda a, b: prefer(b, a, less),
    "scalar_max": lambda a, b: prefer(a, b, greater),
    "vector_max": lambda a, b: prefer(a, b, greater),
    "matrix_max": lambda a, b: prefer(b, a, greater),
    "vector_mean": lambda a: np.dot(a, np.ones(F)) / F,
    "matrix_mean": lambda a: sum(sum(row) for row in a) / F**2,
    "matrix_row_mean": row_by_row(np.mean),
    "matrix_row_std": row_by_row(spread),
    "vector_std": spread,
    "matrix_std": spread,
}

anything = st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=False) | st.sampled_from(
    [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan]
)
moderate = st.floats(-20, 20, allow_subnormal=False) | st.sampled_from([0.0, -0.0, 1.0, -1.0])
SHAPES = {"s": (), "v": (F,), "m": (F, F)}


def values(kind, elements):
    return (
        elements.map(np.float64)
        if kind == "s"
        else hnp.arrays(float, SHAPES[kind], elements=elements)
    )


def run(op, inputs, data=(), old=None):
    old = np.zeros(SHAPES[op.output]) if old is None else old
    with np.errstate(all="ignore"):
        return compute(op, inputs, data, old, GENERATOR)


def test_there_is_an_oracle_for_each_op_with_inputs():
    assert set(ORACLES) == {op.name for op in Op if op.inputs}


@pytest.mark.parametrize("op", [op for op in Op if op.inputs], ids=lambda op: op.name)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_an_op_is_what_numpy_computes(op, data):
    inputs = [data.draw(values(kind, moderate)) for kind in op.inputs]
    with np.errstate(all="ignore"):
        expected = ORACLES[op.name](*inputs)
    found = run(op, inputs)
    assert np.shape(found) == SHAPES[op.output]
    if op.name.endswith("_std"):  # near zero the formula is a difference of two equal numbers
        found, expected = np.nan_to_num(found) ** 2, np.nan_to_num(expected) ** 2
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-11)
    else:
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


UNBOUNDED = [
    op for op in Op if op.inputs and not op.name.endswith(("_std", "_sin", "_cos", "_tan"))
]


@pytest.mark.parametrize("op", UNBOUNDED, ids=lambda op: op.name)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_nan_and_inf_go_where_ieee_arithmetic_takes_them(op, data):
    special = st.sampled_from([0.0, -0.0, 1.0, -2.0, np.inf, -np.inf, np.nan])
    inputs = [data.draw(values(kind, special)) for kind in op.inputs]
    with np.errstate(all="ignore"):
        expected = ORACLES[op.name](*inputs)
    np.testing.assert_allclose(run(op, inputs), expected, rtol=1e-12, atol=1e-12)


@settings(max_examples=100, deadline=None)
@given(a=anything, b=anything)
def test_division_and_reciprocal_know_signs_of_zero(a, b):
    with np.errstate(all="ignore"):
        expected = np.divide(np.float64(a), np.float64(b))
        inverse = np.divide(1.0, np.float64(b))
    assert np.array_equal(run(Op.scalar_division, [np.float64(a), np.float64(b)]), expected, True)
    assert np.array_equal(run(Op.scalar_reciprocal, [np.float64(b)]), inverse, True)


def test_conventions_at_zero_and_nan():
    nan, inf, zero = np.float64(np.nan), np.float64(np.inf), np.float64(0.0)
    one = np.float64(1.0)
    assert run(Op.scalar_heaviside, [zero]) == 1.0
    assert run(Op.scalar_heaviside, [-zero]) == 1.0
    assert run(Op.scalar_heaviside, [nan]) == 0.0
    assert run(Op.vector_heaviside, [np.array([0.0, -1.0, nan])]).tolist() == [0, 0, 0]
    assert run(Op.matrix_heaviside, [np.full((F, F), 0.0)]).sum() == 0
    assert np.isnan(run(Op.scalar_min, [nan, one]))
    assert run(Op.scalar_min, [one, nan]) == 1.0
    assert np.isnan(run(Op.scalar_max, [nan, one]))
    assert run(Op.scalar_max, [one, nan]) == 1.0
    nans, ones = np.full((F, F), nan), np.ones((F, F))
    assert (run(Op.matrix_min, [nans, ones]) == 1.0).all()
    assert np.isnan(run(Op.matrix_min, [ones, nans])).all()
    assert (run(Op.matrix_max, [nans, ones]) == 1.0).all()
    assert np.isnan(run(Op.matrix_max, [ones, nans])).all()
    assert run(Op.scalar_log, [zero]) == -np.inf
    assert np.isnan(run(Op.scalar_log, [-one]))
    assert run(Op.scalar_exp, [np.float64(1e4)]) == np.inf
    assert run(Op.scalar_exp, [-inf]) == 0.0
    assert np.isnan(run(Op.scalar_sin, [inf]))
    assert np.isnan(run(Op.scalar_arcsin, [np.float64(1.0000001)]))
    assert np.isnan(run(Op.scalar_division, [zero, zero]))


def test_a_deviation_is_nan_where_rounding_makes_the_variance_negative():
    found = {x: float(run(Op.vector_std, [np.full(F, x)])) for x in np.linspace(0.1, 1, 91)}
    assert any(np.isnan(value) for value in found.values())
    assert all(np.isnan(value) or value < 1e-7 for value in found.values())


def test_sums_run_from_the_first_to_the_last_element():
    for n in (3, 8, 16, 32):
        a, b = np.random.default_rng(n).standard_normal((2, n)) * 10.0 ** np.arange(n)
        total = 0.0
        for x, y in zip(a, b, strict=True):
            total += x * y
        assert compute(Op.vector_inner_product, [a, b], (), np.float64(0), GENERATOR) == total
        matrix = np.random.default_rng(n + 1).standard_normal((n, n))
        found = compute(Op.matrix_matrix_product, [matrix, matrix.T], (), matrix, GENERATOR)
        by_vector = [
            compute(Op.matrix_vector_product, [matrix, column], (), a, GENERATOR)
            for column in matrix
        ]
        assert np.array_equal(found, np.array(by_vector).T)
    zeros = run(Op.vector_inner_product, [np.full(F, -0.0), np.ones(F)])
    assert np.copysign(1.0, zeros) == 1.0


def test_norms_and_products_agree_with_scipy_on_large_matrices():
    a, b = np.random.default_rng(1).standard_normal((2, 32, 32))
    zero, vector = np.float64(0), a[0]
    found = compute(Op.matrix_norm, [a], (), zero, GENERATOR)
    assert found == pytest.approx(scipy.linalg.norm(a), rel=1e-13)
    np.testing.assert_allclose(
        compute(Op.matrix_matrix_product, [a, b], (), a, GENERATOR),
        scipy.linalg.blas.dgemm(1.0, a, b),
        rtol=1e-11,
        atol=1e-12,
    )
    for op, axis in ((Op.matrix_column_norm, 0), (Op.matrix_row_norm, 1)):
        found = compute(op, [a], (), vector, GENERATOR)
        np.testing.assert_allclose(found, scipy.linalg.norm(a, axis=axis), rtol=1e-13)
    found = compute(Op.matrix_row_std, [a], (), vector, GENERATOR)
    np.testing.assert_allclose(found, a.std(axis=1), rtol=1e-11)


@pytest.mark.parametrize("op", [op for op in Op if op.inputs], ids=lambda op: op.name)
def test_the_output_may_be_an_input(op):
    """In place and out of place give the same bits, for each input that has the output's kind."""
    generator = np.random.default_rng(op)
    memory = Memory(scalars=5, vectors=4, matrices=4, features=F)
    start = MemoryState.zeros(memory)
    for cells in (start.scalars, start.vectors, start.matrices):
        cells[...] = generator.standard_normal(cells.shape)
    results = []
    for out in (3, *(i + 1 for i, kind in enumerate(op.inputs) if kind == op.output)):
        state = MemoryState(start.scalars.copy(), start.vectors.copy(), start.matrices.copy())
        with np.errstate(all="ignore"):
            execute([Instruction(op, 1, 2, out)], state, GENERATOR)
        results.append(np.copy(state[op.output, out]))
        for kind in "svm":  # nothing else is touched
            for address in range(memory.addresses(kind)):
                if (kind, address) != (op.output, out):
                    assert np.array_equal(state[kind, address], start[kind, address])
    assert all(np.array_equal(results[0], result, equal_nan=True) for result in results)


@settings(max_examples=100, deadline=None)
@given(fraction=st.floats(0, 1, exclude_max=True, width=32), features=st.integers(1, 64))
def test_a_constant_is_put_in_one_place(fraction, features):
    index = place(fraction, features)
    assert 0 <= index < features
    assert index <= fraction * features < index + 1
    old = np.arange(1.0, features + 1)
    new = compute(Op.vector_const, [], (fraction, 0.5), old, GENERATOR)
    expected = [0.5 if i == index else i + 1.0 for i in range(features)]
    assert new.tolist() == expected
    assert old[index] == index + 1.0
    square = compute(
        Op.matrix_const, [], (0.0, fraction, -1.0), np.ones((features,) * 2), GENERATOR
    )
    assert square[0, index] == -1.0
    assert square.sum() == features**2 - 2


@pytest.mark.parametrize("kind", ["scalar", "vector", "matrix"])
def test_random_ops_draw_from_their_distribution(kind):
    generator = np.random.default_rng(3)
    old = {"scalar": np.float64(0), "vector": np.zeros(50), "matrix": np.zeros((50, 50))}[kind]
    draws = 4000 // max(1, np.size(old)) + 2
    gauss, uniform = (Op[f"{kind}_{name}"] for name in ("gaussian", "uniform"))
    found = np.array([compute(gauss, [], (0.5, 2.0, 0.0), old, generator) for _ in range(draws)])
    assert found.mean() == pytest.approx(0.5, abs=0.15)
    assert found.std() == pytest.approx(2.0, abs=0.15)
    assert len(np.unique(found)) == found.size  # afresh at every execution
    for low, high in ((-0.5, 0.25), (0.25, -0.5)):  # unsorted bounds mean the same interval
        found = np.array(
            [compute(uniform, [], (low, high, 0.0), old, generator) for _ in range(draws)]
        )
        assert -0.5 <= found.min() < -0.48
        assert 0.23 < found.max() <= 0.25
        assert found.mean() == pytest.approx(-0.125, abs=0.02)
    assert np.shape(found[0]) == np.shape(old)


def test_the_table_has_all_ops_with_the_published_costs():
    assert [int(op) for op in Op] == list(range(65))
    assert len({op.name for op in Op}) == 65
    assert Op(44).name == "scalar_min"
    assert sum(op.cost for op in Op) == pytest.approx(1081.32)
    for op in Op:
        assert op.doc
        assert op.random == (op.value >= 59)
        assert op.partial == (op.value in (57, 58))
        assert (op.output is None) == (op is Op.no_op)
        assert not (op.inputs and op.data)
        kind = {"s": "scalar", "v": "vector", "m": "matrix"}
        if op.inputs:
            assert op.name.startswith(kind[op.inputs[0]])


def test_op_sets_are_those_of_the_experiments():
    demo, linear = OpSet.demo(), OpSet.linear()
    assert demo.setup == demo.predict == demo.learn
    assert demo.ops == linear.ops
    assert [len(ops) for ops in linear] == [1, 1, 4]
    assert OpSet.full().predict == tuple(Op)
    assert Op.vector_outer_product in OpSet.baseline().learn
    with pytest.raises(ValueError, match=r"predict must list ops .* got \['plus'\]"):
        OpSet([], ["plus"], [])
