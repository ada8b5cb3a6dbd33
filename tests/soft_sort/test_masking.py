"""Padded rows: whatever stands under the mask, each row is what it would be alone."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from paper_lessons.soft_sort import (
    soft_rank,
    soft_sort,
    soft_spearman,
    spearman_loss,
    topk_loss,
    topk_strength,
    trimmed_loss,
)

OPERATORS = [soft_rank, soft_sort]
TOLERANCE = {torch.float16: 2e-3, torch.bfloat16: 2e-2, torch.float32: 2e-6, torch.float64: 1e-12}
NAN, INF = float("nan"), float("inf")


def ragged(rows: int = 9, n: int = 14, *, dtype: Any = torch.float64, seed: int = 0) -> tuple:
    """Values, a mask with rows of every length from 0 to n in any places, and nonsense under it."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(rows, n, generator=generator, dtype=torch.float64)
    share = torch.linspace(0, 1, rows)[:, None]
    mask = torch.rand(rows, n, generator=generator) < share
    mask[-1] = True
    nonsense = torch.tensor([NAN, INF, -INF, 1e30])[
        torch.randint(4, (rows, n), generator=generator)
    ]
    return torch.where(mask, values, nonsense).to(dtype), mask


def alone(operator: Any, values: Tensor, mask: Tensor, g: Tensor, **options: Any) -> tuple:
    """Result and gradient, each row by itself; 0 elsewhere."""
    result, gradient = torch.zeros_like(g), torch.zeros_like(g)
    for row, real in enumerate(mask):
        count = int(real.sum())
        if not count:
            continue
        place = real if operator is soft_rank else torch.arange(len(real)) < count
        own = values[row][real].clone().requires_grad_()
        out = operator(own, **options)
        result[row][place] = out.detach()
        gradient[row][real] = torch.autograd.grad(out, own, g[row][place])[0]
    return result, gradient


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("regularization", ["l2", "kl"])
@pytest.mark.parametrize("backend", ["numba", "torch"])
@pytest.mark.parametrize("dtype", list(TOLERANCE))
def test_each_row_is_as_if_it_were_alone(operator, regularization, backend, dtype):
    values, mask = ragged(dtype=dtype)
    g = torch.randn(values.shape, generator=torch.Generator().manual_seed(1)).to(dtype)
    strengths = [0.0, 1e-3, 0.1, 1.0, 30.0, 1e6] + ([INF] if operator is soft_rank else [])
    for strength, descending in product(strengths, (False, True)):
        options = {"regularization": regularization, "regularization_strength": strength}
        options |= {"descending": descending, "backend": backend}
        given = values.clone().requires_grad_()
        found = operator(given, mask=mask, **options)
        (gradient,) = torch.autograd.grad(found, given, g)
        expected = alone(operator, values, mask, g, **options)
        assert found.dtype == dtype
        bound = {"rtol": TOLERANCE[dtype], "atol": TOLERANCE[dtype]}
        torch.testing.assert_close(found.detach(), expected[0], **bound)
        torch.testing.assert_close(gradient, expected[1], **bound)


@given(
    lengths=st.lists(st.integers(0, 12), min_size=1, max_size=6),
    strength=st.sampled_from([0.0, 0.01, 0.3, 2.0, 50.0]),
    scale=st.sampled_from([1e-20, 1.0, 1e6, 1e18]),
    ties=st.booleans(),
    number=st.integers(0, 10**6),
)
@settings(max_examples=60, deadline=None)
def test_any_lengths_scales_and_ties(lengths, strength, scale, ties, number):
    generator = torch.Generator().manual_seed(number)
    values = torch.randn(len(lengths), 12, generator=generator, dtype=torch.float64)
    values = (values.round() if ties else values) * scale
    mask = torch.arange(12) < torch.tensor(lengths)[:, None]
    for operator, regularization in product(OPERATORS, ("l2", "kl")):
        power = strength * scale if operator is soft_rank else strength / scale
        options = {"regularization": regularization, "regularization_strength": power}
        found = operator(values, mask=mask, **options)
        expected, _ = alone(operator, values, mask, torch.ones_like(values), **options)
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10 * scale)


