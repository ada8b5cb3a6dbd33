"""Pictures with boxes, from COCO's JSON and from VOC's XML; what is wrong with an annotation is said with its file and number.

Boxes are left, top, right, bottom in pixels, the right and lower edge outside, whatever the file has.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import torch
from PIL import Image
from torch import Tensor

# The 20 classes of VOC among the 80 of COCO, by their COCO numbers: the paper's novel ones.
COCO_NOVEL = (1, 2, 3, 4, 5, 6, 7, 9, 16, 17, 18, 19, 20, 21, 44, 62, 63, 64, 67, 72)


@dataclass(frozen=True)
class Annotation:
    """One picture's boxes.

    Attributes
    ----------
    key : str
        Number or name of the picture in its file.
    path : Path
    height, width : int
    boxes : Float[Tensor, "n 4"]
    labels : Int[Tensor, "n"]
        Places in the set's ``names``.
    crowd : Bool[Tensor, "n"]
        Boxes around many objects, which are neither learnt nor scored.
    """

    key: str
    path: Path
    height: int
    width: int
    boxes: Tensor
    labels: Tensor
    crowd: Tensor


class Detections(Sequence):
    """Pictures with boxes.

    Parameters
    ----------
    annotations : sequence of Annotation
    names : sequence of str
    problems : sequence of str
        What was left out, and why.
    """

    def __init__(
        self, annotations: Sequence[Annotation], names: Sequence[str], problems: Sequence[str] = ()
    ) -> None:
        self.annotations, self.names, self.problems = list(annotations), list(names), list(problems)

    def __len__(self) -> int:
        return len(self.annotations)

    def __getitem__(self, place: Any) -> Any:
        """A picture with its boxes as torchvision's transforms take them; of a slice, a smaller set.

        Returns
        -------
        dict
            ``"image"`` (tv_tensors.Image, uint8), ``"boxes"`` (tv_tensors.BoundingBoxes), ``"labels"``, ``"crowd"``,
            ``"key"``.
        """
        if isinstance(place, slice):
            return Detections(self.annotations[place], self.names)
        from torchvision import tv_tensors

        one = self.annotations[place]
        with Image.open(one.path) as file:
            image = torch.from_numpy(np.array(file.convert("RGB"))).permute(2, 0, 1)
        boxes = tv_tensors.BoundingBoxes(
            one.boxes, format="XYXY", canvas_size=(one.height, one.width)
        )
        return {
            "image": tv_tensors.Image(image),
            "boxes": boxes,
            "labels": one.labels,
            "crowd": one.crowd,
            "key": one.key,
        }

    @property
    def boxes(self) -> list[Tensor]:
        """Of each picture, (n, 4)."""
        return [one.boxes for one in self.annotations]

    @property
    def labels(self) -> list[Tensor]:
        """Of each picture, (n,)."""
        return [one.labels for one in self.annotations]

    @property
    def crowd(self) -> list[Tensor]:
        """Of each picture, (n,)."""
        return [one.crowd for one in self.annotations]

    def only(self, names: Sequence[str]) -> Detections:
        """The same pictures with the boxes of some classes, which are numbered in the order given.

        Parameters
        ----------
        names : sequence of str

        Returns
        -------
        Detections

        Raises
        ------
        ValueError
            If there is no such class.
        """
        unknown = sorted(set(names) - set(self.names))
        if unknown:
            raise ValueError(
                f"names must be among {', '.join(self.names)}; got {', '.join(unknown)}"
            )
        new = torch.full((len(self.names),), -1)
        for place, name in enumerate(names):
            new[self.names.index(name)] = place
        kept = []
        for one in self.annotations:
            own = new[one.labels] >= 0
            labels = new[one.labels[own]]
            kept.append(replace(one, boxes=one.boxes[own], labels=labels, crowd=one.crowd[own]))
        return Detections(kept, names)


def read_coco(path: str | Path, folder: str | Path | None = None) -> Detections:
    """Pictures and boxes of a COCO file.

    Parameters
    ----------
    path : str or Path
        With ``images``, ``annotations`` and ``categories``.
    folder : str or Path, optional
        Where the pictures are; pictures that are not there are left out. Without it none is looked for.

    Returns
    -------
    Detections
        ``problems`` says what was left out; a warning counts it.

    Raises
    ------
    ValueError
        If it is no such file, two categories have one name, or boxes are corners where COCO has width and height.
    """
    path = Path(path)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        images, marks, kinds = (found[key] for key in ("images", "annotations", "categories"))
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path.name}: must be JSON with images, annotations and categories: {error!r}"
        ) from None
    kinds = sorted(kinds, key=lambda one: one["id"])
    names = [one["name"] for one in kinds]
    if len(set(names)) != len(names):
        raise ValueError(f"{path.name}: categories must have names that differ, got {names}")
    labels = {one["id"]: place for place, one in enumerate(kinds)}
    sides = {one["id"]: (float(one["width"]), float(one["height"])) for one in images}
    _refuse_corners(path.name, marks, sides)
    rows: dict[Any, list[tuple[list[float], int, bool]]] = {one["id"]: [] for one in images}
    problems = []
    for one in marks:
        place = f"{path.name}: annotation {one.get('id', '?')}"
        if one["image_id"] not in rows or one["category_id"] not in labels:
            problems.append(f"{place}: its picture or category is not in the file")
            continue
        x, y, w, h = one["bbox"]
        box = [x, y, x + w, y + h]
        crowd = bool(one.get("iscrowd", 0))
        _add(
            rows[one["image_id"]], box, labels[one["category_id"]], crowd, sides[one["image_id"]], place, problems
        )  # fmt: skip
    annotations = []
    for one in images:
        file = Path(folder or "") / one["file_name"]
        if folder is not None and not file.is_file():
            problems.append(f"{path.name}: picture {one['id']}: {one['file_name']} is not there")
            continue
        width, height = sides[one["id"]]
        annotations.append(_annotation(str(one["id"]), file, height, width, rows[one["id"]]))
    return _told(Detections(annotations, names, problems), path.name)


def read_voc(
    annotations: str | Path, images: str | Path, names: Sequence[str] | None = None
) -> Detections:
    """Pictures and boxes of a folder of VOC files.

    Parameters
    ----------
    annotations : str or Path
        Folder of XML files.
    images : str or Path
        Folder of the pictures; what has no picture is left out.
    names : sequence of str, optional
        Classes, in the order of their labels; without it those that occur, in alphabetical order.

    Returns
    -------
    Detections

    Raises
    ------
    ValueError
        If there are no files, one is no XML, or a class is not among ``names``.

    Notes
    -----
    VOC counts pixels from 1 and its right and lower edges lie inside: 1 to 10 are ten pixels. Here that is 0 to 10.
    """
    files = sorted(Path(annotations).glob("*.xml"))
    if not files:
        raise ValueError(
            f"annotations must be a folder with .xml files, {str(annotations)!r} has none"
        )
    problems: list[str] = []
    read = [_voc_file(file, problems) for file in files]
    seen = sorted({name for *_, objects in read for name, _ in objects})
    known = seen if names is None else list(names)
    strange = sorted(set(seen) - set(known))
    if strange:
        raise ValueError(
            f"names must have every class of the files; {', '.join(strange)} is not among them"
        )
    made = []
    for file, picture, sides, objects in read:
        path = Path(images) / picture
        if not path.is_file():
            problems.append(f"{file.name}: its picture {picture} is not there")
            continue
        rows: list[tuple[list[float], int, bool]] = []
        for number, (name, box) in enumerate(objects):
            _add(
                rows,
                box,
                known.index(name),
                False,
                sides,
                f"{file.name}: object {number}",
                problems,
            )
        made.append(_annotation(file.stem, path, sides[1], sides[0], rows))
    return _told(Detections(made, known, problems), Path(annotations).name)


def base_novel_split(detections: Detections, novel: Sequence[str]) -> tuple[Detections, Detections]:
    """The same pictures twice: with the boxes of the base classes, and with those of the novel ones.

    Parameters
    ----------
    detections : Detections
    novel : sequence of str

    Returns
    -------
    Detections, Detections
        Novel objects stay in the base pictures, without boxes, as in the paper.
    """
    return detections.only([one for one in detections.names if one not in novel]), detections.only(
        novel
    )


def _voc_file(file: Path, problems: list[str]) -> tuple[Path, str, tuple[float, float], list]:
    try:
        root = ElementTree.parse(file).getroot()
        size = [float(root.findtext(f"size/{one}", "")) for one in ("width", "height")]
        picture = root.findtext("filename") or ""
    except (ElementTree.ParseError, ValueError) as error:
        raise ValueError(f"{file.name}: must be a VOC file with a size: {error}") from None
    objects = []
    for number, one in enumerate(root.iter("object")):
        corners = [one.findtext(f"bndbox/{edge}", "") for edge in ("xmin", "ymin", "xmax", "ymax")]
        try:
            left, top, right, bottom = (float(edge) for edge in corners)
        except ValueError:
            problems.append(f"{file.name}: object {number}: its box is {corners}")
            continue
        objects.append((one.findtext("name") or "", [left - 1, top - 1, right, bottom]))
    return file, picture, (size[0], size[1]), objects


def _add(rows, box, label, crowd, sides, place, problems) -> None:
    """A box cut at the picture's borders; one without an area is a problem."""
    left, top, right, bottom = box
    cut = [max(0.0, left), max(0.0, top), min(sides[0], right), min(sides[1], bottom)]
    if right <= left or bottom <= top:
        problems.append(f"{place}: its box has no area: {box}")
    elif cut[2] <= cut[0] or cut[3] <= cut[1]:
        problems.append(f"{place}: its box lies outside of the picture: {box}")
    else:
        rows.append((cut, label, crowd))


