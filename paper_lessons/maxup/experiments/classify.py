"""Pictures into classes: what the experiments with pictures share."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.model_selection import train_test_split
from torch import nn

from paper_lessons.datasets.images import IMAGE_SETS, ImageSet, load_images
from paper_lessons.maxup.arms import ARMS
from paper_lessons.maxup.experiments.trial import all_arms
from paper_lessons.maxup.networks import Perceptron, SmallConvNet
from paper_lessons.maxup.pictures import augmentation
from paper_lessons.maxup.training import Training, train
from paper_lessons.runs import one_thread

Network = Literal["convolutions", "layers"]


def run_classes(
    *,
    data: str,
    augment: str,
    seeds: Sequence[int],
    examples: int,
    tested: int,
    steps: int,
    m: int = 4,
    more: Sequence[int] = (),
    network: Network = "convolutions",
    width: int = 16,
    lr: float = 0.1,
    side: int = 32,
    root: str | None = None,
    jobs: int | None = None,
    progress: bool = False,
    checkpoint: str | None = None,
) -> dict[str, Any]:
    """Train in every way.

    Parameters
    ----------
    data : str
        Name of an image set, see :func:`read`.
    augment : str
        As :func:`~paper_lessons.maxup.pictures.augmentation`.
    seeds : sequence of int
        Of the split, the weights, the batches and the augmentations.
    examples, tested : int
        Pictures to train on and to test with, of all classes in proportion.
    steps, m : int
    more : sequence of int
        Other numbers of copies for MaxUp, each with its own control of equal compute.
    network : "convolutions" or "layers"
    width : int
        Of the first convolution.
    lr : float
    side : int
        To which pictures of a folder are brought.
    root : str, optional
        Where the data are.
    jobs, progress, checkpoint
        As :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        Of :func:`~paper_lessons.maxup.experiments.trial.all_arms`; the measures are ``"accuracy"`` and ``"nll"`` (nats).
    """
    arms: dict[str, dict[str, Any]] = {name: {"arm": name, "m": m} for name in ARMS}
    for count in more:
        for name in ("equal compute", "maxup"):
            arms[f"{name}, m = {count}"] = {"arm": name, "m": count}
    if augment.endswith(("cutmix", "mixup")):
        arms["maxup, excess"] = {"arm": "maxup", "m": m, "excess": True}
    shared = {
        "data": data, "augment": augment, "examples": examples, "tested": tested, "steps": steps,
        "network": network, "width": width, "lr": lr, "side": side,
    }  # fmt: skip
    return all_arms(
        one_run, arms, seeds, shared=shared, source={"root": root},
        jobs=jobs, progress=progress, checkpoint=checkpoint,
    )  # fmt: skip


def one_run(
    seed: int,
    *,
    arm: Any,
    m: int,
    data: str,
    augment: str,
    examples: int,
    tested: int,
    steps: int,
    network: Network,
    width: int,
    lr: float,
    side: int,
    root: str | None,
    excess: bool = False,
) -> dict[str, float]:
    """One training, and the test.

    Parameters
    ----------
    seed, arm, m, data, augment, examples, tested, steps, network, width, lr, side, root
        As :func:`run_classes`.
    excess : bool
        As :func:`~paper_lessons.maxup.maxup_loss`.

    Returns
    -------
    dict of str to float
    """
    with one_thread(), torch.random.fork_rng():
        torch.manual_seed(seed)
        found = read(data, root, side)
        known, new = split(found, seed, examples, tested)
        _, channels, height, _ = found.images.shape
        classes = len(found.classes)
        model: nn.Module
        if network == "layers":
            model = Perceptron(found.images[0].numel(), 96, 96, classes)
        else:
            model = SmallConvNet(channels, classes, width).to(memory_format=torch.channels_last)
        how = Training(
            arm, m=m, steps=steps, lr=lr, excess=excess, seed=seed, warmup_steps=steps // 10
        )
        chance = augmentation(augment, side=height, classes=classes)
        train(model, found.images[known], found.labels[known], chance, how)
        return test(model, found, new)


@torch.no_grad()
def test(model: nn.Module, data: ImageSet, rows: torch.Tensor) -> dict[str, float]:
    """Share of right classes, and the mean loss in nats."""
    right = loss = 0.0
    for some in rows.split(500):
        logits, labels = model(data.images[some]), data.labels[some]
        right += float((logits.argmax(1) == labels).sum())
        loss += float(F.cross_entropy(logits, labels, reduction="sum"))
    return {"accuracy": right / len(rows), "nll": loss / len(rows)}


def split(
    data: ImageSet, seed: int, examples: int, tested: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows to train on and rows to test with, each class in proportion; a set's own test part stays one.

    Parameters
    ----------
    data : ImageSet
    seed, examples, tested : int

    Returns
    -------
    Int[Tensor, "examples"], Int[Tensor, "tested"]

    Raises
    ------
    ValueError
        If there are too few.
    """
    labels = data.labels.numpy()

    def some(rows: np.ndarray, count: int) -> np.ndarray:
        if count == len(rows):
            return rows
        return train_test_split(rows, train_size=count, stratify=labels[rows], random_state=seed)[0]

    if data.test_from is None:
        known, new = train_test_split(
            np.arange(len(data)),
            train_size=examples,
            test_size=tested,
            stratify=labels,
            random_state=seed,
        )
    else:
        known = some(np.arange(data.test_from), examples)
        new = some(np.arange(data.test_from, len(data)), tested)
    return torch.from_numpy(known), torch.from_numpy(new)


