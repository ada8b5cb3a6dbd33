"""Rows of unequal length, padded: ranks and sorts among the real places only.

A rank ignores what lies beyond all real values in blocks of its own; so masked places get values that do. A sort cannot be
deceived like that, since far values pull others along: there masked places are NaN, and the operator stops before them.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from paper_lessons.soft_sort.kernels import dispatch
from paper_lessons.soft_sort.kernels.autograd import MaskedProjection, under_transforms


def check_mask(mask: Any, values: Tensor) -> Tensor:
    """`mask` in the shape of `values`, after raising ValueError unless it is a bool tensor that broadcasts to it."""
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
        what = mask.dtype if isinstance(mask, Tensor) else type(mask).__name__
        raise ValueError(f"mask must be a bool tensor, True at real places, got {what}")
    if mask.device != values.device:
        raise ValueError(f"mask must be on the values' device {values.device}, got {mask.device}")
    if mask.shape == values.shape:
        return mask
    try:
        return mask.expand(values.shape)
    except RuntimeError:
        raise ValueError(
            f"mask must have the shape of the values or broadcast to it, got {tuple(mask.shape)} "
            f"for {tuple(values.shape)}"
        ) from None


def project(
    x: Tensor, mask: Tensor, operator: str, strength: float, descending: bool, backend: str
) -> Tensor:
    """An operator's result over the real places of each row; 0 at the others, which for a sort are the last."""
    merging = _merging(operator, strength, x.shape[-1])
    if backend == "numba" and merging < torch.finfo(x.dtype).max / 2**8 and _by_values():
        x, mask = x.contiguous(), mask.contiguous()
        engine = dispatch.engine("numba")
        found = engine.project_masked(operator, x.detach(), mask, strength, descending, merging)
        if found is not None:
            return MaskedProjection.apply(x, mask, operator, strength, descending, found)
    if operator.startswith("sort"):
        return _sort(x, mask, operator, strength, descending, backend)
    t = -x if descending else x
    if strength == math.inf:
        count, total = _count(mask, x), torch.where(mask, x, 0.0).sum(-1, keepdim=True)
        return torch.where(mask, (count + 1) / 2 + 0.0 * total, 0.0)
    if merging > torch.finfo(x.dtype).max / 2**8:
        t = t.double()
    lifted = _lifted(t, mask, merging)
    ranks = dispatch.project(lifted, operator, strength, False, backend)
    return torch.where(mask, ranks, 0.0).to(x.dtype)


def _by_values() -> bool:
    """Whether Python may look at values: neither compiled nor under transforms."""
    return not (torch.compiler.is_compiling() or under_transforms())


def _count(mask: Tensor, like: Tensor) -> Tensor:
    return mask.sum(-1, keepdim=True).to(like.dtype)


def _sort(
    x: Tensor, mask: Tensor, operator: str, strength: float, descending: bool, backend: str
) -> Tensor:
    padded = torch.where(mask, x, torch.nan)
    result = dispatch.project(padded, f"{operator}_masked", strength, descending, backend)
    if _by_values() and not bool(torch.where(mask, x, 0.0).sum().isnan()):
        return result
    # a real NaN spoils its row, as it does without a mask
    spoilt = (x.isnan() & mask).any(-1, keepdim=True)
    real = torch.arange(x.shape[-1], device=x.device) < mask.sum(-1, keepdim=True)
    return torch.where(real, result * torch.where(spoilt, torch.nan, 1.0), 0.0)


def _lifted(t: Tensor, mask: Tensor, merging: float) -> Tensor:
    """`t` with masked places so far above the real ones that no block holds both."""
    # a real +inf steps down to where it is above all others, so that masked places can be above it
    infinite = mask & (t == torch.inf)
    top = torch.where(mask & (t < torch.inf), t, -torch.inf).amax(-1, keepdim=True).detach()
    top = torch.where(top.isfinite(), top, 0.0)
    above = top + _gap(top, merging)
    lifted = torch.where(infinite, above, t)
    if merging > 0.0:  # infinities that tie have no soft ranks
        tied = infinite.sum(-1, keepdim=True) > 1
        lifted = torch.where(tied, torch.nan, lifted)
    return torch.where(mask, lifted, above + _gap(above, merging))


def _merging(operator: str, strength: float, n: int) -> float:
    """A distance beyond which two values of a row never share a block of a rank.

    Blocks of sizes c1, c2 merge when their means differ by at most strength (c1 + c2)/2 (l2), or when their values'
    exponentials differ by no more than the ratio of their weights, at most n (kl).
    """
    if operator.startswith("sort"):
        return 0.0
    return 1.01 * strength * (n if operator == "rank_l2" else math.log(n) + 1.0)


def _gap(top: Tensor, merging: float) -> Tensor:
    """That distance above `top`, whatever the rounding."""
    kind = torch.finfo(top.dtype)
    return merging + 2**8 * kind.eps * top.abs() + kind.tiny
