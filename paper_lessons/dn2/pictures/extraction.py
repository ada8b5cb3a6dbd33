"""How pictures go through a network: batch by batch, in one process or many, past a cache."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float
from joblib import Parallel, delayed
from torch import Tensor

from paper_lessons.dn2.pictures.cache import FeatureCache, content_key
from paper_lessons.dn2.pictures.reading import (
    UnreadableImage,
    read_image,
    resize_image,
    source_name,
)

if TYPE_CHECKING:
    from paper_lessons.dn2.backbones import Backbone

# The network sees this many pixels at once: maps beyond it fall out of the processor's cache. And up
# to 12 pictures the sums are those of a single one; with 16, oneDNN takes another order.
_PIXELS_AT_ONCE = 4 * 224 * 224
_PICTURES_AT_ONCE = 12

Row = Float[np.ndarray, " dimension"]


@dataclass(frozen=True)
class Outcome:
    """What became of one picture.

    Attributes
    ----------
    index : int
        Its place among the pictures, from 0.
    name : str
        Its path, or ``"picture 3"``.
    path : pathlib.Path or None
        Its file, if it is one.
    features : Float[np.ndarray, "dimension"] or None
        None when it could not be read.
    reason : str
        Why it could not be read.
    """

    index: int
    name: str
    path: Path | None
    features: Row | None
    reason: str = ""


@dataclass(frozen=True)
class Extraction:
    """All that a worker must know to compute features; it travels to other processes.

    Attributes
    ----------
    backbone : Backbone
    layers : tuple of str
    size : int
    framing : str
    """

    backbone: Backbone
    layers: tuple[str, ...]
    size: int
    framing: str

    def __call__(self, sources: Sequence[tuple[int, Any]]) -> list[Row | UnreadableImage]:
        """Features of a batch of numbered pictures; in place of one that is unreadable, the error."""
        with _one_thread():
            results: list[Any] = []
            pictures = []
            for index, source in sources:
                try:
                    picture = read_image(source, name=source_name(source, index))
                    pictures.append(resize_image(picture, self.size, self.framing))
                    results.append(None)
                except UnreadableImage as error:
                    results.append(error)
            rows = iter(self._run(torch.stack(pictures)) if pictures else ())
        return [next(rows) if result is None else result for result in results]

    def _run(self, pictures: Float[Tensor, "batch 3 size size"]) -> Float[np.ndarray, "batch d"]:
        at_once = max(1, min(_PICTURES_AT_ONCE, _PIXELS_AT_ONCE // self.size**2))
        mean, std = (
            torch.tensor(c, dtype=torch.float32).view(3, 1, 1)
            for c in (self.backbone.mean, self.backbone.std)
        )
        values = next(self.backbone.module.parameters(), pictures)
        rows = []
        with torch.inference_mode():
            for chunk in pictures.split(at_once):
                pixels = chunk.contiguous(memory_format=torch.channels_last).sub(mean).div_(std)
                pixels = pixels.to(values.device, values.dtype)
                rows.append(self.backbone.features(pixels, self.layers).float().cpu())
        return torch.cat(rows).numpy()


def on_device(backbone: Backbone, device: str | torch.device | None) -> Backbone:
    """The backbone there: a copy, unless it is there already, for it may be shared.

    Parameters
    ----------
    backbone : Backbone
    device : str, torch.device or None
        None leaves it where it is.

    Returns
    -------
    Backbone
    """
    place = next(backbone.module.parameters(), torch.empty(0)).device
    if device is None or torch.device(device) == place:
        return backbone
    return replace(backbone, module=copy.deepcopy(backbone.module).to(device), shelf=False)


def compute(
    batches: Sequence[Sequence[tuple[int, Any]]],
    extract: Extraction,
    cache: FeatureCache | None,
    pool: Parallel | None,
) -> Iterator[Outcome]:
    """Outcomes of some batches in order: what the cache has is taken, the rest computed and kept."""
    known: dict[int, Any] = {}
    keys: dict[int, str] = {}
    if cache is not None:
        for index, source in (item for batch in batches for item in batch):
            try:
                keys[index] = content_key(source)
                known[index] = cache.get(keys[index])
            except UnreadableImage as error:
                known[index] = error
    tasks = [[item for item in batch if known.get(item[0]) is None] for batch in batches]
    tasks = [task for task in tasks if task]
    if pool is None:
        results = [extract(task) for task in tasks]
    else:
        results = pool(delayed(extract)(task) for task in tasks)
    for task, rows in zip(tasks, results, strict=True):
        for (index, _), row in zip(task, rows, strict=True):
            known[index] = row
            if cache is not None and not isinstance(row, UnreadableImage):
                cache.put(keys[index], row)
    for index, source in (item for batch in batches for item in batch):
        found = known[index]
        path = source if isinstance(source, Path) else None
        name = source_name(source, index)
        if isinstance(found, UnreadableImage):
            yield Outcome(index, name, path, None, found.reason)
        else:
            yield Outcome(index, name, path, found)


def in_groups(items: Iterable[Any], count: int) -> Iterator[list[Any]]:
    group: list[Any] = []
    for item in items:
        group.append(item)
        if len(group) == count:
            yield group
            group = []
    if group:
        yield group


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums in one order. (Not the one of `runs`: that searches all libraries, for each batch.)"""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
