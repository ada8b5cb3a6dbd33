"""Scenes of letters and signs on busy ground, with known boxes: detection without a download.

The outlines are those of the DejaVu fonts that matplotlib carries. Characters of the novel part never stand in training scenes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from paper_lessons.once.data.pictures import Scenes

CHARACTERS = (
    "ABDEFGHJKMNPQRTUVWXYZ23456789abdefghmqrty"
    "ΓΔΘΛΞΠΣΦΨΩαβγδεζηλμξπσφψω"
    "БДЖИЛЦЧШЪЭЮЯ"
    "@#$%&?+=~*£¥§¶€∞∂∫√≈≠≤♠♣♥♦★☎☺♪→↑↔⇒∀∃∈∪◎▲■●◆✈✂✿❄☂☀☾♞♛"
)
DRAWN = 64  # pixels of an outline's font, before it is scaled into a scene
TRIES = 20
OVERLAP = 0.15  # of the smaller of two glyphs
CONTRAST = 70  # grey levels between a glyph and what is under it


def glyph_split(base: int = 80, novel: int = 20, seed: int = 0) -> tuple[list[str], list[str]]:
    """Characters to train a detector on, and others to add to it later.

    Parameters
    ----------
    base, novel : int
    seed : int

    Returns
    -------
    list of str, list of str

    Raises
    ------
    ValueError
        If there are not so many characters.

    Examples
    --------
    >>> known, new = glyph_split()
    >>> len(known), len(new), set(known) & set(new)
    (80, 20, set())
    """
    characters = list(glyph_outlines())
    if min(base, novel) < 0 or base + novel > len(characters):
        raise ValueError(
            f"base + novel must be at most {len(characters)} characters, got {base} + {novel}"
        )
    order = np.random.default_rng(seed).permutation(len(characters))
    chosen = [characters[i] for i in order[: base + novel]]
    return chosen[:base], chosen[base:]


def glyph_scenes(
    n: int,
    names: Sequence[str],
    seed: int = 0,
    *,
    size: int = 96,
    objects: tuple[int, int] = (2, 4),
    glyph: tuple[int, int] = (18, 42),
    clutter: bool = True,
    outlines: Mapping[str, Sequence[Image.Image]] | None = None,
) -> Scenes:
    """Draw scenes.

    Parameters
    ----------
    n : int
    names : sequence of str
        Characters that may stand in them, each as likely.
    seed : int
    size : int
        Pixels of a side.
    objects : (int, int)
        Fewest and most glyphs of a scene. Where no room is left, there are fewer.
    glyph : (int, int)
        Shortest and longest long side of a glyph, in pixels.
    clutter : bool
        Whether lines, arcs and blobs lie under the glyphs.
    outlines : mapping of str to sequence of PIL.Image.Image, optional
        Grey masks of characters of your own, one or more each; without it those of the fonts.

    Returns
    -------
    Scenes

    Raises
    ------
    ValueError
        If a character has no outline, or a number is out of range.

    Examples
    --------
    >>> some = glyph_scenes(2, ["A", "B"], seed=0)
    >>> tuple(some.images.shape), some.images.dtype
    ((2, 3, 96, 96), torch.uint8)
    """
    known = glyph_outlines() if outlines is None else outlines
    unknown = [one for one in names if one not in known]
    if unknown or not names:
        raise ValueError(f"names must be characters with an outline, got {unknown or 'none'}")
    if n < 0 or not 1 <= objects[0] <= objects[1] or not 4 <= glyph[0] <= glyph[1] <= size - 2:
        raise ValueError(
            f"n, objects and glyph must be in range for pictures of {size} pixels, got {n}, {objects}, {glyph}"
        )
    images = np.zeros((n, size, size, 3), np.uint8)
    boxes, labels = [], []
    for number in range(n):
        painter = _Painter(np.random.default_rng([seed, number]), size, clutter)
        count = int(painter.draw.integers(objects[0], objects[1] + 1))
        for place in painter.draw.integers(0, len(names), count):
            painter.put(known[names[place]], int(place), glyph)
        images[number] = painter.finished()
        boxes.append(torch.tensor(painter.boxes, dtype=torch.float32).reshape(-1, 4))
        labels.append(torch.tensor(painter.labels, dtype=torch.long))
    return Scenes(torch.from_numpy(images).permute(0, 3, 1, 2), boxes, labels, tuple(names))


@lru_cache(maxsize=1)
def glyph_outlines() -> dict[str, list[Image.Image]]:
    """Every character's masks, one for each font that has it; cut to their edges.

    Returns
    -------
    dict of str to list of PIL.Image.Image
    """
    import matplotlib
    from matplotlib.ft2font import FT2Font

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    fonts = [
        one
        for kind in ("DejaVuSans", "DejaVuSerif")
        for one in sorted(folder.glob(f"{kind}*.ttf"))
        if "Display" not in one.name
    ]
    found: dict[str, list[Image.Image]] = {one: [] for one in CHARACTERS}
    for path in fonts:
        known, font = FT2Font(str(path)), ImageFont.truetype(str(path), DRAWN)
        for one, masks in found.items():
            if not known.get_char_index(ord(one)):
                continue
            sheet = Image.new("L", (3 * DRAWN, 3 * DRAWN))
            ImageDraw.Draw(sheet).text((DRAWN, DRAWN // 2), one, font=font, fill=255)
            edges = sheet.getbbox()
            if edges is not None:
                masks.append(sheet.crop(edges))
    return {one: masks for one, masks in found.items() if masks}


class _Painter:
    """One scene: ground, clutter, then glyph upon glyph."""

    def __init__(self, draw: np.random.Generator, size: int, clutter: bool) -> None:
        self.draw, self.size = draw, size
        ground = draw.uniform(40, 215, 3) + self.clouds(4, 25, size) + self.clouds(24, 10, size)
        self.picture = np.clip(ground, 0, 255)
        if clutter:
            self.scribble()
        self.boxes: list[list[float]] = []
        self.labels: list[int] = []

    def clouds(self, cells: int, strength: float, size: int) -> np.ndarray:
        """Smooth noise of a few cells a side."""
        noise = self.draw.normal(0, 1, (cells, cells, 3)).astype(np.float32)
        planes = [
            np.asarray(
                Image.fromarray(noise[..., k]).resize((size, size), Image.Resampling.BICUBIC)
            )
            for k in range(3)
        ]
        return np.stack(planes, -1) * strength

    def scribble(self) -> None:
        sheet = Image.fromarray(self.picture.astype(np.uint8))
        pen, draw = ImageDraw.Draw(sheet), self.draw
        for _ in range(draw.integers(2, 9)):
            color = tuple(int(one) for one in draw.integers(0, 256, 3))
            x1, y1, x2, y2 = (int(one) for one in draw.integers(0, self.size, 4))
            kind, thick, r = draw.integers(0, 4), int(draw.integers(1, 4)), int(draw.integers(2, 8))
            if kind == 0:
                pen.line([(x1, y1), (x2, y2)], fill=color, width=thick)
            elif kind == 1:
                around = [min(x1, x2), min(y1, y2), max(x1, x2) + 2, max(y1, y2) + 2]
                begin, end = sorted(draw.integers(0, 360, 2).tolist())
                pen.arc(around, begin, end, fill=color, width=thick)
            elif kind == 2:
                pen.ellipse([x1 - r, y1 - r, x1 + r, y1 + r], fill=color)
            else:
                steps = draw.integers(-r, r + 1, (3, 2)).tolist()
                pen.polygon([(x1 + dx, y1 + dy) for dx, dy in steps], fill=color)
        self.picture = np.asarray(sheet).astype(np.float64)

    def put(self, masks: Sequence[Image.Image], label: int, sides: tuple[int, int]) -> None:
        """Paint a glyph where there is room; after some tries in vain, none."""
        for _ in range(TRIES):
            mask = self.shaped(masks, sides)
            height, width = mask.shape
            x = int(self.draw.integers(0, self.size - width + 1))
            y = int(self.draw.integers(0, self.size - height + 1))
            box = [float(x), float(y), float(x + width), float(y + height)]
            if all(_shared(box, other) <= OVERLAP for other in self.boxes):
                self.paint(mask, x, y)
                self.boxes.append(box)
                self.labels.append(label)
                return

    def shaped(self, masks: Sequence[Image.Image], sides: tuple[int, int]) -> np.ndarray:
        """A mask in a font, turned and scaled by chance, cut to what is seen of it."""
        draw = self.draw
        mask = masks[int(draw.integers(len(masks)))]
        turned = mask.rotate(
            float(draw.uniform(-15, 15)), expand=True, resample=Image.Resampling.BILINEAR
        )
        scale = float(draw.uniform(*sides)) / max(turned.size)
        width = turned.size[0] * scale * float(draw.uniform(0.8, 1.2))
        shape = [min(self.size - 2, max(4, int(one))) for one in (width, turned.size[1] * scale)]
        found = np.asarray(turned.resize((shape[0], shape[1]), Image.Resampling.BILINEAR)) / 255.0
        rows, columns = np.where(found > 0.4)
        if not len(rows):
            return found
        return found[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]

    def paint(self, mask: np.ndarray, x: int, y: int) -> None:
        height, width = mask.shape
        under = self.picture[y : y + height, x : x + width]
        mean = under.reshape(-1, 3).mean(0)
        for _ in range(TRIES):
            color = self.draw.uniform(0, 255, 3)
            if np.abs(color - mean).mean() > CONTRAST:
                break
        texture = self.clouds(5, 18, max(height, width))[:height, :width]
        covered = mask[..., None]
        under[:] = under * (1 - covered) + np.clip(color + texture, 0, 255) * covered

    def finished(self) -> np.ndarray:
        noisy = self.picture + self.draw.normal(0, 4, self.picture.shape)
        return np.clip(noisy, 0, 255).astype(np.uint8)


def _shared(one: Sequence[float], two: Sequence[float]) -> float:
    """Area of both, as a share of the smaller."""
    width = min(one[2], two[2]) - max(one[0], two[0])
    height = min(one[3], two[3]) - max(one[1], two[1])
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, two)]
    return max(0.0, width) * max(0.0, height) / min(areas)
