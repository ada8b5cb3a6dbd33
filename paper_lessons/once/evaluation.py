"""Average precision and recall as COCO counts them, for base classes, novel ones and all of them.

The counting is that of faster-coco-eval, which gives the numbers of the original program.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from paper_lessons.once.data.pictures import Truth


@dataclass(frozen=True)
class Scores:
    """Of a class, or the mean over some classes; in [0, 1], NaN where there is no box to find.

    Attributes
    ----------
    ap : float
        Average precision, the mean over overlaps of 0.50, 0.55, ..., 0.95.
    ap50 : float
        At an overlap of 0.5.
    ar : float
        Average recall over the same overlaps.
    """

    ap: float
    ap50: float
    ar: float


@dataclass(frozen=True)
class Evaluation:
    """Scores of each class and of groups of them.

    Attributes
    ----------
    classes : dict of str to Scores
    groups : dict of str to Scores
        ``"all"``, and ``"base"`` and ``"novel"`` where novel classes are named. Classes without a box to find do not count.
    """

    classes: dict[str, Scores]
    groups: dict[str, Scores]

    def __str__(self) -> str:
        longest = max(map(len, ["class", *self.groups, *self.classes]))
        rows = [f"{'class':<{longest}}     AP   AP50     AR"]
        for name, one in (*self.groups.items(), *self.classes.items()):
            numbers = [
                "      -" if np.isnan(value) else f"{100 * value:7.1f}"
                for value in (one.ap, one.ap50, one.ar)
            ]
            rows.append(f"{name:<{longest}}" + "".join(numbers))
        return "\n".join(rows)


def evaluate(
    found: Sequence[Mapping[str, Any]],
    truth: Truth,
    *,
    novel: Sequence[str] = (),
    max_detections: int = 100,
) -> Evaluation:
    """Score detections.

    Parameters
    ----------
    found : sequence of mapping
        As :meth:`~paper_lessons.once.OnceDetector.detect` gives them, for each picture. Classes that the truth does not
        have are left out.
    truth : Truth
        Boxes of crowds count neither for nor against.
    novel : sequence of str
        Which classes were added later.
    max_detections : int
        Of a class in a picture.

    Returns
    -------
    Evaluation

    Raises
    ------
    ValueError
        If there are not as many pictures on both sides, or a novel class is not among the truth's.

    Examples
    --------
    >>> from paper_lessons.once.data.glyphs import glyph_scenes
    >>> scenes = glyph_scenes(2, ["A", "B"])
    >>> right = [
    ...     {"boxes": boxes, "scores": torch.ones(len(boxes)), "names": [scenes.names[k] for k in labels]}
    ...     for boxes, labels in zip(scenes.boxes, scenes.labels)
    ... ]
    >>> round(evaluate(right, scenes).groups["all"].ap, 6)
    1.0
    """
    if len(found) != len(truth.boxes):
        raise ValueError(f"found must have {len(truth.boxes)} pictures, got {len(found)}")
    unknown = sorted(set(novel) - set(truth.names))
    if unknown:
        raise ValueError(f"novel must be classes of the truth, got {', '.join(unknown)}")
    precision, recall = _counted(found, truth, max_detections)
    classes = {}
    for place, name in enumerate(truth.names):
        known, wide = precision[:, :, place], recall[:, place]
        there = bool((known > -1).all())
        classes[name] = (
            Scores(float(known.mean()), float(known[0].mean()), float(wide.mean()))
            if there
            else Scores(*3 * (float("nan"),))
        )
    groups = {"all": list(classes)}
    if novel:
        groups |= {"base": [one for one in classes if one not in novel], "novel": list(novel)}
    return Evaluation(
        classes, {name: _mean([classes[one] for one in some]) for name, some in groups.items()}
    )


def _counted(found, truth, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Precision (overlaps, recalls, classes) and recall (overlaps, classes); -1 where there is nothing to find."""
    from faster_coco_eval import COCO, COCOeval_faster

    marks: list[dict[str, Any]] = []
    for picture, (boxes, labels, crowd) in enumerate(
        zip(truth.boxes, truth.labels, truth.crowd, strict=True)
    ):
        for box, label, many in zip(boxes.double(), labels, crowd, strict=True):
            left, top, right, bottom = box.tolist()
            width, height = right - left, bottom - top
            marks.append(
                {
                    "id": len(marks) + 1,
                    "image_id": picture,
                    "category_id": int(label),
                    "bbox": [left, top, width, height],
                    "area": width * height,
                    "iscrowd": int(many),
                }
            )
    reference = COCO()
    reference.dataset = {
        "info": {},
        "images": [{"id": i, "width": 0, "height": 0} for i in range(len(found))],
        "categories": [{"id": i, "name": name} for i, name in enumerate(truth.names)],
        "annotations": marks,
    }
    reference.createIndex()
    places = {name: place for place, name in enumerate(truth.names)}
    rows = []
    for picture, one in enumerate(found):
        boxes = torch.as_tensor(one["boxes"]).double().tolist()
        for (left, top, right, bottom), score, name in zip(
            boxes, one["scores"].tolist(), one["names"], strict=True
        ):
            if name in places:
                rows.append([picture, left, top, right - left, bottom - top, score, places[name]])
    if not rows:  # the library takes no empty list: a find without area and chance
        rows = [[0, 0.0, 0.0, 0.0, 0.0, 0.0, 0]]
    judge = COCOeval_faster(reference, reference.loadRes(np.array(rows)), "bbox")
    judge.params.maxDets = [limit]
    judge.params.areaRng, judge.params.areaRngLbl = [[0, 1e10]], ["all"]
    judge.evaluate()
    judge.accumulate()
    return judge.eval["precision"][:, :, :, 0, 0], judge.eval["recall"][:, :, 0, 0]


def _mean(scores: Sequence[Scores]) -> Scores:
    rows = np.array([(one.ap, one.ap50, one.ar) for one in scores]).reshape(-1, 3)
    rows = rows[~np.isnan(rows[:, 0])]
    return Scores(*map(float, rows.mean(0))) if len(rows) else Scores(*3 * (float("nan"),))
