"""The three losses: their limits, thresholds, gradients and refusals."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr

from paper_lessons.soft_sort import (
    hard_strength,
    linear_strength,
    soft_rank,
    soft_spearman,
    spearman_correlation,
    spearman_loss,
    topk_loss,
    topk_strength,
    trimmed_loss,
)
from paper_lessons.soft_sort.losses import number_to_drop

REGULARIZATIONS = ("l2", "kl")


def numbers(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


# -- Spearman


@pytest.mark.parametrize("seed", range(5))
def test_spearman_loss_of_hard_ranks_is_spearmans_coefficient(seed: int) -> None:
    scores = numbers(7, seed=seed)
    wanted = torch.tensor(rankdata(numbers(7, seed=100 + seed).numpy()))
    loss = spearman_loss(scores, wanted, regularization_strength=0)
    expected = spearmanr(scores.numpy(), wanted.numpy()).statistic
    assert 1 - 12 * loss.item() / (7**3 - 7) == pytest.approx(expected)


@pytest.mark.parametrize("regularization", REGULARIZATIONS)
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("dim", [0, 1])
def test_spearman_gradient(regularization: str, descending: bool, dim: int) -> None:
    scores = numbers(4, 5).requires_grad_()
    wanted = torch.tensor(rankdata(numbers(4, 5, seed=1).numpy(), axis=dim))

    def loss(values: torch.Tensor) -> torch.Tensor:
        return spearman_loss(
            values,
            wanted,
            regularization=regularization,
            regularization_strength=0.7,
            descending=descending,
            dim=dim,
        )

    assert torch.autograd.gradcheck(loss, scores)
    assert torch.autograd.grad(loss(scores), scores)[0].abs().max() > 0.1


@pytest.mark.parametrize(("regularization", "strength"), [("l2", 1.0), ("kl", 5.0)])
def test_descending_the_spearman_loss_sorts(regularization: str, strength: float) -> None:
    scores = numbers(3, 6, seed=2).requires_grad_()
    wanted = torch.tensor(rankdata(numbers(3, 6, seed=3).numpy(), axis=1))
    optimizer = torch.optim.Adam([scores], lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        spearman_loss(
            scores,
            wanted,
            regularization=regularization,
            regularization_strength=strength,
        ).backward()
        optimizer.step()
    torch.testing.assert_close(soft_rank(scores.detach(), regularization_strength=0), wanted)


def test_spearman_directions_mirror_each_other() -> None:
    scores, wanted = numbers(2, 5), torch.tensor(rankdata(numbers(2, 5, seed=1).numpy(), axis=1))
    up = spearman_loss(scores, wanted, reduction="none")
    down = spearman_loss(scores, 6 - wanted, descending=True, reduction="none")
    torch.testing.assert_close(up, down)


def test_spearman_takes_whole_numbers_and_single_precision() -> None:
    scores = torch.tensor([0.3, -1.2, 0.9])
    loss = spearman_loss(scores, torch.tensor([2, 1, 3]), regularization_strength=0.1)
    assert loss.dtype == torch.float32
    assert loss == 0


def test_spearman_refuses_other_shapes() -> None:
    with pytest.raises(ValueError, match=r"target_ranks must have one rank .*\(3,\) and \(2,\)"):
        spearman_loss(torch.zeros(2), torch.zeros(3))


@given(
    st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), min_size=1, max_size=5),
    st.integers(0, 1000),
)
def test_spearman_correlation_agrees_with_scipy(rows: list[list[int]], seed: int) -> None:
    first = np.array(rows)
    second = np.random.default_rng(seed).integers(0, 4, size=first.shape)
    found = spearman_correlation(first, second)
    for value, a, b in zip(found, first, second, strict=True):
        if np.ptp(a) == 0 or np.ptp(b) == 0:
            assert np.isnan(value)
        else:
            assert value == pytest.approx(spearmanr(a, b).statistic)


def test_spearman_correlation_refuses_what_are_not_two_tables() -> None:
    with pytest.raises(ValueError, match="two tables of one shape"):
        spearman_correlation([1, 2], [1, 2])
    with pytest.raises(ValueError, match="two tables of one shape"):
        spearman_correlation([[1, 2]], [[1, 2], [2, 1]])


# -- top k


@pytest.mark.parametrize("k", [1, 2, 5])
def test_hard_topk_counts_the_places_beyond_k(k: int) -> None:
    logits, labels = numbers(20, 5), torch.arange(20) % 5
    place = (logits > logits.gather(1, labels[:, None])).sum(1) + 1
    found = topk_loss(logits, labels, k, regularization_strength=0, reduction="none")
    torch.testing.assert_close(found, (place - k).clamp(min=0).double())


@pytest.mark.parametrize("regularization", REGULARIZATIONS)
@pytest.mark.parametrize("classes", [2, 3, 10, 100])
def test_topk_strength_is_the_last_at_which_a_clear_winner_is_first(
    regularization: str, classes: int
) -> None:
    scores = torch.zeros(classes, dtype=torch.float64)
    scores[1] = 1
    label, strength = torch.tensor(1), topk_strength(classes, regularization)

    def loss(factor: float) -> float:
        return topk_loss(
            scores,
            label,
            regularization=regularization,
            regularization_strength=factor * strength,
            squash=False,
        ).item()

    assert loss(1.0) == pytest.approx(0, abs=1e-12)
    assert loss(0.999) == pytest.approx(0, abs=1e-12)
    assert loss(1.01) > 1e-3
    default = topk_loss(scores, label, regularization=regularization, squash=False)
    assert default.item() == pytest.approx(0, abs=1e-12)


@settings(max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=12))
def test_l2_ranks_of_squashed_scores_are_linear_from_topk_strength_on(scores: list[float]) -> None:
    values = torch.tensor(scores, dtype=torch.float64)
    strength = topk_strength(len(scores))
    assert linear_strength(values).item() <= strength * (1 + 1e-12)
    linear = (values - values.mean()) / strength + (len(scores) + 1) / 2
    torch.testing.assert_close(soft_rank(values, regularization_strength=strength), linear)


@pytest.mark.parametrize("regularization", REGULARIZATIONS)
@pytest.mark.parametrize("dim", [0, 1])
def test_topk_gradient(regularization: str, dim: int) -> None:
    logits, labels = numbers(4, 4).requires_grad_(), torch.tensor([3, 0, 1, 1])

    def loss(values: torch.Tensor) -> torch.Tensor:
        return topk_loss(
            values,
            labels,
            2,
            regularization=regularization,
            regularization_strength=0.3,
            dim=dim,
        )

    assert torch.autograd.gradcheck(loss, logits)
    assert torch.autograd.grad(loss(logits), logits)[0].abs().max() > 1e-3


def test_descending_the_topk_loss_puts_the_class_first() -> None:
    logits, labels = numbers(8, 6).requires_grad_(), torch.arange(8) % 6
    optimizer = torch.optim.Adam([logits], lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        topk_loss(logits, labels).backward()
        optimizer.step()
    assert (logits.argmax(1) == labels).all()


def test_topk_with_every_place_allowed_costs_nothing() -> None:
    assert topk_loss(numbers(5, 4), torch.zeros(5, dtype=torch.long), k=4) == 0


@pytest.mark.parametrize("k", [0, 4, 1.0, True])
def test_topk_refuses_k(k: object) -> None:
    with pytest.raises(ValueError, match="k must be a whole number from 1 to 3"):
        topk_loss(torch.zeros(2, 3), torch.tensor([0, 1]), k)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.tensor([0.0, 1.0]), "labels must be whole numbers"),
        (torch.tensor([True, False]), "labels must be whole numbers"),
        (torch.tensor([[0, 1]]), r"labels must have shape \(2,\)"),
        (torch.tensor([0, 3]), "from 0 to 2, got 0 to 3"),
        (torch.tensor([-1, 1]), "from 0 to 2, got -1 to 1"),
    ],
)
def test_topk_refuses_labels(labels: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        topk_loss(torch.zeros(2, 3), labels)


def test_topk_strength_refuses() -> None:
    with pytest.raises(ValueError, match="classes must be at least 1, got 0"):
        topk_strength(0)
    with pytest.raises(ValueError, match="regularization must be 'l2' or 'kl', got 'l1'"):
        topk_strength(3, "l1")


# -- trimming


@pytest.mark.parametrize("trim", [0, 3, 0.3, 9])
def test_hard_trimming_is_the_trimmed_mean(trim: float) -> None:
    losses = numbers(4, 10).square()
    dropped = 3 if trim == 0.3 else int(trim)
    expected = np.sort(losses.numpy(), axis=1)[:, : 10 - dropped].mean(1)
    for regularization in REGULARIZATIONS:
        found = trimmed_loss(
            losses,
            trim,
            regularization=regularization,
            regularization_strength=0,
            reduction="none",
        )
        np.testing.assert_allclose(found.numpy(), expected)


def test_trimming_stays_hard_up_to_the_hard_strength() -> None:
    losses = numbers(10).square()
    strength = hard_strength(losses, "sort").item()
    hard = trimmed_loss(losses, 4, regularization_strength=0)
    assert trimmed_loss(losses, 4, regularization_strength=0.99 * strength) == hard


def test_large_strength_gives_the_plain_mean_and_kl_the_mean_exponential() -> None:
    losses = numbers(3, 10).square()
    soft = trimmed_loss(losses, 4, regularization_strength=1e9, reduction="none")
    torch.testing.assert_close(soft, losses.mean(1))
    entropic = trimmed_loss(
        losses, 4, regularization="kl", regularization_strength=1e9, reduction="none"
    )
    torch.testing.assert_close(entropic, losses.exp().mean(1).log())


def test_trimming_goes_up_from_one_end_to_the_other() -> None:
    losses = numbers(40).square()
    values = [
        trimmed_loss(losses, 0.4, regularization_strength=strength).item()
        for strength in (0, *np.geomspace(0.1, 1e4, 30).tolist(), 1e9)
    ]
    assert np.all(np.diff(values) >= -1e-12)
    assert values[0] < values[15] < values[-1]


@pytest.mark.parametrize("regularization", REGULARIZATIONS)
@pytest.mark.parametrize("strength", [0.0, 3.0, 1000.0])
def test_trimmed_gradient(regularization: str, strength: float) -> None:
    losses = numbers(2, 8).square().requires_grad_()

    def loss(values: torch.Tensor) -> torch.Tensor:
        return trimmed_loss(
            values, 3, regularization=regularization, regularization_strength=strength
        )

    assert torch.autograd.gradcheck(loss, losses)


@pytest.mark.parametrize("strength", [0.0, 1.0, 10.0, 1e6])
def test_each_loss_counts_between_nothing_and_a_kept_share(strength: float) -> None:
    losses = numbers(30).square().requires_grad_()
    (share,) = torch.autograd.grad(
        trimmed_loss(losses, 10, regularization_strength=strength), losses
    )
    assert share.sum().item() == pytest.approx(1)
    assert share.min().item() >= -1e-12
    assert share.max().item() <= 1 / 20 + 1e-12
    largest_first = share[losses.argsort(descending=True)]
    assert (largest_first.diff() >= -1e-12).all()


def test_number_to_drop_reads_shares_as_people_do() -> None:
    for n in (10, 100, 1000):
        for percent in range(100):
            assert number_to_drop(percent / 100, n) == percent * n // 100
    assert number_to_drop(0.5, 3) == 1


@pytest.mark.parametrize("trim", [-1, 5, 1.0, -0.1, float("nan"), True, "half"])
def test_trimming_refuses(trim: object) -> None:
    with pytest.raises(ValueError, match="trim must be a whole number from 0 to 4 or a share"):
        trimmed_loss(torch.zeros(5), trim)  # type: ignore[arg-type]


# -- common options


LOSSES = {
    "spearman": lambda values, **options: spearman_loss(values, values.argsort(1) + 1.0, **options),
    "topk": lambda values, **options: topk_loss(values, values.argmin(1), **options),
    "trimmed": lambda values, **options: trimmed_loss(values, 1, **options),
}


@pytest.mark.parametrize("name", LOSSES)
def test_reductions_agree(name: str) -> None:
    values = numbers(3, 5).square()
    each = LOSSES[name](values, reduction="none")
    assert each.shape == (3,)
    torch.testing.assert_close(LOSSES[name](values), each.mean())
    torch.testing.assert_close(LOSSES[name](values, reduction="sum"), each.sum())


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reduction": "max"}, "reduction must be 'mean', 'sum' or 'none', got 'max'"),
        ({"regularization": "l1"}, "regularization"),
        ({"regularization_strength": -0.1}, "regularization_strength"),
        ({"regularization_strength": float("nan")}, "regularization_strength"),
    ],
)
def test_all_losses_refuse(name: str, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LOSSES[name](numbers(3, 5), **options)


def test_losses_refuse_numbers_without_a_dimension() -> None:
    with pytest.raises(ValueError, match="0-d"):
        spearman_loss(torch.tensor(1.0), torch.tensor(1.0))
    with pytest.raises(ValueError, match="logits must have at least one dimension"):
        topk_loss(torch.tensor(1.0), torch.tensor(0))
    with pytest.raises(ValueError, match="losses must have at least one dimension"):
        trimmed_loss(torch.tensor(1.0), 0)


def test_losses_compile_without_a_break() -> None:
    values = numbers(3, 5, dtype=torch.float32).square()
    for name, loss in LOSSES.items():
        compiled = torch.compile(loss, fullgraph=True, backend="eager")
        torch.testing.assert_close(compiled(values), loss(values), msg=name)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("dim", [-1, 0])
def test_hard_soft_spearman_is_scipys(ties, dim):
    generator = np.random.default_rng(0)
    first, second = generator.normal(size=(2, 6, 15))
    if ties:
        first, second = first.round(0), second.round(0)
    found = soft_spearman(
        *(torch.from_numpy(one if dim == -1 else one.T.copy()) for one in (first, second)),
        regularization_strength=0,
        dim=dim,
    )
    expected = [spearmanr(a, b).statistic for a, b in zip(first, second, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_soft_spearman_has_the_gradient_of_finite_differences_and_can_be_climbed():
    generator = torch.Generator().manual_seed(0)
    targets = torch.randn(12, generator=generator, dtype=torch.float64)
    start = torch.randn(12, generator=generator, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda x: soft_spearman(x, targets, regularization_strength=0.3), (start,)
    )
    moved = start.detach().clone().requires_grad_()
    for _ in range(60):
        (gradient,) = torch.autograd.grad(
            soft_spearman(moved, targets, regularization_strength=0.5), moved
        )
        moved = (moved + gradient).detach().requires_grad_()
    hard = {"regularization_strength": 0}
    assert soft_spearman(moved, targets, **hard) > 0.95 > soft_spearman(start, targets, **hard)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_soft_spearman_stays_within_one(dtype):
    values = torch.linspace(-3, 3, 300).to(dtype)
    for sign in (1, -1):
        found = soft_spearman(values, sign * values, regularization_strength=0)
        assert found.dtype == dtype
        assert abs(float(found) - sign) < 1e-2
        assert -1 <= found <= 1
    assert soft_spearman(values, torch.zeros_like(values)).isnan()


@pytest.mark.parametrize(
    "targets", [[0.3, 18.0, 2.0], [0.0, 1.0, 2.0], [2.0, 2.0, 3.0], [1.5, 2.0, 2.5], [1, 2, 4]]
)
def test_targets_that_are_no_ranks_are_refused(targets):
    with pytest.raises(
        ValueError, match=r"target_ranks must be ranks.*soft_rank\(targets, .*soft_spearman"
    ):
        spearman_loss(torch.zeros(3), torch.tensor(targets))


@pytest.mark.parametrize("dtype", [torch.int64, torch.float16, torch.bfloat16, torch.float64])
def test_ranks_of_every_kind_are_taken(dtype):
    ranks = torch.arange(1, 601).to(dtype)
    assert spearman_loss(torch.zeros(2, 600), torch.stack([ranks, ranks.flip(0)])) > 0
    if dtype.is_floating_point:
        tied = torch.tensor([2.5, 2.5, 1.0, 4.0], dtype=dtype)
        assert spearman_loss(torch.zeros(4), tied, descending=True) > 0
