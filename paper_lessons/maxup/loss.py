"""MaxUp: train on the worst of some augmented copies of each sample.

Gong, Ren, Ye, Liu 2020 (arXiv 2002.09024): of ``m`` copies drawn at random, the one with the largest loss counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.transforms import v2

from paper_lessons.maxup.choosing import (
    Inputs,
    Loss,
    Select,
    call,
    choose,
    join,
    logits_of,
    over,
    take,
    tensors,
)

Augment = Callable[..., Any]


def maxup_loss(
    model: nn.Module,
    inputs: Inputs,
    targets: Tensor,
    augment: Augment,
    *,
    m: int = 4,
    loss_fn: Loss = F.cross_entropy,
    select: Select = "eval",
    chunk: int | None = None,
    mask: Tensor | None = None,
    excess: bool = False,
    generator: torch.Generator | None = None,
) -> Tensor:
    """The loss of the worst copies: one line in a training loop.

    ``m`` batches are augmented, one after the other. All of them are judged without a graph; then one forward pass with a
    graph goes through the worst copy of each sample, and its loss is returned. A training step costs a plain one and ``m``
    forward passes.

    Parameters
    ----------
    model : nn.Module
        Called with the inputs; gives a tensor, or an object with ``logits``.
    inputs : Tensor, mapping of str to Tensor, or sequence of Tensor
        A batch.
    targets : Tensor
    augment : callable
        From inputs to augmented inputs of the same kind, by chance; of torchvision, of :class:`GaussianNoise`, or your
        own. One that has ``mixes_targets`` set, and torchvision's ``CutMix`` and ``MixUp``, are given ``(inputs, targets)``
        and return both.
    m : int
        Copies of each sample. With 1 this is ordinary augmentation, to the last bit.
    loss_fn : callable
        ``loss_fn(outputs, targets)`` is what is returned of the worst copies. To compare copies it has to give a loss for
        each sample, see :func:`~paper_lessons.maxup.sample_losses`.
    select : "eval" or "train"
        The model's mode while copies are judged. It is in its own mode again afterwards.
    chunk : int, optional
        How many rows are judged at once; without it as many as the batch has, which takes less memory than a plain step.
        A graphics processor may be faster with more.
    mask : Tensor, optional
        Of losses with more axes than the batch, which ones count when copies are compared.
    excess : bool
        Whether mixed targets are judged by how much their loss exceeds their entropy, which is the smallest loss that is
        possible. Without it an even mixture looks worse than it is.
    generator : torch.Generator, optional
        Of the augmentations. PyTorch's own generators are then left as they were.

    Returns
    -------
    Float[Tensor, ""]
        With a graph.

    Raises
    ------
    ValueError
        If ``m`` or ``chunk`` is below 1, the batch is empty, the loss cannot be told sample by sample, or an augmentation
        changes a shape.

    Examples
    --------
    >>> model = nn.Linear(3, 2)
    >>> loss = maxup_loss(model, torch.randn(8, 3), torch.randint(2, (8,)), lambda x: x + torch.randn_like(x))
    >>> loss.backward()
    """
    if m < 1 or (chunk is not None and chunk < 1):
        raise ValueError(
            f"m and chunk must be at least 1, got {m} and {chunk}",
        )
    if select not in ("eval", "train"):
        raise ValueError(
            f"select must be 'eval' or 'train', got {select!r}",
        )
    if not len(targets):
        raise ValueError("targets must have at least one sample, got none")
    with _drawing(generator, targets.device):
        drawn = [augmented(augment, inputs, targets) for _ in range(m)]
    if m == 1:
        chosen, aims = drawn[0]
        return loss_fn(logits_of(call(model, chosen)), aims)
    _check_alike([one for one, _ in drawn])
    copies, aims = (
        join([one for one, _ in drawn]),
        torch.cat([one for _, one in drawn]),
    )
    baseline = _entropy(aims) if excess else None
    best = choose(
        model, over(Tensor.detach, copies), aims,
        m=m, loss_fn=loss_fn, select=select, chunk=chunk,
        mask=None
        if mask is None
        else mask.repeat(m, *[1] * (mask.ndim - 1)),
        baseline=baseline,
    )  # fmt: skip
    batch = len(targets)
    rows = best * batch + torch.arange(batch, device=best.device)
    # the copies that were judged, never new ones
    return loss_fn(logits_of(call(model, take(copies, rows))), aims[rows])


def each(augment: Augment) -> Augment:
    """An augmentation that draws for every sample of its own.

    A transform of torchvision draws once for a whole batch: all samples of a copy are shifted alike.

    Parameters
    ----------
    augment : callable
        From one sample to another.

    Returns
    -------
    callable
        From a batch to a batch.

    Examples
    --------
    >>> flip = each(v2.RandomHorizontalFlip())
    >>> tuple(flip(torch.rand(4, 1, 8, 8)).shape)
    (4, 1, 8, 8)
    """
    return lambda inputs: torch.stack([augment(one) for one in inputs])


def mixes_targets(augment: Augment) -> bool:
    """Whether an augmentation is given targets and returns them, too."""
    return bool(getattr(augment, "mixes_targets", isinstance(augment, (v2.CutMix, v2.MixUp))))


def augmented(augment: Augment, inputs: Inputs, targets: Tensor) -> tuple[Any, Tensor]:
    """One copy of a batch, and its targets, which an augmentation may mix."""
    return augment(inputs, targets) if mixes_targets(augment) else (augment(inputs), targets)


def _check_alike(copies: list[Any]) -> None:
    shapes = [[tuple(one.shape) for one in tensors(some)] for some in copies]
    if any(one != shapes[0] for one in shapes):
        raise ValueError(
            f"augment must give the same shapes each time, got {shapes[0]} and {next(one for one in shapes if one != shapes[0])}"
        )


def _entropy(targets: Tensor) -> Tensor:
    """Of each row of probabilities; 0 of class numbers."""
    if not targets.is_floating_point():
        return torch.zeros(len(targets), device=targets.device)
    entropy = torch.special.entr(targets).sum(1)
    return entropy.flatten(1).mean(1) if entropy.ndim > 1 else entropy


@contextmanager
def _drawing(generator: torch.Generator | None, device: torch.device) -> Iterator[None]:
    """PyTorch's own generators follow this one for a while, and are then as they were."""
    if generator is None:
        yield
        return
    seed = int(torch.randint(2**62, (), generator=generator, device=generator.device))
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield
