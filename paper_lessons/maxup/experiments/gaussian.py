"""Digits with normal noise: accuracy, the gradient's length, and how far a class can be certified."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from paper_lessons.datasets.images import digits
from paper_lessons.maxup.arms import ARMS
from paper_lessons.maxup.experiments.trial import all_arms
from paper_lessons.maxup.networks import Perceptron
from paper_lessons.maxup.noise import GaussianNoise
from paper_lessons.maxup.smoothing import average_certified_radius, certify
from paper_lessons.maxup.theory import sharpness
from paper_lessons.maxup.training import Training, train
from paper_lessons.runs import one_thread

RADII = (0.0, 0.25, 0.5)
RHO = 0.5  # length of the step that sharpness takes, over all weights


def run(
    *,
    seeds: Sequence[int] = tuple(range(8)),
    m: int = 4,
    sigma: float = 0.25,
    larger: float = 0.35,
    examples: int = 400,
    tested: int = 400,
    steps: int = 900,
    copies: int = 1000,
    **how: Any,
) -> dict[str, Any]:
    """Train in every way, and plainly with more noise.

    Parameters
    ----------
    seeds : sequence of int
        Of the split, the weights, the batches and the noise.
    m : int
    sigma, larger : float
        Noise of the ways, and of one more: single copies with so much.
    examples, tested : int
        Digits to train on, and to test with.
    steps : int
    copies : int
        Votes for a certificate.
    **how
        As :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        Of :func:`~paper_lessons.maxup.experiments.trial.all_arms`; the measures are ``"accuracy"``, ``"nll"`` (nats),
        ``"gradient"`` (mean length of the loss's gradient in the pixels), ``"sharpness"`` (in the weights), ``"radius"`` (average certified radius) and
        ``"certified 0.25"`` and others (share that is right within a radius).
    """
    arms: dict[str, dict[str, Any]] = {name: {"arm": name, "noise": sigma} for name in ARMS}
    arms["more noise"] = {"arm": "augmented", "noise": larger}
    shared = {
        "m": m, "examples": examples, "tested": tested, "steps": steps, "copies": copies, "smoothing": sigma,
    }  # fmt: skip
    return all_arms(one_run, arms, seeds, shared=shared, **how)


def one_run(
    seed: int,
    *,
    arm: Any,
    noise: float,
    m: int,
    examples: int,
    tested: int,
    steps: int,
    copies: int,
    smoothing: float,
) -> dict[str, float]:
    """One training, and what came of it.

    Parameters
    ----------
    seed, arm, noise, m, examples, tested, steps, copies
        As :func:`run`.
    smoothing : float
        Noise of the votes.

    Returns
    -------
    dict of str to float
    """
    with one_thread(), torch.random.fork_rng():
        torch.manual_seed(seed)
        data = digits()
        order = torch.from_numpy(np.random.default_rng(seed).permutation(len(data)))
        known, new = order[:examples], order[examples : examples + tested]
        model = Perceptron(64, 96, 96, 10)
        how = Training(arm, m=m, steps=steps, seed=seed)
        train(model, data.images[known], data.labels[known], GaussianNoise(noise), how)
        images, labels = data.images[new], data.labels[new]
        given = images.clone().requires_grad_()
        losses = F.cross_entropy(model(given), labels, reduction="none")
        (slope,) = torch.autograd.grad(losses.sum(), given)
        generator = torch.Generator().manual_seed(seed)
        found = certify(model, images, smoothing, n=copies, generator=generator)
        return {
            "accuracy": float((model(images).argmax(1) == labels).double().mean()),
            "nll": float(losses.detach().double().mean()),
            "sharpness": sharpness(model, data.images[known], data.labels[known], rho=RHO),
            "gradient": float(slope.flatten(1).norm(dim=1).mean()),
            "radius": average_certified_radius(found, labels),
            **{f"certified {one:g}": found.accuracy(labels, one) for one in RADII},
        }
