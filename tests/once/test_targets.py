"""Targets against loops over objects; radii against a search; what cannot be is refused."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from paper_lessons.once import check_boxes, clip_boxes, gaussian_radius, splat_targets

from . import loops


def random_boxes(seed, pictures=3, most=6, side=64):
    generator = torch.Generator().manual_seed(seed)
    boxes, labels = [], []
    for _ in range(pictures):
        n = int(torch.randint(0, most + 1, (1,), generator=generator))
        corner = torch.rand(n, 2, generator=generator) * (side + 20) - 15
        size = torch.rand(n, 2, generator=generator) * 40 + 0.5
        boxes.append(torch.cat([corner, corner + size], 1))
        labels.append(torch.randint(0, 3, (n,), generator=generator))
    return boxes, labels


@pytest.mark.parametrize("seed", range(8))
def test_targets_are_those_of_loops(seed):
    boxes, labels = random_boxes(seed)
    shape = {"classes": 3, "height": 16, "width": 13}
    found = splat_targets(boxes, labels, **shape)
    heat, objects = loops.splat(boxes, labels, *shape.values())
    torch.testing.assert_close(found.dense(), heat, atol=1e-6, rtol=0)
    assert (found.dense() == 1).sum() == found.positive.sum()
    wanted = torch.tensor(objects).reshape(-1, 8)
    places = torch.stack([found.picture, found.label, found.row, found.column], 1)
    assert places.tolist() == wanted[:, :4].long().tolist()
    torch.testing.assert_close(torch.cat([found.sizes, found.offsets], 1), wanted[:, 4:].float(), atol=1e-5, rtol=0)  # fmt: skip
    assert (found.cells.diff() > 0).all()


def test_the_radii_of_the_public_code_and_of_the_equations():
    sides = [(10.0, 10.0), (3.0, 40.0), (1.0, 1.0), (25.0, 7.0)]
    height, width = torch.tensor(sides).T
    ours = gaussian_radius(height, width)
    for (h, w), one in zip(sides, ours.tolist(), strict=True):
        assert one == pytest.approx(loops.centernet_radius(h, w), rel=1e-5)
    exact = gaussian_radius(height, width, kind="exact")
    assert (exact < ours).all()


def overlap(one, two):
    side = [max(0, min(one[i + 2], two[i + 2]) - max(one[i], two[i])) for i in (0, 1)]
    inner = side[0] * side[1]
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, two)]
    return inner / (sum(areas) - inner)


@given(st.floats(2, 80), st.floats(2, 80))
def test_the_exact_radius_keeps_the_overlap_and_no_larger_one_does(height, width):
    r = gaussian_radius(torch.tensor([height]), torch.tensor([width]), kind="exact").item()
    box = (0, 0, width, height)

    def worst(r):
        moved = [
            (r, r, width + r, height + r),
            (r, r, width - r, height - r),
            (-r, -r, width + r, height + r),
        ]
        return min(overlap(box, one) for one in moved)

    assert worst(r * 0.999) > 0.7 - 1e-4
    assert worst(r * 1.01) < 0.7


def test_a_small_box_is_one_cell_and_an_empty_picture_none():
    boxes = [torch.tensor([[5.0, 5.0, 7.0, 7.0]]), torch.zeros(0, 4)]
    found = splat_targets(
        boxes, [torch.tensor([1]), torch.zeros(0, dtype=torch.long)], classes=2, height=4, width=4
    )
    assert found.cells.tolist() == [16 + 4 + 1]
    assert found.values.tolist() == [1.0]
    nothing = splat_targets([torch.zeros(0, 4)], [torch.zeros(0)], classes=2, height=4, width=4)
    assert nothing.dense().sum() == 0


def test_objects_at_the_border_keep_their_size():
    found = splat_targets([torch.tensor([[12.0, 12.0, 16.0, 16.0], [15.0, 15.0, 40.0, 40.0], [16.0, 0.0, 20.0, 4.0]])], [torch.tensor([0, 1, 0])], classes=2, height=4, width=4)  # fmt: skip
    assert len(found.picture) == 2  # the last one lies outside
    assert found.sizes.tolist() == [[1.0, 1.0], [0.25, 0.25]]
    assert found.row.tolist() == [3, 3]
    assert found.offsets[1].tolist() == [0.875, 0.875]


def test_two_objects_in_one_cell_are_counted():
    boxes = torch.tensor([[4.0, 4.0, 8.0, 8.0], [3.5, 4.0, 8.5, 8.0], [4.0, 4.0, 8.0, 8.0]])
    found = splat_targets([boxes], [torch.tensor([0, 0, 1])], classes=2, height=4, width=4)
    assert (len(found.picture), int(found.positive.sum()), found.hidden) == (3, 2, 1)


def test_crowds_are_left_out_of_the_loss():
    from paper_lessons.once import focal_loss

    boxes = torch.tensor([[0.0, 0.0, 16.0, 16.0], [20.0, 20.0, 24.0, 24.0]])
    kinds = torch.tensor([0, 0])
    found = splat_targets([boxes], [kinds], classes=1, height=8, width=8, crowd=[torch.tensor([True, False])])  # fmt: skip
    assert int(found.positive.sum()) == 1
    logits = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0), requires_grad=True)
    focal_loss(logits, found).backward()
    assert (logits.grad[0, 0, :4, :4] == 0).all()
    assert (logits.grad[0, 0, 4:, 4:] != 0).all()


@pytest.mark.parametrize(
    ("boxes", "sentence"),
    [
        ([[10, 10, 5, 20]], r"boxes\[0\] must be left, top, right, bottom, got .* width, height\?"),
        ([[1, 2, 3]], r"boxes must have shape \(n, 4\), got \(1, 3\)"),
        ([[0, 0, math.nan, 1]], "boxes must be finite"),
    ],
)
def test_what_is_no_box_is_refused(boxes, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_boxes(boxes)


def test_other_refusals_and_clipping():
    one = [torch.tensor([[0.0, 0.0, 4.0, 4.0]])]
    with pytest.raises(ValueError, match=r"labels\[0\] must lie in 0, ..., 1, got \[2\]"):
        splat_targets(one, [torch.tensor([2])], classes=2, height=2, width=2)
    with pytest.raises(ValueError, match="kind must be"):
        gaussian_radius(torch.ones(1), torch.ones(1), kind="square")
    with pytest.raises(ValueError, match="min_overlap must lie"):
        gaussian_radius(torch.ones(1), torch.ones(1), min_overlap=1.0)
    assert check_boxes([]).shape == (0, 4)
    assert clip_boxes(torch.tensor([[-1.0, -1.0, 9.0, 9.0]]), 4, 6).tolist() == [[0, 0, 6, 4]]
