"""Chance for pictures, drawn for every sample of its own: shifts, mirror images, Cutout, and several in a row.

A transform of torchvision draws once for a whole batch, so that all samples of a copy would be changed alike.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.transforms import v2

Pictures = Float[Tensor, "batch channels height width"]


class RandomShift(nn.Module):
    """Every picture moved by some whole pixels; what comes in at the edge is 0.

    Parameters
    ----------
    most : int
        Pixels to each side, at most.

    Raises
    ------
    ValueError
        If it is negative.

    Examples
    --------
    >>> tuple(RandomShift(2)(torch.rand(5, 1, 8, 8)).shape)
    (5, 1, 8, 8)
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        if most < 0:
            raise ValueError(f"most must not be negative, got {most}")
        self.most = most

    def forward(self, images: Pictures) -> Pictures:
        """Pictures of the same size.

        Parameters
        ----------
        images : Float[Tensor, "batch channels height width"]

        Returns
        -------
        Float[Tensor, "batch channels height width"]
        """
        batch, _, height, width = images.shape
        wide = F.pad(images, [self.most] * 4)
        down, right = torch.randint(2 * self.most + 1, (2, batch, 1), device=images.device)
        rows = down + torch.arange(height, device=images.device)  # (batch, height)
        columns = right + torch.arange(width, device=images.device)
        every = torch.arange(batch, device=images.device)[:, None, None]
        moved = wide[every, :, rows[:, :, None], columns[:, None]]
        return moved.movedim(
            3, 1
        )  # (batch, height, width, channels) -> (batch, channels, height, width)


class RandomMirror(nn.Module):
    """Every second picture, on average, mirrored from left to right.

    Examples
    --------
    >>> tuple(RandomMirror()(torch.rand(5, 3, 8, 8)).shape)
    (5, 3, 8, 8)
    """

    def forward(self, images: Pictures) -> Pictures:
        """Pictures of the same size.

        Parameters
        ----------
        images : Float[Tensor, "batch channels height width"]

        Returns
        -------
        Float[Tensor, "batch channels height width"]
        """
        turned = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5
        return torch.where(turned, images.flip(-1), images)


class Cutout(nn.Module):
    """A square of every picture set to 0, with its centre anywhere (DeVries, Taylor 2017, arXiv 1708.04552).

    Parameters
    ----------
    side : int
        Pixels. At an edge less than the whole square lies in the picture.

    Raises
    ------
    ValueError
        If it is negative.

    Examples
    --------
    >>> left = Cutout(4)(torch.ones(1, 1, 8, 8)).sum().item()
    >>> 48 <= left < 64
    True
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        if side < 0:
            raise ValueError(f"side must not be negative, got {side}")
        self.side = side

    def forward(self, images: Pictures) -> Pictures:
        """Pictures of the same size.

        Parameters
        ----------
        images : Float[Tensor, "batch channels height width"]

        Returns
        -------
        Float[Tensor, "batch channels height width"]
        """
        batch, _, height, width = images.shape
        inside = []
        for length in (height, width):
            first = torch.randint(length, (batch, 1), device=images.device) - self.side // 2
            place = torch.arange(length, device=images.device)
            inside.append((place >= first) & (place < first + self.side))
        hole = inside[0][:, :, None] & inside[1][:, None]  # (batch, height, width)
        return images.masked_fill(hole[:, None], 0.0)


def augmentation(name: str, *, side: int, classes: int) -> Callable[..., object]:
    """An augmentation by its name, in a strength that suits the pictures' size.

    Parameters
    ----------
    name : str
        "shift", "mirror", "cutout" (a third of the side), or several joined by "+"; "cutmix" or "mixup" as the last.
    side : int
        Of the pictures.
    classes : int
        For targets that are mixed.

    Returns
    -------
    callable

    Raises
    ------
    ValueError
        If there is no such augmentation, or one that mixes targets is not the last.

    Examples
    --------
    >>> tuple(augmentation("shift+cutout", side=8, classes=10)(torch.rand(5, 1, 8, 8)).shape)
    (5, 1, 8, 8)
    """
    shape: dict[str, Callable[[], nn.Module]] = {
        "shift": lambda: RandomShift(max(1, side // 8)),
        "mirror": RandomMirror,
        "cutout": lambda: Cutout(max(1, round(side / 3))),
    }
    mixed = {"cutmix": v2.CutMix, "mixup": v2.MixUp}
    *first, last = name.split("+")
    for one in [*first, last]:
        if one not in shape and (one not in mixed or one in first):
            raise ValueError(
                f"an augmentation is made of {', '.join(shape)} and, as the last, {' or '.join(mixed)}; got {name!r}"
            )
    parts = [shape[one]() for one in [*first, last] if one in shape]
    if last not in mixed:
        return parts[0] if len(parts) == 1 else nn.Sequential(*parts)
    return Mixing(nn.Sequential(*parts), mixed[last](num_classes=classes))


class Mixing(nn.Module):
    """An augmentation of pictures, and then one that mixes them and their targets.

    Parameters
    ----------
    first : callable
    mix : callable
        Of pictures and targets: torchvision's ``CutMix`` or ``MixUp``.
    """

    mixes_targets = True

    def __init__(self, first: nn.Module, mix: Callable[..., tuple[Tensor, Tensor]]) -> None:
        super().__init__()
        self.first, self.mix = first, mix

    def forward(self, images: Pictures, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Both, mixed.

        Parameters
        ----------
        images : Float[Tensor, "batch channels height width"]
        targets : Int[Tensor, "batch"]

        Returns
        -------
        Float[Tensor, "batch channels height width"], Float[Tensor, "batch classes"]
        """
        return self.mix(self.first(images), targets)
