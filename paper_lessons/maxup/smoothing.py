"""Randomized smoothing: a class that a majority of noisy copies votes for, and how far it holds.

Cohen, Rosenfeld, Kolter 2019 (arXiv 1902.02918): if at least a share ``p`` of copies with normal noise gets class ``c``, every
input within ``sigma`` times the normal quantile of ``p`` gets it, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from scipy import stats
from torch import Tensor, nn


@dataclass(frozen=True)
class Certificates:
    """For each sample, a class and a radius.

    Attributes
    ----------
    classes : Int[Tensor, "batch"]
        -1 where the votes do not tell a class.
    radii : Float[Tensor, "batch"]
        In the inputs' units, in Euclidean length; 0 where there is no class.
    """

    classes: Int[Tensor, " batch"]
    radii: Float[Tensor, " batch"]

    def accuracy(self, labels: Int[Tensor, " batch"], radius: float = 0.0) -> float:
        """Share of samples whose class is right and holds within a radius."""
        return float(((self.classes == labels) & (self.radii >= radius)).double().mean())


def lower_confidence(hits: int, n: int, alpha: float) -> float:
    """Clopper and Pearson's lower bound of a probability.

    Parameters
    ----------
    hits, n : int
        So many of so many tries.
    alpha : float
        Probability that the bound is above the truth, at most.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If ``hits`` is not among 0, ..., n, or ``alpha`` not between 0 and 1.

    Examples
    --------
    >>> round(lower_confidence(100, 100, 0.001), 4)
    0.9333
    """
    if not 0 <= hits <= n or n < 1:
        raise ValueError(f"hits must be among 0, ..., n and n at least 1, got {hits} of {n}")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, got {alpha}")
    return float(stats.beta.ppf(alpha, hits, n - hits + 1)) if hits else 0.0


@torch.no_grad()
def certify(
    model: nn.Module,
    inputs: Float[Tensor, "batch ..."],
    sigma: float,
    n0: int = 100,
    n: int = 1000,
    alpha: float = 0.001,
    *,
    batch_size: int = 2048,
    generator: torch.Generator | None = None,
) -> Certificates:
    """Class and radius of each sample, by votes of noisy copies.

    Parameters
    ----------
    model : nn.Module
        In evaluation mode while it votes; gives logits.
    inputs : Float[Tensor, "batch ..."]
    sigma : float
        Standard deviation of the noise.
    n0, n : int
        Copies to guess the class from, and others to count it by.
    alpha : float
        Probability that a certificate is wrong, at most, for each sample.
    batch_size : int
        Copies at once.
    generator : torch.Generator, optional
        Of the noise.

    Returns
    -------
    Certificates

    Raises
    ------
    ValueError
        If the noise or a number of copies is not above 0.

    Examples
    --------
    >>> sure = nn.Linear(2, 2)
    >>> _ = nn.init.zeros_(sure.weight), sure.bias.data.copy_(torch.tensor([1.0, 0.0]))
    >>> found = certify(sure, torch.zeros(1, 2), sigma=0.5, n=100)
    >>> found.classes.item(), round(found.radii.item(), 4)
    (0, 0.7502)
    """
    if not sigma > 0 or n0 < 1 or n < 1:
        raise ValueError(f"sigma, n0 and n must be above 0, got {sigma}, {n0} and {n}")
    training = model.training
    model.eval()
    try:
        guesses = [_votes(model, one, sigma, n0, batch_size, generator) for one in inputs]
        counts = [_votes(model, one, sigma, n, batch_size, generator) for one in inputs]
    finally:
        model.train(training)
    classes, radii = [], []
    for guess, count in zip(guesses, counts, strict=True):
        best = int(guess.argmax())
        bound = lower_confidence(int(count[best]), n, alpha)
        told = bound > 0.5
        classes.append(best if told else -1)
        radii.append(sigma * float(stats.norm.ppf(bound)) if told else 0.0)
    device = inputs.device
    return Certificates(torch.tensor(classes, device=device), torch.tensor(radii, device=device))


def average_certified_radius(found: Certificates, labels: Int[Tensor, " batch"]) -> float:
    """Mean radius, where a wrong class counts as 0 (Zhai et al. 2020, arXiv 2001.02378).

    Parameters
    ----------
    found : Certificates
    labels : Int[Tensor, "batch"]

    Returns
    -------
    float
    """
    right = found.classes == labels
    return float(found.radii.where(right, found.radii.new_zeros(())).double().mean())


def _votes(model, one: Tensor, sigma: float, n: int, batch_size: int, generator) -> Tensor:
    """How many noisy copies of a sample get each class."""
    votes = []
    for begin in range(0, n, batch_size):
        noise = torch.randn(
            min(batch_size, n - begin), *one.shape, generator=generator, device=one.device
        )
        votes.append(model(one[None] + sigma * noise.to(one)))
    joined = torch.cat(votes)
    return torch.bincount(joined.argmax(1), minlength=joined.shape[1])
