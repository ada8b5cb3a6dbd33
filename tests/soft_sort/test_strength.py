"""The thresholds, each probed just below and just above."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from paper_lessons.soft_sort import hard_strength, linear_strength, soft_rank, soft_sort

OPERATORS = {"rank": soft_rank, "sort": soft_sort}
FIVE = torch.tensor([0.3, -1.2, 0.9, 0.5, 2.0], dtype=torch.float64)
HAIR = 1e-6


def rows() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [
        FIVE,
        torch.randn(2, dtype=torch.float64, generator=generator),
        torch.randn(30, dtype=torch.float64, generator=generator),
        torch.rand(7, dtype=torch.float64, generator=generator) * 1e-4,
        torch.randn(50, dtype=torch.float64, generator=generator).exp() * 100,
    ]


@pytest.mark.parametrize("operator", ["rank", "sort"])
@pytest.mark.parametrize("regularization", ["l2", "kl"])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("x", rows(), ids=lambda x: f"n={len(x)}")
def test_hard_below_and_soft_above(operator, regularization, descending, x):
    threshold = hard_strength(x, operator, regularization, descending=descending).item()
    function = OPERATORS[operator]
    hard = function(x, regularization, 0.0, descending=descending)
    hard_jacobian = torch.func.jacrev(
        lambda v: function(v, regularization, 0.0, descending=descending)
    )(x)

    def jacobian(strength: float) -> torch.Tensor:
        return torch.func.jacrev(
            lambda v: function(v, regularization, strength, descending=descending)
        )(x)

    below, above = threshold * (1 - HAIR), threshold * (1 + HAIR)
    assert torch.equal(function(x, regularization, below, descending=descending), hard)
    assert torch.equal(jacobian(below), hard_jacobian)
    at = function(x, regularization, threshold, descending=descending)
    torch.testing.assert_close(at, hard, rtol=1e-9, atol=1e-9)
    assert not torch.equal(jacobian(above), hard_jacobian)


def test_direction_matters_to_the_kl_rank_only():
    for operator, regularization in (("rank", "l2"), ("sort", "l2"), ("sort", "kl")):
        up = hard_strength(FIVE, operator, regularization)
        assert up == hard_strength(FIVE, operator, regularization, descending=True)
    up, down = (hard_strength(FIVE, "rank", "kl", descending=d) for d in (False, True))
    assert up != down


@pytest.mark.parametrize("x", rows(), ids=lambda x: f"n={len(x)}")
def test_linear_above_and_not_below(x):
    n = len(x)
    rho = torch.arange(n, 0, -1, dtype=torch.float64)
    for strength, linear in (
        (linear_strength(x).item() * (1 + HAIR), True),
        (linear_strength(x).item() * (1 - HAIR), False),
    ):
        if linear:
            line = (x - x.mean()) / strength + (n + 1) / 2
            torch.testing.assert_close(soft_rank(x, "l2", strength), line)
        # all values share a block: each rank hears each value
        jacobian = torch.func.jacrev(lambda v, s=strength: soft_rank(v, "l2", s))(x)
        assert bool((jacobian != 0).all()) == linear
    for strength, linear in (
        (linear_strength(x, "sort").item() * (1 + HAIR), True),
        (linear_strength(x, "sort").item() * (1 - HAIR), False),
    ):
        if linear:
            line = x.mean() + (rho - rho.mean()) / strength
            torch.testing.assert_close(soft_sort(x, "l2", strength, descending=True), line)
        jacobian = torch.func.jacrev(lambda v, s=strength: soft_sort(v, "l2", s))(x)
        assert bool((jacobian != 0).all()) == linear


def test_tighter_than_the_usual_condition():
    theta = np.sort(FIVE.numpy())[::-1]
    usual = max((theta[i] - theta[j]) / (j - i) for i in range(5) for j in range(i + 1, 5))
    assert usual == pytest.approx(1.5)
    assert linear_strength(FIVE).item() == pytest.approx(0.85)


def test_batches_dims_and_dtypes():
    x = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(1))
    for function in (hard_strength, linear_strength):
        found = function(x, dim=1)
        assert found.shape == (2, 4)
        assert found.dtype == torch.float64
        assert found[1, 2] == function(x[1, :, 2])
    assert hard_strength(torch.tensor([5, 2, 9])).item() == 3.0
    assert not hard_strength(x.requires_grad_()).requires_grad


def test_float32_values_do_not_round_the_threshold():
    x = torch.tensor([1.0, 1.0 + 2**-20, 7.3])
    strength = hard_strength(x).item()
    assert torch.equal(soft_rank(x, "l2", strength), torch.tensor([1.0, 2.0, 3.0]))


def test_ties_single_elements_and_nothing():
    ties, equal, one = torch.tensor([1.0, 1.0, 5.0]), torch.full((4,), 0.1), torch.tensor([3.0])
    for regularization in ("l2", "kl"):
        assert hard_strength(ties, "rank", regularization) == 0.0
        assert hard_strength(ties, "sort", regularization) == 0.25
        assert hard_strength(equal, "sort", regularization) == float("inf")
        for operator in ("rank", "sort"):
            assert hard_strength(one, operator, regularization) == float("inf")
    assert linear_strength(equal) == 0.0
    assert linear_strength(equal, "sort") == float("inf")
    assert linear_strength(one) == linear_strength(one, "sort") == float("inf")
    assert torch.equal(hard_strength(torch.ones(2, 0)), torch.full((2,), torch.inf).double())
    assert hard_strength(torch.ones(0, 3)).shape == (0,)
    assert linear_strength(torch.ones(0, 3)).shape == (0,)
    # an infinite strength, taken literally, is still a strength
    assert soft_rank(one, "l2", hard_strength(one)[()]) == 1.0


def test_values_without_result_have_no_threshold():
    nan, inf = float("nan"), float("inf")
    x = torch.tensor([[1.0, nan, 2.0], [1.0, 2.0, 4.0]])
    for found in (hard_strength(x), hard_strength(x, "sort"), linear_strength(x)):
        assert found[0].isnan()
        assert found[1].isfinite()
    assert hard_strength(torch.tensor([1.0, 3.0, inf])) == 2.0
    assert hard_strength(torch.tensor([1.0, inf, inf])).isnan()
    assert linear_strength(torch.tensor([1.0, 3.0, inf])).isnan()


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="linear_strength exists for regularization 'l2' only"):
        linear_strength(FIVE, "rank", "kl")
    with pytest.raises(ValueError, match="operator must be 'sort' or 'rank', got 'ranks'"):
        hard_strength(FIVE, "ranks")
    with pytest.raises(ValueError, match="regularization must be"):
        hard_strength(FIVE, "rank", "l1")
    with pytest.raises(ValueError, match="dim must be an integer"):
        linear_strength(FIVE, dim=2)
    with pytest.raises(ValueError, match="0-d tensor"):
        hard_strength(torch.tensor(1.0))
