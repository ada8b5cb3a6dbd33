"""Pictures with boxes, all of one size: what training and scoring read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from jaxtyping import UInt8
from torch import Tensor
from torchvision.transforms.v2.functional import resize

from paper_lessons.once.data.readers import Detections

GREY = 128  # of what is filled up: 0 once a picture is normalised, to half a grey level


class Truth(Protocol):
    """Boxes of pictures: what a score is taken against. :class:`Detections` and the two below have them."""

    @property
    def names(self) -> Sequence[str]:
        """Classes, in the order of the labels."""

    @property
    def boxes(self) -> Sequence[Tensor]:
        """For each picture (n, 4): left, top, right, bottom in pixels."""

    @property
    def labels(self) -> Sequence[Tensor]:
        """For each picture (n,): places in ``names``."""

    @property
    def crowd(self) -> Sequence[Tensor]:
        """For each picture (n,): which boxes are around many objects."""


class Pictures(Truth, Protocol):
    """Pictures of one size with their boxes: :class:`Scenes`, :class:`Resized`, or a class of your own."""

    def __len__(self) -> int: ...

    def images_at(self, places: Sequence[int]) -> UInt8[Tensor, "n 3 height width"]:
        """Some of the pictures."""


@dataclass(frozen=True)
class Scenes:
    """Pictures in memory with the boxes of what is in them.

    Attributes
    ----------
    images : UInt8[Tensor, "n 3 height width"]
    boxes : list of Float[Tensor, "objects 4"]
        Left, top, right, bottom in pixels.
    labels : list of Int[Tensor, "objects"]
        Places in ``names``.
    names : tuple of str
    """

    images: Tensor
    boxes: list[Tensor]
    labels: list[Tensor]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def crowd(self) -> list[Tensor]:
        """No box is around a crowd."""
        return [torch.zeros(len(one), dtype=torch.bool) for one in self.boxes]

    def images_at(self, places: Sequence[int]) -> UInt8[Tensor, "n 3 height width"]:
        """Some of the pictures."""
        return self.images[list(places)]


class Resized:
    """Pictures from files, read when they are asked for, each with its longer side brought to ``side``.

    Parameters
    ----------
    detections : Detections
    side : int
        Pixels. The shorter side follows, and is filled up with grey to that of the largest picture.

    Raises
    ------
    ValueError
        If there are no pictures, or the side is below 32.
    """

    def __init__(self, detections: Detections, side: int) -> None:
        if side < 32 or not len(detections):
            raise ValueError(
                f"side must be at least 32 pixels and there must be pictures, got {side} and {len(detections)}"
            )
        self.detections, self.names = detections, detections.names
        scales = [side / max(one.height, one.width) for one in detections.annotations]
        self.shapes = [
            (max(1, round(one.height * scale)), max(1, round(one.width * scale)))
            for one, scale in zip(detections.annotations, scales, strict=True)
        ]
        self.height, self.width = (max(shape[k] for shape in self.shapes) for k in (0, 1))
        self.boxes = [
            one.boxes * scale for one, scale in zip(detections.annotations, scales, strict=True)
        ]
        self.labels, self.crowd = detections.labels, detections.crowd

    def __len__(self) -> int:
        return len(self.detections)

    def images_at(self, places: Sequence[int]) -> UInt8[Tensor, "n 3 height width"]:
        """Some of the pictures."""
        found = []
        for place in places:
            height, width = self.shapes[place]
            image = self.detections[place]["image"].as_subclass(Tensor)
            image = resize(image, [height, width], antialias=True)
            room = (0, self.width - width, 0, self.height - height)
            found.append(F.pad(image, room, value=GREY))
        return torch.stack(found)
