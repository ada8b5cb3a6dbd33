"""Ways to use copies, trained with the same batches, and compared in pairs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import stats
from torch import nn

from paper_lessons.maxup import (
    ARMS,
    GaussianNoise,
    Training,
    arm_loss,
    arm_steps,
    compare,
    paired,
    train,
)


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))


def blobs(n: int = 120):
    draw = torch.Generator().manual_seed(0)
    targets = torch.randint(3, (n,), generator=draw)
    centres = torch.randn(3, 4, generator=draw) * 3
    return centres[targets] + torch.randn(n, 4, generator=draw), targets


def test_the_mean_of_copies_lies_between_one_and_the_worst():
    model, (inputs, targets) = network(), blobs(20)
    found = {}
    for arm in ("averaged", "maxup"):
        torch.manual_seed(1)
        found[arm] = arm_loss(arm, model, inputs, targets, GaussianNoise(1.0), m=5).item()
    torch.manual_seed(1)
    copies = torch.stack([GaussianNoise(1.0)(inputs) for _ in range(5)])
    every = F.cross_entropy(model(copies.flatten(0, 1)), targets.repeat(5), reduction="none")
    assert found["averaged"] == pytest.approx(every.mean().item(), rel=1e-5)
    assert found["maxup"] == pytest.approx(every.view(5, -1).amax(0).mean().item(), rel=1e-5)


def test_equal_compute_pays_for_the_forward_passes():
    assert [arm_steps(arm, 300, 4) for arm in ARMS] == [300, 300, 700, 300, 300]
    assert arm_steps("equal compute", 300, 10) == 1300
    with pytest.raises(ValueError, match="arm must be one of none, augmented"):
        arm_loss("best", network(), *blobs(4), GaussianNoise(0.1))


@pytest.mark.parametrize("arm", ARMS)
def test_every_way_learns_and_gives_the_same_numbers_twice(arm):
    inputs, targets = blobs()
    weights = []
    for _ in range(2):
        model = network()
        history = train(model, inputs, targets, GaussianNoise(0.2), Training(arm, steps=60, keep_every=20))  # fmt: skip
        assert history[-1]["loss"] < history[0]["loss"]
        assert not model.training
        assert float((model(inputs).argmax(1) == targets).double().mean()) > 0.8
        weights.append(model[0].weight.detach().clone())
    assert torch.equal(*weights)


def test_training_leaves_the_generators_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    model = nn.Linear(4, 3)
    torch.set_rng_state(before)
    train(model, *blobs(), GaussianNoise(0.2), Training(steps=3))
    assert torch.equal(torch.get_rng_state(), before)


def test_one_copy_is_the_augmented_way():
    weights = []
    for how in (Training("augmented", steps=20), Training("maxup", m=1, steps=20)):
        model = network()
        train(model, *blobs(), GaussianNoise(0.2), how)
        weights.append(model[0].weight.detach().clone())
    assert torch.equal(*weights)


def test_what_is_wrong_is_said():
    inputs, targets = blobs()
    with pytest.raises(
        ValueError, match="inputs and targets must be as many, and some, got 120 and 3"
    ):
        train(network(), inputs, targets[:3], GaussianNoise(0.1))
    with pytest.raises(FloatingPointError, match="the loss of step 1 is nan"):
        train(network(), inputs * float("nan"), targets, GaussianNoise(0.1))
    for option, sentence in (
        ({"arm": "best"}, "arm must be one of none"),
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"lr": 0.0}, "lr must be positive, got 0"),
        ({"momentum": -1.0}, "momentum must not be negative, got -1"),
    ):
        with pytest.raises(ValueError, match=sentence):
            Training(**option)


def test_pairs_are_compared_as_scipy_does():
    draw = np.random.default_rng(0)
    one, two = draw.normal(1, 1, 8), draw.normal(0, 1, 8)
    found = paired(one, two)
    assert found.p == pytest.approx(stats.ttest_rel(one, two).pvalue)
    assert found.difference == pytest.approx((one - two).mean())
    assert found.wins == int((one > two).sum())
    assert paired([1.0, 2.0], [1.0, 2.0]).p == 1.0
    assert paired([2.0, 3.0], [1.0, 2.0]).p == 0.0
    runs = {"maxup": [{"acc": a} for a in one], "none": [{"acc": a} for a in two]}
    assert compare(runs, "acc") == {"none": found}
    with pytest.raises(ValueError, match="one and two must be as many"):
        paired([1.0], [1.0])
