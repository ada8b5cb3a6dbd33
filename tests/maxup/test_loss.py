"""The worst copy, found without a graph, against all copies in one graph; and what a training loop may rely on."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchvision.transforms import v2

from paper_lessons.maxup import (
    EmbeddingNoise,
    GaussianNoise,
    MaxUp,
    each,
    maxup_loss,
    sample_losses,
)


def network(seed: int = 0) -> nn.Module:
    """With all that has a mode: batch normalisation and dropout."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(144, 3)
    )  # fmt: skip


def plain(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 3))


def pictures(n: int = 6, seed: int = 0):
    torch.manual_seed(seed)
    return torch.randn(n, 1, 8, 8), torch.randint(3, (n,))


def gradients(model: nn.Module) -> list[torch.Tensor]:
    return [one.grad.clone() for one in model.parameters()]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), m=st.integers(2, 6), n=st.integers(1, 9))
def test_loss_and_gradients_are_those_of_all_copies_in_one_graph(seed, m, n):
    model, other = plain(seed), plain(seed)
    inputs, targets = torch.randn(n, 5), torch.randint(3, (n,))
    torch.manual_seed(seed)
    loss = maxup_loss(model, inputs, targets, GaussianNoise(0.5), m=m)
    torch.manual_seed(seed)
    copies = torch.stack([GaussianNoise(0.5)(inputs) for _ in range(m)])
    every = F.cross_entropy(other(copies.flatten(0, 1)), targets.repeat(m), reduction="none")
    oracle = every.view(m, n).max(0).values.mean()
    torch.testing.assert_close(loss, oracle)
    loss.backward()
    oracle.backward()
    for one, two in zip(gradients(model), gradients(other), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)


