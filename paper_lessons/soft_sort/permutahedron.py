"""Projections onto the permutahedron of any vector: the general operator behind soft sorting and ranking."""

from __future__ import annotations

import torch
from jaxtyping import Float, Real
from torch import Tensor

from paper_lessons.soft_sort import checks
from paper_lessons.soft_sort.isotonic import isotonic_kl, isotonic_l2


def project_onto_permutahedron(
    z: Real[Tensor, "*batch n"], w: Real[Tensor, "*batch n"], regularization: str = "l2"
) -> Float[Tensor, "*batch n"]:
    """The point nearest to z in the convex hull of all permutations of w.

    Parameters
    ----------
    z, w : Tensors of shapes that broadcast to (*batch, n)
        Each row along the last dimension is projected on its own; the order of w does not matter.
    regularization : {"l2", "kl"}
        "l2" is the Euclidean projection P_Q. "kl" is P_E, the logarithm of the Kullback-Leibler projection of
        exp(z) onto the permutahedron of exp(w).

    Returns
    -------
    Tensor of shape (*batch, n)
        Differentiable with respect to z and w.

    Raises
    ------
    ValueError
        If z or w is not a tensor of real numbers with at least one dimension, or their shapes do not fit.

    Notes
    -----
    P(z, w) = z - v(z_sigma, w)_{sigma^-1}, where sigma sorts z and v is isotonic regression: the paper's reduction. `soft_sort`
    and `soft_rank` compute the same without the subtraction, which costs digits when z is large.

    Examples
    --------
    >>> project_onto_permutahedron(torch.tensor([0.0, 5.0, 0.0]), torch.tensor([3.0, 2.0, 1.0]))
    tensor([1.5000, 3.0000, 1.5000])
    """
    checks.check_tensor(z, "z")
    checks.check_tensor(w, "w")
    checks.one_of(regularization, checks.REGULARIZATIONS, "regularization")
    z, w = checks.broadcast(z, w, "z and w")
    dtype = checks.result_dtype(torch.promote_types(z.dtype, w.dtype))
    precise = checks.precise_dtype(z)
    z, w = z.to(precise), w.to(precise)

    s, sigma = z.sort(dim=-1, descending=True)
    w = w.sort(dim=-1, descending=True).values
    v = isotonic_l2(s - w) if regularization == "l2" else isotonic_kl(s, w)
    # row i of the result belongs at position sigma_i of z
    return (z - v.gather(-1, sigma.argsort(dim=-1))).to(dtype)
