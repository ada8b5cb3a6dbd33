"""A network trained in one of the ways, and nothing else different."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from accelerate import Accelerator
from jaxtyping import Float
from torch import Tensor, nn

from paper_lessons.maxup.arms import ARMS, Arm, arm_loss, arm_steps
from paper_lessons.maxup.choosing import Inputs, Loss, over, take, tensors
from paper_lessons.maxup.loss import Augment


@dataclass(frozen=True)
class Training:
    """How to train.

    Attributes
    ----------
    arm : "none", "augmented", "equal compute", "averaged" or "maxup"
    m : int
        Copies of each sample, where there are several.
    steps : int
        Of every way but "equal compute", which takes as many more as MaxUp's forward passes cost.
    batch_size : int
    optimizer : "sgd" or "adamw"
    lr : float
        Peak; it falls to 0 as a cosine.
    momentum, weight_decay : float
        The first of stochastic gradient descent alone.
    excess : bool
        As :func:`~paper_lessons.maxup.maxup_loss`.
    warmup_steps : int
        With a single copy, before MaxUp begins.
    keep_every : int
        Steps between lines of the history.
    seed : int
        Of batches and augmentations. Ways that share it see the same batches.
    """

    arm: Arm = "maxup"
    m: int = 4
    steps: int = 900
    batch_size: int = 64
    optimizer: Literal["sgd", "adamw"] = "sgd"
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    excess: bool = False
    warmup_steps: int = 0
    keep_every: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        if self.arm not in ARMS:
            raise ValueError(f"arm must be one of {', '.join(ARMS)}, got {self.arm!r}")
        if self.optimizer not in ("sgd", "adamw"):
            raise ValueError(f"optimizer must be 'sgd' or 'adamw', got {self.optimizer!r}")
        for name in ("m", "steps", "batch_size", "keep_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("momentum", "weight_decay", "warmup_steps"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if not self.lr > 0:
            raise ValueError(f"lr must be positive, got {self.lr}")


def train(
    model: nn.Module,
    inputs: Inputs,
    targets: Tensor,
    augment: Augment,
    how: Training | None = None,
    *,
    loss_fn: Loss = F.cross_entropy,
    extra: Callable[[nn.Module], Float[Tensor, ""]] | None = None,
    on_step: Callable[[int, float], None] | None = None,
) -> list[dict[str, float]]:
    """Train in place.

    Parameters
    ----------
    model : nn.Module
    inputs : Tensor, mapping of str to Tensor, or sequence of Tensor
        Of all samples.
    targets : Tensor
    augment : callable
        As :func:`~paper_lessons.maxup.maxup_loss`.
    how : Training, optional
    loss_fn : callable
    extra : callable, optional
        From the model to a loss that is added in each step, for example of samples without a target.
    on_step : callable, optional
        Called with every step's number and loss.

    Returns
    -------
    list of dict
        ``"step"`` and mean ``"loss"`` since the line before.

    Raises
    ------
    ValueError
        If inputs and targets are not as many.
    FloatingPointError
        If the loss is not finite.

    Examples
    --------
    >>> model = nn.Linear(2, 2)
    >>> history = train(model, torch.randn(32, 2), torch.randint(2, (32,)), lambda x: x, Training(steps=20, keep_every=10))
    >>> [line["step"] for line in history]
    [10, 20]
    """
    how = how or Training()
    counts = {len(one) for one in tensors(inputs)}
    if counts != {len(targets)} or not len(targets):
        raise ValueError(
            f"inputs and targets must be as many, and some, got {', '.join(map(str, counts))} and {len(targets)}"
        )
    steps = arm_steps(how.arm, how.steps, how.m)
    learnt = [one for one in model.parameters() if one.requires_grad]
    optimizer: torch.optim.Optimizer
    if how.optimizer == "adamw":
        optimizer = torch.optim.AdamW(learnt, how.lr, weight_decay=how.weight_decay)
    else:
        optimizer = torch.optim.SGD(
            learnt, how.lr, momentum=how.momentum, weight_decay=how.weight_decay, nesterov=how.momentum > 0
        )  # fmt: skip
    accelerator = Accelerator()
    moved, optimizer = accelerator.prepare(model, optimizer)
    order = torch.Generator().manual_seed(how.seed)
    history, since = [], []
    moved.train()
    with torch.random.fork_rng():
        # of augmentations and of dropout, in every process others
        torch.manual_seed(how.seed + 1 + accelerator.process_index)
        for step in range(steps):
            rows = torch.randint(len(targets), (how.batch_size,), generator=order)
            rows = rows[accelerator.process_index :: accelerator.num_processes]
            batch = over(lambda one: one.to(accelerator.device), take(inputs, rows))
            aims = targets[rows].to(accelerator.device)
            m = how.m if step >= how.warmup_steps else 1
            loss = arm_loss(
                how.arm, moved, batch, aims, augment, m=m, loss_fn=loss_fn, excess=how.excess
            )
            if extra is not None:
                loss = loss + extra(moved)
            optimizer.zero_grad()
            accelerator.backward(loss)
            for group in optimizer.param_groups:
                group["lr"] = how.lr * 0.5 * (1 + math.cos(math.pi * step / steps))
            optimizer.step()
            since.append(float(loss.detach()))
            if not math.isfinite(since[-1]):
                raise FloatingPointError(f"the loss of step {step + 1} is {since[-1]}")
            if on_step is not None:
                on_step(step + 1, since[-1])
            if (step + 1) % how.keep_every == 0 or step + 1 == steps:
                history.append({"step": step + 1, "loss": sum(since) / len(since)})
                since = []
    model.eval()
    return history
