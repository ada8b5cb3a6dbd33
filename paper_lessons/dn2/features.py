"""From pictures to features: streamed, the same for any batch size, kept on disk where asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import length_hint
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from joblib import Parallel, effective_n_jobs
from sklearn.base import BaseEstimator, TransformerMixin
from torch import nn
from tqdm import tqdm

from paper_lessons.dn2.backbones import Backbone, load_backbone, wrap_module
from paper_lessons.dn2.pictures.cache import FeatureCache
from paper_lessons.dn2.pictures.extraction import Extraction, Outcome, compute, in_groups, on_device
from paper_lessons.dn2.pictures.reading import FRAMINGS, UnreadableImage, each_image, find_images

# Raise it when pictures are read or resized in another way: old caches then count for nothing.
PREPROCESSING = 1

Row = Float[np.ndarray, " dimension"]


class ImageFeatures(TransformerMixin, BaseEstimator):
    """Features of pictures: the mean over all places of what a network's layer gives.

    Nothing is learnt, so :meth:`fit` does nothing; it stands in pipelines before a detector.

    Parameters
    ----------
    backbone : str, Backbone or torch.nn.Module
        A name for :func:`load_backbone` or a network of your own; if that wants normalised pixels or
        another size, say so with :func:`wrap_module`.
    size : int, optional
        Side in pixels to which pictures are resized; the backbone's own (224) without it. For
        pictures of 32 pixels 128 is as good, and three times as fast.
    layer : str or sequence of str, optional
        ``"pool"`` (the default), ``"stage"`` (a quarter of Lite0's numbers, hardly worse),
        ``"stage1"`` ...; for your own network ``"output"`` (the default) or submodules' names.
        Several are scaled to length 1 each and joined.
    framing : {"stretch", "crop"}
        Whether the whole picture is squeezed into the square or its middle is cut out
        (:func:`resize_image`).
    batch_size : int
        Pictures read, computed and kept together. Results do not depend on it.
    cache : str or Path, optional
        A folder to keep features in. What is there is not computed again, also after a kill.
    progress : bool
        Whether to draw a bar of text on standard error.
    device : str or torch.device, optional
        Where the network runs; where it is without it.
    n_jobs : int, optional
        Workers, as joblib counts them; each keeps to one thread, so that sums have one order. None
        takes joblib's own setting: 1, or what ``joblib.parallel_config`` says, which may be a Dask
        cluster (whose workers must see the same files).

    Notes
    -----
    Source: section 3.1 of the paper.

    Examples
    --------
    >>> pictures = np.zeros((2, 32, 32, 3), np.uint8)
    >>> ImageFeatures("lite0", size=32).transform(pictures).shape
    (2, 1280)
    """

    def __init__(
        self,
        backbone: str | Backbone | nn.Module = "lite0",
        *,
        size: int | None = None,
        layer: str | Sequence[str] | None = None,
        framing: str = "stretch",
        batch_size: int = 16,
        cache: str | Path | None = None,
        progress: bool = False,
        device: str | torch.device | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.backbone = backbone
        self.size = size
        self.layer = layer
        self.framing = framing
        self.batch_size = batch_size
        self.cache = cache
        self.progress = progress
        self.device = device
        self.n_jobs = n_jobs

    def fit(self, images: Any = None, y: Any = None) -> ImageFeatures:
        """Do nothing: the network is trained already.

        Parameters
        ----------
        images, y : object
            Not looked at.

        Returns
        -------
        ImageFeatures
        """
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, images: Any) -> Float[np.ndarray, "n dimension"]:
        """Features of all pictures.

        Parameters
        ----------
        images : object
            A folder, a list of files, arrays (n, height, width), (n, height, width, 3) or
            (n, 3, height, width) of uint8, uint16 or floats in [0, 1], tensors, a list of arrays of
            different sizes, or a generator of files or pictures. One batch of them is in memory at
            a time.

        Returns
        -------
        Float[np.ndarray, "n dimension"]
            float32, in the pictures' order.

        Raises
        ------
        UnreadableImage
            If a file is no picture, or damaged (:meth:`transform_files` skips those).
        ValueError
            If a picture's shape, type or values are not allowed, or there is none.
        """
        return np.stack(list(self.stream(images)))

    def stream(self, images: Any) -> Iterator[Row]:
        """Features of one picture after the other, for collections whose features do not fit in memory.

        Parameters
        ----------
        images : object
            As for :meth:`transform`.

        Yields
        ------
        Float[np.ndarray, "dimension"]
            float32.

        Raises
        ------
        ValueError
            As for :meth:`transform`.
        """
        for outcome in self.outcomes(images):
            if outcome.features is None:
                raise UnreadableImage(outcome.path or outcome.name, outcome.reason)
            yield outcome.features

    def transform_files(
        self, paths: str | Path | Iterable[str | Path]
    ) -> tuple[Float[np.ndarray, "n dimension"], list[Path], list[tuple[Path, str]]]:
        """Features of all files that can be read, and the names of those that cannot.

        Parameters
        ----------
        paths : str, Path or iterable of them
            A folder, or files.

        Returns
        -------
        features : Float[np.ndarray, "n dimension"]
            float32.
        kept_paths : list of pathlib.Path
            The n files they belong to.
        skipped : list of (pathlib.Path, str)
            The others, each with the reason.

        Raises
        ------
        ValueError
            If no file can be read.
        """
        rows, kept, skipped = [], [], []
        for outcome in self.outcomes(paths):
            if outcome.path is None:
                raise ValueError("paths must be files, transform takes other pictures")
            if outcome.features is None:
                skipped.append((outcome.path, outcome.reason))
            else:
                rows.append(outcome.features)
                kept.append(outcome.path)
        if not rows:
            path, reason = skipped[0]
            raise ValueError(
                f"none of {len(skipped)} files can be read as a picture; {str(path)!r}: {reason}"
            )
        return np.stack(rows), kept, skipped

    def outcomes(self, images: Any) -> Iterator[Outcome]:
        """What became of each picture: its features, or why it could not be read.

        Parameters
        ----------
        images : object
            As for :meth:`transform`.

        Yields
        ------
        Outcome
            In the pictures' order.

        Raises
        ------
        ValueError
            If a picture that is no file is not allowed, or there is none.
        """
        if not isinstance(self.batch_size, int) or self.batch_size < 1:
            raise ValueError(
                f"batch_size must be an integer of at least 1, got {self.batch_size!r}"
            )
        backbone = self.resolved_backbone()
        layers, size = self._what_to_compute(backbone)
        extract = Extraction(on_device(backbone, self.device), layers, size, self.framing)
        cache = None if self.cache is None else FeatureCache(self.cache, self.configuration())
        if isinstance(images, (str, Path)) and Path(images).is_dir():
            images = find_images(images)
        total = length_hint(images) or None
        workers = effective_n_jobs(self.n_jobs)
        count = 0
        with (
            tqdm(total=total, disable=not self.progress, unit="picture") as bar,
            Parallel(n_jobs=self.n_jobs) as pool,
        ):
            # A window of batches, read here and not by joblib's threads: a generator that fails
            # then fails in the caller's thread.
            numbered = enumerate(each_image(images))
            window = 1 if workers == 1 else 4 * workers
            for batches in in_groups(in_groups(numbered, self.batch_size), window):
                for outcome in compute(batches, extract, cache, pool if workers > 1 else None):
                    count += 1
                    bar.update()
                    yield outcome
        if count == 0:
            raise ValueError("images must hold at least one picture, got none")

    def resolved_backbone(self) -> Backbone:
        """The network that the parameter ``backbone`` stands for.

        Returns
        -------
        Backbone
        """
        if isinstance(self.backbone, Backbone):
            return self.backbone
        if isinstance(self.backbone, nn.Module):
            return wrap_module(self.backbone)
        return load_backbone(self.backbone)

    def configuration(self) -> dict[str, Any]:
        """All that decides a picture's feature, as plain values.

        Returns
        -------
        dict
            Keys ``backbone``, ``fingerprint``, ``layers``, ``size``, ``mean``, ``std``, ``framing``,
            ``preprocessing``.
        """
        backbone = self.resolved_backbone()
        layers, size = self._what_to_compute(backbone)
        return {
            "backbone": backbone.name,
            "fingerprint": backbone.fingerprint,
            "layers": list(layers),
            "size": size,
            "mean": list(backbone.mean),
            "std": list(backbone.std),
            "framing": self.framing,
            "preprocessing": PREPROCESSING,
        }

    def _what_to_compute(self, backbone: Backbone) -> tuple[tuple[str, ...], int]:
        size = backbone.size if self.size is None else self.size
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
            raise ValueError(f"size must be a number of pixels, at least 1, got {size!r}")
        if self.framing not in FRAMINGS:
            raise ValueError(f"framing must be one of {', '.join(FRAMINGS)}; got {self.framing!r}")
        layer = self.layer
        if layer is None:
            layer = "pool" if backbone.dimensions else "output"
        layers = (layer,) if isinstance(layer, str) else tuple(layer)
        if not layers:
            raise ValueError("layer must name at least one layer, got none")
        backbone.check_layers(layers)
        return layers, int(size)
