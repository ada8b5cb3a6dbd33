"""Scenes are drawn the same twice, boxes hold their glyphs, and novel characters never stand in training scenes."""

from __future__ import annotations

import pytest
import torch

from paper_lessons.once import glyph_scenes, glyph_split
from paper_lessons.once.data.glyphs import CHARACTERS, glyph_outlines


def test_every_character_has_an_outline_in_some_font():
    assert len(set(CHARACTERS)) == len(CHARACTERS)
    assert set(glyph_outlines()) == set(CHARACTERS)


def test_base_and_novel_characters_differ():
    base, novel = glyph_split()
    assert (len(base), len(novel), len({*base, *novel})) == (80, 20, 100)
    assert glyph_split() == (base, novel)
    assert glyph_split(seed=1) != (base, novel)
    with pytest.raises(ValueError, match=r"base \+ novel must be at most 130 characters"):
        glyph_split(120, 11)


def test_a_seed_fixes_a_scene_however_many_are_drawn():
    few, many = glyph_scenes(2, "AEK", seed=3), glyph_scenes(5, "AEK", seed=3)
    assert torch.equal(few.images, many.images[:2])
    assert all(torch.equal(a, b) for a, b in zip(few.boxes, many.boxes[:2], strict=True))
    assert not torch.equal(few.images, glyph_scenes(2, "AEK", seed=4).images)


def test_boxes_lie_within_the_picture_and_overlap_little():
    scenes = glyph_scenes(60, list(CHARACTERS[:30]), seed=0)
    count = torch.tensor([len(one) for one in scenes.boxes])
    assert count.min() >= 1
    assert count.max() <= 4
    for boxes, labels in zip(scenes.boxes, scenes.labels, strict=True):
        assert boxes.min() >= 0
        assert boxes.max() <= 96
        sides = boxes[:, 2:] - boxes[:, :2]
        assert (sides > 0).all()
        assert sides.max() <= 51  # 42, stretched
        assert labels.max() < 30


def test_a_box_is_filled_by_its_glyph():
    """Without ground noise, what differs from the ground lies within the boxes, and reaches their edges."""
    scenes = glyph_scenes(20, list("AKW♥Ω"), seed=1, clutter=False, objects=(1, 1))
    for image, boxes in zip(scenes.images.float(), scenes.boxes, strict=True):
        left, top, right, bottom = (int(one) for one in boxes[0])
        ground = image.flatten(1).median(1).values[:, None, None]
        inside = (image - ground)[:, top:bottom, left:right].abs().mean()
        outside = (image - ground).abs().mean()
        assert inside > outside


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="names must be characters with an outline, got"):
        glyph_scenes(1, ["字"])
    with pytest.raises(ValueError, match="n, objects and glyph must be in range"):
        glyph_scenes(1, "A", glyph=(18, 95))
