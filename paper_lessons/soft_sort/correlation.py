"""The paper's first application: rank correlation, as a loss and as a coefficient."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from paper_lessons.soft_sort.kernels.autograd import under_transforms
from paper_lessons.soft_sort.losses import Reduction, check_reduction, reduce_rows
from paper_lessons.soft_sort.masking import check_mask
from paper_lessons.soft_sort.operators import soft_rank


def spearman_loss(
    scores: Float[Tensor, "*batch n"],
    target_ranks: Float[Tensor, "*batch n"],
    *,
    regularization: str = "l2",
    regularization_strength: float = 1.0,
    descending: bool = False,
    dim: int = -1,
    mask: Bool[Tensor, "*batch n"] | None = None,
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
    mask : bool Tensor, optional
        True at real places. Each row counts as if its real places stood alone; what lies under the mask may be anything.
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
    check_reduction(reduction)
    if scores.shape != target_ranks.shape:
        raise ValueError(
            "target_ranks must have one rank for each score, got shapes "
            f"{tuple(target_ranks.shape)} and {tuple(scores.shape)}"
        )
    ranks = soft_rank(
        scores, regularization, regularization_strength, descending=descending, dim=dim, mask=mask
    )
    if mask is not None:
        target_ranks = torch.where(check_mask(mask, scores), target_ranks, 0)
    _check_ranks(target_ranks, dim, mask)
    distance = (ranks - target_ranks.to(ranks.dtype)).square().sum(dim)
    return reduce_rows(distance / 2, reduction)


def soft_spearman(
    predictions: Float[Tensor, "*batch n"],
    targets: Float[Tensor, "*batch n"],
    *,
    regularization: str = "l2",
    regularization_strength: float = 1.0,
    dim: int = -1,
    mask: Bool[Tensor, "*batch n"] | None = None,
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
    mask : bool Tensor, optional
        True at real places. Each row counts as if its real places stood alone; what lies under the mask may be anything.

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
    ranks = soft_rank(predictions, regularization, regularization_strength, dim=dim, mask=mask)
    wanted = soft_rank(targets.detach(), regularization_strength=0, dim=dim, mask=mask)
    # in at least float32: half precision does not hold the squares
    wide = torch.promote_types(ranks.dtype, torch.float32)
    first, second = (_centred(one.to(wide), dim, mask) for one in (ranks, wanted))
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


def _centred(ranks: Tensor, dim: int, mask: Tensor | None) -> Tensor:
    """Ranks less their mean over the real places; 0 at the others."""
    if mask is None:
        return ranks - ranks.mean(dim, keepdim=True)
    real = mask.expand(ranks.shape)
    mean = ranks.sum(dim, keepdim=True) / real.sum(dim, keepdim=True)
    return torch.where(real, ranks - mean, 0.0)


def _check_ranks(ranks: Tensor, dim: int, mask: Tensor | None = None) -> None:
    # Reading values back from another device would make every call wait for it.
    if ranks.device.type != "cpu" or torch.compiler.is_compiling() or under_transforms():
        return
    # ranks in half precision are rounded
    exact = not ranks.is_floating_point()
    tolerance = 0.0 if exact else torch.finfo(ranks.dtype).eps * ranks.shape[dim]
    ranks = ranks.detach().to(torch.promote_types(ranks.dtype, torch.float32))
    if not ranks.numel():
        return
    off = (soft_rank(ranks, regularization_strength=0, dim=dim, mask=mask) - ranks).abs().max()
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
