"""A user's own pictures, in a folder for each class: which way to take, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from paper_lessons.maxup.comparing import recommend
from paper_lessons.maxup.experiments.classify import read, run_classes


def run(
    *,
    root: str,
    seeds: Sequence[int] = tuple(range(5)),
    augment: str = "shift+mirror",
    tested: float = 0.25,
    steps: int = 600,
    side: int = 32,
    width: int = 16,
    m: int = 4,
    **how: Any,
) -> dict[str, Any]:
    """Train in every way, with new splits; say which one to take.

    Parameters
    ----------
    root : str
        Folder that has a folder for each class.
    seeds : sequence of int
        At least two.
    augment, steps, side, width, m
        As :func:`~paper_lessons.maxup.experiments.classify.run_classes`.
    tested : float
        Share of the pictures to test with.
    **how
        As :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        What ``run_classes`` gives, ``"classes"``, ``"take"`` and ``"because"``.

    Raises
    ------
    ValueError
        If there are fewer than two classes, or too few pictures of one.
    FileNotFoundError
        If the folder has no pictures.
    """
    found = read("folder", root, side)
    counts = found.labels.bincount().tolist()
    if len(counts) < 2 or min(counts) < 4:
        told = ", ".join(f"{k} of {name}" for name, k in zip(found.classes, counts, strict=True))
        raise ValueError(
            f"the folder must have pictures of two classes, and four of each at least, got {told}"
        )
    test = round(tested * len(found))
    result = run_classes(
        data="folder", root=root, side=side, augment=augment, seeds=seeds, examples=len(found) - test,
        tested=test, steps=steps, width=width, m=m, **how,
    )  # fmt: skip
    parts = {name: one["runs"] for name, one in result["arms"].items()}
    choice, reason = recommend(parts, "accuracy", overlap=test / (len(found) - test))
    return {**result, "classes": list(found.classes), "take": choice, "because": reason}
