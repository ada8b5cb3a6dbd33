"""Episodes of stage II: base classes that are taken for new ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from paper_lessons.once.data.pictures import Pictures
from paper_lessons.once.generator import SHORTEST, CropEncoder, centre_features, support_crops
from paper_lessons.once.targets import splat_targets
from paper_lessons.once.training.augmenting import recolored, turned
from paper_lessons.once.training.settings import EpisodeTraining

if TYPE_CHECKING:
    from paper_lessons.once.detector import OnceDetector


def of_classes(
    names: Sequence[str], data: Pictures
) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Boxes, labels in the order of the names, and crowds, of these classes only."""
    place = {name: number for number, name in enumerate(names)}
    new = torch.tensor([place.get(name, -1) for name in data.names], dtype=torch.long)
    boxes, labels, crowd = [], [], []
    for some, kinds, many in zip(data.boxes, data.labels, data.crowd, strict=True):
        own = new[kinds] >= 0
        boxes.append(some[own])
        labels.append(new[kinds[own]])
        crowd.append(many[own])
    if not sum(map(len, boxes)):
        raise ValueError(
            f"data must have boxes of {', '.join(names[:5]) or 'base classes'}, it has none"
        )
    return boxes, labels, crowd


@dataclass
class _Group:
    """Pictures that are turned the same way: their features, and supports of their objects."""

    features: Tensor
    supports: Tensor
    owner: np.ndarray  # the picture of each support
    objects: dict[int, np.ndarray]  # the supports of each class
    boxes: list[Tensor]
    labels: list[Tensor]
    crowd: list[Tensor]


class Episodes:
    """Features of the pictures and supports of their objects, computed once, and episodes drawn from them."""

    def __init__(self, detector: OnceDetector, data: Pictures, how: EpisodeTraining) -> None:
        self.how, self.stride = how, detector.stride
        self.crops = isinstance(detector.generator, CropEncoder)
        known = of_classes(detector.bank.base_names, data)
        chosen = np.random.default_rng([how.seed, len(data)]).permutation(len(data))[: how.pictures]
        ways = 8 if how.turns else 1
        made = [
            self._group(detector, data, known, chosen[way::ways].tolist(), way)
            for way in range(min(ways, len(chosen)))
        ]
        self.groups = [one for one in made if len(one.objects) >= 2]
        if not self.groups:
            raise ValueError(
                "data must show two base classes and more in two pictures each, turned alike; "
                f"the most that {len(chosen)} pictures show is {max(len(one.objects) for one in made)}"
            )

    @torch.no_grad()
    def _group(self, detector, data, known, chosen: list[int], way: int) -> _Group:
        labels, crowd = ([some[i] for i in chosen] for some in known[1:])
        features, supports, boxes, kinds, owners = [], [], [], [], []
        for begin in range(0, len(chosen), 16):
            some = chosen[begin : begin + 16]
            images, there = turned(data.images_at(some), [known[0][i] for i in some], way)
            images = detector.prepare(list(images))
            maps = detector.backbone(images)
            boxes += there
            given = []
            for place, one in enumerate(there, start=begin):
                fit = ((one[:, 2:] - one[:, :2]).amin(1) >= SHORTEST) & ~crowd[place]
                kinds.append(labels[place][fit])
                owners.append(torch.full((int(fit.sum()),), place))
                given.append(one[fit].to(detector.device))
            supports.append(
                support_crops(list(images), given)
                if self.crops
                else centre_features(maps, given, detector.stride)
            )
            features.append(maps)
        kind, owner = torch.cat(kinds).numpy(), torch.cat(owners).numpy()
        objects = {
            label: np.flatnonzero(kind == label)
            for label in np.unique(kind).tolist()
            if len(np.unique(owner[kind == label])) >= 2
        }
        return _Group(
            torch.cat(features), torch.cat(supports), owner, objects, boxes, labels, crowd
        )

    def draw(self, draw: np.random.Generator, share: slice) -> tuple[Any, ...]:
        """Supports, features of pictures, and targets: of each class one picture, and objects of other pictures."""
        how, group = self.how, self.groups[draw.integers(len(self.groups))]
        known = np.array(list(group.objects))
        classes = draw.choice(known, min(how.ways, len(known)), replace=False)
        shots = int(draw.choice(how.shots))
        queries, supports = [], []
        for label in classes:
            objects = group.objects[int(label)]
            query = group.owner[draw.choice(objects)]
            others = objects[group.owner[objects] != query]
            supports.append(draw.choice(others, shots))  # with replacement, as the public code
            queries.append(int(query))
        given = group.supports[torch.from_numpy(np.concatenate(supports))]
        if self.crops and how.recolor:
            given = recolored(given, draw)
        queries = queries[share] or queries[:1]
        place = {int(label): number for number, label in enumerate(classes)}
        boxes, labels, crowd = [], [], []
        for query in queries:
            kept = torch.tensor([int(one) in place for one in group.labels[query]]).bool()
            boxes.append(group.boxes[query][kept])
            new = [place[int(one)] for one in group.labels[query][kept]]
            labels.append(torch.tensor(new, dtype=torch.long))
            crowd.append(group.crowd[query][kept])
        features = group.features[queries]
        targets = splat_targets(
            boxes, labels, classes=len(classes), height=features.shape[2], width=features.shape[3],
            stride=self.stride, radius=how.radius, crowd=crowd,
        )  # fmt: skip
        return given, features, targets
