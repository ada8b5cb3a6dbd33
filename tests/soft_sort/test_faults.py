"""Eleven faults that were found in the libraries people use for this, one test each. None may be ours.

torchsort and fast-soft-sort are the libraries; where a message or number of theirs is quoted, it was reproduced.
"""

from __future__ import annotations

import pytest
import torch

from paper_lessons.soft_sort import (
    hard_strength,
    linear_strength,
    soft_rank,
    soft_sort,
)
from paper_lessons.soft_sort.kernels import rank

FIVE = torch.tensor([0.3, -1.2, 0.9, 0.5, 2.0], dtype=torch.float64)


def gradient(operator, x, g=None, **options):
    values = x.clone().requires_grad_()
    out = operator(values, **options)
    return torch.autograd.grad(out, values, torch.ones_like(out) if g is None else g)[0]


def test_01_wrong_gradient_of_the_kl_sort():
    """fast-soft-sort read the wrong variable and gave [1.3773, 1.9221, 0.7071, 0.9868, 0.5067] here."""
    g = torch.tensor([1.0, 2.0, -1.0, 0.5, 3.0], dtype=torch.float64)
    found = gradient(soft_sort, FIVE, g, regularization="kl", regularization_strength=3.0)
    differences = []
    for direction in torch.eye(5, dtype=torch.float64):
        up, down = (soft_sort(FIVE + h * direction, "kl", 3.0) @ g for h in (1e-6, -1e-6))
        differences.append((up - down) / 2e-6)
    torch.testing.assert_close(found, torch.stack(differences), atol=1e-8, rtol=0)
    expected = torch.tensor([0.7821, 3.5053, 0.4293, 0.6404, 0.1429], dtype=torch.float64)
    torch.testing.assert_close(found, expected, atol=5e-5, rtol=0)


@pytest.mark.parametrize("strength", [1e-2, 1e-3, 1e-4, 1e-8])
def test_02_nan_from_exponentials_that_overflow(strength):
    """torchsort took exp without a shift: NaN in the kl gradient, inf in the kl sort of large values."""
    x = torch.rand(9, generator=torch.Generator().manual_seed(0))
    for operator in (soft_rank, soft_sort):
        options = {"regularization": "kl", "regularization_strength": strength}
        assert gradient(operator, x, x, **options).isfinite().all()
        for offset in (100.0, -100.0, 1e4):
            out = operator(x + offset, **options)
            assert out.isfinite().all()
            assert gradient(operator, x + offset, x, **options).isfinite().all()
    values = soft_sort(x + 100.0, "kl", 10.0)
    torch.testing.assert_close(values, soft_sort(x, "kl", 10.0) + 100.0)


def test_03_digits_lost_in_float32_at_small_strength():
    """torchsort subtracted n from x/strength: wrong by up to 32 ranks and by 1 in values from [0, 1]."""
    generator = torch.Generator().manual_seed(1)
    for n in (1000, 5000):
        x = torch.rand(n, generator=generator)
        for strength in (1e-2, 1e-4, 1e-7, 1e-9):
            values = soft_sort(x, "l2", strength)
            exact = soft_sort(x.double(), "l2", strength)
            assert (values - exact).abs().max() <= 2**-23
            ranks = soft_rank(x, "l2", strength)
            exact = soft_rank(x.double(), "l2", strength)
            assert (ranks - exact).abs().max() <= n * 2**-23


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("n", [1000, 2000, 2049, 5000])
def test_04_block_links_kept_in_half_precision(dtype, n):
    """torchsort stored positions as the tensor's dtype: NaN in float16 at n = 1000, no end at n = 2049."""
    x = torch.rand(n, generator=torch.Generator().manual_seed(2)).to(dtype)
    for operator in (soft_rank, soft_sort):
        for regularization in ("l2", "kl"):
            values = x.clone().requires_grad_()
            out = operator(values, regularization, 0.01)
            assert out.isfinite().all()
            (g,) = torch.autograd.grad(out, values, x)
            assert g.isfinite().all()
            exact = operator(x.float(), regularization, 0.01)
            assert torch.equal(out, exact.to(dtype))


@pytest.mark.slow
def test_04_block_links_beyond_what_float32_counts():
    """Positions above 2^24 are not float32 numbers either."""
    n = 2**24 + 5
    x = torch.arange(n, dtype=torch.float32)
    x[-4:] = torch.tensor([2.0**24 + 8, 2.0**24 + 16, 2.0**24 + 24, 2.0**24 + 32])
    ranks = soft_rank(x.double(), "l2", 0.5)
    assert torch.equal(ranks, torch.arange(1, n + 1, dtype=torch.float64))
    values = x.requires_grad_()
    (g,) = torch.autograd.grad(soft_sort(values, "l2", 1e-3), values, torch.ones(n))
    assert torch.equal(g, torch.ones(n))


def test_05_second_derivatives_transforms_and_strengths_that_go_wrong_silently():
    """torchsort: wrong double backward, no vmap, no jvp, division by zero at 0, negative strength accepted."""
    x = FIVE.clone().requires_grad_()
    for operator in (soft_rank, soft_sort):
        assert torch.autograd.gradgradcheck(lambda v, f=operator: f(v, "l2", 0.5), (x,))
        (g,) = torch.autograd.grad(operator(x, "kl", 0.5).pow(2).sum(), x, create_graph=True)
        with pytest.raises(RuntimeError, match="second derivatives exist"):
            torch.autograd.grad(g.sum(), x)
        assert torch.func.vmap(operator)(FIVE.expand(3, 5)).shape == (3, 5)
        assert torch.func.jvp(operator, (FIVE,), (FIVE,))[1].shape == (5,)
        with pytest.raises(
            ValueError, match="regularization_strength must be a non-negative number"
        ):
            operator(FIVE, regularization_strength=-0.1)
    assert soft_rank(FIVE, regularization_strength=0).tolist() == [2.0, 1.0, 4.0, 3.0, 5.0]
    assert torch.equal(soft_sort(FIVE, regularization_strength=0), FIVE.sort().values)


