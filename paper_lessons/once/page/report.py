"""Detections to look at: boxes drawn into pictures, and a page of all of them."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

LARGEST = 900  # pixels of a picture's longer side on the page
# Okabe and Ito's colours, which most eyes tell apart
COLORS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.6 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: light-dark(#1c1c1c, #eaeaea); background: light-dark(#ffffff, #15181c); }
article { border-top: 1px solid light-dark(#d5d5d5, #3a3f46); padding: .8rem 0; }
h2 { font-size: 1rem; margin: 0 0 .4rem; overflow-wrap: anywhere; }
figure { margin: 0; position: relative; width: fit-content; max-width: 100%; }
img { display: block; max-width: 100%; height: auto; }
svg { position: absolute; inset: 0; width: 100%; height: 100%; }
rect { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; }
.lost { stroke-dasharray: 5 4; }
details { margin-top: .4rem; } summary { cursor: pointer; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { padding: .1rem .8rem .1rem 0; text-align: left; }
.key span { margin-right: 1.2em; white-space: nowrap; } pre { overflow-x: auto; }
"""


def drawn(image: UInt8[Tensor, "3 height width"], found: Mapping[str, Any]) -> bytes:
    """A picture with its boxes, as a PNG file.

    Parameters
    ----------
    image : UInt8[Tensor, "3 height width"]
    found : mapping
        Of :meth:`~paper_lessons.once.OnceDetector.detect`.

    Returns
    -------
    bytes
    """
    from torchvision.utils import draw_bounding_boxes

    if len(found["boxes"]):
        words = [
            f"{name} {score:.2f}"
            for name, score in zip(found["names"], found["scores"].tolist(), strict=True)
        ]
        colors = [color_of(int(label)) for label in found["labels"]]
        boxes = found["boxes"].as_subclass(Tensor).round()
        image = draw_bounding_boxes(image, boxes, words, colors, width=2)
    file = io.BytesIO()
    _pillow(image).save(file, "png")
    return file.getvalue()


def page(
    title: str,
    pictures: Sequence[tuple[str, Tensor, Sequence[Mapping[str, Any]]]],
    names: Sequence[str],
    *,
    words: str = "",
) -> str:
    """A whole HTML page without scripts or outside files.

    Parameters
    ----------
    title : str
    pictures : sequence of (str, UInt8[Tensor, "3 height width"], sequence of dict)
        Name, picture, and for each box ``"box"``, ``"name"``, ``"score"``, and ``"lost"`` where it was not found.
    names : sequence of str
        All classes, in the order of the colours.
    words : str
        Plain text under the title, such as a table of scores.

    Returns
    -------
    str
    """
    seen = {one["name"] for _, _, rows in pictures for one in rows}
    keys = "".join(
        f'<span style="border-bottom:3px solid {color_of(place)}">{escape(name)}</span>'
        for place, name in enumerate(names)
        if name in seen
    )
    articles = "".join(
        f"<article><h2>{escape(name)}</h2>{_overlaid(image, rows, names, name)}</article>"
        for name, image, rows in pictures
    )
    before = f"<pre>{escape(words)}</pre>" if words else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main><h1>{escape(title)}</h1>{before}"
        f'<p class="key">{keys}</p>{articles}</main></body></html>\n'
    )


def color_of(label: int) -> str:
    """A class's colour; after six they come again."""
    return COLORS[label % len(COLORS)]


def as_uri(image: UInt8[Tensor, "3 height width"]) -> str:
    """A picture as a text that HTML can hold, at most 900 pixels long."""
    small = _pillow(image)
    small.thumbnail((LARGEST, LARGEST))
    file = io.BytesIO()
    small.save(file, "jpeg", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def _overlaid(
    image: Tensor, rows: Sequence[Mapping[str, Any]], names: Sequence[str], title: str
) -> str:
    height, width = image.shape[1:]
    marks, lines = [], []
    for one in rows:
        left, top, right, bottom = one["box"]
        lost = bool(one.get("lost"))
        said = "not found" if lost else f"{one['score']:.2f}"
        kind = ' class="lost"' if lost else ""
        marks.append(
            f'<rect{kind} x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}" '
            f'stroke="{color_of(list(names).index(one["name"]))}"><title>{escape(one["name"])} {said}</title></rect>'
        )
        cells = (escape(one["name"]), said, *(f"{edge:.0f}" for edge in one["box"]))
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    heads = "".join(
        f"<th>{one}</th>" for one in ("class", "score", "left", "top", "right", "bottom")
    )
    count = len(rows)
    return (
        f'<figure><img alt="{escape(title)}" src="{as_uri(image)}">'
        f'<svg viewBox="0 0 {width} {height}" preserveAspectRatio="none" aria-hidden="true">{"".join(marks)}</svg>'
        f"</figure><details><summary>{count or 'no'} box{'' if count == 1 else 'es'}</summary>"
        f"<table><tr>{heads}</tr>{''.join(lines)}</table></details>"
    )


def _pillow(image: Tensor) -> Image.Image:
    return Image.fromarray(image.to(torch.uint8).cpu().permute(1, 2, 0).numpy())
