"""covering_strength against the gradients it speaks of."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from paper_lessons.soft_sort import covering_strength, hard_strength, linear_strength, soft_rank


def _heard(values, strength):
    """Share of values with a gradient, for an incoming gradient that no block mean can equal."""
    values = values.clone().requires_grad_()
    incoming = torch.rand(
        values.shape, dtype=values.dtype, generator=torch.Generator().manual_seed(1)
    )
    ranks = soft_rank(values, regularization_strength=strength)
    (gradient,) = torch.autograd.grad(ranks, values, incoming)
    return (gradient != 0).double().mean().item()


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 4),
    n=st.integers(2, 40),
    coverage=st.floats(0.05, 1.0),
    scale=st.sampled_from([1e-4, 1.0, 1e5]),
)
def test_just_above_enough_hear_and_just_below_they_do_not(seed, rows, n, coverage, scale):
    values = scale * torch.randn(
        rows, n, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )
    strength = covering_strength(values, coverage)
    assert _heard(values, strength * (1 + 1e-6)) >= coverage
    assert _heard(values, strength * (1 - 1e-6)) < coverage


def test_it_lies_between_the_two_thresholds():
    values = torch.randn(50, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for coverage in (0.01, 0.5, 1.0):
        strength = covering_strength(values, coverage)
        assert hard_strength(values) <= strength <= linear_strength(values)


def test_ties_hear_at_every_strength():
    assert covering_strength(torch.tensor([1.0, 1.0, 5.0]), 0.6) < 1e-5
    assert covering_strength(torch.ones(4)) == 0.0


def test_any_dimension():
    values = torch.randn(6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert covering_strength(values, dim=0) == covering_strength(values.T)


@pytest.mark.parametrize("coverage", [0, -0.1, 1.5, float("nan")])
def test_a_share_out_of_range_is_refused(coverage):
    with pytest.raises(ValueError, match="coverage must be a share"):
        covering_strength(torch.tensor([1.0, 2.0]), coverage)


@pytest.mark.parametrize("values", [[1.0], [], [1.0, float("nan")], [1.0, float("inf")]])
def test_values_without_an_answer_are_refused(values):
    with pytest.raises(ValueError, match="values must be finite"):
        covering_strength(torch.tensor(values))
