"""Novel classes added to a trained detector, in several ways, on the same pictures with the same supports.

The detector's features of the test pictures are computed once; every way is then a set of heat maps.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from paper_lessons.once.codes import draw_codes
from paper_lessons.once.data.glyphs import glyph_scenes
from paper_lessons.once.data.pictures import Scenes
from paper_lessons.once.decoding import decode
from paper_lessons.once.detector import OnceDetector
from paper_lessons.once.evaluation import Evaluation, evaluate
from paper_lessons.once.generator import MIDDLE, RARE, SHARPNESS, SHORTEST, centre_features
from paper_lessons.once.losses import box_loss, focal_loss
from paper_lessons.once.targets import splat_targets

LEAST = 0.01  # probability of a detection that is scored


@dataclass(frozen=True)
class Supports:
    """For each novel class, pictures and a box in each."""

    images: list[Tensor]
    boxes: list[Tensor]
    labels: list[int]


class Trial:
    """A trained detector and test pictures of base and novel classes.

    Parameters
    ----------
    detector : OnceDetector
        Trained on both stages.
    test : Scenes
        With boxes of all classes.
    novel : sequence of str
    """

    @torch.no_grad()
    def __init__(self, detector: OnceDetector, test: Scenes, novel: Sequence[str]) -> None:
        self.detector, self.test, self.novel = detector.eval(), test, list(novel)
        base = [detector.bank[name].vector for name in detector.bank.base_names]
        self.base, self.names = torch.stack(base), [*detector.bank.base_names, *novel]
        parts = [
            detector.backbone(detector.prepare(list(test.images[begin : begin + 16])))
            for begin in range(0, len(test), 16)
        ]
        self.features = torch.cat(parts)
        self.maps = torch.cat([detector.boxes(part) for part in parts])

    @torch.no_grad()
    def score(
        self,
        codes: Float[Tensor, "novel length"],
        *,
        cosine: bool | None = None,
        base: Float[Tensor, "base length"] | None = None,
        boxes: nn.Module | None = None,
    ) -> Evaluation:
        """Detect and score.

        Parameters
        ----------
        codes : Float[Tensor, "novel length"]
            Of the first of the novel classes.
        cosine : bool
            Whether they read features of length 1; without it, as the detector's own codes do.
        base : Float[Tensor, "base length"], optional
            Other codes of the base classes.
        boxes : nn.Module, optional
            Another network of sizes and offsets.
        """
        novel = self.novel[: len(codes)]
        unit = self.detector.bank.cosine if cosine is None else cosine
        found: list[dict[str, Any]] = []
        for begin in range(0, len(self.test), 16):
            features = self.features[begin : begin + 16]
            maps = self.maps[begin : begin + 16] if boxes is None else boxes(features)
            heat = [draw_codes(features, self.base if base is None else base)[0]]
            if len(codes):
                heat.append(draw_codes(features, codes, unit=unit)[0])
            found += decode(torch.cat(heat, 1), maps[:, :2], maps[:, 2:], threshold=LEAST)
        for one in found:
            one["names"] = [self.names[label] for label in one["labels"].tolist()]
        return evaluate(
            found, _only(self.test, [*self.names[: len(self.base)], *novel]), novel=novel
        )


def draw_supports(pool: Scenes, novel: Sequence[str], shots: int, seed: int) -> Supports:
    """For each class, objects of as many pictures, without replacement.

    Parameters
    ----------
    pool : Scenes
    novel : sequence of str
    shots : int
    seed : int

    Returns
    -------
    Supports

    Raises
    ------
    ValueError
        If the pool does not show a class so often.
    """
    draw = np.random.default_rng([seed, shots])
    images, boxes, labels = [], [], []
    for number, name in enumerate(novel):
        place = pool.names.index(name)
        there = {}
        for i, (some, kinds) in enumerate(zip(pool.boxes, pool.labels, strict=True)):
            fit = (kinds == place) & ((some[:, 2:] - some[:, :2]).amin(1) >= SHORTEST)
            if fit.any():
                there[i] = some[fit][:1]
        if len(there) < shots:
            raise ValueError(f"the pool must show {name!r} in {shots} pictures, got {len(there)}")
        for i in draw.choice(list(there), shots, replace=False).tolist():
            images.append(pool.images[i])
            boxes.append(there[i])
            labels.append(number)
    return Supports(images, boxes, labels)


def generated(trial: Trial, supports: Supports) -> Float[Tensor, "novel length"]:
    """Codes by the detector's generator: one pass."""
    codes = trial.detector.codes_of(supports.images, supports.boxes)
    return codes.unflatten(0, (len(trial.novel), -1)).mean(1)


