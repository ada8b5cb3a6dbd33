"""Boxes: left, top, right, bottom in pixels, and what is said when they are not."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


def check_boxes(boxes: Any, name: str = "boxes") -> Tensor:
    """Boxes as a tensor, or an error that says what is wrong with them.

    Parameters
    ----------
    boxes : Float[Tensor, "n 4"], or what becomes one
        Left, top, right, bottom.
    name : str
        What the error calls them.

    Returns
    -------
    Float[Tensor, "n 4"]

    Raises
    ------
    ValueError
        If they have another shape, are not finite, or a right or lower edge lies before its opposite: what left, top,
        width, height look like when they are taken for corners.

    Examples
    --------
    >>> check_boxes([[10, 10, 30, 20]]).tolist()
    [[10.0, 10.0, 30.0, 20.0]]
    """
    found = torch.as_tensor(boxes)
    if found.numel() == 0:
        return found.reshape(0, 4).float()
    if found.ndim != 2 or found.shape[1] != 4:
        raise ValueError(f"{name} must have shape (n, 4), got {tuple(found.shape)}")
    found = found if found.is_floating_point() else found.float()
    if not bool(found.isfinite().all()):
        raise ValueError(f"{name} must be finite numbers, got {found.tolist()}")
    turned = (found[:, 2] < found[:, 0]) | (found[:, 3] < found[:, 1])
    if bool(turned.any()):
        first = int(turned.nonzero()[0])
        raise ValueError(
            f"{name}[{first}] must be left, top, right, bottom, got {found[first].tolist()}; "
            "is it left, top, width, height?"
        )
    return found


def clip_boxes(boxes: Float[Tensor, "n 4"], height: float, width: float) -> Float[Tensor, "n 4"]:
    """Boxes cut at the borders of a picture.

    Parameters
    ----------
    boxes : Float[Tensor, "n 4"]
    height, width : float

    Returns
    -------
    Float[Tensor, "n 4"]

    Examples
    --------
    >>> clip_boxes(torch.tensor([[-5.0, 2.0, 30.0, 8.0]]), 6, 20).tolist()
    [[0.0, 2.0, 20.0, 6.0]]
    """
    limits = boxes.new_tensor([width, height, width, height])
    return torch.minimum(boxes.clamp(min=0), limits)
