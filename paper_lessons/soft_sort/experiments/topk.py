"""Top-k classification: a small network trained to give the true class one of the first k ranks.

The network has the paper's shape: four convolutions, two max-pools, two fully connected layers, with
ReLU and batch normalisation. Losses differ in how they make the rank of the true class soft. Their
strength is chosen on a part of the training images; test images are seen once, at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Int
from sklearn.model_selection import train_test_split
from torch import Tensor
from torch.nn import functional

from paper_lessons import plotting
from paper_lessons.datasets import ImageSet, load_images
from paper_lessons.runs import run_tasks
from paper_lessons.soft_sort.baselines import all_pairs_rank, matrix_rank, sinkhorn_matrix
from paper_lessons.soft_sort.experiments.classifier import (
    predict_logits,
    topk_accuracy,
    train_classifier,
)
from paper_lessons.soft_sort.losses import topk_loss, topk_strength

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Loss = Callable[[Tensor, Tensor, int, float], Tensor]


def _cross_entropy(logits: Tensor, labels: Tensor, k: int, strength: float) -> Tensor:
    return functional.cross_entropy(logits, labels)


def _soft_rank_l2(logits: Tensor, labels: Tensor, k: int, strength: float) -> Tensor:
    return topk_loss(logits, labels, k, regularization_strength=strength)


def _soft_rank_kl(logits: Tensor, labels: Tensor, k: int, strength: float) -> Tensor:
    return topk_loss(logits, labels, k, regularization="kl", regularization_strength=strength)


def _all_pairs(logits: Tensor, labels: Tensor, k: int, strength: float) -> Tensor:
    ranks = all_pairs_rank(torch.sigmoid(logits), strength, descending=True)
    return _hinge(ranks, labels, k)


def _optimal_transport(logits: Tensor, labels: Tensor, k: int, strength: float) -> Tensor:
    plan = sinkhorn_matrix(torch.sigmoid(logits), strength, descending=True)
    return _hinge(matrix_rank(plan), labels, k)


def _hinge(ranks: Tensor, labels: Tensor, k: int) -> Tensor:
    return torch.relu(ranks.gather(-1, labels.unsqueeze(-1)).squeeze(-1) - k).mean()


LOSSES: dict[str, Loss] = {
    "cross-entropy": _cross_entropy,
    "soft rank l2": _soft_rank_l2,
    "soft rank kl": _soft_rank_kl,
    "all pairs": _all_pairs,
    "optimal transport": _optimal_transport,
}

# What a loss chooses its strength from: the soft ranks in units of topk_strength, the others in
# units of the squashed scores. Softer than 1 unit the l2 rank only scales its loss.
STRENGTHS: dict[str, tuple[float, ...]] = {
    "cross-entropy": (1.0,),
    "soft rank l2": (0.25, 0.5, 1.0),
    "soft rank kl": (0.5, 1.0, 2.0),
    "all pairs": (0.05, 0.2, 1.0),
    "optimal transport": (0.05, 0.2, 1.0),
}
UNTUNED = {"soft rank l2": 1.0, "soft rank kl": 1.0, "all pairs": 0.2, "optimal transport": 0.2}


def strengths_to_try(loss: str, classes: int, *, tune: bool = True) -> list[float]:
    """The strengths that a loss chooses from on validation images.

    Parameters
    ----------
    loss : str
        A name of :data:`LOSSES`.
    classes : int
    tune : bool
        Without it there is one strength, and no choice.

    Returns
    -------
    list of float
        Cross-entropy has no strength and gets 1.

    Examples
    --------
    >>> strengths_to_try("soft rank l2", 10)
    [0.05, 0.1, 0.2]
    """
    unit = topk_strength(classes, loss[-2:]) if loss.startswith("soft rank") else 1.0
    factors = STRENGTHS[loss] if tune else (UNTUNED.get(loss, 1.0),)
    return [factor * unit for factor in factors]


def run(
    data: str | ImageSet = "digits",
    *,
    seed: int = 0,
    splits: int = 3,
    losses: tuple[str, ...] = tuple(LOSSES),
    k: int = 1,
    report_k: int = 3,
    epochs: int = 20,
    filters: int = 16,
    samples: int | None = None,
    tune: bool = True,
    root: str | None = None,
    download: bool = False,
    jobs: int | None = None,
    progress: bool = False,
    checkpoint: str | None = None,
) -> dict[str, Any]:
    """Compare the losses on several splits of one image set.

    In each split a quarter of the images is for testing (a set that has test images of its own keeps
    them). Of the rest a fifth chooses the strength of each loss; then the network is trained again
    on all of the rest.

    Parameters
    ----------
    data : str or ImageSet
        A name of :data:`paper_lessons.datasets.IMAGE_SETS`, or images at hand.
    seed : int
        Fixes the splits, the first weights and the order of the batches.
    splits : int
        How many splits, each with first weights of its own.
    losses : tuple of str
        Names of :data:`LOSSES`.
    k : int
        The loss is 0 when the true class has rank k or better.
    report_k : int
        Accuracy is reported for 1 and for this number of guesses.
    epochs, filters : int
        Length of the training and width of the network.
    samples : int, optional
        Use so many images only, drawn at random.
    tune : bool
        Whether to choose the strength; otherwise each loss takes the one of
        :data:`UNTUNED`.
    root, download : str, bool
        For CIFAR, as in :func:`paper_lessons.datasets.load_images`.
    jobs, progress, checkpoint
        As in :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        ``"settings"`` and, under ``"losses"``, for each loss the chosen ``strengths``, ``top1`` and
        ``topk`` accuracies (one of each per split), and the validation accuracies of all strengths.

    Raises
    ------
    ValueError
        If a name is unknown or a number does not fit.

    Notes
    -----
    Source: the paper's experiment on top-k classification.

    Examples
    --------
    >>> found = run(samples=120, splits=1, losses=("cross-entropy",), epochs=1)
    >>> sorted(found["losses"]["cross-entropy"])
    ['strengths', 'top1', 'topk', 'validation']
    """
    unknown = [name for name in losses if name not in LOSSES]
    if unknown or not losses:
        raise ValueError(f"losses must be some of {', '.join(LOSSES)}; got {losses!r}")
    pictures = (
        data if isinstance(data, ImageSet) else load_images(data, root=root, download=download)
    )
    classes = len(pictures.classes)
    for name, value in (("k", k), ("report_k", report_k)):
        if not 1 <= value <= classes:
            raise ValueError(f"{name} must be from 1 to {classes} (classes), got {value}")
    for name, value in (("splits", splits), ("epochs", epochs)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    grids = {name: strengths_to_try(name, classes, tune=tune) for name in losses}
    settings: dict[str, Any] = {"k": k, "report_k": report_k, "epochs": epochs, "filters": filters}
    settings |= {"seed": seed, "samples": samples}
    shared = {
        "images": pictures.images.numpy(),
        "labels": pictures.labels.numpy(),
        "classes": classes,
        "test_from": pictures.test_from,
        "settings": settings,
    }

    def run_all(tasks: list[dict[str, Any]]) -> list[Any]:
        options: dict[str, Any] = {"jobs": jobs, "progress": progress, "checkpoint": checkpoint}
        return run_tasks(train_and_score, tasks, shared=shared, **options)

    validation = _validate(run_all, grids, splits)
    return {
        "settings": {"data": pictures.name, "splits": splits, "tuned": tune, **settings},
        "losses": _train_with_chosen(run_all, grids, splits, validation),
    }


def train_and_score(
    loss: str,
    strength: float,
    split: int,
    validate: bool,
    *,
    images: Float[np.ndarray, "samples channels height width"],
    labels: Int[np.ndarray, " samples"],
    classes: int,
    test_from: int | None,
    settings: dict[str, Any],
) -> dict[str, float]:
    """One training: on a part of the training images to validate, or on all of them to test.

    Parameters
    ----------
    loss : str
        A name of :data:`LOSSES`.
    strength : float
    split : int
        Number of the split, from 0.
    validate : bool
        Hold a fifth of the training images back and score on them; the test images stay unseen.
    images, labels, classes, test_from
        As in :class:`paper_lessons.datasets.ImageSet`.
    settings : dict
        ``k``, ``report_k``, ``epochs``, ``filters``, ``seed``, ``samples`` of :func:`run`.

    Returns
    -------
    dict
        Accuracies ``"top1"`` and ``"topk"``.
    """
    seed = 1000 * settings["seed"] + split
    fit, score = _split(labels, test_from, settings["samples"], seed)
    if validate:
        fit, score = train_test_split(fit, test_size=0.2, random_state=seed, stratify=labels[fit])
    chosen = LOSSES[loss]
    model = train_classifier(
        torch.tensor(images[fit]),
        torch.tensor(labels[fit]),
        classes=classes,
        loss=lambda logits, wanted: chosen(logits, wanted, settings["k"], strength),
        seed=seed,
        epochs=settings["epochs"],
        filters=settings["filters"],
    )
    logits = predict_logits(model, torch.tensor(images[score]))
    wanted = torch.tensor(labels[score])
    return {
        "top1": topk_accuracy(logits, wanted, 1),
        "topk": topk_accuracy(logits, wanted, settings["report_k"]),
    }


def plot_accuracies(result: dict[str, Any], axes: Axes, *, measure: str = "top1") -> None:
    """Draw the test accuracy of each loss: a dot for each split, a bar at the mean.

    Parameters
    ----------
    result : dict
        From :func:`run`.
    axes : matplotlib.axes.Axes
    measure : {"top1", "topk"}
    """
    names = list(result["losses"])
    for row, (name, color) in enumerate(zip(names, plotting.COLORS.values(), strict=False)):
        scores = 100 * np.array(result["losses"][name][measure])
        axes.plot(scores, np.full(len(scores), row), "o", color=color, alpha=0.7)
        axes.plot([scores.mean()] * 2, [row - 0.3, row + 0.3], color=color, linewidth=3)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    guesses = 1 if measure == "top1" else result["settings"]["report_k"]
    axes.set_xlabel(f"top-{guesses} accuracy on test images (%)")


def plot_strengths(result: dict[str, Any], axes: Axes) -> None:
    """Draw the validation accuracy over the strengths, one line for each loss that has one.

    Parameters
    ----------
    result : dict
        From :func:`run` with ``tune=True``.
    axes : matplotlib.axes.Axes
    """
    for (name, found), color in zip(
        result["losses"].items(), plotting.COLORS.values(), strict=False
    ):
        validation = found["validation"]
        if len(validation) < 2:
            continue
        means = [100 * float(np.mean(one["top1"])) for one in validation]
        axes.plot([one["strength"] for one in validation], means, "o-", color=color, label=name)
    axes.set_xscale("log")
    axes.set_xlabel("strength (unit: squashed scores)")
    axes.set_ylabel("top-1 accuracy on validation images (%)")
    plotting.label_lines(axes)


def _validate(run_all: Any, grids: dict[str, list[float]], splits: int) -> dict[str, Any]:
    """Validation accuracies for each loss and strength, one for each split."""
    tasks = [
        {"loss": loss, "strength": strength, "split": split, "validate": True}
        for loss, grid in grids.items()
        for strength in grid
        for split in range(splits)
        if len(grid) > 1
    ]
    scores = iter(run_all(tasks))
    return {
        loss: [
            {"strength": strength, "top1": [next(scores)["top1"] for _ in range(splits)]}
            for strength in grid
        ]
        for loss, grid in grids.items()
        if len(grid) > 1
    }


def _train_with_chosen(
    run_all: Any, grids: dict[str, list[float]], splits: int, validation: dict[str, Any]
) -> dict[str, Any]:
    """Test accuracies, each split with the strength that its own validation images preferred."""
    chosen = {
        loss: [_best(grid, validation.get(loss), split) for split in range(splits)]
        for loss, grid in grids.items()
    }
    tasks = [
        {"loss": loss, "strength": strengths[split], "split": split, "validate": False}
        for loss, strengths in chosen.items()
        for split in range(splits)
    ]
    scores = iter(run_all(tasks))
    found = {}
    for loss, strengths in chosen.items():
        own = [next(scores) for _ in range(splits)]
        found[loss] = {
            "strengths": strengths,
            "top1": [one["top1"] for one in own],
            "topk": [one["topk"] for one in own],
            "validation": validation.get(loss, []),
        }
    return found


def _best(grid: list[float], validation: list[Any] | None, split: int) -> float:
    if validation is None:
        return grid[0]
    return max(validation, key=lambda one: one["top1"][split])["strength"]


def _split(
    labels: Int[np.ndarray, " samples"], test_from: int | None, samples: int | None, seed: int
) -> tuple[Int[np.ndarray, " fit"], Int[np.ndarray, " test"]]:
    rows = np.arange(len(labels))
    if test_from is not None:
        fit, test = rows[:test_from], rows[test_from:]
        if samples is None or samples >= len(rows):
            return fit, test
        share = samples / len(rows)
        fit, _ = train_test_split(fit, train_size=share, random_state=seed, stratify=labels[fit])
        test, _ = train_test_split(test, train_size=share, random_state=seed, stratify=labels[test])
        return fit, test
    if samples is not None and samples < len(rows):
        rows, _ = train_test_split(
            rows, train_size=samples, random_state=seed, stratify=labels[rows]
        )
    fit, test = train_test_split(rows, test_size=0.25, random_state=seed, stratify=labels[rows])
    return fit, test