def _annotation(key: str, path: Path, height: float, width: float, rows: Sequence) -> Annotation:
    return Annotation(
        key,
        path,
        int(height),
        int(width),
        torch.tensor([box for box, _, _ in rows], dtype=torch.float32).reshape(-1, 4),
        torch.tensor([label for _, label, _ in rows], dtype=torch.long),
        torch.tensor([crowd for _, _, crowd in rows], dtype=torch.bool),
    )


def _refuse_corners(name: str, marks: Sequence[dict], sides: dict) -> None:
    """Boxes that leave their picture as left, top, width, height, and fit it as corners."""
    known = [one for one in marks if one["image_id"] in sides]
    as_sides = as_corners = 0
    for one in known:
        (x, y, w, h), (width, height) = one["bbox"], sides[one["image_id"]]
        as_sides += x + w > width + 1 or y + h > height + 1
        as_corners += x < w <= width + 1 and y < h <= height + 1
    if known and as_sides > len(known) / 2 and as_corners > 0.9 * len(known):
        raise ValueError(
            f"{name}: {as_sides} of {len(known)} boxes leave their picture; they look like left, top, right, bottom, "
            "but COCO has left, top, width, height"
        )


def _told(found: Detections, name: str) -> Detections:
    if found.problems:
        warnings.warn(
            f"{name}: {len(found.problems)} annotations or pictures are left out, the first: {found.problems[0]} "
            "(all in .problems)",
            UserWarning,
            stacklevel=3,
        )
    return found
