"""Small copies of pictures, as files in memory: what a report shows."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from paper_lessons.dn2.pictures.reading import UnreadableImage, read_image

# Wide enough for a card of the report on a screen with two points to a pixel.
_SIDE = 320
# Smaller pictures stay as they are, without loss: each of their pixels counts.
_TINY = 96


@dataclass(frozen=True)
class Picture:
    """What is kept of a picture so that it can be shown again.

    Attributes
    ----------
    name : str
    path : pathlib.Path or None
        Its file, which is read again.
    thumbnail : bytes or None
        A small copy of one that is no file.
    """

    name: str
    path: Path | None = None
    thumbnail: bytes | None = None

    def data_uri(self, side: int = _SIDE) -> str | None:
        """The picture as an address that holds it, or None if it is not there any more.

        Parameters
        ----------
        side : int
            Longer side in pixels, at most.

        Returns
        -------
        str or None
        """
        data = self.thumbnail
        try:
            if data is None and self.path is not None:
                data = thumbnail(self.path, side=side)
        except UnreadableImage:
            return None
        if data is None:
            return None
        kind = "png" if data.startswith(b"\x89PNG") else "jpeg"
        return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def thumbnail(source: Any, *, side: int = _SIDE, name: str = "image") -> bytes:
    """A small copy of a picture: JPEG, or PNG if it is tiny already.

    Parameters
    ----------
    source : path, array, tensor or PIL image
        What :func:`paper_lessons.dn2.read_image` takes.
    side : int
        Longer side in pixels, at most.
    name : str
        What an error calls an array.

    Returns
    -------
    bytes

    Examples
    --------
    >>> thumbnail(np.zeros((8, 8)))[1:4]
    b'PNG'
    """
    pixels = read_image(source, name=name).permute(1, 2, 0)  # (3, height, width) -> (..., 3)
    image = Image.fromarray((pixels.numpy() * 255).round().astype(np.uint8))
    written = io.BytesIO()
    if max(image.size) <= min(_TINY, side):
        image.save(written, "PNG", optimize=True)
    else:
        image.thumbnail((side, side))
        image.save(written, "JPEG", quality=82)
    return written.getvalue()
