"""From heat maps to boxes: peaks that exceed a threshold, class by class.

A class is decoded as if it were alone. So a class that is added or forgotten moves no box of another one; only a limit on all
detections together, which is applied last, can. Even probabilities are computed one by one: over a whole tensor, the last digit of
a sigmoid depends on the place of a number in a register of the processor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


@dataclass
class Peaks:
    """Cells that are larger than their eight neighbours.

    Attributes
    ----------
    picture, label, row, column : Int[Tensor, "peaks"]
        In the map's order.
    logits : Float[Tensor, "peaks"]
        Before the sigmoid.
    """

    picture: Int[Tensor, " peaks"]
    label: Int[Tensor, " peaks"]
    row: Int[Tensor, " peaks"]
    column: Int[Tensor, " peaks"]
    logits: Float[Tensor, " peaks"]


def find_peaks(
    logits: Float[Tensor, "batch classes height width"],
    threshold: float = 0.3,
) -> Peaks:
    """Peaks of at least a probability. Of equal neighbours the first in reading order is the peak.

    Parameters
    ----------
    logits : Float[Tensor, "batch classes height width"]
        Before the sigmoid.
    threshold : float
        In [0, 1).

    Returns
    -------
    Peaks

    Raises
    ------
    ValueError
        If the threshold is outside.

    Notes
    -----
    The threshold comes first: few cells pass, and only their neighbours are looked at.

    Examples
    --------
    >>> found = find_peaks(torch.tensor([[[[0.0, 3.0, 3.0], [0.0, 2.0, 0.0]]]]))
    >>> found.row.tolist(), found.column.tolist()
    ([0], [1])
    """
    if not 0 <= threshold < 1:
        raise ValueError(f"threshold must lie in [0, 1), got {threshold}")
    _, classes, height, width = logits.shape
    least = torch.tensor(threshold, dtype=torch.float64).logit().item()
    flat = logits.reshape(-1)
    cells = (flat >= least).nonzero().squeeze(1)
    column, row = cells % width, cells // width % height
    value = flat[cells]
    peak = torch.ones_like(cells, dtype=torch.bool)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            if down == right == 0:
                continue
            there = (
                (row + down >= 0)
                & (row + down < height)
                & (column + right >= 0)
                & (column + right < width)
            )
            other = flat[
                torch.where(
                    there,
                    cells + down * width + right,
                    cells,
                )
            ]
            before = (down, right) < (0, 0)
            wins = value > other if before else value >= other
            peak &= wins | ~there
    cells = cells[peak]
    return Peaks(
        cells // (classes * height * width),
        cells // (height * width) % classes,
        row[peak],
        column[peak],
        value[peak],
    )


def decode(
    logits: Float[Tensor, "batch classes height width"],
    sizes: Float[Tensor, "batch *classes 2 height width"],
    offsets: Float[Tensor, "batch 2 height width"],
    *,
    threshold: float = 0.3,
    stride: int = 4,
    per_class: int = 100,
    max_detections: int | None = None,
    scales: Float[Tensor, "classes 2"] | None = None,
) -> list[dict[str, Tensor]]:
    """Boxes of each picture, the most certain first.

    Parameters
    ----------
    logits : Float[Tensor, "batch classes height width"]
    sizes : Float[Tensor, "batch 2 height width"]
        Width and height in cells, below 0 as 0; with an axis of classes before, each class's own.
    offsets : Float[Tensor, "batch 2 height width"]
        Where in its cell a centre lies.
    threshold : float
        Least probability.
    stride : int
        Pixels of a cell.
    per_class : int
        At most so many boxes of a class in a picture.
    max_detections : int, optional
        At most so many boxes of a picture.
    scales : Float[Tensor, "classes 2"], optional
        By what width and height of each class are multiplied.

    Returns
    -------
    list of dict
        ``"boxes"`` (n, 4) left, top, right, bottom in pixels; ``"scores"`` and ``"labels"`` (n,). Equal scores stand in
        the order of classes and cells.

    Raises
    ------
    ValueError
        If a limit is below 1.
    """
    for name, limit in (("per_class", per_class), ("max_detections", max_detections)):
        if limit is not None and limit < 1:
            raise ValueError(f"{name} must be at least 1, got {limit}")
    found = find_peaks(logits, threshold)
    at = found.picture, slice(None), found.row, found.column
    own = at if sizes.ndim == 4 else (found.picture, found.label, *at[1:])
    corner = torch.stack([found.column, found.row], 1)
    centre, half = corner + offsets[at], sizes[own].clamp(min=0) / 2
    if scales is not None:
        half = half * scales[found.label]
    boxes = torch.cat([centre - half, centre + half], 1) * stride
    results = []
    for number in range(len(logits)):
        best = (found.picture == number).nonzero().squeeze(1)
        best = best[torch.argsort(found.logits[best], descending=True, stable=True)]
        best = best[_rank_in_class(found.label[best]) < per_class][:max_detections]
        scores = [_sigmoid(one) for one in found.logits[best].tolist()]
        results.append(
            {
                "boxes": boxes[best],
                "scores": torch.tensor(scores, dtype=torch.float32, device=logits.device),
                "labels": found.label[best],
            }
        )
    return results


def _sigmoid(x: float) -> float:
    if x >= 0:
        return 1 / (1 + math.exp(-x))
    small = math.exp(x)
    return small / (1 + small)


def _rank_in_class(labels: Int[Tensor, " n"]) -> Int[Tensor, " n"]:
    """How many of the same class stand before each."""
    order = torch.argsort(labels, stable=True)
    counts = torch.bincount(labels)
    first = F.pad(counts.cumsum(0), (1, 0))[:-1]
    rank = torch.empty_like(labels)
    rank[order] = torch.arange(len(labels), device=labels.device) - first[labels[order]]
    return rank
