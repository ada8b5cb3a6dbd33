"""Photographs that travel with scikit-image and scikit-learn, cut into tiles, and ways to spoil them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float
from PIL import Image
from scipy.ndimage import gaussian_filter

Tile = Float[np.ndarray, "height width 3"]
Generator = np.random.Generator

#: Photographs by name: natural scenes, textures, food, a microscope's and a telescope's picture.
PHOTOGRAPHS = (
    "astronaut",
    "brick",
    "camera",
    "chelsea",
    "china",
    "coffee",
    "coins",
    "flower",
    "grass",
    "gravel",
    "hubble_deep_field",
    "immunohistochemistry",
    "rocket",
    "motorcycle",
)


def photograph(name: str) -> Tile:
    """One of ``PHOTOGRAPHS`` in [0, 1].

    Parameters
    ----------
    name : str

    Returns
    -------
    Float[np.ndarray, "height width 3"]

    Raises
    ------
    ValueError
        If there is none of that name.
    ModuleNotFoundError
        If scikit-image is not installed; the message says how to install it.

    Examples
    --------
    >>> photograph("coffee").shape
    (400, 600, 3)
    """
    if name not in PHOTOGRAPHS:
        raise ValueError(f"name must be one of {', '.join(PHOTOGRAPHS)}; got {name!r}")
    if name in ("china", "flower"):
        from sklearn.datasets import load_sample_image

        pixels = load_sample_image(f"{name}.jpg")
    else:
        try:
            from skimage import data
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "photographs come with the package scikit-image; install it: "
                "pip install scikit-image"
            ) from error
        pixels = data.stereo_motorcycle()[0] if name == "motorcycle" else getattr(data, name)()
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    return pixels.astype(np.float64) / 255


def cut_tiles(picture: Tile, side: int, *, least_contrast: float = 0.03) -> list[Tile]:
    """Squares side by side from the picture's top left corner on; flat ones are left out.

    Parameters
    ----------
    picture : Float[np.ndarray, "height width 3"]
    side : int
        In pixels.
    least_contrast : float
        Standard deviation of a tile's brightness below which it is flat: in a patch of clear sky there is
        nothing to blur.

    Returns
    -------
    list of Float[np.ndarray, "side side 3"]

    Raises
    ------
    ValueError
        If the picture is smaller than a tile.

    Examples
    --------
    >>> len(cut_tiles(photograph("coffee"), 100))
    24
    """
    if not 1 <= side <= min(picture.shape[:2]):
        raise ValueError(f"side must be from 1 to {min(picture.shape[:2])} pixels, got {side}")
    tiles = [
        picture[top : top + side, left : left + side]
        for top in range(0, picture.shape[0] - side + 1, side)
        for left in range(0, picture.shape[1] - side + 1, side)
    ]
    return [tile for tile in tiles if tile.mean(2).std() >= least_contrast]


def blur(tile: Tile, strength: float, generator: Generator) -> Tile:
    """Out of focus: a Gaussian of ``strength`` pixels."""
    return gaussian_filter(tile, (strength, strength, 0))


def jpeg_blocks(tile: Tile, strength: float, generator: Generator) -> Tile:
    """Stored as JPEG of quality ``100 - strength`` (from 1 to 100) and read again."""
    stored = io.BytesIO()
    pixels = np.round(255 * np.clip(tile, 0, 1)).astype(np.uint8)
    Image.fromarray(pixels).save(stored, "JPEG", quality=max(1, round(100 - strength)))
    return np.asarray(Image.open(stored).convert("RGB"), dtype=np.float64) / 255


def sensor_noise(tile: Tile, strength: float, generator: Generator) -> Tile:
    """Too little light: noise of standard deviation ``strength``, more where it is bright."""
    spread = strength * np.sqrt(0.25 + tile)
    return tile + spread * generator.normal(size=tile.shape)


def overexposure(tile: Tile, strength: float, generator: Generator) -> Tile:
    """Too much light by ``strength`` stops; what is brighter than white is white."""
    return tile * 2.0**strength


def smudge(tile: Tile, strength: float, generator: Generator) -> Tile:
    """Dirt on the lens: a dark soft spot over a share ``strength`` of the tile's area."""
    side = len(tile)
    radius = side * np.sqrt(strength / np.pi)
    centre = generator.uniform(0.25 * side, 0.75 * side, size=2)
    rows, columns = np.mgrid[:side, : tile.shape[1]]
    distance = np.hypot(rows - centre[0], columns - centre[1])
    shade = 1 / (1 + np.exp((distance - radius) / (0.08 * side)))
    return tile * (1 - 0.85 * shade[..., None])


def dead_lines(tile: Tile, strength: float, generator: Generator) -> Tile:
    """``strength`` columns of the sensor are stuck, each at black or white."""
    spoiled = tile.copy()
    columns = generator.choice(tile.shape[1], max(1, round(strength)), replace=False)
    spoiled[:, columns] = generator.integers(2, size=len(columns))[None, :, None]
    return spoiled


#: What can go wrong with a camera, each with three strengths from slight to strong.
CORRUPTIONS: dict[str, tuple[Callable[[Tile, float, Generator], Tile], Sequence[float]]] = {
    "blur": (blur, (0.7, 1.2, 2.5)),
    "JPEG blocks": (jpeg_blocks, (70, 85, 95)),
    "noise": (sensor_noise, (0.03, 0.08, 0.2)),
    "overexposure": (overexposure, (0.5, 1.0, 2.0)),
    "smudge": (smudge, (0.03, 0.1, 0.3)),
    "dead lines": (dead_lines, (1, 3, 8)),
}


def corrupt(
    tiles: Sequence[Tile], corruption: str, level: int, *, seed: int = 0
) -> Float[np.ndarray, "tiles side side 3"]:
    """Spoil each tile, clipped to [0, 1].

    Parameters
    ----------
    tiles : sequence of Float[np.ndarray, "side side 3"]
    corruption : str
        A name of ``CORRUPTIONS``.
    level : int
        1, 2 or 3.
    seed : int
        Of what is random; a tile's noise does not depend on the tiles before it.

    Returns
    -------
    Float[np.ndarray, "tiles side side 3"]
        float32.

    Raises
    ------
    ValueError
        If there is no such corruption or level.

    Examples
    --------
    >>> tile = np.full((8, 8, 3), 0.5)
    >>> sorted(set(corrupt([tile], "dead lines", 1)[0, 0].ravel().tolist())) in ([0, 0.5], [0.5, 1])
    True
    """
    if corruption not in CORRUPTIONS:
        raise ValueError(f"corruption must be one of {', '.join(CORRUPTIONS)}; got {corruption!r}")
    function, strengths = CORRUPTIONS[corruption]
    if not 1 <= level <= len(strengths):
        raise ValueError(f"level must be from 1 to {len(strengths)}, got {level}")
    kind = list(CORRUPTIONS).index(corruption)
    spoiled = [
        function(tile, strengths[level - 1], np.random.default_rng([seed, kind, level, index]))
        for index, tile in enumerate(tiles)
    ]
    return np.clip(np.stack(spoiled), 0, 1).astype(np.float32)
