"""CIFAR-10 and CIFAR-100, which a user has or downloads, or a part of them in a file of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from paper_lessons.maxup.experiments.classify import run_classes


def run(
    *,
    root: str,
    data: Literal["cifar10", "cifar100", "arrays"] = "cifar10",
    seeds: Sequence[int] = tuple(range(8)),
    augment: str = "shift+mirror+cutout",
    examples: int = 1000,
    tested: int = 2000,
    steps: int = 1500,
    width: int = 16,
    **how: Any,
) -> dict[str, Any]:
    """Train in every way.

    Parameters
    ----------
    root : str
        Folder of torchvision's files, or a file of arrays.
    data : "cifar10", "cifar100" or "arrays"
    seeds : sequence of int
    augment, examples, tested, steps, width
        As :func:`~paper_lessons.maxup.experiments.classify.run_classes`.
    **how
        As :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        What ``run_classes`` gives.
    """
    return run_classes(
        data=data, root=root, augment=augment, seeds=seeds, examples=examples,
        tested=tested, steps=steps, width=width, **how,
    )  # fmt: skip
