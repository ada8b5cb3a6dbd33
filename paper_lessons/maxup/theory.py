"""What the worst of m noisy copies costs to first order: the length of the gradient.

Theorem 1 of the paper: with normal noise, the largest of ``m`` losses is the loss itself plus a constant times the length of its
gradient. The constant is ``sigma`` times the mean of the largest of ``m`` standard normal numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from scipy import integrate, stats
from torch import Tensor, nn
from torch.func import functional_call


def expected_max_of_normals(m: int) -> float:
    """Mean of the largest of some independent standard normal numbers.

    Parameters
    ----------
    m : int
        How many, 1 or more.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If there are none.

    Examples
    --------
    >>> [round(expected_max_of_normals(m), 4) for m in (1, 2, 4, 10)]
    [0.0, 0.5642, 1.0294, 1.5388]
    """
    if m < 1:
        raise ValueError(f"m must be at least 1, got {m}")
    if m == 1:
        return 0.0

    def weighed(x: float) -> float:
        return x * m * stats.norm.pdf(x) * stats.norm.cdf(x) ** (m - 1)

    return float(integrate.quad(weighed, -10, 10 + np.sqrt(2 * np.log(m)), limit=200)[0])


def gradient_penalty_estimate(
    losses: Callable[[Any], Float[Tensor, " batch"]],
    inputs: Float[Tensor, "batch ..."],
    *,
    sigma: float,
    m: int,
) -> Float[Tensor, " batch"]:
    """What the worst of ``m`` copies with normal noise costs more than the sample itself, to first order.

    Parameters
    ----------
    losses : callable
        From inputs to a loss for each sample.
    inputs : Float[Tensor, "batch ..."]
    sigma : float
        Standard deviation of the noise.
    m : int

    Returns
    -------
    Float[Tensor, "batch"]

    Examples
    --------
    >>> slope = torch.tensor([3.0, 4.0])
    >>> gradient_penalty_estimate(lambda x: x @ slope, torch.zeros(1, 2), sigma=0.1, m=4)
    tensor([0.5147])
    """
    given = inputs.detach().clone().requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(losses(given).sum(), given)
    return sigma * expected_max_of_normals(m) * gradient.flatten(1).norm(dim=1)


@torch.no_grad()
def worst_excess(
    losses: Callable[[Any], Float[Tensor, " batch"]],
    inputs: Float[Tensor, "batch ..."],
    *,
    sigma: float,
    m: int,
    draws: int = 1000,
    seed: int = 0,
) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"]]:
    """The same by simulation: mean and standard error over draws.

    Parameters
    ----------
    losses, inputs, sigma, m
        As :func:`gradient_penalty_estimate`.
    draws : int
    seed : int

    Returns
    -------
    Float[Tensor, "batch"], Float[Tensor, "batch"]
    """
    generator = torch.Generator(inputs.device).manual_seed(seed)
    at = losses(inputs).double()
    total = squares = torch.zeros_like(at)
    for _ in range(draws):
        top = torch.full_like(at, -torch.inf)
        for _ in range(m):
            noise = torch.randn(inputs.shape, generator=generator, device=inputs.device)
            top = torch.maximum(top, losses(inputs + sigma * noise.to(inputs)).double())
        total, squares = total + (top - at), squares + (top - at) ** 2
    mean = total / draws
    return mean, ((squares / draws - mean**2).clamp(min=0) / draws).sqrt()


def sharpness(
    model: nn.Module,
    inputs: Float[Tensor, "batch ..."],
    targets: Tensor,
    *,
    rho: float = 0.05,
    loss_fn: Callable[[Any, Tensor], Float[Tensor, ""]] = F.cross_entropy,
) -> float:
    """How much the loss rises when the weights take a step of a given length uphill (Foret et al. 2020, arXiv 2010.01412).

    Parameters
    ----------
    model : nn.Module
        Its weights are as they were, afterwards.
    inputs : Float[Tensor, "batch ..."]
    targets : Tensor
    rho : float
        Length of the step, over all weights.
    loss_fn : callable

    Returns
    -------
    float

    Examples
    --------
    >>> line = nn.Linear(1, 1, bias=False)
    >>> round(sharpness(line, torch.ones(1, 1), torch.zeros(1), loss_fn=lambda y, _: 3 * y.sum()), 4)
    0.15
    """
    weights = {name: one for name, one in model.named_parameters() if one.requires_grad}
    with torch.enable_grad():
        loss = loss_fn(model(inputs), targets)
        slopes = torch.autograd.grad(loss, list(weights.values()))
    length = torch.stack([one.norm() for one in slopes]).norm().clamp(min=1e-12)
    with torch.no_grad():
        moved = {
            name: one + rho * slope / length
            for (name, one), slope in zip(weights.items(), slopes, strict=True)
        }
        return float(loss_fn(functional_call(model, moved, (inputs,)), targets) - loss.detach())
