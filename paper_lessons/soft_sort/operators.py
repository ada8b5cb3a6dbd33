"""Soft sorting and soft ranking: projections onto permutahedra, in O(n log n)."""

from __future__ import annotations

from jaxtyping import Bool, Float, Real
from torch import Tensor

from paper_lessons.soft_sort import checks, masking
from paper_lessons.soft_sort.kernels import dispatch


def soft_sort(
    values: Real[Tensor, "*batch n"],
    regularization: str = "l2",
    regularization_strength: float = 1.0,
    *,
    descending: bool = False,
    dim: int = -1,
    mask: Bool[Tensor, "*batch n"] | None = None,
    backend: str = "auto",
) -> Float[Tensor, "*batch n"]:
    """Sort along one dimension, smoothly.

    Parameters
    ----------
    values : Tensor of shape (*batch, n)
        Any real dtype. Integers become the default float dtype; float16 and bfloat16 are computed in
        float32 and returned in their own dtype.
    regularization : {"l2", "kl"}
        Quadratic or entropic projection.
    regularization_strength : float
        In 1/(units of the values). 0 sorts exactly; towards infinity all results approach the mean ("l2").
        `hard_strength` and `linear_strength` tell where the interesting range begins and ends.
    descending : bool
        Largest value first.
    dim : int
        The dimension to sort.
    mask : bool Tensor, optional
        True at real places; broadcasts to `values`. Each row is sorted among its real places, as if it were alone: they come first,
        and 0 stands at the places that are left. Values
        under the mask may be anything, NaN included, and get no gradient.
    backend : {"auto", "numba", "torch"}
        "numba" computes on the CPU, "torch" on any device; "auto" goes by the device.

    Returns
    -------
    Tensor
        Same shape as `values`. A row that holds a NaN is all NaN, and so is its gradient; the same goes for a row with
        an infinity, unless the strength is 0.

    Raises
    ------
    ValueError
        If an argument is not one of the above; also for a strength that requires a gradient.

    Notes
    -----
    s_eps(theta) = P(rho / eps, theta) with rho = (n, ..., 1), the paper's section on soft operators;
    ascending results are -s_eps(-theta). Second derivatives exist for "l2" only. There is no soft permutation matrix behind
    the values, and no soft argsort: the projection never forms one.

    Examples
    --------
    >>> import torch
    >>> soft_sort(torch.tensor([0.3, -1.2, 0.9]), regularization_strength=1.0)
    tensor([-0.9500,  0.0500,  0.9000])
    >>> soft_sort(torch.tensor([3, 1, 2]), regularization_strength=0, descending=True)
    tensor([3., 2., 1.])
    """
    return _operate(
        "sort", values, regularization, regularization_strength, descending, dim, mask, backend
    )


def soft_rank(
    values: Real[Tensor, "*batch n"],
    regularization: str = "l2",
    regularization_strength: float = 1.0,
    *,
    descending: bool = False,
    dim: int = -1,
    mask: Bool[Tensor, "*batch n"] | None = None,
    backend: str = "auto",
) -> Float[Tensor, "*batch n"]:
    """Rank along one dimension, smoothly.

    Parameters
    ----------
    values : Tensor of shape (*batch, n)
        Any real dtype. Integers become the default float dtype; float16 and bfloat16 are computed in
        float32 and returned in their own dtype (which holds ranks exactly up to 2048 and 256).
    regularization : {"l2", "kl"}
        Quadratic projection, or the exponential of the entropic one, whose ranks are positive.
    regularization_strength : float
        In units of the values. 0 gives exact ranks, tied values the mean of theirs, and a gradient of zero; towards infinity
        all ranks approach (n + 1)/2. `hard_strength` and `linear_strength` tell where the interesting range
        begins and ends.
    descending : bool
        The largest value gets rank 1 instead of n.
    dim : int
        The dimension to rank along.
    mask : bool Tensor, optional
        True at real places; broadcasts to `values`. Each row is ranked among its real places, as if it were alone; masked places
        have the rank 0. Values
        under the mask may be anything, NaN included, and get no gradient.
    backend : {"auto", "numba", "torch"}
        "numba" computes on the CPU, "torch" on any device; "auto" goes by the device.

    Returns
    -------
    Tensor
        Same shape as `values`; ranks count from 1. A row that holds a NaN is all NaN, and so is its gradient. One +inf and
        one -inf a row are allowed, and get their exact ranks; infinities that tie make the row NaN
        unless the strength is 0.

    Raises
    ------
    ValueError
        If an argument is not one of the above; also for a strength that requires a gradient.

    Notes
    -----
    Ascending ranks are P(theta / eps, rho) with rho = (n, ..., 1), descending ones P(-theta / eps, rho), the paper's
    section on soft operators; "kl" is exp(P_E(theta / eps, log rho)). Second derivatives exist for "l2" only. There is no soft
    permutation matrix behind the ranks, and no soft argsort: the projection never forms one.

    Examples
    --------
    >>> import torch
    >>> scores = torch.tensor([0.3, -1.2, 0.9, 0.5, 2.0])
    >>> soft_rank(scores, regularization_strength=0.1)
    tensor([2., 1., 4., 3., 5.])
    >>> soft_rank(scores, regularization_strength=0.5)
    tensor([2.4667, 1.0000, 3.6667, 2.8667, 5.0000])
    >>> soft_rank(scores, regularization_strength=0.1, mask=scores < 1)
    tensor([2., 1., 4., 3., 0.])
    """
    return _operate(
        "rank", values, regularization, regularization_strength, descending, dim, mask, backend
    )


def warmup() -> None:
    """Compile all CPU kernels now, instead of when each is first called.

    Needed once per machine and version, where the kernels' cache can be written; in every process elsewhere.

    Examples
    --------
    >>> warmup()
    """
    dispatch.engine("numba").compile_all()


def _operate(
    operator: str,
    values: Tensor,
    regularization: str,
    regularization_strength: float,
    descending: bool,
    dim: int,
    mask: Tensor | None,
    backend: str,
) -> Tensor:
    checks.check_tensor(values)
    if mask is not None:
        mask = masking.check_mask(mask, values)
    checks.one_of(regularization, checks.REGULARIZATIONS, "regularization")
    strength = checks.check_strength(regularization_strength)
    dim = checks.check_dim(values, dim)
    backend = checks.choose_backend(values, backend)
    dtype, working = checks.result_dtype(values.dtype), checks.working_dtype(values.dtype)
    if values.dtype != working:
        values = values.to(working)
    if values.numel() == 0 or values.is_meta:
        return values.clone().to(dtype)
    # without regularization both projections are the same hard operator
    operator = f"{operator}_{regularization if strength > 0.0 else 'l2'}"
    if dim != -1:
        values = values.movedim(dim, -1)
    if mask is None:
        result = dispatch.project(values, operator, strength, bool(descending), backend)
    else:
        real = mask if dim == -1 else mask.movedim(dim, -1)
        result = masking.project(values, real, operator, strength, bool(descending), backend)
    if dim != -1:
        result = result.movedim(-1, dim)
    return result if dtype == working else result.to(dtype)
