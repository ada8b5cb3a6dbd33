"""Two of the paper's applications as losses: top-k classification and trimmed means. (`correlation` has the third.)"""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from paper_lessons.soft_sort.kernels.autograd import under_transforms
from paper_lessons.soft_sort.masking import check_mask
from paper_lessons.soft_sort.operators import soft_rank, soft_sort

Reduction = Literal["mean", "sum", "none"]


def topk_loss(
    logits: Float[Tensor, "*batch n"],
    labels: Int[Tensor, "*batch"],
    k: int = 1,
    *,
    regularization: str = "l2",
    regularization_strength: float | None = None,
    squash: bool = True,
    dim: int = -1,
    mask: Bool[Tensor, "*batch n"] | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """How far the soft rank of the true class is from the first k places: ``max(0, rank - k)``.

    The logits are squashed to [0, 1] by a logistic map first, so that one strength fits every
    scale of the logits. Rank 1 belongs to the largest.

    Parameters
    ----------
    logits : Float[Tensor, "*batch n"]
        One score for each of n classes.
    labels : Int[Tensor, "*batch"]
        The true classes, from 0 to n - 1.
    k : int
        How many places count as right, from 1 to n.
    regularization : {"l2", "kl"}
        Which soft rank.
    regularization_strength : float, optional
        Softness of the ranks, in units of the squashed scores (of the logits without squashing).
        :func:`topk_strength` by default.
    squash : bool
        Whether to apply the logistic map; switch it off for scores that lie in [0, 1] already.
    dim : int
        The dimension of the classes.
    mask : bool Tensor, optional
        True at real places. The true class must be one, and each row counts as if its real places stood alone; what lies under the mask may be anything.
    reduction : {"mean", "sum", "none"}
        Over the examples; ``"none"`` keeps one loss for each.

    Returns
    -------
    Tensor
        A scalar, or ``(*batch)`` with ``reduction="none"``.

    Raises
    ------
    ValueError
        If ``k``, the labels' type, shape or range, or an option does not fit.

    Notes
    -----
    Source: the paper's experiment on top-k classification.

    Examples
    --------
    >>> logits = torch.tensor([[4.0, 0.0, -4.0]])
    >>> topk_loss(logits, torch.tensor([1]), regularization_strength=0.1)  # class 1 is second
    tensor(1.)
    """
    check_reduction(reduction)
    _check_labels(logits, labels, dim)
    classes = logits.shape[dim]
    if not isinstance(k, Integral) or isinstance(k, bool) or not 1 <= k <= classes:
        raise ValueError(f"k must be a whole number from 1 to {classes} (classes), got {k!r}")
    scores = torch.sigmoid(logits) if squash else logits
    if mask is not None:
        mask = check_mask(mask, logits)
        _check_real(labels, mask, dim)
    if regularization_strength is None:
        regularization_strength = topk_strength(classes, regularization)
        if mask is not None:  # as strong as each row's own number of classes asks for
            scores = scores * _strength_ratio(mask.sum(dim, keepdim=True), classes, regularization)
    ranks = soft_rank(
        scores, regularization, regularization_strength, descending=True, dim=dim, mask=mask
    )
    true_rank = ranks.gather(dim, labels.long().unsqueeze(dim)).squeeze(dim)
    return reduce_rows(torch.relu(true_rank - k), reduction)


def topk_strength(classes: int, regularization: str = "l2") -> float:
    """The largest strength at which a clear winner, 1 against zeros, still has rank 1.

    Above it the true class can never reach the first place, and a top-1 loss never becomes 0. From
    this strength on the l2 rank of scores in [0, 1] is linear in them, whatever they are.

    Parameters
    ----------
    classes : int
        How many scores there are.
    regularization : {"l2", "kl"}
        Which soft rank.

    Returns
    -------
    float
        ``2 / classes`` for l2, ``1 / log(classes / 2 + 1)`` for kl.

    Raises
    ------
    ValueError
        If the regularization is unknown or there is no class.

    Notes
    -----
    Not in the paper. The winner is a block of its own as long as pooling does not merge it with the
    block of the n - 1 zeros; both bounds solve that condition for the strength.

    Examples
    --------
    >>> topk_strength(10)
    0.2
    """
    if regularization not in ("l2", "kl"):
        raise ValueError(f"regularization must be 'l2' or 'kl', got {regularization!r}")
    if classes < 1:
        raise ValueError(f"classes must be at least 1, got {classes}")
    return 2 / classes if regularization == "l2" else 1 / math.log(classes / 2 + 1)


def trimmed_loss(
    losses: Float[Tensor, "*batch n"],
    trim: int | float,
    *,
    regularization: str = "l2",
    regularization_strength: float = 1.0,
    dim: int = -1,
    mask: Bool[Tensor, "*batch n"] | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """Mean of the losses without the largest ones, by a soft sort: soft least trimmed squares.

    Strength 0 drops the k largest losses and averages the others (least trimmed squares when the
    losses are squares). A large l2 strength averages them all (least squares). Between the two a
    loss near the border counts in part.

    Parameters
    ----------
    losses : Float[Tensor, "*batch n"]
        One loss for each example.
    trim : int or float
        How many losses to drop, from 0 to n - 1, or which share of them, in [0, 1);
        a share drops ``floor(trim * n)``.
    regularization : {"l2", "kl"}
        Which soft sort. A large kl strength tends to the logarithm of the mean exponential, which
        follows the largest loss; only l2 has the plain mean at its end.
    regularization_strength : float
        Softness of the sort, in units of 1 / loss. 0 is the hard trimmed mean.
    dim : int
        The dimension that is sorted.
    mask : bool Tensor, optional
        True at real places. Each row counts as if its real places stood alone; what lies under the mask may be anything.
    reduction : {"mean", "sum", "none"}
        Over the rows; ``"none"`` keeps one value for each.

    Returns
    -------
    Tensor
        A scalar, or ``(*batch)`` with ``reduction="none"``.

    Raises
    ------
    ValueError
        If ``trim`` or an option does not fit.

    Notes
    -----
    Source: the paper's experiment on robust regression.

    Examples
    --------
    >>> trimmed_loss(torch.tensor([1.0, 2.0, 100.0]), 1, regularization_strength=0)
    tensor(1.5000)
    """
    check_reduction(reduction)
    if losses.ndim == 0:
        raise ValueError("losses must have at least one dimension, got a 0-d tensor")
    dropped = number_to_drop(trim, losses.shape[dim])
    ordered = soft_sort(
        losses, regularization, regularization_strength, descending=True, dim=dim, mask=mask
    )
    if mask is None:
        kept = ordered.narrow(dim, dropped, losses.shape[dim] - dropped)
        return reduce_rows(kept.mean(dim), reduction)
    # the real losses of a row come first; of these the largest are dropped, a share or a number of each row's
    count = mask.expand(losses.shape).sum(dim, keepdim=True)
    first = (
        count.new_full((), dropped) if isinstance(trim, Integral) else (trim * count + 1e-9).long()
    )
    _check_left(count - first, trim)
    place = torch.arange(losses.shape[dim], device=losses.device)
    place = place.view([-1 if d == dim % losses.ndim else 1 for d in range(losses.ndim)])
    kept = torch.where((place >= first) & (place < count), ordered, 0.0)
    return reduce_rows(kept.sum(dim) / (count - first).squeeze(dim), reduction)


def number_to_drop(trim: int | float, n: int) -> int:
    """How many of n losses a ``trim`` drops: a number as it is, a share of n rounded down.

    Parameters
    ----------
    trim : int or float
        A number from 0 to n - 1 or a share in [0, 1).
    n : int
        How many losses there are.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If no loss would be left, or ``trim`` is neither a number nor a share.

    Examples
    --------
    >>> number_to_drop(0.25, 10), number_to_drop(3, 10)
    (2, 3)
    """
    if isinstance(trim, Integral) and not isinstance(trim, bool):
        if 0 <= trim < n:
            return int(trim)
    elif isinstance(trim, Real) and not isinstance(trim, bool) and 0 <= trim < 1 and n:
        # A share such as 0.3 of 10 is 2.9999999999999996 in binary; it means 3.
        return int(float(trim) * n + 1e-9)
    raise ValueError(
        f"trim must be a whole number from 0 to {n - 1} or a share in [0, 1), got {trim!r}"
        f" for {n} losses"
    )


def _check_real(labels: Tensor, mask: Tensor, dim: int) -> None:
    # Reading values back from another device would make every call wait for it.
    if labels.device.type != "cpu" or torch.compiler.is_compiling() or under_transforms():
        return
    if not bool(mask.gather(dim, labels.long().unsqueeze(dim)).all()):
        raise ValueError("labels must be real classes, got one that mask leaves out")


def _check_left(left: Tensor, trim: int | float) -> None:
    if left.device.type != "cpu" or torch.compiler.is_compiling() or under_transforms():
        return
    if left.numel() and int(left.min()) < 1:
        raise ValueError(
            f"trim must leave a real loss in each row, got {trim!r}; one row has too few"
        )


def _strength_ratio(counts: Tensor, classes: int, regularization: str) -> Tensor:
    """How much more strength a row with so many classes gets by default than it takes here: `topk_strength` of both."""
    counts = counts.clamp(min=1)
    if regularization == "l2":
        return counts / classes
    return torch.log(counts / 2 + 1) / math.log(classes / 2 + 1)


def _check_labels(logits: Tensor, labels: Tensor, dim: int) -> None:
    if logits.ndim == 0:
        raise ValueError("logits must have at least one dimension, got a 0-d tensor")
    expected = list(logits.shape)
    classes = expected.pop(dim)
    if labels.dtype.is_floating_point or labels.dtype.is_complex or labels.dtype == torch.bool:
        raise ValueError(f"labels must be whole numbers (class indices), got {labels.dtype}")
    if list(labels.shape) != expected:
        raise ValueError(
            f"labels must have shape {tuple(expected)} for logits of shape "
            f"{tuple(logits.shape)}, got {tuple(labels.shape)}"
        )
    # Reading values back from another device would make every call wait for it.
    if labels.device.type == "cpu" and not torch.compiler.is_compiling() and labels.numel():
        low, high = int(labels.min()), int(labels.max())
        if low < 0 or high >= classes:
            raise ValueError(
                f"labels must be class indices from 0 to {classes - 1}, got {low} to {high}"
            )


def check_reduction(reduction: str) -> None:
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"reduction must be 'mean', 'sum' or 'none', got {reduction!r}")


def reduce_rows(values: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        return values.mean()
    return values.sum() if reduction == "sum" else values