@pytest.mark.parametrize("operator", OPERATORS)
def test_a_mask_of_real_places_only_changes_nothing(operator):
    values = torch.randn(3, 50, generator=torch.Generator().manual_seed(0))
    for regularization, strength in product(("l2", "kl"), (0.0, 0.1, 5.0)):
        plain = operator(values, regularization, strength)
        masked = operator(values, regularization, strength, mask=torch.ones(50, dtype=torch.bool))
        torch.testing.assert_close(masked, plain, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("operator", OPERATORS)
def test_the_masked_dimension_may_be_any(operator):
    values, mask = ragged()
    found = operator(values.T.contiguous(), mask=mask.T, dim=0, regularization_strength=0.3)
    torch.testing.assert_close(found.T, operator(values, mask=mask, regularization_strength=0.3))
    three = operator(
        values[:, None].expand(9, 2, 14), mask=mask[:, None], regularization_strength=0.3
    )
    torch.testing.assert_close(three[:, 1], found.T)


@pytest.mark.parametrize("regularization", ["l2", "kl"])
@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_transforms_agree(operator, regularization, backend):
    values, mask = ragged()

    def function(row: Tensor, real: Tensor) -> Tensor:
        return operator(row, regularization, 0.4, mask=real, backend=backend)

    expected = function(values, mask)
    torch.testing.assert_close(torch.func.vmap(function)(values, mask), expected)
    clean = torch.where(mask, values, 0.0)
    jacobian = torch.func.vmap(torch.func.jacrev(function))(clean, mask)
    forwards = torch.func.vmap(torch.func.jacfwd(function))(clean, mask)
    torch.testing.assert_close(jacobian, forwards)
    given = clean.clone().requires_grad_()
    g = torch.randn(values.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    (gradient,) = torch.autograd.grad(function(given, mask), given, g)
    torch.testing.assert_close(gradient, torch.einsum("rij,ri->rj", jacobian, g))


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("strength", [0.4, 40.0])  # many blocks; one block
def test_second_derivatives_of_l2(operator, strength):
    values, mask = ragged(4, 6)
    clean = torch.where(mask, values, 0.0).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: operator(x, "l2", strength, mask=mask), clean)
    assert torch.autograd.gradgradcheck(lambda x: operator(x, "l2", strength, mask=mask), clean)


def test_compiled_functions_agree():
    values, mask = ragged()
    for operator, regularization in product(OPERATORS, ("l2", "kl")):

        def function(x: Tensor, real: Tensor, operator=operator, name=regularization) -> Tensor:
            return operator(x, name, 0.4, mask=real)

        compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
        torch.testing.assert_close(compiled(values, mask), function(values, mask))


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_a_real_nan_spoils_its_row_and_no_other(operator, backend):
    values, mask = ragged()
    values[5, mask[5].nonzero()[0]] = NAN
    given = values.clone().requires_grad_()
    found = operator(given, mask=mask, regularization_strength=0.3, backend=backend)
    count = int(mask[5].sum())
    real = mask[5] if operator is soft_rank else torch.arange(14) < count
    assert found[5][real].isnan().all()
    assert (found[5][~real] == 0).all()
    assert found[[0, 1, 2, 3, 4, 6, 7, 8]].isfinite().all()
    (gradient,) = torch.autograd.grad(found.sum(), given)
    assert (gradient[5][~mask[5]] == 0).all()


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_real_infinities_are_treated_as_without_a_mask(backend, descending):
    rows = [
        [1.0, INF, 0.0, -INF],
        [INF, INF, 0.0, 1.0],
        [-INF, 2.0, -INF, 1.0],
        [INF, 1.0, 2.0, 0.5],
    ]
    values = torch.tensor([[*row, NAN, INF, 0.0] for row in rows])
    mask = torch.tensor([[True] * 4 + [False] * 3] * 4)
    for regularization, strength in (("l2", 0.0), ("l2", 0.3), ("kl", 0.3)):
        options = {"regularization": regularization, "regularization_strength": strength}
        options |= {"descending": descending, "backend": backend}
        found = soft_rank(values, mask=mask, **options)
        expected = soft_rank(torch.tensor(rows), **options)
        torch.testing.assert_close(found[:, :4], expected, equal_nan=True)
        assert (found[:, 4:] == 0).all()


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ([True, False], "mask must be a bool tensor, True at real places, got list"),
        (torch.ones(3), r"mask must be a bool tensor, True at real places, got torch\.float32"),
        (
            torch.ones(2, dtype=torch.bool),
            r"must have the shape of the values .*got \(2,\) for \(4, 3\)",
        ),
    ],
)
def test_masks_that_do_not_fit_are_refused(mask, message):
    with pytest.raises(ValueError, match=message):
        soft_rank(torch.zeros(4, 3), mask=mask)


