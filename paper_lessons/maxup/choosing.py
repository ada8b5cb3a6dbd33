"""The worst of m copies: m forward passes without a graph, and the index of the largest loss of each sample."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

Inputs = Tensor | Mapping[str, Tensor] | Sequence[Tensor]
Loss = Callable[..., Tensor]
Select = Literal["eval", "train"]


def sample_losses(
    loss_fn: Loss,
    outputs: Any,
    targets: Tensor,
    mask: Bool[Tensor, "batch ..."] | None = None,
) -> Float[Tensor, " batch"]:
    """A loss for each sample.

    Parameters
    ----------
    loss_fn : callable
        ``loss_fn(outputs, targets)``, which takes ``reduction="none"``, is a loss module of PyTorch, or gives a loss for
        each sample anyway.
    outputs : object
        What the model gave: a tensor, or an object with ``logits``.
    targets : Tensor
    mask : Bool[Tensor, "batch ..."], optional
        Of losses with more axes than the batch (tokens of a sequence, pixels of a picture), which ones count. The loss of
        a sample is the mean over these; 0 where none does.

    Returns
    -------
    Float[Tensor, "batch"]

    Raises
    ------
    ValueError
        If the loss is one number for the batch, or has another shape than the mask.

    Examples
    --------
    >>> from torch.nn.functional import mse_loss
    >>> sample_losses(mse_loss, torch.tensor([[1.0, 3.0]]), torch.tensor([[0.0, 0.0]])).tolist()
    [5.0]
    """
    losses = _unreduced(loss_fn)(logits_of(outputs), targets)
    if losses.ndim == 0:
        raise ValueError(
            "loss_fn must give a loss for each sample, it gave one number: let it take reduction='none', "
            "as torch.nn.functional.cross_entropy does, or return a tensor of shape (batch,)"
        )
    if mask is not None and mask.shape != losses.shape:
        raise ValueError(
            f"mask must have the shape of the losses, {tuple(losses.shape)}, got {tuple(mask.shape)}"
        )
    flat = losses.flatten(1) if losses.ndim > 1 else losses[:, None]
    if mask is None:
        return flat.mean(1)
    counts = mask.flatten(1) if mask.ndim > 1 else mask[:, None]
    # what does not count may be no number at all
    return flat.where(counts, flat.new_zeros(())).sum(1) / counts.sum(1).clamp(min=1)


@torch.no_grad()
def choose(
    model: nn.Module,
    copies: Inputs,
    targets: Tensor,
    *,
    m: int,
    loss_fn: Loss,
    select: Select = "eval",
    chunk: int | None = None,
    mask: Tensor | None = None,
    baseline: Float[Tensor, " rows"] | None = None,
) -> Int[Tensor, " batch"]:
    """Which of its copies has the largest loss, for each sample.

    Parameters
    ----------
    model : nn.Module
    copies : Inputs
        ``m`` batches, one behind the other: rows ``0, ..., batch - 1`` are the first copies.
    targets : Tensor
        Of all rows.
    m : int
    loss_fn : callable
        As :func:`sample_losses`.
    select : "eval" or "train"
        The mode of the model. In "eval" batch normalisation uses what it knows and dropout does nothing, so that copies
        are compared by what they are. "train" is what others do; the batch statistics that it writes are put back.
    chunk : int, optional
        Rows at once; without it those of one copy, so that no more memory is taken than a plain step takes.
    mask : Tensor, optional
        Of all rows, as :func:`sample_losses`.
    baseline : Float[Tensor, "rows"], optional
        What is taken off the losses before they are compared.

    Returns
    -------
    Int[Tensor, "batch"]
        From 0; of equal losses the first. A loss that is no number is never the largest, unless all are.
    """
    rows = len(targets)
    step = rows // m if chunk is None else chunk
    found = []
    with _mode(model, select) as plain:
        for begin in range(0, rows, step):
            part = slice(begin, begin + step)
            outputs = call(plain, take(copies, part))
            some = None if mask is None else mask[part]
            found.append(
                sample_losses(
                    loss_fn,
                    outputs,
                    targets[part],
                    some,
                ).float()
            )
    losses = torch.cat(found)
    if baseline is not None:
        losses = losses - baseline
    losses = losses.nan_to_num(
        nan=-torch.inf,
        posinf=torch.inf,
        neginf=-torch.inf,
    )
    return losses.view(m, -1).argmax(0)  # (m, batch) -> (batch,)


def call(model: nn.Module, inputs: Inputs) -> Any:
    """A forward pass: a mapping by names, a tensor alone, other sequences one by one."""
    if isinstance(inputs, Tensor):
        return model(inputs)
    return model(**inputs) if isinstance(inputs, Mapping) else model(*inputs)


def logits_of(outputs: Any) -> Tensor:
    """A tensor, or the logits of a model's output."""
    return outputs if isinstance(outputs, Tensor) else outputs.logits


def take(inputs: Inputs, rows: Any) -> Any:
    """Some rows of everything."""
    return over(lambda one: one[rows], inputs)


def join(copies: Sequence[Inputs]) -> Any:
    """Batches, one behind the other."""
    return over(lambda *some: torch.cat(some), *copies)


def over(function: Callable[..., Tensor], *inputs: Any) -> Any:
    """The same function of every tensor in inputs of the same kind."""
    first = inputs[0]
    if isinstance(first, Tensor):
        return function(*inputs)
    if isinstance(first, Mapping):
        return {name: function(*(one[name] for one in inputs)) for name in first}
    return tuple(function(*some) for some in zip(*inputs, strict=True))


def tensors(inputs: Inputs) -> list[Tensor]:
    """All of them."""
    if isinstance(inputs, Tensor):
        return [inputs]
    return list(inputs.values() if isinstance(inputs, Mapping) else inputs)


def _unreduced(loss_fn: Loss) -> Loss:
    if isinstance(loss_fn, nn.Module) and hasattr(loss_fn, "reduction"):
        alone = copy.copy(loss_fn)
        alone.reduction = "none"  # type: ignore[assignment]
        return alone
    try:
        known = inspect.signature(loss_fn).parameters
    except (TypeError, ValueError):  # of C code
        return loss_fn
    if "reduction" in known:
        return lambda outputs, targets: loss_fn(outputs, targets, reduction="none")
    return loss_fn


@contextmanager
def _mode(model: nn.Module, select: Select) -> Iterator[nn.Module]:
    """The model as it selects; afterwards every part of it is as it was."""
    plain = model.module if isinstance(model, DistributedDataParallel) else model
    modes = {part: part.training for part in plain.modules()}
    kept: list[tuple[Tensor, Tensor]] = []
    if select == "eval":
        plain.eval()
    else:
        kept = [(one, one.clone()) for one in plain.buffers()]
    try:
        yield plain
    finally:
        for part, training in modes.items():
            part.training = training
        for one, before in kept:
            one.copy_(before)
