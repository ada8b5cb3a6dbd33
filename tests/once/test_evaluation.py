"""Scores against numbers counted by hand, and the groups."""

from __future__ import annotations

import math

import pytest
import torch

from paper_lessons.once import evaluate, glyph_scenes
from paper_lessons.once.data.readers import Annotation, Detections


def truth(crowd: bool = False) -> Detections:
    """Two pictures: a cat in each, a dog in the first."""
    boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 40.0, 40.0]])
    rows = [
        Annotation("0", "", 50, 50, boxes, torch.tensor([0, 1]), torch.tensor([False, crowd])),
        Annotation("1", "", 50, 50, boxes[:1], torch.tensor([0]), torch.tensor([False])),
    ]
    return Detections(rows, ["cat", "dog", "cow"])


def found(*rows: tuple[list[float], float, str]) -> dict:
    return {
        "boxes": torch.tensor([box for box, _, _ in rows]).reshape(-1, 4),
        "scores": torch.tensor([score for _, score, _ in rows]),
        "names": [name for _, _, name in rows],
    }


CAT, DOG = [0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 40.0, 40.0]


def test_half_of_the_cats_and_a_dog_that_overlaps_two_thirds():
    # one cat of two is found: precision 1 up to recall 0.5, 51 of 101 points
    # the dog's box is 20 x 14 of 20 x 20: an overlap of 0.7, or 5 thresholds of 10, of which 0.70 is a tie that is not taken
    near = [20.0, 20.0, 40.0, 34.2]
    scores = evaluate(
        [found((CAT, 0.9, "cat"), (near, 0.8, "dog")), found()], truth(), novel=["dog"]
    )
    assert scores.classes["cat"].ap == pytest.approx(51 / 101)
    assert scores.classes["cat"].ar == pytest.approx(0.5)
    assert scores.classes["dog"].ap == pytest.approx(0.5)
    assert scores.classes["dog"].ap50 == 1
    assert math.isnan(scores.classes["cow"].ap)
    assert scores.groups["base"] == scores.classes["cat"]
    assert scores.groups["novel"] == scores.classes["dog"]
    assert scores.groups["all"].ap == pytest.approx((51 / 101 + 0.5) / 2)
    assert "cow        -      -      -" in str(scores)


def test_false_finds_cost_and_strange_classes_do_not():
    right = [found((CAT, 0.5, "cat"), (DOG, 0.5, "dog")), found((CAT, 0.5, "cat"))]
    assert evaluate(right, truth()).groups["all"].ap == pytest.approx(1)
    wrong = [found((CAT, 0.5, "cat"), (DOG, 0.9, "cat"), (DOG, 0.5, "dog")), right[1]]
    assert evaluate(wrong, truth()).classes["cat"].ap < 0.7
    strange = [found((CAT, 0.5, "cat"), (DOG, 0.5, "dog"), (DOG, 0.9, "horse")), right[1]]
    assert evaluate(strange, truth()).groups["all"].ap == pytest.approx(1)


def test_crowds_count_neither_way():
    only = [found((CAT, 0.5, "cat"), (DOG, 0.9, "dog")), found((CAT, 0.4, "cat"))]
    scores = evaluate(only, truth(crowd=True))
    assert scores.classes["cat"].ap == pytest.approx(1)
    assert math.isnan(scores.classes["dog"].ap)


def test_nothing_found_is_zero():
    scores = evaluate([found(), found()], truth())
    assert scores.groups["all"].ap == scores.groups["all"].ar == 0


def test_what_is_wrong_is_said():
    with pytest.raises(ValueError, match="must have 2 pictures, got 1"):
        evaluate([found()], truth())
    with pytest.raises(ValueError, match="got horse"):
        evaluate([found(), found()], truth(), novel=["horse"])


def test_scenes_score_themselves():
    scenes = glyph_scenes(6, ["A", "B", "♥"], seed=1)
    right = [
        {
            "boxes": boxes,
            "scores": torch.ones(len(boxes)),
            "names": [scenes.names[k] for k in labels],
        }
        for boxes, labels in zip(scenes.boxes, scenes.labels, strict=True)
    ]
    assert evaluate(right, scenes).groups["all"].ar == pytest.approx(1)
