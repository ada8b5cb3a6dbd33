"""Isotonic regression: the problem that both operators reduce to once their input is sorted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Real

from paper_lessons.soft_sort import checks
from paper_lessons.soft_sort.kernels import dispatch

if TYPE_CHECKING:
    from torch import Tensor


def isotonic_l2(y: Real[Tensor, "*batch n"], *, backend: str = "auto") -> Float[Tensor, "*batch n"]:
    """The non-increasing row that is nearest to y.

    Parameters
    ----------
    y : Tensor of shape (*batch, n)
        Each row along the last dimension is fitted on its own.
    backend : {"auto", "numba", "torch"}
        "numba" computes on the CPU, "torch" on any device; "auto" goes by the device.

    Returns
    -------
    Tensor of shape (*batch, n)
        argmin |v - y|^2 over v_1 >= ... >= v_n. A row that holds a NaN is all NaN.

    Raises
    ------
    ValueError
        If y is not a tensor of real numbers with at least one dimension.

    Notes
    -----
    Pool adjacent violators, O(n): v_Q(s, w) of the paper's reduction is `isotonic_l2(s - w)`.

    Examples
    --------
    >>> isotonic_l2(torch.tensor([3.0, 1.0, 2.0, 0.0, 4.0]))
    tensor([3.0000, 1.7500, 1.7500, 1.7500, 1.7500])
    """
    checks.check_tensor(y, "y")
    backend = checks.choose_backend(y, backend)
    dtype = checks.result_dtype(y.dtype)
    y = y.to(checks.working_dtype(y.dtype))
    if y.numel() == 0 or y.is_meta:
        return y.clone().to(dtype)
    return dispatch.project(y, "isotonic_l2", 0.0, True, backend).to(dtype)


def isotonic_kl(
    s: Real[Tensor, "*batch n"], w: Real[Tensor, "*batch n"], *, backend: str = "auto"
) -> Float[Tensor, "*batch n"]:
    """The non-increasing row that fits s - w in the entropic sense.

    Parameters
    ----------
    s, w : Tensors of shapes that broadcast to (*batch, n)
        Each row along the last dimension is fitted on its own.
    backend : {"auto", "numba", "torch"}
        "numba" computes on the CPU, "torch" on any device; "auto" goes by the device.

    Returns
    -------
    Tensor of shape (*batch, n)
        argmin <exp(s - v), 1> + <exp(w), v> over v_1 >= ... >= v_n; on each block of equal values it is
        logsumexp(s) - logsumexp(w). A row with an entry that is not finite is all NaN.

    Raises
    ------
    ValueError
        If s or w is not a tensor of real numbers with at least one dimension, or their shapes do not fit.

    Notes
    -----
    Pool adjacent violators, O(n): v_E(s, w) of the paper's reduction.

    Examples
    --------
    >>> isotonic_kl(torch.tensor([1.0, 2.0, 0.0]), torch.tensor([1.0, 1.0, 1.0]))
    tensor([ 0.6201,  0.6201, -1.0000])
    """
    checks.check_tensor(s, "s")
    checks.check_tensor(w, "w")
    s, w = checks.broadcast(s, w, "s and w")
    backend = checks.choose_backend(s, backend)
    dtype = checks.result_dtype(torch.promote_types(s.dtype, w.dtype))
    working = checks.working_dtype(dtype)
    s, w = s.to(working), w.to(working)
    if s.numel() == 0 or s.is_meta:
        return (s - w).to(dtype)
    return dispatch.isotonic_kl(s, w, backend).to(dtype)
