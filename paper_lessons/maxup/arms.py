"""What MaxUp is compared with: ways to use augmented copies, and what each of them costs.

A fair comparison has two controls. "equal compute" trains on single copies for as much longer as MaxUp's forward passes cost;
"averaged" draws as many copies as MaxUp and takes the mean of their losses in place of the largest.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from paper_lessons.maxup.choosing import Inputs, Loss, call, logits_of
from paper_lessons.maxup.loss import Augment, augmented, maxup_loss

Arm = Literal["none", "augmented", "equal compute", "averaged", "maxup"]
ARMS: tuple[Arm, ...] = get_args(Arm)

FORWARD = 1 / 3  # of a training step's cost: backward costs about two forward passes


def arm_loss(
    arm: Arm,
    model: nn.Module,
    inputs: Inputs,
    targets: Tensor,
    augment: Augment,
    *,
    m: int = 4,
    loss_fn: Loss = F.cross_entropy,
    excess: bool = False,
) -> Float[Tensor, ""]:
    """The loss of a batch, as one of the ways has it.

    Parameters
    ----------
    arm : "none", "augmented", "equal compute", "averaged" or "maxup"
    model, inputs, targets, augment, m, loss_fn, excess
        As :func:`~paper_lessons.maxup.maxup_loss`.

    Returns
    -------
    Float[Tensor, ""]
        With a graph.

    Raises
    ------
    ValueError
        If there is no such way.

    Examples
    --------
    >>> arm_loss("averaged", nn.Linear(3, 2), torch.randn(4, 3), torch.tensor([0, 1, 0, 1]), lambda x: x).ndim
    0
    """
    if arm not in ARMS:
        raise ValueError(f"arm must be one of {', '.join(ARMS)}, got {arm!r}")
    if arm == "none":
        return loss_fn(logits_of(call(model, inputs)), targets)
    if arm == "averaged":
        drawn = [augmented(augment, inputs, targets) for _ in range(m)]
        return torch.stack(
            [loss_fn(logits_of(call(model, one)), aims) for one, aims in drawn]
        ).mean()
    copies = m if arm == "maxup" else 1
    return maxup_loss(model, inputs, targets, augment, m=copies, loss_fn=loss_fn, excess=excess)


def arm_steps(arm: Arm, steps: int, m: int) -> int:
    """How many steps a way may take, where the others take ``steps``.

    Parameters
    ----------
    arm : str
    steps, m : int

    Returns
    -------
    int

    Examples
    --------
    >>> [arm_steps(arm, 900, 4) for arm in ("augmented", "equal compute", "maxup")]
    [900, 2100, 900]
    """
    return math.ceil(steps * (1 + m * FORWARD) - 1e-9) if arm == "equal compute" else steps
