"""Certificates against what is known of a linear classifier, and bounds against statistics' own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from paper_lessons.maxup import average_certified_radius, certify, lower_confidence


def half_plane() -> nn.Module:
    """Class 0 where the first coordinate is above 0."""
    model = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
    return model


def test_radii_are_below_the_true_distance_and_near_it():
    model = half_plane()
    inputs = torch.tensor([[0.5, 3.0], [-1.0, 0.0], [0.01, 0.0]])
    labels = torch.tensor([0, 1, 0])
    found = certify(model, inputs, sigma=0.5, n=20000, generator=torch.Generator().manual_seed(0))
    assert found.classes.tolist() == [0, 1, -1]
    for radius, distance in zip(found.radii.tolist(), (0.5, 1.0, 0.0), strict=True):
        assert distance - 0.06 < radius <= distance
    assert found.accuracy(labels) == pytest.approx(2 / 3)
    assert found.accuracy(labels, radius=0.7) == pytest.approx(1 / 3)
    wrong = average_certified_radius(found, torch.tensor([1, 1, 0]))
    assert wrong == pytest.approx(found.radii[1].item() / 3)
    assert model.training


def test_the_bound_is_that_of_clopper_and_pearson():
    for hits, n in ((0, 10), (7, 10), (10, 10), (99, 100)):
        low = stats.binomtest(hits, n).proportion_ci(0.998, method="exact").low
        assert lower_confidence(hits, n, 0.001) == pytest.approx(low, abs=1e-9)


def test_the_bound_is_above_the_truth_as_seldom_as_it_says():
    draw = np.random.default_rng(0).binomial(50, 0.8, size=4000)
    above = np.mean([lower_confidence(int(hits), 50, 0.05) > 0.8 for hits in draw])
    assert above <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 4000)


def test_batches_of_copies_change_nothing_but_the_draws():
    inputs = torch.tensor([[2.0, 0.0]])
    for size in (1, 7, 4096):
        found = certify(half_plane(), inputs, sigma=0.25, n0=10, n=50, batch_size=size)
        assert found.classes.tolist() == [0]
        assert found.radii.item() == pytest.approx(0.25 * stats.norm.ppf(0.001 ** (1 / 50)))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: certify(half_plane(), torch.zeros(1, 2), 0.0), "sigma, n0 and n must be above 0"),
        (lambda: lower_confidence(5, 4, 0.1), "hits must be among 0, ..., n"),
        (lambda: lower_confidence(1, 4, 0.0), "alpha must lie between 0 and 1"),
    ],
)
def test_what_is_wrong_is_said(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