@lru_cache(maxsize=2)
def read(name: str, root: str | None = None, side: int = 32) -> ImageSet:
    """An image set by its name, of a file, or of a folder that has a folder for each class.

    Parameters
    ----------
    name : str
        One of :data:`~paper_lessons.datasets.images.IMAGE_SETS`; "arrays" for a ``.npz`` file with ``x_train``,
        ``y_train``, ``x_test`` and ``y_test``; "folder".
    root : str, optional
        The file or folder.
    side : int
        To which pictures of a folder are brought.

    Returns
    -------
    ImageSet

    Raises
    ------
    ValueError
        If the name is unknown or a picture cannot be read.
    FileNotFoundError
        If nothing is there.
    """
    if name in IMAGE_SETS:
        return load_images(name, root=root)
    if name not in ("arrays", "folder") or root is None:
        raise ValueError(
            f"data must be one of {', '.join(IMAGE_SETS)}, or arrays or folder with a root, got {name!r} and {root!r}"
        )
    return _from_arrays(Path(root)) if name == "arrays" else _from_folder(Path(root), side)


def _from_arrays(file: Path) -> ImageSet:
    with np.load(file) as found:
        pixels = np.concatenate([found["x_train"], found["x_test"]])
        labels = np.concatenate([found["y_train"], found["y_test"]]).ravel()
        first = len(found["x_train"])
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    names = tuple(str(one) for one in range(int(labels.max()) + 1))
    return ImageSet(file.stem, images, torch.from_numpy(labels).long(), names, test_from=first)


def _from_folder(folder: Path, side: int) -> ImageSet:
    from PIL import UnidentifiedImageError
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import v2

    prepare = v2.Compose(
        [
            v2.ToImage(),
            v2.Resize(side, antialias=True),
            v2.CenterCrop(side),
            v2.ToDtype(torch.float32, scale=True),
        ]
    )
    found = ImageFolder(str(folder), transform=prepare)
    images = []
    for place, (file, _) in enumerate(found.samples):
        try:
            images.append(found[place][0].as_subclass(torch.Tensor))
        except (UnidentifiedImageError, OSError) as error:
            raise ValueError(f"cannot read the picture {file}: {error}") from error
    labels = torch.tensor(found.targets)
    return ImageSet(folder.name, torch.stack(images), labels, tuple(found.classes))
