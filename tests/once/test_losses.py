"""Losses against their formulas on dense maps, and by finite differences."""

from __future__ import annotations

import pytest
import torch

from paper_lessons.once import box_loss, focal_loss, heat_l1_loss, splat_targets

from . import loops
from .test_targets import random_boxes


def example(seed, dtype=torch.float64):
    boxes, labels = random_boxes(seed)
    targets = splat_targets(boxes, labels, classes=3, height=16, width=13)
    targets.values = targets.values.to(dtype)
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(3, 3, 16, 13, generator=generator, dtype=dtype) * 4, targets


@pytest.mark.parametrize("seed", range(6))
def test_the_focal_loss_and_its_gradient_are_those_of_the_dense_formula(seed):
    logits, targets = example(seed)
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    one, two = focal_loss(ours, targets), loops.focal(theirs, targets.dense())
    torch.testing.assert_close(one, two, rtol=1e-10, atol=1e-10)
    one.backward()
    two.backward()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-9, atol=1e-12)


def test_finite_differences():
    boxes = [torch.tensor([[2.0, 2.0, 12.0, 10.0]])]
    targets = splat_targets(boxes, [torch.tensor([0])], classes=1, height=4, width=4)
    targets.values = targets.values.double()
    logits = torch.randn(1, 1, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: focal_loss(x, targets), logits)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_logits_of_any_size_have_a_finite_loss(dtype):
    _, targets = example(0, dtype)
    for size in (0.0, 30.0, -30.0, 1000.0, -1000.0):
        logits = torch.full((3, 3, 16, 13), size, dtype=dtype, requires_grad=True)
        focal_loss(logits, targets).backward()
        assert logits.grad.isfinite().all(), size


def test_without_objects_the_sum_is_divided_by_one():
    none = [torch.zeros(0, dtype=torch.long)]
    targets = splat_targets([torch.zeros(0, 4)], none, classes=2, height=3, width=3)
    logits = torch.randn(1, 2, 3, 3)
    torch.testing.assert_close(focal_loss(logits, targets), loops.focal(logits, targets.dense()))
    sizes, offsets = box_loss(torch.ones(1, 2, 3, 3), torch.ones(1, 2, 3, 3), targets)
    assert sizes == offsets == 0


def test_box_losses_are_means_over_coordinates_or_objects():
    boxes = [torch.tensor([[0.0, 0.0, 8.0, 16.0], [16.0, 16.0, 24.0, 20.0]])]
    targets = splat_targets(boxes, [torch.tensor([0, 0])], classes=1, height=8, width=8)
    sizes = torch.zeros(1, 2, 8, 8, requires_grad=True)
    one, _ = box_loss(sizes, torch.zeros(1, 2, 8, 8), targets)
    assert one.item() == pytest.approx((2 + 4 + 2 + 1) / 4)
    two, _ = box_loss(sizes, torch.zeros(1, 2, 8, 8), targets, mean="objects")
    assert two.item() == pytest.approx(2 * one.item())
    one.backward()
    assert (sizes.grad != 0).sum() == 4


def test_the_plain_l1_loss_prefers_an_empty_map_and_the_balanced_one_does_not():
    _, targets = example(1, torch.float32)
    heat = targets.dense()
    guess = torch.logit(0.5 * heat, eps=1e-4)
    empty = torch.full_like(heat, -9.0)
    for balanced in (False, True):
        right = heat_l1_loss(torch.logit(heat, eps=1e-4), targets, balanced=balanced)
        assert right < 0.05
    # a map with a peak of one half wherever there is a bump, and a tenth elsewhere
    smeared = torch.logit(torch.where(heat > 0, 0.5 * heat, torch.full_like(heat, 0.1)))
    assert heat_l1_loss(empty, targets) < heat_l1_loss(smeared, targets)
    assert heat_l1_loss(smeared, targets, balanced=True) < heat_l1_loss(empty, targets, balanced=True)  # fmt: skip
    assert heat_l1_loss(guess, targets, balanced=True) < heat_l1_loss(empty, targets, balanced=True)


def test_another_shape_is_refused():
    _, targets = example(0)
    with pytest.raises(ValueError, match=r"logits must have shape \(3, 3, 16, 13\), got"):
        focal_loss(torch.zeros(3, 3, 16, 12), targets)