@torch.no_grad()
def prototypes(trial: Trial, supports: Supports) -> Float[Tensor, "novel length"]:
    """Codes by no training at all: mean features at the centres, each of length 1, and a cosine."""
    maps = trial.detector.backbone(trial.detector.prepare(supports.images))
    found = F.normalize(centre_features(maps, supports.boxes, trial.detector.stride), dim=1)
    mean = F.normalize(found.unflatten(0, (len(trial.novel), -1)).mean(1), dim=1)
    bias = mean.new_full((len(mean), 1), -SHARPNESS * MIDDLE)
    return torch.cat([SHARPNESS * mean, bias], 1)


def random_codes(trial: Trial, seed: int) -> Float[Tensor, "novel length"]:
    """Codes of chance, as long as those of the base classes: the floor."""
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(len(trial.novel), trial.base.shape[1], generator=generator)
    return trial.base.mean(0) + trial.base.std(0) * weights


def tuned_rows(
    trial: Trial, supports: Supports, *, steps: int = 100, lr: float = 0.05
) -> Float[Tensor, "novel length"]:
    """Codes by gradient steps on the supports, with everything else frozen."""
    with torch.no_grad():
        features = trial.detector.backbone(trial.detector.prepare(supports.images))
    codes = nn.Parameter(_first_codes(trial))
    targets = _targets(supports, len(trial.novel), features, trial.detector.stride)
    _descend([codes], lr, steps, lambda: focal_loss(draw_codes(features, codes)[0], targets))
    return codes.detach()


def tuned_heads(
    trial: Trial, supports: Supports, *, steps: int = 100, lr: float = 0.01
) -> dict[str, Any]:
    """All codes, the base classes' too, and the network of boxes, by gradient steps on the supports."""
    with torch.no_grad():
        features = trial.detector.backbone(trial.detector.prepare(supports.images))
    known = len(trial.base)
    codes = nn.Parameter(torch.cat([trial.base, _first_codes(trial)]))
    boxes = copy.deepcopy(trial.detector.boxes).requires_grad_(True)
    shifted = Supports(supports.images, supports.boxes, [known + one for one in supports.labels])
    targets = _targets(shifted, len(codes), features, trial.detector.stride)

    def loss() -> Tensor:
        maps = boxes(features)
        sizes, offsets = box_loss(maps[:, :2], maps[:, 2:], targets)
        return focal_loss(draw_codes(features, codes)[0], targets) + 0.1 * sizes + offsets

    _descend([codes, *boxes.parameters()], lr, steps, loss)
    return {"codes": codes.detach()[known:], "base": codes.detach()[:known], "boxes": boxes.eval()}


def glyph_trial(
    detector: OnceDetector, novel: Sequence[str], *, test: int = 300, seed: int = 2
) -> tuple[Trial, Scenes]:
    """The trial of the lesson: scenes of base and novel characters, and a pool of others to draw supports from."""
    names = [*detector.bank.base_names, *novel]
    return (
        Trial(detector, glyph_scenes(test, names, seed=seed), novel),
        glyph_scenes(1000, names, seed=seed + 1000),
    )


def _first_codes(trial: Trial) -> Tensor:
    codes = torch.zeros(len(trial.novel), trial.base.shape[1])
    codes[:, -1] = RARE
    return codes


def _targets(supports: Supports, classes: int, features: Tensor, stride: int) -> Any:
    return splat_targets(
        supports.boxes, [torch.tensor([one]) for one in supports.labels],
        classes=classes, height=features.shape[2], width=features.shape[3], stride=stride,
    )  # fmt: skip


def _descend(parameters: list[Any], lr: float, steps: int, loss: Callable[[], Tensor]) -> None:
    optimizer = torch.optim.Adam(parameters, lr)
    for _ in range(steps):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()


def _only(scenes: Scenes, names: Sequence[str]) -> Scenes:
    """The same pictures with the boxes of these classes."""
    kept = torch.tensor([name in names for name in scenes.names])
    own = [kept[labels] for labels in scenes.labels]
    return Scenes(
        scenes.images,
        [boxes[one] for boxes, one in zip(scenes.boxes, own, strict=True)],
        [labels[one] for labels, one in zip(scenes.labels, own, strict=True)],
        scenes.names,
    )