def test_06_two_dimensions_one_direction_float_only():
    """torchsort: 2-D only (a transposed row gives all ones), ascending only, integers fail with kl."""
    column = FIVE[:, None]
    for operator in (soft_rank, soft_sort):
        row = operator(FIVE, "l2", 0.5)
        assert torch.equal(operator(column, "l2", 0.5, dim=0)[:, 0], row)
        assert torch.equal(operator(FIVE.expand(2, 3, 5), "l2", 0.5)[1, 2], row)
        assert operator(torch.tensor([3, 1, 2]), "kl", 0.5).dtype == torch.float32
    assert soft_rank(FIVE, "l2", 0.1, descending=True).argmin() == FIVE.argmax()
    assert soft_sort(FIVE, "l2", 0.1, descending=True).diff().max() <= 0


def test_07_garbage_from_what_is_not_finite():
    """The libraries gave [2, nan, 1] for a row with a NaN and finite nonsense for one with inf."""
    nan, inf = float("nan"), float("inf")
    for operator in (soft_rank, soft_sort):
        for regularization in ("l2", "kl"):
            rows = torch.tensor([[1.0, nan, 0.0], [1.0, 2.0, 0.0]])
            out = operator(rows, regularization, 0.5)
            assert out[0].isnan().all()
            assert out[1].isfinite().all()
            g = gradient(operator, rows, regularization=regularization)
            assert g[0].isnan().all()
    rows = torch.tensor([[0.0, inf, 1.0], [inf, inf, 1.0]])
    for regularization in ("l2", "kl"):
        ranks = soft_rank(rows, regularization, 0.1)
        assert ranks[0].tolist() == [1.0, 3.0, 2.0]
        assert ranks[1].isnan().all()
        assert soft_sort(rows, regularization, 0.1).isnan().all()


def test_08_code_that_must_be_compiled_for_a_device():
    """torchsort needs a build per system and crashed on GPUs: the other backend is PyTorch and follows its input.

    With "meta" as default device, whatever forgot to say its device would not mix with the input.
    """
    x = torch.randn(3, 6, generator=torch.Generator().manual_seed(3))
    for operator in (soft_rank, soft_sort):
        for regularization in ("l2", "kl"):
            options = {"regularization": regularization, "regularization_strength": 0.5}
            expected = gradient(operator, x, x, backend="numba", **options)
            with torch.device("meta"):
                found = gradient(operator, x, x, backend="torch", **options)
            assert found.device == x.device
            torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_09_blocks_told_apart_by_an_absolute_tolerance(backend):
    """Both libraries rebuilt the blocks from |difference| > 1e-9, so nearer blocks shared a gradient."""
    x = torch.tensor([0.0, 0.1, 2.1 + 1e-10, 2.0 + 1e-10], dtype=torch.float64)
    apart = torch.func.jacrev(lambda v: soft_rank(v, backend=backend))(x)
    assert torch.equal(apart[:2, 2:], torch.zeros(2, 2, dtype=torch.float64))
    assert (apart[:2, :2] != 0).all()
    small = 1e-12 * torch.tensor([0.0, 1.0, 5.0, 6.0], dtype=torch.float64)
    jacobian = torch.func.jacrev(lambda v: soft_rank(v, "l2", 2e-12, backend=backend))(small)
    assert torch.equal(jacobian[:2, 2:], torch.zeros(2, 2, dtype=torch.float64))
    jacobian = torch.func.jacrev(lambda v: soft_sort(v, "l2", 1e11, backend=backend))(small)
    assert torch.equal(jacobian, torch.eye(4, dtype=torch.float64))


def test_10_rows_in_a_python_loop_float64_only_and_a_lost_graph():
    """fast-soft-sort looped over rows in Python, knew no float32 module input, and returned leaves."""
    layer = torch.nn.Linear(4, 50)
    ranks = soft_rank(layer(torch.randn(20, 4)), "l2", 0.1)
    assert ranks.dtype == torch.float32
    assert not ranks.is_leaf
    (ranks * torch.arange(50)).sum().backward()
    assert layer.weight.grad.abs().sum() > 0
    # neither the number of rows nor their length compiles anything anew
    before = len(rank.rank_l2.signatures)
    for shape in ((2000, 5), (3, 7), (1, 4000)):
        soft_rank(torch.rand(shape), "l2", 1e-4)
    assert len(rank.rank_l2.signatures) == before


def test_11_no_word_on_permutations_and_no_help_with_the_strength():
    """Users ask for an argsort (there is none) and how to choose the strength (two functions answer)."""
    assert soft_rank.__doc__ is not None
    for function in (soft_rank, soft_sort):
        text = " ".join((function.__doc__ or "").split())
        assert "permutation matrix" in text
        assert "hard_strength" in text
        assert "linear_strength" in text
    low, high = hard_strength(FIVE).item(), linear_strength(FIVE).item()
    assert torch.equal(soft_rank(FIVE, "l2", low), soft_rank(FIVE, "l2", 0.0))
    line = (FIVE - FIVE.mean()) / high + 3
    torch.testing.assert_close(soft_rank(FIVE, "l2", high), line)
