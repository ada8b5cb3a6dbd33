"""The O(n^2) baselines against hard sorts and ranks, their sums, and closed forms."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from paper_lessons.soft_sort.baselines import (
    all_pairs_rank,
    matrix_rank,
    matrix_sort,
    neuralsort_matrix,
    sinkhorn_matrix,
    softsort_matrix,
)

MATRICES: dict[str, Callable[..., Tensor]] = {
    "softsort": softsort_matrix,
    "neuralsort": neuralsort_matrix,
    "sinkhorn": sinkhorn_matrix,
}
RANKS: dict[str, Callable[..., Tensor]] = {
    "all pairs": all_pairs_rank,
    **{
        name: lambda values, temperature=0.1, make=make, **options: matrix_rank(
            make(values, temperature, **options)
        )
        for name, make in MATRICES.items()
    },
}


# Sinkhorn comes near at 1 / iterations only; an error of order would be 1 rank, or 0.05.
COLD = {"sinkhorn": {"temperature": 1e-3, "iterations": 1000}}


@pytest.fixture
def values() -> Tensor:
    """Rows in [0, 1] whose neighbours are at least 0.05 apart."""
    generator = torch.Generator().manual_seed(0)
    order = torch.stack([torch.randperm(9, generator=generator) for _ in range(4)])
    return order.double() / 9 + 0.05 * torch.rand(4, 9, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("name", RANKS)
@pytest.mark.parametrize("descending", [False, True])
def test_cold_ranks_are_hard(name: str, descending: bool, values: Tensor) -> None:
    hard = values.argsort(1, descending=descending).argsort(1) + 1
    cold = RANKS[name](values, descending=descending, **COLD.get(name, {"temperature": 1e-4}))
    torch.testing.assert_close(cold, hard.double(), atol=0.02, rtol=0)


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("descending", [False, True])
def test_cold_sorts_are_hard(name: str, descending: bool, values: Tensor) -> None:
    matrix = MATRICES[name](values, descending=descending, **COLD.get(name, {"temperature": 1e-4}))
    hard = values.sort(1, descending=descending).values
    torch.testing.assert_close(matrix_sort(matrix, values), hard, atol=0.01, rtol=0)


@pytest.mark.parametrize("name", RANKS)
def test_ranks_follow_a_permutation(name: str, values: Tensor) -> None:
    shuffled = torch.tensor([3, 1, 4, 0, 8, 5, 7, 6, 2])
    torch.testing.assert_close(
        RANKS[name](values)[:, shuffled], RANKS[name](values[:, shuffled]), msg=name
    )


@pytest.mark.parametrize("name", RANKS)
def test_gradients(name: str, values: Tensor) -> None:
    assert torch.autograd.gradcheck(RANKS[name], values[:2, :4].clone().requires_grad_())


def test_matrices_sum_to_one(values: Tensor) -> None:
    ones = torch.ones(4, 9, dtype=torch.float64)
    torch.testing.assert_close(softsort_matrix(values).sum(-1), ones)
    torch.testing.assert_close(neuralsort_matrix(values).sum(-1), ones)
    plan = sinkhorn_matrix(values, iterations=500)
    torch.testing.assert_close(plan.sum(-2), ones)
    torch.testing.assert_close(plan.sum(-1), ones, atol=1e-6, rtol=0)
    early = sinkhorn_matrix(values, iterations=1)
    torch.testing.assert_close(early.sum(-2), ones)
    assert (early.sum(-1) - 1).abs().max() > 0.01


def test_two_values_in_closed_form() -> None:
    gap, temperature = 0.7, 0.4
    pair = torch.tensor([0.2, 0.2 + gap], dtype=torch.float64)
    above = 1 / (1 + math.exp(-gap / temperature))
    assert all_pairs_rank(pair, temperature).tolist() == pytest.approx([2 - above, 1 + above])
    assert softsort_matrix(pair, temperature)[1].tolist() == pytest.approx([1 - above, above])
    # NeuralSort's rows: softmax of -values and +values, since the spread is the same for both.
    assert neuralsort_matrix(pair, temperature)[1].tolist() == pytest.approx([1 - above, above])
    # The plan of two points is symmetric, and its odds come from the four costs.
    odds = math.exp(gap / temperature)
    kept = odds / (1 + odds)
    plan = sinkhorn_matrix(pair, temperature, iterations=200)
    assert plan.flatten().tolist() == pytest.approx([kept, 1 - kept, 1 - kept, kept])


def test_more_iterations_bring_sinkhorn_nearer(values: Tensor) -> None:
    errors = [
        (sinkhorn_matrix(values, 0.01, iterations=count).sum(-1) - 1).abs().max().item()
        for count in (1, 10, 100)
    ]
    assert errors[0] > errors[1] > errors[2]


def test_hot_ranks_are_all_the_middle(values: Tensor) -> None:
    for name, rank in RANKS.items():
        if name != "softsort":  # its rows differ even when hot, by the sums of their columns
            torch.testing.assert_close(
                rank(values, 1e6), torch.full_like(values, 5.0), atol=1e-3, rtol=0
            )


@pytest.mark.parametrize("temperature", [0, -1.0, float("nan"), True])
def test_temperature_must_be_positive(temperature: float) -> None:
    for rank in RANKS.values():
        with pytest.raises(ValueError, match="temperature must be a positive number"):
            rank(torch.zeros(3), temperature)


def test_other_refusals() -> None:
    with pytest.raises(ValueError, match="iterations must be a whole number from 1, got 0"):
        sinkhorn_matrix(torch.zeros(3), iterations=0)
    with pytest.raises(ValueError, match="0-d"):
        all_pairs_rank(torch.tensor(1.0))
