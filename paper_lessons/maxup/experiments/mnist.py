"""MNIST's digits with few examples: a network with batch normalisation, three augmentations, 1 to 10 copies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from paper_lessons.maxup.experiments.classify import run_classes


def run(
    *,
    seeds: Sequence[int] = tuple(range(8)),
    augmentations: Sequence[str] = ("shift", "cutout", "cutmix"),
    more: Sequence[int] = (2, 10),
    examples: int = 500,
    tested: int = 2000,
    steps: int = 600,
    width: int = 8,
    **how: Any,
) -> dict[str, Any]:
    """Train in every way, with each augmentation.

    Parameters
    ----------
    seeds : sequence of int
    augmentations : sequence of str
    more : sequence of int
        Numbers of copies, beside 4.
    examples, tested, steps, width
        As :func:`~paper_lessons.maxup.experiments.classify.run_classes`.
    **how
        As :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        For each augmentation what ``run_classes`` gives.
    """
    return {
        name: run_classes(
            data="mnist5000", augment=name, seeds=seeds, examples=examples, tested=tested,
            steps=steps, more=more, width=width, **how,
        )
        for name in augmentations
    }  # fmt: skip