# -- losses


def each(loss: Any, values: Tensor, mask: Tensor, *others: Any) -> Tensor:
    """The loss of each row by itself."""
    return torch.stack(
        [loss(values[row][mask[row]], *(one[row] for one in others)) for row in range(len(values))]
    )


def longer() -> tuple[Tensor, Tensor]:
    values, mask = ragged(8, 20, seed=3)
    return values[2:], mask[2:] | (torch.arange(20) < 4)


def real_longer() -> tuple[Tensor, Tensor]:
    values, mask = longer()
    return torch.where(values.isfinite() & (values.abs() < 1e9), values, 0.25), mask


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_the_spearman_loss_of_padded_rows(reduction):
    values, mask = real_longer()
    ranks = torch.full(values.shape, NAN, dtype=torch.float64)
    for row, real in enumerate(mask):
        ranks[row][real] = torch.randperm(int(real.sum()), dtype=torch.float64) + 1
    found = spearman_loss(
        values, ranks, regularization_strength=0.2, mask=mask, reduction=reduction
    )
    own = torch.stack(
        [
            spearman_loss(values[r][mask[r]], ranks[r][mask[r]], regularization_strength=0.2)
            for r in range(len(values))
        ]
    )
    expected = {"none": own, "mean": own.mean(), "sum": own.sum()}[reduction]
    torch.testing.assert_close(found, expected)
    ranks[0][mask[0].nonzero()[0]] = 19.0
    with pytest.raises(ValueError, match="target_ranks must be ranks"):
        spearman_loss(values, ranks, mask=mask)


def test_soft_spearman_of_padded_rows():
    values, mask = real_longer()
    targets = torch.where(mask, values.sin() + 0.1 * values, NAN)
    found = soft_spearman(values, targets, regularization_strength=0.2, mask=mask)
    own = [
        soft_spearman(values[r][mask[r]], targets[r][mask[r]], regularization_strength=0.2)
        for r in range(len(values))
    ]
    torch.testing.assert_close(found, torch.stack(own))


@pytest.mark.parametrize("regularization", ["l2", "kl"])
@pytest.mark.parametrize("strength", [None, 0.3])
def test_the_topk_loss_of_padded_rows(regularization, strength):
    values, mask = real_longer()
    labels = torch.tensor([int(real.nonzero()[1]) for real in mask])
    options = {"regularization": regularization, "regularization_strength": strength}
    found = topk_loss(values, labels, 2, mask=mask, reduction="none", **options)
    own = []
    for row, real in enumerate(mask):
        label = real[: labels[row]].sum()
        if strength is None:
            options["regularization_strength"] = topk_strength(int(real.sum()), regularization)
        own.append(topk_loss(values[row][real], label, 2, **options))
    torch.testing.assert_close(found, torch.stack(own))
    labels[0] = int((~mask[0]).nonzero()[0])
    with pytest.raises(
        ValueError, match="labels must be real classes, got one that mask leaves out"
    ):
        topk_loss(values, labels, mask=mask)


@pytest.mark.parametrize("trim", [0, 2, 0.3, 0.5])
@pytest.mark.parametrize("strength", [0.0, 1.0, 50.0])
def test_the_trimmed_loss_of_padded_rows(trim, strength):
    values, mask = real_longer()
    options = {"regularization_strength": strength}
    found = trimmed_loss(values, trim, mask=mask, reduction="none", **options)
    own = [trimmed_loss(values[r][mask[r]], trim, **options) for r in range(len(values))]
    torch.testing.assert_close(found, torch.stack(own))
    turned = trimmed_loss(values.T, trim, mask=mask.T, dim=0, reduction="none", **options)
    torch.testing.assert_close(turned, found)


def test_a_row_with_too_few_losses_is_refused():
    mask = torch.tensor([[True, True, False], [True, True, True]])
    with pytest.raises(ValueError, match="trim must leave a real loss in each row, got 2"):
        trimmed_loss(torch.zeros(2, 3), 2, mask=mask)


def test_gradients_of_losses_stay_within_the_mask():
    values, mask = ragged()
    values, mask = values[3:], mask[3:]  # rows with real losses enough
    given = values.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(trimmed_loss(given, 1, mask=mask), given)
    assert (gradient[~mask] == 0).all()
    assert gradient[mask].isfinite().all()
    assert gradient[mask].any()
