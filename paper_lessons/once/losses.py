"""Losses of the detector: focal loss of the heat map without a dense target, L1 of sizes and offsets.

Source: CenterNet. The focal loss is summed over all cells and divided by the number of objects.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from paper_lessons.once.targets import Targets


def focal_loss(
    logits: Float[Tensor, "batch classes height width"], targets: Targets
) -> Float[Tensor, ""]:
    r"""Penalty-reduced focal loss of a heat map.

    With :math:`p` the sigmoid of a logit and :math:`t` its target, a centre costs :math:`-\log(p)(1-p)^2`, any other cell
    :math:`-\log(1-p)\,p^2\,(1-t)^4`. The sum is divided by the number of centres, or by 1 where there is none.

    Parameters
    ----------
    logits : Float[Tensor, "batch classes height width"]
        Before the sigmoid; any real numbers.
    targets : Targets

    Returns
    -------
    Float[Tensor, ""]

    Raises
    ------
    ValueError
        If the map has another shape than the targets.

    Examples
    --------
    >>> from paper_lessons.once.targets import splat_targets
    >>> none = splat_targets([torch.zeros(0, 4)], [torch.zeros(0, dtype=torch.long)], classes=1, height=2, width=2)
    >>> round(focal_loss(torch.zeros(1, 1, 2, 2), none).item(), 4)
    0.6931
    """
    _check(logits, targets)
    return _Focal.apply(logits, targets.cells, targets.values, targets.positive)


def heat_l1_loss(
    logits: Float[Tensor, "batch classes height width"],
    targets: Targets,
    *,
    balanced: bool = False,
) -> Float[Tensor, ""]:
    """The L1 loss that the paper's text names for the generator.

    Parameters
    ----------
    logits : Float[Tensor, "batch classes height width"]
    targets : Targets
    balanced : bool
        Touched and untouched cells each as a mean. Without it, a sum over all cells divided by the number of objects: its
        best constant is the median, which is 0 almost everywhere, and training ends there.

    Returns
    -------
    Float[Tensor, ""]
    """
    _check(logits, targets)
    heat = logits.sigmoid().reshape(-1)
    touched = heat[targets.cells]
    wrong = (touched - targets.values).abs()
    elsewhere = heat.sum() - touched.sum()
    if not balanced:
        return (wrong.sum() + elsewhere) / max(1, len(targets.picture))
    rest = max(1, heat.numel() - len(touched))
    return (wrong * targets.values).sum() / targets.values.sum().clamp(min=1) + elsewhere / rest


def box_loss(
    sizes: Float[Tensor, "batch *classes 2 height width"],
    offsets: Float[Tensor, "batch 2 height width"],
    targets: Targets,
    *,
    mean: Literal["coordinates", "objects"] = "coordinates",
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """L1 of width and height, and of the offsets, at the objects' centres.

    Parameters
    ----------
    sizes : Float[Tensor, "batch 2 height width"]
        With an axis of classes before the 2, each class's own.
    offsets : Float[Tensor, "batch 2 height width"]
    targets : Targets
    mean : "coordinates" or "objects"
        The public code divides by the number of coordinates; the paper's formula by that of objects, which is twice as much.

    Returns
    -------
    Float[Tensor, ""], Float[Tensor, ""]
        0 where there are no objects.
    """
    at = targets.picture, slice(None), targets.row, targets.column
    own = at if sizes.ndim == 4 else (targets.picture, targets.label, *at[1:])
    count = max(1, len(targets.picture)) * (2 if mean == "coordinates" else 1)
    return (
        (sizes[own] - targets.sizes).abs().sum() / count,
        (offsets[at] - targets.offsets).abs().sum() / count,
    )


def _check(logits: Tensor, targets: Targets) -> None:
    if tuple(logits.shape) != targets.shape:
        raise ValueError(f"logits must have shape {targets.shape}, got {tuple(logits.shape)}")


class _Focal(torch.autograd.Function):
    """As if every cell were empty, then put right at the touched ones; the gradient is made in the same pass."""

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, cells: Tensor, values: Tensor, positive: Tensor
    ) -> Tensor:
        p = torch.sigmoid(logits)
        loss = F.softplus(logits)  # -log(1 - p), finite for any logit
        square = p * p
        # map by map: one sum over all cells would lose digits
        rows = loss.flatten(0, 1).flatten(1)
        total = torch.bmm(rows[:, None], square.view_as(rows)[:, :, None]).sum()
        here = logits.reshape(-1)[cells]
        q, empty = torch.sigmoid(here), F.softplus(here)
        weight = (1 - values) ** 4
        full = F.softplus(-here)  # -log(p)
        miss = 1 - q
        total = total - (empty * q * q * (1 - weight)).sum() + (full * miss * miss)[positive].sum()
        count = positive.sum().clamp(min=1).to(logits.dtype)
        # d/dx of softplus(x) p^2 is p^2 (p + 2 (1 - p) softplus(x))
        slope = loss.mul_(1 - p).mul_(2).add_(p).mul_(square)
        flat = slope.view(-1)
        flat[cells] = torch.where(
            positive, -(miss**3) - 2 * q * miss * miss * full, flat[cells] * weight
        )
        ctx.save_for_backward(slope, count)
        return total / count

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        slope, count = ctx.saved_tensors
        return slope * (gradient / count), None, None, None
