"""The first theorem, by simulation: the worst of m noisy copies against the gradient's length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from paper_lessons.maxup.theory import gradient_penalty_estimate, worst_excess
from paper_lessons.runs import one_thread, run_tasks

SIZE, HIDDEN, CLASSES = 20, 32, 4


def run(
    *,
    seeds: Sequence[int] = tuple(range(8)),
    copies: Sequence[int] = (2, 4, 10),
    sigmas: Sequence[float] = (0.4, 0.1, 0.02),
    samples: int = 64,
    draws: int = 2000,
    **how: Any,
) -> dict[str, Any]:
    """Simulate for networks of random weights, and for losses that are linear.

    Parameters
    ----------
    seeds : sequence of int
        Of the weights and the noise.
    copies : sequence of int
    sigmas : sequence of float
    samples : int
    draws : int
    **how
        As :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        ``"settings"`` and ``"rows"``: for each kind of loss, number of copies and noise the ``"ratio"`` of what was
        simulated to what the theorem says, for each seed.
    """
    tasks = [
        {"seed": seed, "kind": kind, "m": m, "sigma": sigma}
        for kind in ("network", "linear")
        for m in copies
        for sigma in sigmas
        for seed in seeds
    ]
    shared = {"samples": samples, "draws": draws}
    found = run_tasks(one_run, tasks, shared=shared, **how)
    rows = [
        {
            **{key: task[key] for key in ("kind", "m", "sigma")},
            "ratio": found[place : place + len(seeds)],
        }
        for place, task in enumerate(tasks)
        if place % len(seeds) == 0
    ]
    return {"settings": {"seeds": list(seeds), **shared}, "rows": rows}


def one_run(seed: int, *, kind: str, m: int, sigma: float, samples: int, draws: int) -> float:
    """The ratio of the mean excess to its estimate.

    Parameters
    ----------
    seed : int
    kind : "network" or "linear"
    m, sigma, samples, draws
        As :func:`run`.

    Returns
    -------
    float
    """
    with one_thread(), torch.random.fork_rng():
        torch.manual_seed(seed)
        inputs = torch.randn(samples, SIZE)
        labels = torch.randint(CLASSES, (samples,))
        first, last = nn.Linear(SIZE, HIDDEN), nn.Linear(HIDDEN, CLASSES)
        for layer in (first, last):
            nn.init.normal_(layer.weight, std=2 * layer.in_features**-0.5)
        model = nn.Sequential(first, nn.Tanh(), last)
        slope = torch.randn(SIZE)

        def losses(given: torch.Tensor) -> torch.Tensor:
            if kind == "linear":
                return given @ slope
            return F.cross_entropy(model(given), labels, reduction="none")

        estimate = gradient_penalty_estimate(losses, inputs, sigma=sigma, m=m)
        mean, _ = worst_excess(losses, inputs, sigma=sigma, m=m, draws=draws, seed=seed)
        return float(mean.sum() / estimate.sum())
