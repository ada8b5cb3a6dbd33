"""Peaks against a maximum filter; what is encoded is read back; classes do not see each other."""

from __future__ import annotations

import pytest
import torch
from torchvision.ops import box_iou

from paper_lessons.once import decode, find_peaks, splat_targets, without_overlaps

from . import loops


def maps(seed, classes=4, height=11, width=9):
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.randn(2, classes, height, width, generator=generator) * 2,
        torch.rand(2, 2, height, width, generator=generator) * 5,
        torch.rand(2, 2, height, width, generator=generator),
    )


@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("seed", range(3))
def test_detections_are_those_of_the_maximum_filter(seed, threshold):
    given = maps(seed)
    found = decode(*given, threshold=threshold, per_class=10**6, max_detections=10**6)
    wanted = loops.decode(*given, threshold=max(threshold, 1e-9), k=10**6)
    for one, (boxes, scores, labels) in zip(found, wanted, strict=True):
        torch.testing.assert_close(one["scores"], torch.tensor(scores), atol=1e-6, rtol=0)
        torch.testing.assert_close(one["boxes"], torch.tensor(boxes).reshape(-1, 4), atol=1e-4, rtol=1e-5)  # fmt: skip
        assert one["labels"].tolist() == labels


def test_of_equal_neighbours_one_is_a_peak():
    flat = torch.zeros(1, 1, 5, 5)
    assert len(find_peaks(flat, 0.3).row) == 1
    two = torch.full((1, 1, 3, 6), -5.0)
    two[0, 0, 1, 1] = two[0, 0, 1, 2] = two[0, 0, 1, 5] = 2.0
    assert find_peaks(two, 0.5).column.tolist() == [1, 5]


def test_a_map_of_one_cell_and_an_empty_one():
    assert len(find_peaks(torch.ones(1, 1, 1, 1)).logits) == 1
    none = decode(torch.full((2, 1, 4, 4), -9.0), torch.zeros(2, 2, 4, 4), torch.zeros(2, 2, 4, 4))
    assert [one["boxes"].shape for one in none] == [(0, 4), (0, 4)]


def test_what_is_encoded_is_read_back():
    generator = torch.Generator().manual_seed(0)
    corner = torch.rand(40, 2, generator=generator) * 400
    boxes = torch.cat([corner, corner + 12 + 80 * torch.rand(40, 2, generator=generator)], 1)
    labels = torch.arange(40)
    targets = splat_targets([boxes], [labels], classes=40, height=128, width=128)
    sizes, offsets = torch.zeros(1, 2, 128, 128), torch.zeros(1, 2, 128, 128)
    at = targets.picture, slice(None), targets.row, targets.column
    sizes[at], offsets[at] = targets.sizes, targets.offsets
    logits = torch.logit(targets.dense(), eps=1e-6)
    found = decode(logits, sizes, offsets, threshold=0.99)[0]
    order = found["labels"].argsort()
    assert found["labels"][order].tolist() == labels.tolist()
    clear = [i for i in range(40) if int(((targets.row == targets.row[i]) & (targets.column == targets.column[i])).sum()) == 1]  # fmt: skip
    torch.testing.assert_close(found["boxes"][order][clear], boxes[clear], atol=1e-3, rtol=0)


def test_a_further_class_moves_no_other_and_a_limit_of_all_can():
    logits, sizes, offsets = maps(0, classes=5)
    alone = decode(logits[:, :4].contiguous(), sizes, offsets, threshold=0.2)
    with_it = decode(logits, sizes, offsets, threshold=0.2)
    for one, two in zip(alone, with_it, strict=True):
        old = two["labels"] < 4
        for name in ("boxes", "scores", "labels"):
            assert torch.equal(one[name], two[name][old])
    capped = decode(logits, sizes, offsets, threshold=0.2, max_detections=3)
    assert [len(one["scores"]) for one in capped] == [3, 3]


def test_limits_count_within_classes():
    logits, sizes, offsets = maps(1)
    every = decode(logits, sizes, offsets, threshold=0.05, per_class=10**6)[0]
    two = decode(logits, sizes, offsets, threshold=0.05, per_class=2)[0]
    for kind in range(4):
        torch.testing.assert_close(
            two["scores"][two["labels"] == kind], every["scores"][every["labels"] == kind][:2]
        )


@pytest.mark.parametrize("option", [{"threshold": 1.0}, {"per_class": 0}, {"max_detections": 0}])
def test_wrong_options_are_refused(option):
    (name,) = option
    with pytest.raises(ValueError, match=f"{name} must"):
        decode(*maps(0), **option)


def test_of_boxes_that_overlap_the_most_certain_of_each_class_stays():
    draw = torch.Generator().manual_seed(0)
    corner = 40 * torch.rand(60, 2, generator=draw)
    boxes = torch.cat([corner, corner + 20], 1)
    scores = torch.rand(60, generator=draw).sort(descending=True).values
    labels = torch.randint(3, (60,), generator=draw)
    names = [f"{label}" for label in labels.tolist()]
    one = {"boxes": boxes, "scores": scores, "labels": labels, "names": names}
    (found,) = without_overlaps([one])
    kept: list[int] = []
    for place in range(60):  # greedy, one by one
        rivals = [other for other in kept if labels[other] == labels[place]]
        shared = box_iou(boxes[place : place + 1], boxes[rivals]) if rivals else torch.zeros(1)
        if float(shared.max()) <= 0.5:
            kept.append(place)
    assert 10 < len(kept) < 50
    assert torch.equal(found["boxes"], boxes[kept])
    assert found["names"] == [names[place] for place in kept]
    (all_of_them,) = without_overlaps([one], 1.0)
    assert torch.equal(all_of_them["scores"], scores)
    without = {key: rows[labels != 2] for key, rows in one.items() if key != "names"}
    without["names"] = [name for name in names if name != "2"]
    (fewer,) = without_overlaps([without])
    assert torch.equal(fewer["boxes"], found["boxes"][found["labels"] != 2])
    with pytest.raises(ValueError, match="most must lie between 0 and 1, got 0"):
        without_overlaps([], 0)
