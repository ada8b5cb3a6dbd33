"""The four operators against solvers, finite differences, closed forms and their own symmetries."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata
from torch import Tensor

from paper_lessons.soft_sort import (
    isotonic_kl,
    isotonic_l2,
    project_onto_permutahedron,
    soft_rank,
    soft_sort,
)

Operator = Callable[..., Tensor]

OPERATORS = pytest.mark.parametrize("operator", [soft_sort, soft_rank])
REGULARIZATIONS = pytest.mark.parametrize("regularization", ["l2", "kl"])
DIRECTIONS = pytest.mark.parametrize("descending", [False, True])
STRENGTHS = pytest.mark.parametrize("strength", [0.05, 0.5, 2.0, 30.0])

FIVE = torch.tensor([0.3, -1.2, 0.9, 0.5, 2.0], dtype=torch.float64)


def defining_projection(
    project: Any, operator: Operator, x: np.ndarray, regularization: str, strength: float, sign: int
) -> np.ndarray:
    """The operator by its definition; `sign` is +1 ascending, -1 descending."""
    rho = np.arange(len(x), 0.0, -1.0)
    if operator is soft_sort:
        return -sign * project(rho / strength, -sign * x, regularization)
    if regularization == "l2":
        return project(sign * x / strength, rho, "l2")
    return np.exp(project(sign * x / strength, np.log(rho), "kl"))


@OPERATORS
@REGULARIZATIONS
@DIRECTIONS
@pytest.mark.parametrize("strength", [0.3, 1.0, 5.0])
def test_is_the_projection_that_a_general_solver_finds(
    operator, regularization, descending, strength, project_by_slsqp
):
    generator = np.random.default_rng(0)
    rows = [FIVE.numpy(), generator.standard_normal(6), np.array([0.5, 0.5, -1.0, 2.0]), np.ones(1)]
    for x in rows:
        expected = defining_projection(
            project_by_slsqp, operator, x, regularization, strength, -1 if descending else 1
        )
        found = operator(torch.tensor(x), regularization, strength, descending=descending)
        np.testing.assert_allclose(found, expected, atol=2e-5)


@OPERATORS
@REGULARIZATIONS
@DIRECTIONS
@STRENGTHS
@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_derivatives_agree_with_finite_differences(
    operator, regularization, descending, strength, backend
):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(3, 7, dtype=torch.float64, generator=generator).requires_grad_()

    def function(values: Tensor) -> Tensor:
        return operator(values, regularization, strength, descending=descending, backend=backend)

    assert torch.autograd.gradcheck(function, (x,), check_forward_ad=True)
    if regularization == "l2":
        assert torch.autograd.gradgradcheck(function, (x,))


@REGULARIZATIONS
@DIRECTIONS
def test_without_strength_the_hard_operators(regularization, descending):
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(4, 300, generator=generator)
    x[1] = (3 * x[1]).round()
    x[2] = 0.1
    ranks = soft_rank(x, regularization, 0.0, descending=descending)
    assert torch.equal(ranks, torch.tensor(rankdata(-x if descending else x, axis=-1)).float())
    expected = torch.sort(x, dim=-1, descending=descending).values
    assert torch.equal(soft_sort(x, regularization, 0, descending=descending), expected)


def test_without_strength_rank_has_no_gradient_and_sort_permutes_it():
    x = FIVE.clone().requires_grad_()
    g = torch.arange(5, dtype=torch.float64)
    (of_rank,) = torch.autograd.grad(soft_rank(x, regularization_strength=0), x, g)
    (of_sort,) = torch.autograd.grad(soft_sort(x, regularization_strength=0), x, g)
    assert torch.equal(of_rank, torch.zeros_like(x))
    assert torch.equal(of_sort[x.detach().argsort()], g)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n", [1, 2, 100, 255, 256, 257, 5000])
def test_hard_ranks_are_exact_to_the_bit(n, dtype):
    x = torch.randn(5, n, dtype=dtype, generator=torch.Generator().manual_seed(n))
    x[0] = (x[0] * 2).round()
    for strength in (0.0, 1e-30):
        assert torch.equal(
            soft_rank(x, "l2", strength), torch.tensor(rankdata(x, axis=-1)).to(dtype)
        )


def awkward_rows(n: int, dtype: torch.dtype) -> Tensor:
    """Rows that are hard to sort: close, huge, tiny, tied, signed zeros, presorted, saw-toothed."""
    generator = torch.Generator().manual_seed(3)
    uniform = torch.rand(n, dtype=dtype, generator=generator)
    zeros = torch.zeros(n, dtype=dtype)
    zeros[::3] = -0.0
    top = torch.finfo(dtype).max
    return torch.stack(
        [
            1e9 + 1e-3 * uniform,
            1.0 + 1e-12 * uniform,
            (uniform - 0.5) * top,
            uniform * torch.finfo(dtype).tiny * 1e-3,
            zeros,
            uniform.sort().values,
            uniform.sort(descending=True).values,
            torch.arange(n, dtype=dtype) % 7,
            torch.where(torch.arange(n) == n // 2, 1e20, uniform).to(dtype),
            torch.exp(40 * uniform - 20),
            (uniform - 0.5) * 1e-30,
        ]
    )


@DIRECTIONS
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n", [3, 100, 300, 3000])
def test_awkward_rows_are_sorted_exactly_and_stably(n, dtype, descending):
    rows = awkward_rows(n, dtype).requires_grad_()
    found = soft_sort(rows, regularization_strength=0, descending=descending)
    expected, order = torch.sort(rows.detach(), dim=-1, descending=descending, stable=True)
    assert torch.equal(found, expected)
    (g,) = torch.autograd.grad(found, rows, torch.arange(n, dtype=dtype).expand_as(rows))
    assert torch.equal(g.gather(-1, order), torch.arange(n, dtype=dtype).expand_as(rows))


@OPERATORS
@REGULARIZATIONS
@DIRECTIONS
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_both_backends_agree_in_values_and_blocks(operator, regularization, descending, dtype):
    """Equal gradients mean equal blocks: a block more or less shows in them."""
    generator = torch.Generator().manual_seed(4)
    digits = 2e-6 if dtype == torch.float32 else 1e-13
    for n, scale, strength in product((1, 2, 5, 40, 300), (1e-3, 1.0, 1e4), (0, 1e-9, 0.1, 1, 1e3)):
        x = scale * torch.randn(4, n, dtype=dtype, generator=generator)
        x[1] = x[1].round()
        x[2] = 0.1
        x[3] = x[3] + 1e3 * scale
        g = torch.randn(4, n, dtype=dtype, generator=generator)
        results = []
        for backend in ("numba", "torch"):
            values = x.clone().requires_grad_()
            out = operator(values, regularization, strength, descending=descending, backend=backend)
            results.append((out.detach(), *torch.autograd.grad(out, values, g)))
        for ours, reference in zip(*results, strict=True):
            room = digits * max(1.0, n, reference.abs().max().item())
            assert (ours - reference).abs().max() <= room


def test_float32_ranks_are_as_good_as_float64_rounded():
    x = torch.rand(4, 2000, generator=torch.Generator().manual_seed(5))
    for regularization, strength in product(("l2", "kl"), (1e-6, 1e-3, 1e-1)):
        single = soft_rank(x, regularization, strength)
        double = soft_rank(x.double(), regularization, strength)
        assert (single - double).abs().max() <= 2000 * 2**-23


@DIRECTIONS
def test_limits_of_great_strength(descending):
    x = FIVE
    sign = 1.0 if descending else -1.0
    for strength in (1e12, float("inf")):
        near = {"atol": 1e-10, "rtol": 0.0}
        for regularization in ("l2", "kl"):
            ranks = soft_rank(x, regularization, strength, descending=descending)
            torch.testing.assert_close(ranks, torch.full_like(x, 3.0), **near)
        flat = soft_sort(x, "l2", strength, descending=descending)
        torch.testing.assert_close(flat, x.mean().expand(5), **near)
        flat = soft_sort(x, "kl", strength, descending=descending)
        log_mean_exp = sign * (torch.logsumexp(sign * x, 0) - np.log(5))
        torch.testing.assert_close(flat, log_mean_exp.expand(5), **near)


rows = st.lists(
    st.floats(-100, 100, allow_subnormal=False).map(lambda v: round(v, 3)), min_size=1, max_size=40
).map(lambda values: torch.tensor(values, dtype=torch.float64))
strengths = st.floats(1e-3, 1e3)
regularizations = st.sampled_from(["l2", "kl"])


@settings(max_examples=150, deadline=None)
@given(rows, regularizations, strengths, st.booleans())
def test_order_is_preserved(x, regularization, strength, descending):
    values = soft_sort(x, regularization, strength, descending=descending)
    steps = values.diff() if not descending else -values.diff()
    assert (steps >= -1e-9 * values.abs().max()).all()
    ranks = soft_rank(x, regularization, strength, descending=descending)
    steps = ranks[x.argsort(descending=descending)].diff()
    assert (steps >= -1e-9 * len(x)).all()
    assert ((ranks > 1 - 1e-9) & (ranks < len(x) + 1e-9)).all()


@settings(max_examples=150, deadline=None)
@given(rows, strengths, st.booleans())
def test_sums_are_kept(x, strength, descending):
    n = len(x)
    for regularization in ("l2", "kl"):
        ranks = soft_rank(x, regularization, strength, descending=descending)
        assert ranks.sum().item() == pytest.approx(n * (n + 1) / 2, rel=1e-10)
    total = soft_sort(x, "l2", strength, descending=descending).sum()
    assert total.item() == pytest.approx(x.sum().item(), rel=1e-9, abs=1e-9)


@settings(max_examples=150, deadline=None)
@given(rows, regularizations, strengths, st.floats(-50, 50), st.floats(0.1, 10))
def test_shifts_and_scales(x, regularization, strength, shift, scale):
    near = {"rtol": 1e-7, "atol": 1e-7 * (1 + 1 / strength)}
    ranks = soft_rank(x, regularization, strength)
    torch.testing.assert_close(soft_rank(x + shift, regularization, strength), ranks, **near)
    scaled = soft_rank(scale * x, regularization, scale * strength)
    torch.testing.assert_close(scaled, ranks, **near)
    values = soft_sort(x, regularization, strength)
    torch.testing.assert_close(
        soft_sort(x + shift, regularization, strength), values + shift, **near
    )
    if regularization == "l2":
        scaled = soft_sort(scale * x, "l2", strength / scale)
        torch.testing.assert_close(scaled, scale * values, **near)


@settings(max_examples=100, deadline=None)
@given(rows, regularizations, strengths, st.randoms(use_true_random=False))
def test_permutations_of_the_input(x, regularization, strength, random):
    order = list(range(len(x)))
    random.shuffle(order)
    ranks = soft_rank(x, regularization, strength)
    # block sums add up in another order: equal but for rounding
    near = {"rtol": 1e-9, "atol": 1e-9 * (1 + 1 / strength)}
    torch.testing.assert_close(soft_rank(x[order], regularization, strength), ranks[order], **near)
    values = soft_sort(x, regularization, strength)
    torch.testing.assert_close(soft_sort(x[order], regularization, strength), values, **near)


@settings(max_examples=100, deadline=None)
@given(rows, strengths)
def test_the_two_directions(x, strength):
    near = {"rtol": 1e-9, "atol": 1e-9 * (1 + 1 / strength)}
    up, down = soft_rank(x, "l2", strength), soft_rank(x, "l2", strength, descending=True)
    torch.testing.assert_close(down, len(x) + 1 - up, **near)
    for regularization in ("l2", "kl"):
        down = soft_sort(x, regularization, strength, descending=True)
        assert torch.equal(soft_sort(-x, regularization, strength), -down)


@pytest.mark.parametrize("regularization", ["l2", "kl"])
@pytest.mark.parametrize("strength", [0.0, 1e-12, 0.1, 10.0])
def test_tied_values_share_rank_and_gradient(regularization, strength):
    x = torch.tensor([0.1, 3.0, 0.1, -7.0, 0.1, 3.0], dtype=torch.float64, requires_grad=True)
    ranks = soft_rank(x, regularization, strength)
    assert ranks[0] == ranks[2] == ranks[4]
    assert ranks[1] == ranks[5]
    (g,) = torch.autograd.grad(ranks[0] + ranks[2] + ranks[4], x)
    assert torch.equal(g[[0, 0]], g[[2, 4]])


# --- shapes, dtypes, devices -------------------------------------------------------------------


@OPERATORS
@REGULARIZATIONS
def test_any_dim_of_any_batch(operator, regularization):
    x = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(6))
    g = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(7))
    for dim in range(-4, 4):
        one, other = x.clone().requires_grad_(), x.clone().requires_grad_()
        found = operator(one, regularization, 0.3, dim=dim)
        expected = operator(other.movedim(dim, -1).contiguous(), regularization, 0.3)
        expected = expected.movedim(-1, dim)
        assert torch.equal(found, expected)
        found.backward(g)
        expected.backward(g)
        assert torch.equal(one.grad, other.grad)
    row = x[0, 0, 0]
    assert torch.equal(
        operator(row, regularization, 0.3), operator(x, regularization, 0.3)[0, 0, 0]
    )


@OPERATORS
def test_non_contiguous_input_and_gradient(operator):
    x = torch.randn(6, 8).T[::2].requires_grad_()
    copy = x.detach().clone().contiguous().requires_grad_()
    g = torch.randn(12, 4).T[:, ::2]
    found, expected = operator(x, "kl", 0.2), operator(copy, "kl", 0.2)
    assert torch.equal(found, expected)
    (ours,) = torch.autograd.grad(found, x, g)
    (theirs,) = torch.autograd.grad(expected, copy, g.contiguous())
    assert torch.equal(ours, theirs)
    (sparse,) = torch.autograd.grad(operator(copy, "l2", 0.2).sum(0)[0], copy)
    assert sparse.isfinite().all()


@OPERATORS
@REGULARIZATIONS
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_types_are_computed_in_float32(operator, regularization, dtype):
    x = torch.randn(3, 100, generator=torch.Generator().manual_seed(8)).to(dtype).requires_grad_()
    wide = x.detach().float().requires_grad_()
    found, expected = operator(x, regularization, 0.1), operator(wide, regularization, 0.1)
    assert found.dtype == dtype
    assert torch.equal(found, expected.to(dtype))
    g = torch.randn(3, 100).to(dtype)
    found.backward(g)
    expected.backward(g.float())
    assert torch.equal(x.grad, wide.grad.to(dtype))


@OPERATORS
@REGULARIZATIONS
@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.int16])
def test_integers_become_the_default_float(operator, regularization, dtype):
    x = torch.tensor([[3, 1, 2], [9, 9, 4]], dtype=dtype)
    found = operator(x, regularization, 0.7)
    assert found.dtype == torch.float32
    assert torch.equal(found, operator(x.float(), regularization, 0.7))
    torch.set_default_dtype(torch.float64)
    try:
        assert operator(x, regularization, 0.7).dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


@OPERATORS
@REGULARIZATIONS
@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 3), (2, 0, 3)])
def test_empty_input(operator, regularization, shape):
    x = torch.zeros(shape, requires_grad=True)
    out = operator(x, regularization)
    assert out.shape == shape
    out.sum().backward()
    assert x.grad.shape == shape


@REGULARIZATIONS
@pytest.mark.parametrize("strength", [0, 0.5, float("inf")])
def test_one_element(regularization, strength):
    x = torch.tensor([[4.5], [-1.0]], requires_grad=True)
    assert torch.equal(soft_rank(x, regularization, strength), torch.ones(2, 1))
    assert torch.equal(soft_sort(x, regularization, strength), x)
    (g,) = torch.autograd.grad(soft_sort(x, regularization, strength).sum(), x)
    assert torch.equal(g, torch.ones(2, 1))
    (g,) = torch.autograd.grad(soft_rank(x, regularization, strength).sum(), x)
    assert torch.equal(g, torch.zeros(2, 1))


@OPERATORS
def test_the_input_is_left_alone(operator):
    x = torch.randn(4, 300, generator=torch.Generator().manual_seed(9))
    copy = x.clone()
    for regularization, strength in product(("l2", "kl"), (0, 0.01, 100)):
        operator(x, regularization, strength)
    assert torch.equal(x, copy)


def test_autocast_keeps_what_comes_in():
    x = torch.randn(4, 8, requires_grad=True)
    layer = torch.nn.Linear(8, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scores = layer(x)
        ranks = soft_rank(scores, "l2", 0.5)
        assert scores.dtype == ranks.dtype == torch.bfloat16
        assert soft_rank(x, "kl", 0.5).dtype == torch.float32
        loss = (ranks.float() ** 2).mean()
    loss.backward()
    assert x.grad.abs().sum() > 0


def test_strength_may_be_a_tensor_without_gradient():
    x = torch.randn(5)
    expected = soft_rank(x, "l2", 0.5)
    assert torch.equal(soft_rank(x, "l2", torch.tensor(0.5)), expected)
    assert torch.equal(soft_rank(x, "l2", np.float32(0.5)), expected)
    with pytest.raises(ValueError, match="must not require a gradient"):
        soft_rank(x, "l2", torch.tensor(0.5, requires_grad=True))
    with pytest.raises(ValueError, match="a number or a 0-d tensor"):
        soft_rank(x, "l2", torch.tensor([0.5]))


# --- what is not finite --------------------------------------------------------------------------


@OPERATORS
@REGULARIZATIONS
@DIRECTIONS
@pytest.mark.parametrize("strength", [0.0, 0.3, 1e6])
@pytest.mark.parametrize("backend", ["numba", "torch"])
@pytest.mark.parametrize("n", [2, 9, 400])
def test_a_nan_spoils_its_row_and_no_other(
    operator, regularization, descending, strength, backend, n
):
    x = torch.randn(4, n, generator=torch.Generator().manual_seed(10))
    x[0, 1] = float("nan")
    x[2, 0] = -float("nan")
    x.requires_grad_()
    out = operator(x, regularization, strength, descending=descending, backend=backend)
    (g,) = torch.autograd.grad(out, x, torch.ones(4, n))
    for rows in (out, g):
        assert rows[[0, 2]].isnan().all()
        assert rows[[1, 3]].isfinite().all()


@REGULARIZATIONS
@DIRECTIONS
@pytest.mark.parametrize("strength", [0.0, 1e-3, 2.0, 1e3])
@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_one_infinity_each_way_gets_its_exact_rank(regularization, descending, strength, backend):
    x = torch.tensor([0.5, float("inf"), -1.0, 2.0, -float("inf")], requires_grad=True)
    ranks = soft_rank(x, regularization, strength, descending=descending, backend=backend)
    first, last = (1.0, 5.0) if descending else (5.0, 1.0)
    assert ranks[1] == first
    assert ranks[4] == last
    rest = soft_rank(x.detach()[[0, 2, 3]], regularization, strength, descending=descending)
    if regularization == "l2":
        torch.testing.assert_close(ranks[[0, 2, 3]].detach(), rest + 1)
    (g,) = torch.autograd.grad(ranks, x, torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]))
    assert g.isfinite().all()
    assert g[1] == g[4] == 0.0


@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_infinities_that_tie_or_enter_a_sum_make_the_row_nan(backend):
    inf = float("inf")
    x = torch.tensor([[1.0, inf, inf], [-inf, 2.0, -inf], [1.0, 2.0, 3.0]])
    ranks = soft_rank(x, "l2", 0.1, backend=backend)
    assert ranks[:2].isnan().all()
    assert torch.equal(ranks[2], torch.tensor([1.0, 2.0, 3.0]))
    assert soft_rank(x, "kl", 0.1, backend=backend)[:2].isnan().all()
    values = soft_sort(x, "l2", 0.1, backend=backend)
    assert values[:2].isnan().all()
    # hard operators compare and never add
    hard = soft_rank(x, "l2", 0, backend=backend)
    assert torch.equal(hard[:2], torch.tensor([[1.0, 2.5, 2.5], [1.5, 3.0, 1.5]]))
    assert torch.equal(soft_sort(x, "l2", 0, backend=backend), x.sort().values)


# --- what is refused ---------------------------------------------------------------------------


@OPERATORS
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"values": torch.tensor(1.0)},
            "values must have at least one dimension, got a 0-d tensor",
        ),
        ({"values": [1.0, 2.0]}, r"values must be a torch\.Tensor, got list"),
        ({"values": torch.ones(3, dtype=torch.bool)}, r"real numbers, got torch\.bool"),
        ({"values": torch.ones(3, dtype=torch.complex64)}, r"real numbers, got torch\.complex64"),
        ({"regularization": "L2"}, "regularization must be 'l2' or 'kl', got 'L2'"),
        ({"regularization": 2}, "regularization must be 'l2' or 'kl', got 2"),
        (
            {"regularization_strength": -0.1},
            r"regularization_strength must be a non-negative number, got -0\.1 "
            r"\(0 gives the hard operator\)",
        ),
        ({"regularization_strength": float("nan")}, "non-negative number, got nan"),
        ({"regularization_strength": "much"}, "non-negative number, got 'much'"),
        ({"regularization_strength": None}, "non-negative number, got None"),
        ({"dim": 1}, r"dim must be an integer from -1 to 0 for values of shape \(3,\), got 1"),
        ({"dim": 0.0}, r"dim must be an integer from -1 to 0"),
        ({"backend": "cuda"}, "backend must be 'auto' or 'numba' or 'torch', got 'cuda'"),
    ],
)
def test_bad_arguments_are_named(operator, arguments, message):
    with pytest.raises(ValueError, match=message):
        operator(**{"values": torch.tensor([1.0, 3.0, 2.0]), **arguments})


def test_the_kernels_stay_on_the_cpu():
    with pytest.raises(ValueError, match="works on CPU tensors only, got a tensor on meta"):
        soft_rank(torch.empty(3, device="meta"), backend="numba")


@pytest.mark.parametrize("operator", [soft_rank, soft_sort, isotonic_l2])
def test_what_is_no_dense_tensor_is_refused_in_one_sentence(operator):
    with pytest.raises(ValueError, match=r"must be a dense tensor, got torch\.sparse_coo"):
        operator(torch.eye(3).to_sparse())
    with pytest.raises(ValueError, match=r"must be a dense tensor, got torch\.sparse_csr"):
        operator(torch.eye(3).to_sparse_csr())
    for layout in (torch.strided, torch.jagged):
        ragged = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=layout)
        with pytest.raises(
            ValueError, match="must be a plain tensor, got a nested one: pad its rows"
        ):
            operator(ragged)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.int64])
def test_meta_tensors_give_shapes(dtype):
    values = torch.empty(4, 7, dtype=dtype, device="meta")
    for operator, regularization in product((soft_rank, soft_sort), ("l2", "kl")):
        found = operator(values, regularization, dim=0)
        assert (found.shape, found.device.type) == (values.shape, "meta")
        assert found.dtype == operator(torch.ones(4, 7, dtype=dtype)).dtype
    assert isotonic_l2(values).is_meta
    assert project_onto_permutahedron(values, values).is_meta


@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_a_trace_that_would_keep_the_examples_numbers_is_refused(backend):
    x = torch.tensor([1.0, 2.0])
    functions = [
        lambda v: soft_rank(v, backend=backend),
        lambda v: soft_sort(v, "kl", backend=backend),
        lambda v: isotonic_kl(v, v, backend=backend),
        lambda v: soft_rank(v.requires_grad_(), backend=backend).sum(),
    ]
    for function in functions:
        with pytest.raises(RuntimeError, match=r"cannot be traced by torch\.jit\.trace"):
            torch.jit.trace(function, x)
