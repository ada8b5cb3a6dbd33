"""Digits 0 to 4 teach the features, a few of 5 to 9 are then told apart by them: does MaxUp make features that carry over?

The paper leaves transfer for later; this tries it once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from paper_lessons.datasets.images import digits
from paper_lessons.maxup.arms import ARMS
from paper_lessons.maxup.experiments.trial import all_arms
from paper_lessons.maxup.networks import Perceptron
from paper_lessons.maxup.noise import GaussianNoise
from paper_lessons.maxup.training import Training, train
from paper_lessons.runs import one_thread

FIRST = 5


def run(
    *,
    seeds: Sequence[int] = tuple(range(8)),
    m: int = 4,
    sigma: float = 0.25,
    examples: int = 400,
    shots: int = 10,
    steps: int = 900,
    **how: Any,
) -> dict[str, Any]:
    """Train features in every way, and a linear classifier on them.

    Parameters
    ----------
    seeds : sequence of int
    m : int
    sigma : float
    examples : int
        Digits 0 to 4 to train on.
    shots : int
        Of each other digit, for the classifier.
    steps : int
    **how
        As :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        Of :func:`~paper_lessons.maxup.experiments.trial.all_arms`; the measure is ``"accuracy"`` on all other digits 5 to
        9.
    """
    arms: dict[str, dict[str, Any]] = {name: {"arm": name} for name in ARMS}
    shared = {"m": m, "sigma": sigma, "examples": examples, "shots": shots, "steps": steps}
    return all_arms(one_run, arms, seeds, shared=shared, **how)


def one_run(
    seed: int, *, arm: Any, m: int, sigma: float, examples: int, shots: int, steps: int
) -> dict[str, float]:
    """One training, and the test.

    Parameters
    ----------
    seed, arm, m, sigma, examples, shots, steps
        As :func:`run`.

    Returns
    -------
    dict of str to float
    """
    with one_thread(), torch.random.fork_rng():
        torch.manual_seed(seed)
        data = digits()
        order = np.random.default_rng(seed).permutation(len(data))
        labels = data.labels.numpy()[order]
        known = torch.from_numpy(order[labels < FIRST][:examples])
        model = Perceptron(64, 96, 96, FIRST)
        how = Training(arm, m=m, steps=steps, seed=seed)
        train(model, data.images[known], data.labels[known], GaussianNoise(sigma), how)
        with torch.no_grad():
            features = nn.Sequential(*list(model)[:-1])(data.images[order]).numpy()
        taught = np.concatenate(
            [np.flatnonzero(labels == one)[:shots] for one in range(FIRST, labels.max() + 1)]
        )
        rest = np.setdiff1d(np.flatnonzero(labels >= FIRST), taught)
        probe = LogisticRegression(max_iter=1000).fit(features[taught], labels[taught])
        return {"accuracy": float(probe.score(features[rest], labels[rest]))}
