"""Few digits with a label and many without: the worst copy of an unlabelled digit should get its clean class, too.

The paper leaves learning from unlabelled samples for later; this is one plain way to try it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from paper_lessons.datasets.images import digits
from paper_lessons.maxup.arms import ARMS, arm_loss
from paper_lessons.maxup.experiments.classify import split, test
from paper_lessons.maxup.experiments.trial import all_arms
from paper_lessons.maxup.networks import Perceptron
from paper_lessons.maxup.noise import GaussianNoise
from paper_lessons.maxup.training import Training, train
from paper_lessons.runs import one_thread

BATCH = 64


def run(
    *,
    seeds: Sequence[int] = tuple(range(8)),
    m: int = 4,
    sigma: float = 0.25,
    labelled: int = 50,
    examples: int = 1000,
    tested: int = 500,
    steps: int = 600,
    weight: float = 1.0,
    **how: Any,
) -> dict[str, Any]:
    """Train in every way; "none" learns from the labelled digits alone, with noise.

    Parameters
    ----------
    seeds : sequence of int
    m : int
    sigma : float
    labelled, examples, tested : int
        Digits with a label, with and without one, and to test with.
    steps : int
    weight : float
        Of the unlabelled digits' loss.
    **how
        As :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        Of :func:`~paper_lessons.maxup.experiments.trial.all_arms`; the measures are ``"accuracy"`` and ``"nll"`` (nats).
    """
    arms: dict[str, dict[str, Any]] = {name: {"arm": name} for name in ARMS}
    shared = {
        "m": m, "sigma": sigma, "labelled": labelled, "examples": examples, "tested": tested,
        "steps": steps, "weight": weight,
    }  # fmt: skip
    return all_arms(one_run, arms, seeds, shared=shared, **how)


def one_run(
    seed: int,
    *,
    arm: Any,
    m: int,
    sigma: float,
    labelled: int,
    examples: int,
    tested: int,
    steps: int,
    weight: float,
) -> dict[str, float]:
    """One training, and the test.

    Parameters
    ----------
    seed, arm, m, sigma, labelled, examples, tested, steps, weight
        As :func:`run`.

    Returns
    -------
    dict of str to float
    """
    with one_thread(), torch.random.fork_rng():
        torch.manual_seed(seed)
        data = digits()
        known, new = split(data, seed, examples, tested)
        images, labels = data.images[known], data.labels[known]
        model, noise = Perceptron(64, 96, 96, 10), GaussianNoise(sigma)
        draw = torch.Generator().manual_seed(seed)

        def without_labels(moved: nn.Module) -> Tensor:
            some = images[torch.randint(len(images), (BATCH,), generator=draw)]
            with torch.no_grad():
                aims = moved(some).softmax(1)  # what the model says of the clean digits
            return weight * arm_loss(arm, moved, some, aims, noise, m=m)

        # with labels all ways do the same: single noisy copies
        kind: Any = "equal compute" if arm == "equal compute" else "augmented"
        how = Training(kind, m=m, steps=steps, seed=seed)
        extra = None if arm == "none" else without_labels
        train(model, images[:labelled], labels[:labelled], noise, how, extra=extra)
        return test(model, data, new)
