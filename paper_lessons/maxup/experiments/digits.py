"""Digits of 8 x 8 pixels with strong augmentation and a small network: where the worst copy is too hard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from paper_lessons.maxup.experiments.classify import run_classes


def run(
    *,
    seeds: Sequence[int] = tuple(range(10)),
    augment: str = "shift+cutout",
    examples: int = 300,
    tested: int = 400,
    steps: int = 800,
    **how: Any,
) -> dict[str, Any]:
    """Train in every way.

    Parameters
    ----------
    seeds : sequence of int
    augment, examples, tested, steps
        As :func:`~paper_lessons.maxup.experiments.classify.run_classes`.
    **how
        As :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        What ``run_classes`` gives.
    """
    return run_classes(
        data="digits", augment=augment, seeds=seeds, examples=examples, tested=tested,
        steps=steps, network="layers", **how,
    )  # fmt: skip
