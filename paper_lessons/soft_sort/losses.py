"""The paper's three applications as losses: rank correlation, top-k classification, trimmed means."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from paper_lessons.soft_sort.kernels.autograd import under_transforms
from paper_lessons.soft_sort.operators import soft_rank, soft_sort

Reduction = Literal["mean", "sum", "none"]


def spearman_loss(
    scores: Float[Tensor, "*batch n"],
    target_ranks: Float[Tensor, "*batch n"],
    *,
    regularization: str = "l2",
    regularization_strength: float = 1.0,
    descending: bool = False,
    dim: int = -1,
    reduction: Reduction = "mean",
) -> Tensor:
    """Half the squared distance between the soft ranks of the scores and the ranks they should have.

    With hard ranks and no ties Spearman's coefficient of a row is ``1 - 12 * loss / (n**3 - n)``:
    making the loss small makes the correlation large.

    Parameters
    ----------
    scores : Float[Tensor, "*batch n"]
        What a model says, one row for each ranking.
    target_ranks : Float[Tensor, "*batch n"]
        The ranks to reach, from 1 to n; ties share their average rank. Numbers that are no ranks are refused
        (on a CPU, outside of compilation and transforms): ``soft_rank(..., regularization_strength=0)`` makes ranks
        of them, and :func:`soft_spearman` takes them as they are.
    regularization : {"l2", "kl"}
        Which soft rank.
    regularization_strength : float
        Softness of the ranks, in the scores' unit.
    descending : bool
        Whether rank 1 belongs to the largest score; by default it belongs to the smallest.
    dim : int
        The dimension that is ranked.
    reduction : {"mean", "sum", "none"}
        Over the rows; ``"none"`` keeps one loss for each.

    Returns
    -------
    Tensor
        A scalar, or ``(*batch)`` with ``reduction="none"``.

    Raises
    ------
    ValueError
        If the shapes differ, the targets are no ranks, or an option is unknown.

    Notes
    -----
    Source: the paper's experiment on label ranking.

    Examples
    --------
    >>> scores = torch.tensor([0.3, -1.2, 0.9, 0.5, 2.0])
    >>> spearman_loss(scores, torch.tensor([2, 1, 4, 3, 5]), regularization_strength=0.1)
    tensor(0.)
    """
    _check_reduction(reduction)
    if scores.shape != target_ranks.shape:
        raise ValueError(
            "target_ranks must have one rank for each score, got shapes "
            f"{tuple(target_ranks.shape)} and {tuple(scores.shape)}"
        )
    ranks = soft_rank(
        scores, regularization, regularization_strength, descending=descending, dim=dim
    )
    _check_ranks(target_ranks, dim)
    distance = (ranks - target_ranks.to(ranks.dtype)).square().sum(dim)
    return _reduce(distance / 2, reduction)


def soft_spearman(
    predictions: Float[Tensor, "*batch n"],
    targets: Float[Tensor, "*batch n"],
    *,
    regularization: str = "l2",
    regularization_strength: float = 1.0,
    dim: int = -1,
) -> Float[Tensor, "*batch"]:
    """Spearman's rank correlation of each row, differentiable in the predictions.

    Parameters
    ----------
    predictions : Float[Tensor, "*batch n"]
        Any numbers; they get soft ranks.
    targets : Float[Tensor, "*batch n"]
        Any numbers; they get exact ranks, tied ones the mean of theirs, and no gradient.
    regularization : {"l2", "kl"}
        Which soft rank.
    regularization_strength : float
        Softness of the ranks, in the predictions' unit. 0 gives Spearman's coefficient, and no gradient.
    dim : int
        The dimension that is ranked.

    Returns
    -------
    Tensor of shape (*batch)
        In [-1, 1]; NaN where all targets or all soft ranks of a row are equal, as a correlation with a constant is
        not defined.

    Raises
    ------
    ValueError
        If the shapes differ or an option is unknown.

    Notes
    -----
    Source: Pearson's coefficient of the ranks, with the soft ranks of the paper's experiment on label ranking.

    Examples
    --------
    >>> predictions = torch.tensor([0.3, -1.2, 0.9, 0.5, 2.0])
    >>> soft_spearman(predictions, torch.tensor([10.0, 0.0, 20.0, 30.0, 40.0]), regularization_strength=0.1)
    tensor(0.9000)
    """
    if predictions.shape != targets.shape:
        raise ValueError(
            "targets must have one number for each prediction, got shapes "
            f"{tuple(targets.shape)} and {tuple(predictions.shape)}"
        )
    ranks = soft_rank(predictions, regularization, regularization_strength, dim=dim)
    wanted = soft_rank(targets.detach(), regularization_strength=0, dim=dim)
    # in at least float32: half precision does not hold the squares
    first, second = (
        centred - centred.mean(dim, keepdim=True)
        for centred in (
            one.to(torch.promote_types(one.dtype, torch.float32)) for one in (ranks, wanted)
        )
    )
    lengths = first.square().sum(dim).sqrt() * second.square().sum(dim).sqrt()
    return ((first * second).sum(dim) / lengths).clamp(-1.0, 1.0).to(ranks.dtype)


def spearman_correlation(
    ranks: Float[np.ndarray, "samples labels"], other: Float[np.ndarray, "samples labels"]
) -> Float[np.ndarray, " samples"]:
    """Spearman's coefficient of each pair of rows; ties share their average rank.

    Parameters
    ----------
    ranks, other : array of shape (samples, labels)
        Two rankings of the labels in each row; any numbers, only their order counts.

    Returns
    -------
    array of shape (samples,)
        From -1 (reversed) to 1 (same order); NaN where all labels of a row are tied on one side.

    Raises
    ------
    ValueError
        If the shapes differ or are not two-dimensional.

    Examples
    --------
    >>> spearman_correlation([[1, 2, 3], [1, 2, 3]], [[1, 2, 3], [3, 2, 1]])
    array([ 1., -1.])
    """
    from scipy.stats import rankdata  # half a second to import; the losses do without

    first, second = np.asarray(ranks), np.asarray(other)
    if first.ndim != 2 or first.shape != second.shape:
        raise ValueError(
            f"ranks and other must be two tables of one shape, got {first.shape} and {second.shape}"
        )
    centre = (first.shape[1] + 1) / 2
    first, second = (rankdata(table, axis=1) - centre for table in (first, second))
    with np.errstate(invalid="ignore"):
        return (first * second).sum(1) / np.sqrt((first**2).sum(1) * (second**2).sum(1))


def topk_loss(
    logits: Float[Tensor, "*batch n"],
    labels: Int[Tensor, "*batch"],
    k: int = 1,
    *,
    regularization: str = "l2",
    regularization_strength: float | None = None,
    squash: bool = True,
    dim: int = -1,
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
    _check_reduction(reduction)
    _check_labels(logits, labels, dim)
    classes = logits.shape[dim]
    if not isinstance(k, Integral) or isinstance(k, bool) or not 1 <= k <= classes:
        raise ValueError(f"k must be a whole number from 1 to {classes} (classes), got {k!r}")
    if regularization_strength is None:
        regularization_strength = topk_strength(classes, regularization)
    scores = torch.sigmoid(logits) if squash else logits
    ranks = soft_rank(scores, regularization, regularization_strength, descending=True, dim=dim)
    true_rank = ranks.gather(dim, labels.long().unsqueeze(dim)).squeeze(dim)
    return _reduce(torch.relu(true_rank - k), reduction)


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
    _check_reduction(reduction)
    if losses.ndim == 0:
        raise ValueError("losses must have at least one dimension, got a 0-d tensor")
    dropped = number_to_drop(trim, losses.shape[dim])
    ordered = soft_sort(losses, regularization, regularization_strength, descending=True, dim=dim)
    kept = ordered.narrow(dim, dropped, losses.shape[dim] - dropped)
    return _reduce(kept.mean(dim), reduction)


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


def _check_ranks(ranks: Tensor, dim: int) -> None:
    # Reading values back from another device would make every call wait for it.
    if ranks.device.type != "cpu" or torch.compiler.is_compiling() or under_transforms():
        return
    # ranks in half precision are rounded
    exact = not ranks.is_floating_point()
    tolerance = 0.0 if exact else torch.finfo(ranks.dtype).eps * ranks.shape[dim]
    ranks = ranks.detach().to(torch.promote_types(ranks.dtype, torch.float32))
    if not ranks.numel():
        return
    off = (soft_rank(ranks, regularization_strength=0, dim=dim) - ranks).abs().max()
    if off <= tolerance:
        return
    raise ValueError(
        "target_ranks must be ranks from 1 to n in each row, ties with the mean of theirs, which "
        f"{_some(ranks)} are not: soft_rank(targets, regularization_strength=0) makes ranks of numbers, and "
        "soft_spearman takes numbers as they are"
    )


def _some(values: Tensor) -> str:
    shown = ", ".join(f"{value:.4g}" for value in values.flatten()[:4].tolist())
    return f"[{shown}{', ...' if values.numel() > 4 else ''}]"


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


def _check_reduction(reduction: str) -> None:
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"reduction must be 'mean', 'sum' or 'none', got {reduction!r}")


def _reduce(values: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        return values.mean()
    return values.sum() if reduction == "sum" else values
