"""A user's files: pictures and folders of them, annotations of either kind, boxes written for other programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from paper_lessons.once.data.readers import Detections, read_coco, read_voc

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


def read_annotations(boxes: Path, images: Path | None) -> Detections:
    """Of a COCO file or a VOC folder; the pictures lie beside them where no folder is named."""
    if boxes.is_dir():
        return read_voc(boxes, images or boxes)
    return read_coco(boxes, images or boxes.parent)


def supports_of(
    name: str, boxes: Path, images: Path | None, shots: int | None, seed: int
) -> tuple[list[Tensor], list[Tensor]]:
    """Pictures of a class with its boxes; of a folder without annotations, the whole pictures."""
    if boxes.is_dir() and not any(boxes.glob("*.xml")):
        files = list(find_pictures([boxes]).values())
        some = [read_picture(file) for file in files]
        whole = [torch.tensor([[0.0, 0.0, one.shape[2], one.shape[1]]]) for one in some]
    else:
        found = read_annotations(boxes, images)
        if name not in found.names:
            raise ValueError(
                f"class must be among {', '.join(found.names)} in {boxes.name}, got {name!r}"
            )
        own = found.only([name])
        rows = [
            (place, box)
            for place, one in enumerate(own.annotations)
            for box in one.boxes[~one.crowd]
        ]
        if shots is not None and len(rows) > shots:
            chosen = np.random.default_rng(seed).choice(len(rows), shots, replace=False)
            rows = [rows[i] for i in sorted(chosen)]
        some = [own[place]["image"] for place, _ in rows]
        whole = [box[None] for _, box in rows]
    if shots is not None and len(some) < shots:
        raise ValueError(f"shots must be at most the {len(some)} boxes of {name!r}, got {shots}")
    return some[:shots], whole[:shots]


def find_pictures(given: Sequence[Path]) -> dict[str, Path]:
    """Files, and all pictures below folders, by their names."""
    found = {}
    for one in given:
        files = [one]
        if one.is_dir():
            files = sorted(file for file in one.rglob("*") if file.suffix.lower() in PICTURES)
            if not files:
                raise ValueError(
                    f"{one.name} must have pictures ({', '.join(PICTURES)}), it has none"
                )
        for file in files:
            found[file.relative_to(one).as_posix() if one.is_dir() else file.name] = file
    return found


def read_picture(path: Path) -> Tensor:
    """Upright, as (3, height, width) of 8 bits."""
    try:
        with Image.open(path) as file:
            upright = ImageOps.exif_transpose(file).convert("RGB")
    except UnidentifiedImageError:
        raise ValueError(f"{path.name} must be a picture, it cannot be read as one") from None
    return torch.from_numpy(np.array(upright)).permute(2, 0, 1)


def as_coco(
    images: Mapping[str, Tensor], found: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> dict[str, Any]:
    """Detections as the content of a COCO file, each with its score."""
    annotations: list[dict[str, Any]] = []
    for picture, one in enumerate(found, start=1):
        for box, score, label in zip(
            one["boxes"].tolist(), one["scores"].tolist(), one["labels"].tolist(), strict=True
        ):
            left, top, right, bottom = (round(edge, 2) for edge in box)
            width, height = round(right - left, 2), round(bottom - top, 2)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": picture,
                    "category_id": label + 1,
                    "bbox": [left, top, width, height],
                    "area": round(width * height, 2),
                    "iscrowd": 0,
                    "score": round(score, 4),
                }
            )
    return {
        "images": [
            {"id": i, "file_name": name, "width": image.shape[2], "height": image.shape[1]}
            for i, (name, image) in enumerate(images.items(), start=1)
        ],
        "categories": [{"id": i, "name": name} for i, name in enumerate(names, start=1)],
        "annotations": annotations,
    }
