"""One box for each object: of boxes of one class that overlap, the most certain.

A thing much larger than those of training has several peaks. Classes are looked at one by one, so that a new class takes nothing
from another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor
from torchvision import tv_tensors
from torchvision.ops import batched_nms


def without_overlaps(found: Sequence[Mapping[str, Any]], most: float = 0.5) -> list[dict[str, Any]]:
    """Detections without those that a more certain one of the same class overlaps.

    Parameters
    ----------
    found : sequence of mapping
        Of :meth:`~paper_lessons.once.OnceDetector.detect`, one for each picture.
    most : float
        Intersection over union that two boxes of a class may have, in (0, 1].

    Returns
    -------
    list of dict
        As it came, the most certain first.

    Raises
    ------
    ValueError
        If the share is out of range.

    Examples
    --------
    >>> import torch
    >>> boxes = torch.tensor([[0.0, 0, 10, 10], [1.0, 0, 11, 10], [1.0, 0, 11, 10]])
    >>> one = {"boxes": boxes, "scores": torch.tensor([0.9, 0.8, 0.7]), "labels": torch.tensor([0, 0, 1]), "names": ["a", "a", "b"]}
    >>> without_overlaps([one])[0]["names"]
    ['a', 'b']
    """
    if not 0 < most <= 1:
        raise ValueError(f"most must lie between 0 and 1, got {most}")
    return [_one_each(one, most) for one in found]


def _one_each(found: Mapping[str, Any], most: float) -> dict[str, Any]:
    boxes = found["boxes"].as_subclass(Tensor)
    kept = batched_nms(boxes, found["scores"], found["labels"], most).sort().values
    left = boxes[kept]
    if isinstance(found["boxes"], tv_tensors.BoundingBoxes):
        left = tv_tensors.wrap(left, like=found["boxes"])
    return {
        "boxes": left,
        "scores": found["scores"][kept],
        "labels": found["labels"][kept],
        "names": [found["names"][place] for place in kept.tolist()],
    }
