"""Thresholds and p-values: their promise on new samples, and the wrong threshold beside the right one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paper_lessons.dn2 import (
    DeepNearestNeighbors,
    conformal_p_values,
    leave_one_out_threshold,
    nearest_neighbors,
)
from paper_lessons.dn2.thresholds import promised_rate, too_few

SCORES = st.lists(st.sampled_from([0.0, 0.5, 1.0, 1.5, 7.0]), min_size=1, max_size=30)
RATES = st.sampled_from([0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.9])


def test_the_rank_of_the_threshold() -> None:
    scores = np.random.default_rng(0).permutation(99)
    assert leave_one_out_threshold(scores, 0.05) == 94  # the 95th of 99, as (1 - 0.05) * 100 says
    assert leave_one_out_threshold(scores, 0.5) == 49
    assert leave_one_out_threshold(scores[:5], 0.05) == scores[:5].max()


@settings(max_examples=100, deadline=None)
@given(SCORES, SCORES, RATES)
def test_samples_above_the_threshold_have_small_p_values(
    known: list[float], new: list[float], rate: float
) -> None:
    above = np.array(new) > leave_one_out_threshold(known, rate)
    small = conformal_p_values(new, known) <= max(rate, 1 / (len(known) + 1)) + 1e-9
    np.testing.assert_array_equal(above, small)


@settings(max_examples=100, deadline=None)
@given(SCORES, SCORES)
def test_p_values_are_counts(known: list[float], new: list[float]) -> None:
    expected = [(1 + sum(k >= s for k in known)) / (1 + len(known)) for s in new]
    np.testing.assert_allclose(conformal_p_values(new, known), expected)


@pytest.mark.parametrize("rate", [0.05, 0.2])
def test_the_promise_holds_for_exchangeable_scores(rate: float) -> None:
    generator = np.random.default_rng(0)
    false = [
        generator.exponential() > leave_one_out_threshold(generator.exponential(size=39), rate)
        for _ in range(20_000)
    ]
    assert np.mean(false) == pytest.approx(
        rate, abs=0.007
    )  # 40 * rate is whole: no rounding of ranks


def test_the_threshold_of_scores_with_self_included_is_wrong() -> None:
    """The trap: each training sample is its own nearest neighbour, and all scores are too small."""
    generator = np.random.default_rng(0)
    train, held_out = generator.normal(size=(2, 1000, 64))
    model = DeepNearestNeighbors(normalize=None).fit(train)
    scores = model.anomaly_score(held_out)
    with_self = nearest_neighbors(train, train, 2)[0].mean(1)
    assert (scores > np.quantile(with_self, 0.95)).mean() > 0.9
    assert 0.03 <= (scores > model.threshold_).mean() <= 0.07
    assert (model.predict(held_out) == -1).mean() == (scores > model.threshold_).mean()
    assert 0.03 <= (model.p_values(held_out) <= 0.05).mean() <= 0.07


@pytest.mark.parametrize(
    ("scores", "rate", "message"),
    [
        ([], 0.05, "scores must be one-dimensional with at least 1"),
        ([[1.0]], 0.05, "scores must be one-dimensional"),
        ([1.0, np.nan], 0.05, "scores must not be NaN, got NaN at position 1"),
        (
            [1.0],
            0.0,
            "false_positive_rate must be a number between 0 and 1, both excluded, got 0.0",
        ),
        ([1.0], 1, "false_positive_rate must be a number between 0 and 1, both excluded, got 1"),
        ([1.0], float("nan"), "false_positive_rate must be"),
        ([1.0], "few", "false_positive_rate must be"),
    ],
)
def test_thresholds_refuse(scores: Any, rate: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        leave_one_out_threshold(scores, rate)


def test_p_values_refuse() -> None:
    with pytest.raises(ValueError, match="calibration must be one-dimensional with at least 1"):
        conformal_p_values([1.0], [])
    with pytest.raises(ValueError, match="scores must not be NaN"):
        conformal_p_values([np.nan], [1.0])
    assert conformal_p_values([], [1.0]).shape == (0,)


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.1, 0.25, 1 / 3])
def test_the_rate_that_so_many_samples_can_promise(rate):
    needed = next(n for n in range(1, 200) if n >= 1 / rate - 1 - 1e-9)
    assert promised_rate(needed, rate) == rate
    assert promised_rate(needed - 1, rate) == 1 / needed > rate
    assert too_few(needed, rate) == ""
    assert f"which needs {needed}:" in too_few(needed - 1, rate)


@pytest.mark.filterwarnings("error")
def test_a_fit_warns_of_samples_too_few_for_its_rate():
    rows = np.random.default_rng(0).normal(size=(40, 5))
    DeepNearestNeighbors().fit(rows[:19])
    with pytest.raises(
        UserWarning, match=r"18 normal samples are too few .* 0\.05, which needs 19.*up to 0\.0526"
    ):
        DeepNearestNeighbors().fit(rows[:18])
    with pytest.raises(UserWarning, match="16 normal samples"):
        DeepNearestNeighbors(clean=0.2).fit(rows[:20])
    DeepNearestNeighbors(false_positive_rate=0.1).fit(rows[:9])
