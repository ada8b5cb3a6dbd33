"""Pictures changed by chance, with their boxes: shifts, colours, flips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from paper_lessons.once.boxes import clip_boxes

SEEN = 0.5  # of a box's area; of less, nobody knows whether it is to be found


@dataclass(frozen=True)
class Augmenting:
    """What may happen to a picture.

    Attributes
    ----------
    shift : int
        At most so many pixels in any direction; the border is repeated.
    recolor : bool
        Change the order of the colours, brightness, and turn dark to light.
    flip : bool
        Left and right, in half of the cases. Wrong for letters.
    """

    shift: int = 9
    recolor: bool = True
    flip: bool = False

    def __post_init__(self) -> None:
        if self.shift < 0:
            raise ValueError(f"shift must not be negative, got {self.shift}")


def augmented(
    images: Shaped[Tensor, "n 3 height width"],
    boxes: Sequence[Float[Tensor, "objects 4"]],
    how: Augmenting,
    draw: np.random.Generator,
) -> tuple[
    Float[Tensor, "n 3 height width"],
    list[Float[Tensor, "objects 4"]],
    list[Bool[Tensor, " objects"]],
]:
    """Some pictures, changed.

    Parameters
    ----------
    images : UInt8[Tensor, "n 3 height width"]
    boxes : sequence of Float[Tensor, "objects 4"]
    how : Augmenting
    draw : numpy.random.Generator

    Returns
    -------
    Float[Tensor, "n 3 height width"]
        In [0, 1].
    list of Float[Tensor, "objects 4"]
        Moved with the pictures, cut at the borders.
    list of Bool[Tensor, "objects"]
        Which boxes are less than half in the picture: neither to be found nor to be passed over.

    Examples
    --------
    >>> image = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    >>> flipped = Augmenting(shift=0, recolor=False, flip=True)
    >>> augmented(image, [torch.tensor([[1.0, 2.0, 4.0, 5.0]])], flipped, np.random.default_rng(3))[1][0].tolist()
    [[4.0, 2.0, 7.0, 5.0]]
    """
    images = images.float() / 255
    height, width = images.shape[2:]
    moves = draw.integers(-how.shift, how.shift + 1, (len(images), 2))
    if how.shift:
        wide = F.pad(images, [how.shift] * 4, mode="replicate")
        images = torch.stack(
            [
                one[
                    :, how.shift - y : how.shift - y + height, how.shift - x : how.shift - x + width
                ]
                for one, (x, y) in zip(wide, moves.tolist(), strict=True)
            ]
        )
    flips = draw.random(len(images)) < (0.5 if how.flip else 0.0)
    moved, hidden = [], []
    for number, some in enumerate(boxes):
        there = some + some.new_tensor(moves[number].tolist() * 2)
        if flips[number]:
            mirrored, (there,) = turned(images[number, None], [there], 1)
            images[number] = mirrored[0]
        cut = clip_boxes(there, height, width)
        hidden.append(_area(cut) < SEEN * _area(there))
        moved.append(cut)
    if how.recolor:
        images = recolored(2 * images - 1, draw) / 2 + 0.5
    return images, moved, hidden


def recolored(
    images: Float[Tensor, "n 3 height width"], draw: np.random.Generator
) -> Float[Tensor, "n 3 height width"]:
    """Other colours, the same shapes: colours change places, half of the pictures turn dark to light, and brightness moves.

    Parameters
    ----------
    images : Float[Tensor, "n 3 height width"]
        Whose grey is 0, and of which black and white are opposite numbers.
    draw : numpy.random.Generator

    Returns
    -------
    Float[Tensor, "n 3 height width"]
    """
    order = torch.from_numpy(draw.permuted(np.tile(np.arange(3), (len(images), 1)), axis=1))
    sign = torch.from_numpy(draw.choice([-1.0, 1.0], (len(images), 1, 1, 1))).to(images)
    light = torch.from_numpy(draw.normal(0, 0.1, (len(images), 1, 1, 1))).to(images)
    images = images.gather(1, order.to(images.device)[:, :, None, None].expand_as(images))
    return images * sign + light


def turned(
    images: Shaped[Tensor, "n 3 height width"],
    boxes: Sequence[Float[Tensor, "objects 4"]],
    way: int,
) -> tuple[Shaped[Tensor, "n 3 rows columns"], list[Float[Tensor, "objects 4"]]]:
    """All pictures mirrored and turned in one of the eight ways of a square.

    Parameters
    ----------
    images : Shaped[Tensor, "n 3 height width"]
    boxes : sequence of Float[Tensor, "objects 4"]
    way : int
        In 0, ..., 7: a quarter turn to the left ``way // 2`` times, after mirroring where it is odd.

    Returns
    -------
    Shaped[Tensor, "n 3 rows columns"]
    list of Float[Tensor, "objects 4"]

    Examples
    --------
    >>> image = torch.zeros(1, 3, 4, 6)
    >>> turned(image, [torch.tensor([[0.0, 0.0, 2.0, 1.0]])], 2)[1][0].tolist()
    [[0.0, 4.0, 1.0, 6.0]]
    """
    found = [one.clone() for one in boxes]
    if way % 2:
        images, width = images.flip(3), images.shape[3]
        found = [
            torch.stack([width - one[:, 2], one[:, 1], width - one[:, 0], one[:, 3]], 1)
            for one in found
        ]
    for _ in range(way // 2):
        images, width = images.rot90(1, (2, 3)), images.shape[3]
        found = [
            torch.stack([one[:, 1], width - one[:, 2], one[:, 3], width - one[:, 0]], 1)
            for one in found
        ]
    return images, found


def _area(boxes: Float[Tensor, "n 4"]) -> Float[Tensor, " n"]:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
