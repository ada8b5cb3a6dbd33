"""Pictures with classes for the experiments, and their features; training pictures stand first.

MNIST and digits travel with installed packages. CIFAR-10 and Fashion-MNIST come through torchvision where
a user has them or downloads them; an ``.npz`` file may hold any other set.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from paper_lessons.datasets import IMAGE_SETS, ImageSet, load_images
from paper_lessons.dn2.backbones import Backbone
from paper_lessons.dn2.features import ImageFeatures

TEST_SHARE = 0.25  # of sets that have no test pictures of their own
NPZ_ARRAYS = ("x_train", "y_train", "x_test", "y_test")


@dataclass(frozen=True)
class ClassFeatures:
    """Features and pixels of pictures with one class each.

    Attributes
    ----------
    name : str
        What a person calls the set.
    classes : tuple of str
    train, test : Float[np.ndarray, "pictures dimension"]
        Features.
    train_labels, test_labels : Int[np.ndarray, "pictures"]
        Indices into ``classes``.
    train_pixels, test_pixels : Float[np.ndarray, "pictures pixels"]
        The pictures themselves as rows, in [0, 1].
    about : dict
        How the features were made, as plain values.
    """

    name: str
    classes: tuple[str, ...]
    train: Float[np.ndarray, "train dimension"]
    train_labels: Int[np.ndarray, " train"]
    test: Float[np.ndarray, "test dimension"]
    test_labels: Int[np.ndarray, " test"]
    train_pixels: Float[np.ndarray, "train pixels"]
    test_pixels: Float[np.ndarray, "test pixels"]
    about: dict[str, Any]

    def arrays(self) -> dict[str, np.ndarray]:
        """The six arrays by their names, as tasks of :func:`paper_lessons.runs.run_tasks` share them.

        Returns
        -------
        dict of str to numpy.ndarray
        """
        names = ("train", "train_labels", "test", "test_labels", "train_pixels", "test_pixels")
        return {name: getattr(self, name) for name in names}

    def settings(self) -> dict[str, Any]:
        """Name, numbers of pictures and how the features were made, for an experiment's result.

        Returns
        -------
        dict
        """
        pictures = {"train_pictures": len(self.train), "test_pictures": len(self.test)}
        return {"data": self.name, "classes": list(self.classes), **pictures, **self.about}


Data = str | ImageSet | ClassFeatures


def load_pictures(
    name: str = "digits",
    *,
    npz: str | Path | None = None,
    root: str | Path | None = None,
    download: bool = False,
    train_per_class: int | None = None,
    test_per_class: int | None = None,
    seed: int = 0,
) -> ImageSet:
    """A set of pictures in a training and a test part.

    Parameters
    ----------
    name : str
        One of ``IMAGE_SETS``.
    npz : str or Path, optional
        A file to read instead: arrays ``x_train``, ``y_train``, ``x_test``, ``y_test`` with pictures (n,
        height, width) or (n, height, width, 3) of uint8, and perhaps ``classes``.
    root, download : str or Path, bool
        For sets of torchvision, as in :func:`paper_lessons.datasets.load_images`.
    train_per_class, test_per_class : int, optional
        So many pictures of each class at most, drawn at random.
    seed : int
        Fixes what is drawn, and the test part of sets that come in one piece (a quarter of each class).

    Returns
    -------
    ImageSet
        ``test_from`` is where the test part begins.

    Raises
    ------
    ValueError
        If the name is unknown, the file holds something else, or a number is below 1.

    Examples
    --------
    >>> pictures = load_pictures("digits", train_per_class=20, test_per_class=5)
    >>> len(pictures), pictures.test_from
    (250, 200)
    """
    for option, value in (("train_per_class", train_per_class), ("test_per_class", test_per_class)):
        if value is not None and value < 1:
            raise ValueError(f"{option} must be at least 1, got {value}")
    if npz is None:
        pictures = load_images(name, root=root, download=download)
    else:
        pictures = _read_npz(Path(npz))
    generator = np.random.default_rng(seed)
    labels = pictures.labels.numpy()
    train, test = [], []
    for index in range(len(pictures.classes)):
        own = np.flatnonzero(labels == index)
        if pictures.test_from is None:
            own = generator.permutation(own)
            held_out = max(1, round(TEST_SHARE * len(own)))
            of_test, of_train = own[:held_out], own[held_out:]
        else:
            of_train, of_test = own[own < pictures.test_from], own[own >= pictures.test_from]
        train.append(_draw(of_train, train_per_class, generator))
        test.append(_draw(of_test, test_per_class, generator))
    rows = torch.from_numpy(np.concatenate([*train, *test]))
    return replace(
        pictures,
        images=pictures.images[rows],
        labels=pictures.labels[rows].long(),
        test_from=sum(map(len, train)),
    )


def class_features(
    data: Data,
    *,
    backbone: str | Backbone = "lite0",
    size: int = 128,
    layer: str | Sequence[str] | None = None,
    cache: str | Path | None = None,
    progress: bool = False,
) -> ClassFeatures:
    """Features of all pictures of a set; features at hand are returned as they are.

    Parameters
    ----------
    data : str, ImageSet or ClassFeatures
        A name for :func:`load_pictures`, or a set with ``test_from``.
    backbone, size, layer, cache, progress
        As in :class:`paper_lessons.dn2.ImageFeatures`.

    Returns
    -------
    ClassFeatures

    Raises
    ------
    ValueError
        If the set has no test part or an option does not fit.

    Examples
    --------
    >>> pictures = load_pictures("digits", train_per_class=2, test_per_class=1)
    >>> class_features(pictures, size=32).train.shape
    (20, 1280)
    """
    if isinstance(data, ClassFeatures):
        return data
    pictures = load_pictures(data) if isinstance(data, str) else data
    cut = pictures.test_from
    if cut is None or not 0 < cut < len(pictures):
        raise ValueError(
            f"data must have a training and a test part (test_from), {pictures.name} has {cut}; "
            "load_pictures makes them"
        )
    made = ImageFeatures(backbone, size=size, layer=layer, cache=cache, progress=progress)
    found = made.transform(pictures.images)
    about = made.configuration()
    pixels = pictures.images.reshape(len(pictures), -1).numpy()
    labels = pictures.labels.numpy()
    return ClassFeatures(
        name=pictures.name,
        classes=pictures.classes,
        train=found[:cut],
        train_labels=labels[:cut],
        test=found[cut:],
        test_labels=labels[cut:],
        train_pixels=pixels[:cut],
        test_pixels=pixels[cut:],
        about={key: about[key] for key in ("backbone", "fingerprint", "layers", "size")},
    )


def several_classes(data: ClassFeatures) -> None:
    """Raise ValueError unless each of two classes or more has training and test pictures.

    Parameters
    ----------
    data : ClassFeatures

    Raises
    ------
    ValueError
    """
    wanted = set(range(len(data.classes)))
    there = set(data.train_labels.tolist()) & set(data.test_labels.tolist())
    if len(wanted) < 2 or not wanted <= there:
        raise ValueError(
            f"data must have two classes or more, each with training and test pictures; {data.name} "
            f"has {len(wanted)} classes, {len(wanted & there)} of them in both parts"
        )


def _draw(
    rows: Int[np.ndarray, " rows"], count: int | None, generator: np.random.Generator
) -> Int[np.ndarray, " drawn"]:
    if count is None or count >= len(rows):
        return rows
    return np.sort(generator.choice(rows, count, replace=False))


def _read_npz(path: Path) -> ImageSet:
    if not zipfile.is_zipfile(path):
        path.open("rb").close()  # an absent file says so itself
        raise ValueError(f"npz must be a file of numpy.savez, got {path.name!r}")
    with np.load(path, allow_pickle=False) as stored:
        missing = [name for name in NPZ_ARRAYS if name not in stored]
        if missing:
            raise ValueError(
                f"npz must hold the arrays {', '.join(NPZ_ARRAYS)}; {path.name!r} lacks {missing}"
            )
        arrays = {name: stored[name] for name in NPZ_ARRAYS}
        names = stored["classes"].tolist() if "classes" in stored else None
    pixels = np.concatenate([arrays["x_train"], arrays["x_test"]])
    labels = np.concatenate([arrays["y_train"], arrays["y_test"]]).astype(np.int64)
    if pixels.dtype != np.uint8 or pixels.ndim not in (3, 4) or labels.shape != pixels.shape[:1]:
        raise ValueError(
            "x_train and x_test must be uint8 of shape (n, height, width) or (n, height, width, 3) with "
            f"one label each, got {pixels.dtype} of shape {pixels.shape} and {labels.shape} labels"
        )
    if pixels.ndim == 3:
        pixels = pixels[..., None]
    names = names or [str(index) for index in range(int(labels.max()) + 1)]
    if labels.min() < 0 or labels.max() >= len(names):
        raise ValueError(f"labels must lie from 0 to {len(names) - 1}, got {labels.max()}")
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous().float() / 255
    title = path.stem
    return ImageSet(
        title, images, torch.from_numpy(labels), tuple(map(str, names)), len(arrays["x_train"])
    )


__all__ = [
    "IMAGE_SETS",
    "ClassFeatures",
    "Data",
    "class_features",
    "load_pictures",
    "several_classes",
]
