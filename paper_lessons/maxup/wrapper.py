"""MaxUp around a model: the loss, the warm-up, and a whole step."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from paper_lessons.maxup.choosing import Inputs, Loss, Select
from paper_lessons.maxup.loss import Augment, maxup_loss


class MaxUp:
    """A model, its augmentation, and how many copies compete.

    Parameters
    ----------
    model : nn.Module
    augment : callable
        As :func:`~paper_lessons.maxup.maxup_loss`.
    m : int
        Copies of each sample.
    warmup_steps : int
        For so many calls of :meth:`loss` a single copy is trained on: batch normalisation has to learn its statistics
        before a model in evaluation mode can judge.
    loss_fn, select, chunk, excess, generator
        As :func:`~paper_lessons.maxup.maxup_loss`.

    Raises
    ------
    ValueError
        If ``m`` is below 1 or the warm-up is negative.

    Examples
    --------
    >>> model = nn.Linear(3, 2)
    >>> step = MaxUp(model, lambda x: x + torch.randn_like(x), m=2)
    >>> optimizer = torch.optim.SGD(model.parameters(), 0.1)
    >>> step.step(torch.randn(8, 3), torch.randint(2, (8,)), optimizer).requires_grad
    False
    """

    def __init__(
        self,
        model: nn.Module,
        augment: Augment,
        m: int = 4,
        *,
        warmup_steps: int = 0,
        loss_fn: Loss = F.cross_entropy,
        select: Select = "eval",
        chunk: int | None = None,
        excess: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        if m < 1 or warmup_steps < 0:
            raise ValueError(
                f"m must be at least 1 and warmup_steps not negative, got {m} and {warmup_steps}"
            )
        self.model, self.augment, self.m = model, augment, m
        self.warmup_steps, self.seen = warmup_steps, 0
        self.options: dict[str, Any] = {
            "loss_fn": loss_fn,
            "select": select,
            "chunk": chunk,
            "excess": excess,
            "generator": generator,
        }

    def loss(self, inputs: Inputs, targets: Tensor, *, mask: Tensor | None = None) -> Tensor:
        """The loss of a batch, with a graph.

        Parameters
        ----------
        inputs : Tensor, mapping or sequence of Tensor
        targets : Tensor
        mask : Tensor, optional
            As :func:`~paper_lessons.maxup.maxup_loss`.

        Returns
        -------
        Float[Tensor, ""]
        """
        m = 1 if self.seen < self.warmup_steps else self.m
        self.seen += 1
        return maxup_loss(self.model, inputs, targets, self.augment, m=m, mask=mask, **self.options)

    def step(
        self,
        inputs: Inputs,
        targets: Tensor,
        optimizer: torch.optim.Optimizer,
        accelerator: Any = None,
    ) -> Tensor:
        """A whole training step.

        Parameters
        ----------
        inputs : Tensor, mapping or sequence of Tensor
        targets : Tensor
        optimizer : torch.optim.Optimizer
        accelerator : accelerate.Accelerator, optional
            Who goes backward in its way: scaled, or over several processes.

        Returns
        -------
        Float[Tensor, ""]
            The loss, without a graph.
        """
        optimizer.zero_grad()
        loss = self.loss(inputs, targets)
        if accelerator is None:
            loss.backward()
        else:
            accelerator.backward(loss)
        optimizer.step()
        return loss.detach()
