"""The theorem as code, against simulation and what has closed forms."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from paper_lessons.maxup import (
    expected_max_of_normals,
    gradient_penalty_estimate,
    sharpness,
    worst_excess,
)


def test_means_of_the_largest_that_have_closed_forms():
    assert expected_max_of_normals(1) == 0
    assert expected_max_of_normals(2) == pytest.approx(1 / np.sqrt(np.pi), abs=1e-10)
    assert expected_max_of_normals(3) == pytest.approx(1.5 / np.sqrt(np.pi), abs=1e-10)
    known = {4: 1.0293753730, 5: 1.1629644736, 10: 1.5387527308}
    for m, value in known.items():
        assert expected_max_of_normals(m) == pytest.approx(value, abs=1e-8)
    with pytest.raises(ValueError, match="m must be at least 1, got 0"):
        expected_max_of_normals(0)


@pytest.mark.parametrize("m", [2, 10, 1000])
def test_the_largest_of_simulated_ones(m):
    draws = np.random.default_rng(0).normal(size=(20000, m)).max(1)
    error = draws.std() / np.sqrt(len(draws))
    assert expected_max_of_normals(m) == pytest.approx(draws.mean(), abs=5 * error)


def test_of_a_linear_loss_the_estimate_is_exact():
    slope = torch.tensor([[3.0, -4.0], [0.5, 0.0], [0.0, 0.0]])

    def losses(inputs):
        return (inputs * slope).sum(1)

    at = torch.randn(3, 2)
    expected = gradient_penalty_estimate(losses, at, sigma=2.0, m=4)
    found, error = worst_excess(losses, at, sigma=2.0, m=4, draws=4000)
    assert expected.tolist() == pytest.approx([10 * 1.0293754, 1.0293754, 0], abs=1e-4)
    assert ((found - expected).abs() <= 4 * error + 1e-6).all()


def test_of_a_network_it_is_right_for_little_noise():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 32), nn.Tanh(), nn.Linear(32, 3)).double()
    inputs, targets = torch.randn(16, 20).double(), torch.randint(3, (16,))

    def losses(given):
        return F.cross_entropy(model(given), targets, reduction="none")

    ratios = {}
    for sigma in (0.4, 0.02):
        expected = gradient_penalty_estimate(losses, inputs, sigma=sigma, m=4)
        found, _ = worst_excess(losses, inputs, sigma=sigma, m=4, draws=4000)
        ratios[sigma] = float(found.sum() / expected.sum())
    assert abs(ratios[0.02] - 1) < 0.03
    assert abs(ratios[0.4] - 1) > abs(ratios[0.02] - 1)


def test_sharpness_is_the_rise_along_the_gradient():
    torch.manual_seed(0)
    model = nn.Linear(3, 2).double()
    inputs, targets = torch.randn(6, 3).double(), torch.tensor([0, 1, 0, 1, 1, 0])
    before = copy.deepcopy(model.state_dict())
    found = sharpness(model, inputs, targets, rho=0.3)
    assert all(torch.equal(before[name], one) for name, one in model.state_dict().items())
    assert all(one.grad is None for one in model.parameters())
    # by hand
    loss = F.cross_entropy(model(inputs), targets)
    loss.backward()
    length = torch.cat([one.grad.flatten() for one in model.parameters()]).norm()
    with torch.no_grad():
        for one in model.parameters():
            one += 0.3 * one.grad / length
    assert found == pytest.approx((F.cross_entropy(model(inputs), targets) - loss).item())
    # of a convex loss it is at least what the slope says
    assert found >= 0.3 * length.item()
