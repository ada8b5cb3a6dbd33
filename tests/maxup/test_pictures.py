"""Augmentations of pictures: every sample has its own chance, and what is left is what it was."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from paper_lessons.maxup import MaxUp, maxup_loss
from paper_lessons.maxup.networks import SmallConvNet
from paper_lessons.maxup.pictures import Cutout, RandomMirror, RandomShift, augmentation


def numbered(batch=40, channels=2, height=6, width=5):
    """Pictures in which no pixel is like another, and none is 0."""
    count = channels * height * width
    return torch.arange(1.0, count + 1).view(1, channels, height, width).repeat(batch, 1, 1, 1)


@given(most=st.integers(0, 3), seed=st.integers(0, 1000))
def test_a_shift_moves_all_pixels_alike(most, seed):
    images = numbered(8)
    torch.manual_seed(seed)
    moved = RandomShift(most)(images)
    height, width = images.shape[2:]
    for before, after in zip(images, moved, strict=True):
        fits = []
        for down in range(-most, most + 1):
            for right in range(-most, most + 1):
                expected = torch.zeros_like(before)
                rows = slice(max(0, down), height + min(0, down))
                columns = slice(max(0, right), width + min(0, right))
                back = (
                    slice(max(0, -down), height + min(0, -down)),
                    slice(max(0, -right), width + min(0, -right)),
                )
                expected[:, rows, columns] = before[:, back[0], back[1]]
                fits.append(torch.equal(after, expected))
        assert sum(fits) == 1


def test_every_shift_occurs_and_samples_differ():
    torch.manual_seed(0)
    moved = RandomShift(1)(numbered(400))
    kinds = {tuple(one.flatten().tolist()) for one in moved}
    assert len(kinds) == 9


def test_a_hole_is_a_square_in_all_channels():
    torch.manual_seed(0)
    images = numbered(200, height=9, width=9)
    cut = Cutout(4)(images)
    hole = cut == 0
    assert torch.equal(hole[:, 0], hole[:, 1])
    assert torch.equal(cut[~hole], images[~hole])
    sizes = hole[:, 0].sum((1, 2))
    assert sizes.max() == 16
    assert sizes.min() >= 4  # its centre is inside, so a quarter at least
    for one in hole[:, 0]:
        rows, columns = one.any(1), one.any(0)
        assert torch.equal(one, rows[:, None] & columns)
    assert torch.equal(Cutout(0)(images), images)


def test_half_of_the_pictures_are_mirrored():
    torch.manual_seed(0)
    images = numbered(400)
    turned = RandomMirror()(images)
    same = (turned == images).flatten(1).all(1)
    assert torch.equal(turned[~same], images[~same].flip(-1))
    assert 150 < same.sum() < 250


def test_names():
    images, targets = torch.rand(6, 1, 8, 8), torch.tensor([0, 1, 2, 0, 1, 2])
    for name in ("shift", "mirror", "cutout", "shift+mirror+cutout"):
        assert augmentation(name, side=8, classes=3)(images).shape == images.shape
    for name in ("cutmix", "shift+mixup"):
        mixed, aims = augmentation(name, side=8, classes=3)(images, targets)
        assert mixed.shape == images.shape
        torch.testing.assert_close(aims.sum(1), torch.ones(6))
    for name in ("blur", "cutmix+shift", "", "shift+"):
        with pytest.raises(ValueError, match="an augmentation is made of shift, mirror, cutout"):
            augmentation(name, side=8, classes=3)


def test_mixed_targets_go_with_the_chosen_copies():
    torch.manual_seed(0)
    model, chance = SmallConvNet(1, 3, 2), augmentation("shift+cutmix", side=8, classes=3)
    images, targets = torch.rand(6, 1, 8, 8), torch.tensor([0, 1, 2, 0, 1, 2])
    loss = maxup_loss(model, images, targets, chance, excess=True)
    loss.backward()
    step = MaxUp(model, chance, excess=True)
    assert step.loss(images, targets).isfinite()


@pytest.mark.parametrize("kind", [RandomShift, Cutout])
def test_nothing_negative(kind):
    with pytest.raises(ValueError, match="must not be negative, got -1"):
        kind(-1)
