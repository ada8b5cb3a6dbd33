"""Ways to use copies, trained with the same batches, and compared in pairs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import stats
from torch import nn

from paper_lessons.maxup import (
    GaussianNoise,
    Training,
    arm_loss,
    arm_steps,
    compare,
    paired,
    recommend,
    train,
)
from paper_lessons.maxup.arms import ARMS


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


def test_splits_of_the_same_samples_are_less_sure():
    one, two = [1.2, 1.1, 1.4, 1.3], [1.0, 1.0, 1.1, 1.0]
    lead = np.subtract(one, two)
    error = lead.std(ddof=1) * np.sqrt(1 / 4 + 0.5)
    expected = 2 * stats.t.sf(lead.mean() / error, 3)
    assert paired(one, two, overlap=0.5).p == pytest.approx(expected)
    assert paired(one, two, overlap=0.5).p > paired(one, two).p


def runs_of(**ways):
    return {name: [{"accuracy": one} for one in rows] for name, rows in ways.items()}


def test_the_simplest_way_that_is_not_beaten_is_recommended():
    noise = [0.0, 0.01, -0.01, 0.02]
    up = [0.002, -0.001, 0.003, 0.0]
    ways = runs_of(
        none=[0.7 + a for a in noise],
        augmented=[0.9 + a for a in noise],
        maxup=[0.9 + a + b for a, b in zip(noise, up, strict=True)],
    )
    choice, reason = recommend(ways, "accuracy")
    assert choice == "augmented"  # maxup is better by a hair that may be chance
    assert "better than none (+0.200" in reason
    assert reason.endswith("and maxup is not surely better than it.")
    assert recommend(runs_of(none=[0.5, 0.6], maxup=[0.6, 0.5]), "accuracy") == (
        "none",
        "maxup is not surely better than none.",
    )


def test_many_comparisons_are_corrected():
    # p is about 0.03: enough for one comparison, not for four of them
    leads = [0.01, 0.02, 0.03, 0.05, -0.005, 0.02]
    base = [0.5, 0.52, 0.51, 0.53, 0.5, 0.55]
    top = [a + b for a, b in zip(base, leads, strict=True)]
    alone = runs_of(none=base, maxup=top)
    assert 0.02 < compare(alone, "accuracy")["none"].p < 0.05
    assert recommend(alone, "accuracy")[0] == "maxup"
    more = runs_of(none=base, augmented=base, averaged=base, maxup=top)
    assert recommend(more, "accuracy")[0] == "none"


def test_inputs_by_name_another_optimiser_and_one_more_loss():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 3)
            self.held = nn.Parameter(torch.ones(1), requires_grad=False)

        def forward(self, left, right):
            return self.layer(torch.cat([left, right], 1))

    inputs, targets = blobs()
    named = {"left": inputs[:, :2], "right": inputs[:, 2:]}
    torch.manual_seed(0)
    model, seen = Named(), []
    how = Training("maxup", steps=40, keep_every=20, optimizer="adamw", lr=0.05)

    def noisy(some):
        return {name: one + 0.1 * torch.randn_like(one) for name, one in some.items()}

    def small(moved):
        seen.append(1)
        return 0.01 * sum(one.square().sum() for one in moved.parameters())

    history = train(model, named, targets, noisy, how, extra=small)
    assert history[-1]["loss"] < history[0]["loss"]
    assert len(seen) == 40
    assert model.held.item() == 1
    with pytest.raises(ValueError, match="optimizer must be 'sgd' or 'adamw', got 'best'"):
        Training(optimizer="best")
