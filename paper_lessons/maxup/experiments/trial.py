"""Every way with every seed, and the pairs: what the experiments share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from paper_lessons.maxup.comparing import compare
from paper_lessons.runs import run_tasks

FIRST = "maxup"


def all_arms(
    one: Callable[..., dict[str, float]],
    arms: Mapping[str, Mapping[str, Any]],
    seeds: Sequence[int],
    *,
    shared: Mapping[str, Any],
    source: Mapping[str, Any] | None = None,
    jobs: int | None = None,
    progress: bool = False,
    checkpoint: str | None = None,
) -> dict[str, Any]:
    """Run every way with every seed.

    Parameters
    ----------
    one : callable
        ``one(seed=..., **options of the way, **shared)``; gives what it measured.
    arms : mapping of str to mapping
        Options of each way. The one named "maxup" is compared with the others.
    seeds : sequence of int
    shared : mapping
        Options of all.
    source : mapping, optional
        More options of all, which say where a user's data are: they are not kept.
    jobs, progress, checkpoint
        As :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        ``"settings"``; ``"arms"``: for each way its ``"runs"``, and ``"mean"`` and ``"std"`` of each measure;
        ``"against"``: for each measure and other way the comparison.
    """
    tasks = [{"seed": seed, **options} for options in arms.values() for seed in seeds]
    runs = run_tasks(
        one,
        tasks,
        shared={**shared, **(source or {})},
        jobs=jobs,
        progress=progress,
        checkpoint=checkpoint,
    )
    parts = {
        name: runs[place * len(seeds) : (place + 1) * len(seeds)] for place, name in enumerate(arms)
    }
    measures = list(runs[0])
    found = {
        name: {
            "runs": rows,
            "mean": {key: float(np.mean([row[key] for row in rows])) for key in measures},
            "std": {key: _deviation([row[key] for row in rows]) for key in measures},
        }
        for name, rows in parts.items()
    }
    against = {}
    if len(seeds) > 1 and FIRST in parts:
        against = {
            key: {name: asdict(pair) for name, pair in compare(parts, key, first=FIRST).items()}
            for key in measures
        }
    settings = {"seeds": list(seeds), **shared, "arms": {k: dict(v) for k, v in arms.items()}}
    return {"settings": settings, "arms": found, "against": against}


def _deviation(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