def test_one_copy_is_ordinary_augmentation_to_the_last_bit():
    one, two = network(), network()
    inputs, targets = pictures()
    torch.manual_seed(3)
    maxup_loss(one, inputs, targets, GaussianNoise(0.3), m=1).backward()
    torch.manual_seed(3)
    F.cross_entropy(two(GaussianNoise(0.3)(inputs)), targets).backward()
    for a, b in zip(gradients(one), gradients(two), strict=True):
        assert torch.equal(a, b)
    for a, b in zip(one.buffers(), two.buffers(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("select", ["eval", "train"])
def test_choosing_leaves_modes_and_statistics_alone(select):
    model, once = network(), network()
    model[3].eval()  # a part that is held still
    once[3].eval()
    inputs, targets = pictures()
    seen = []
    model.register_forward_pre_hook(lambda _, given: seen.append((model[1].training, given[0])))
    maxup_loss(model, inputs, targets, GaussianNoise(0.3), m=3, select=select)
    assert [mode for mode, _ in seen] == [*[select == "train"] * 3, True]
    assert [part.training for part in model] == [True, True, True, False, True, True]
    once(seen[-1][1])  # as if the chosen copies had been all
    for a, b in zip(model.buffers(), once.buffers(), strict=True):
        assert torch.equal(a, b)


def test_modes_come_back_when_something_breaks():
    model = network()
    inputs, targets = pictures()

    def broken(outputs, targets, reduction="mean"):
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        maxup_loss(model, inputs, targets, GaussianNoise(0.1), loss_fn=broken)
    assert all(part.training for part in model.modules())


def test_the_chosen_copies_are_among_those_that_were_judged():
    model = plain()
    drawn, seen = [], []

    def augment(inputs):
        drawn.append(inputs + torch.randn_like(inputs))
        return drawn[-1]

    model.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    maxup_loss(model, torch.randn(7, 5), torch.randint(3, (7,)), augment, m=4)
    assert len(drawn) == 4
    for row, one in enumerate(seen[-1]):
        assert any(torch.equal(one, some[row]) for some in drawn)


def test_parts_are_the_whole():
    inputs, targets = pictures(7)
    found = []
    for chunk in (None, 1, 5, 100):
        model = network()
        generator = torch.Generator().manual_seed(1)
        torch.manual_seed(5)  # of dropout in the last pass
        found.append(
            maxup_loss(
                model, inputs, targets, GaussianNoise(0.3), m=3, chunk=chunk, generator=generator
            )
        )
    for one in found[1:]:
        torch.testing.assert_close(one, found[0])


def test_a_generator_decides_and_leaves_the_others_alone():
    model, (inputs, targets) = plain(), (torch.randn(4, 5), torch.tensor([0, 1, 2, 0]))
    torch.manual_seed(0)
    before = torch.get_rng_state()
    one, two = (
        maxup_loss(model, inputs, targets, GaussianNoise(1.0), generator=torch.Generator().manual_seed(2))
        for _ in range(2)
    )  # fmt: skip
    assert torch.equal(one, two)
    assert torch.equal(torch.get_rng_state(), before)
    generator = torch.Generator().manual_seed(2)
    maxup_loss(model, inputs, targets, GaussianNoise(1.0), generator=generator)
    other = maxup_loss(model, inputs, targets, GaussianNoise(1.0), generator=generator)
    assert not torch.equal(one, other)


class Fixed(nn.Module):
    """Gives what it is given."""

    def forward(self, inputs):
        return inputs


def copies_of(*values):
    """An augmentation that gives these, one after the other."""
    waiting = list(values)
    return lambda _: waiting.pop(0)


def own_losses(outputs, targets, reduction="mean"):
    return outputs if reduction == "none" else outputs.mean()


@pytest.mark.parametrize(
    ("values", "worst"),
    [
        ([[1.0, 2.0], [3.0, 1.0]], [3.0, 2.0]),
        ([[1.0, float("nan")], [0.5, 0.0]], [1.0, 0.0]),
        ([[float("inf"), -1.0], [0.0, float("-inf")]], [float("inf"), -1.0]),
    ],
)
def test_the_largest_counts_and_no_number_never(values, worst):
    found = []

    def loss(outputs, targets, reduction="mean"):
        found.append(outputs)
        return own_losses(outputs, targets, reduction)

    augment = copies_of(*map(torch.tensor, values))
    maxup_loss(Fixed(), torch.zeros(2), torch.zeros(2), augment, m=2, loss_fn=loss)
    assert found[-1].tolist() == worst


def test_of_equal_losses_the_first_and_of_no_numbers_as_well():
    model = Fixed()
    augment = copies_of(*(torch.tensor([[value]]) for value in (0.0, 1.0, 2.0)))
    seen = []

    def loss(outputs, targets, reduction="mean"):
        seen.append(outputs)
        return torch.full((len(outputs),), 5.0) if reduction == "none" else outputs.sum()

    maxup_loss(model, torch.zeros(1, 1), torch.zeros(1), augment, m=3, loss_fn=loss)
    assert seen[-1].item() == 0.0
    nothing = float("nan")
    augment = copies_of(torch.tensor([nothing]), torch.tensor([nothing]))
    lost = maxup_loss(model, torch.zeros(1), torch.zeros(1), augment, m=2, loss_fn=own_losses)
    assert torch.isnan(lost)  # and is seen


def test_tokens_that_do_not_count():
    losses = torch.tensor([[1.0, 5.0, float("nan")], [2.0, 2.0, 2.0]])
    mask = torch.tensor([[True, False, False], [True, True, False]])
    found = sample_losses(lambda outputs, _: outputs, losses, torch.zeros(2), mask)
    assert found.tolist() == [1.0, 2.0]
    assert sample_losses(own_losses, losses[1:], torch.zeros(1)).tolist() == [2.0]
    none = sample_losses(own_losses, losses, torch.zeros(2), torch.zeros(2, 3, dtype=torch.bool))
    assert none.tolist() == [0.0, 0.0]


def test_sequences_are_compared_by_their_counted_tokens():
    logits = torch.zeros(2, 3, 4)  # batch, classes, words
    worse = logits.clone()
    worse[0, 1, 3] = 9.0  # padding
    worse[1, 1, 0] = 9.0  # a word
    augment = copies_of(logits, worse)
    targets = torch.tensor([[0, 0, 0, -100], [0, 0, 0, 0]])
    seen = []
    model = Fixed()
    model.register_forward_hook(lambda _, __, out: seen.append(out))
    maxup_loss(model, logits, targets, augment, m=2, mask=targets != -100)
    assert torch.equal(seen[-1][0], logits[0])
    assert torch.equal(seen[-1][1], worse[1])


@pytest.mark.parametrize("kind", [v2.MixUp, v2.CutMix])
def test_mixed_targets_travel_with_their_copies(kind):
    model = network()
    inputs, targets = pictures()
    loss = maxup_loss(model, inputs, targets, kind(num_classes=3), m=4)
    loss.backward()
    assert loss.isfinite()
    soft = torch.tensor([[0.5, 0.5], [1.0, 0.0]])
    logits = torch.zeros(2, 2)

    def mixing(inputs, targets):
        return logits, waiting.pop(0)

    mixing.mixes_targets = True
    for excess in (False, True):
        waiting = [soft.flip(0), soft]
        seen = []

        def loss_fn(outputs, targets, reduction="mean", seen=seen):
            seen.append(targets)
            return F.cross_entropy(outputs, targets, reduction=reduction)

        maxup_loss(Fixed(), logits, torch.zeros(2), mixing, m=2, loss_fn=loss_fn, excess=excess)
        best = seen[-1]
        # at even logits all targets cost log 2: a tie. Beyond its entropy only the sure one costs anything
        assert best[0].tolist() == ([1.0, 0.0])
        assert best[1].tolist() == ([1.0, 0.0] if excess else [0.5, 0.5])


def test_an_embedding_learns_from_the_copies_that_are_chosen():
    torch.manual_seed(0)
    embedding = nn.Embedding(10, 4)
    head = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    noise = EmbeddingNoise(embedding, 0.5)
    words = torch.tensor([[1, 2, 3], [4, 5, 6]])
    maxup_loss(head, words, torch.tensor([0, 2]), noise, m=3).backward()
    assert embedding.weight.grad[1:7].abs().sum(1).min() > 0
    assert not embedding.weight.grad[[0, 7, 8, 9]].any()
    assert not list(noise.parameters())


@pytest.mark.parametrize("made", [nn.CrossEntropyLoss(), nn.CrossEntropyLoss(label_smoothing=0.1)])
def test_a_loss_module_keeps_its_reduction(made):
    model, (inputs, targets) = plain(), (torch.randn(4, 5), torch.tensor([0, 1, 2, 0]))
    loss = maxup_loss(model, inputs, targets, GaussianNoise(0.1), loss_fn=made)
    assert loss.ndim == 0
    assert made.reduction == "mean"


def test_several_inputs_and_an_output_with_logits():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(5, 3)

        def forward(self, features, scale):
            return type("Output", (), {"logits": self.layer(features) * scale})()

    model = Model()
    given = {"features": torch.randn(4, 5), "scale": torch.ones(4, 1)}
    targets = torch.tensor([0, 1, 2, 0])

    def augment(inputs):
        return {**inputs, "features": inputs["features"] + torch.randn(4, 5)}

    maxup_loss(model, given, targets, augment).backward()
    assert all(one.grad.abs().sum() > 0 for one in model.parameters())
    # copies that are all alike: the ordinary loss
    both = given["features"], given["scale"]
    loss = maxup_loss(model, both, targets, lambda some: (some[0] + 1, some[1]))
    torch.testing.assert_close(loss, F.cross_entropy(model.layer(both[0] + 1), targets))


def test_an_augmentation_of_single_samples():
    torch.manual_seed(0)
    inputs = torch.arange(64.0).view(16, 1, 2, 2)
    flipped = each(v2.RandomHorizontalFlip())(inputs)
    same = [torch.equal(a, b) for a, b in zip(inputs, flipped, strict=True)]
    assert 0 < sum(same) < 16


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"m": 0}, "m and chunk must be at least 1, got 0 and None"),
        ({"chunk": 0}, "m and chunk must be at least 1, got 4 and 0"),
        ({"select": "test"}, "select must be 'eval' or 'train', got 'test'"),
        ({"loss_fn": lambda a, b: F.cross_entropy(a, b)}, "loss_fn must give a loss for each sample"),
        ({"augment": copies_of(torch.zeros(2, 5), torch.zeros(1, 5)), "m": 2}, "augment must give the same shapes"),
        ({"mask": torch.ones(2, 7, dtype=torch.bool)}, "mask must have the shape of the losses"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(options, sentence):
    given = {"augment": GaussianNoise(0.1), **options}
    with pytest.raises(ValueError, match=sentence):
        maxup_loss(plain(), torch.zeros(2, 5), torch.tensor([0, 1]), **given)


def test_nothing_is_no_batch():
    with pytest.raises(ValueError, match="targets must have at least one sample"):
        maxup_loss(plain(), torch.zeros(0, 5), torch.zeros(0, dtype=torch.long), GaussianNoise(0.1))


def test_a_warm_up_and_a_whole_step():
    model = network()
    passes = []
    model.register_forward_pre_hook(lambda _, given: passes.append(len(given[0])))
    step = MaxUp(model, GaussianNoise(0.1), m=3, warmup_steps=2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    inputs, targets = pictures(5)
    before = copy.deepcopy(model.state_dict())
    for _ in range(3):
        step.step(inputs, targets, optimizer)
    assert passes == [5, 5, *[5] * 3, 5]  # a copy at a time, then the chosen ones
    assert not torch.equal(before["5.weight"], model.state_dict()["5.weight"])
    with pytest.raises(ValueError, match="warmup_steps not negative"):
        MaxUp(model, GaussianNoise(0.1), warmup_steps=-1)


def test_gradients_add_up_over_batches():
    inputs, targets = torch.randn(8, 5), torch.randint(3, (8,))
    noise = [torch.randn(8, 5) for _ in range(3)]
    whole, parts = plain(), plain()
    maxup_loss(whole, inputs, targets, copies_of(*(inputs + one for one in noise)), m=3).backward()
    for half in (slice(0, 4), slice(4, 8)):
        augment = copies_of(*(inputs[half] + one[half] for one in noise))
        (maxup_loss(parts, inputs[half], targets[half], augment, m=3) / 2).backward()
    for one, two in zip(gradients(whole), gradients(parts), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-6)


def test_mixed_precision():
    model, (inputs, targets) = network(), pictures()
    with torch.autocast("cpu", torch.bfloat16):
        loss = maxup_loss(model, inputs, targets, GaussianNoise(0.1), m=3)
    loss.backward()
    assert loss.dtype == torch.float32
    assert all(one.grad.isfinite().all() for one in model.parameters())
