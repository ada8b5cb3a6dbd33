"""Any picture becomes three colours in [0, 1]: files of all common kinds, arrays, tensors, folders.

Files that cannot be read are named; values that cannot be colours are refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image, ImageOps
from torch import Tensor

#: Endings of the files that a folder's pictures have.
IMAGE_ENDINGS = (
    *(".avif", ".bmp", ".gif", ".jp2", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm"),
    *(".tif", ".tiff", ".webp"),
)
FRAMINGS = ("stretch", "crop")

Picture = Float[Tensor, "3 height width"]

# Rounding in somebody's resize may leave [0, 1] by this much; a wrong range leaves it by more.
_SLACK = 1e-3
_LARGEST = {np.dtype(bool): 1, np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}


class UnreadableImage(ValueError):
    """A file that is no picture, or a damaged one.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    reason : str
        What is wrong with it, in a few words.
    """

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(f"{str(path)!r} cannot be read as a picture: {reason}")
        self.path = Path(path)
        self.reason = reason

    def __reduce__(self) -> tuple[Any, ...]:  # it comes back from other processes whole
        return UnreadableImage, (self.path, self.reason)


def find_images(folder: str | Path) -> list[Path]:
    """The pictures of a folder and of those inside it, by their endings, in order of their names.

    Parameters
    ----------
    folder : str or Path
        Hidden files and folders (with a dot in front) are left out.

    Returns
    -------
    list of pathlib.Path

    Raises
    ------
    ValueError
        If there is no such folder, or no picture in it.

    Examples
    --------
    >>> import tempfile
    >>> Path(folder := tempfile.mkdtemp(), "b.PNG").touch()
    >>> [path.name for path in find_images(folder)]
    ['b.PNG']
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"folder must be a folder of pictures, there is none at {str(folder)!r}")
    found = [path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_ENDINGS]
    inside = [(path.relative_to(folder).parts, path) for path in found if path.is_file()]
    seen = [item for item in inside if not any(part.startswith(".") for part in item[0])]
    if not seen:
        raise ValueError(
            f"folder must hold pictures ({' '.join(IMAGE_ENDINGS)}), {str(folder)!r} holds none"
        )
    return [path for _, path in sorted(seen)]


def read_image(source: Any, *, name: str = "image") -> Picture:
    """One picture as red, green and blue in [0, 1].

    Parameters
    ----------
    source : path, array, tensor or PIL image
        A file is turned as its EXIF data say; an animation gives its first frame; what is
        transparent lies on white; 16 bits are kept where the file has one channel. Arrays are
        (height, width), (height, width, channels) or (channels, height, width) with 1, 3 or 4
        channels: bool, uint8, uint16, or floats in [0, 1].
    name : str
        What an error calls an array.

    Returns
    -------
    Float[Tensor, "3 height width"]
        float32.

    Raises
    ------
    UnreadableImage
        If a file is no picture or a damaged one. It is a ValueError.
    ValueError
        If an array's shape, type or values are not those of a picture.

    Examples
    --------
    >>> read_image(np.full((4, 6), 255, np.uint8)).shape
    torch.Size([3, 4, 6])
    """
    if isinstance(source, (str, Path)):
        return _read_file(Path(source))
    if isinstance(source, Image.Image):
        return _from_pil(source, name)
    if isinstance(source, Tensor):
        source = source.detach().cpu()
        source = source.float().numpy() if source.dtype == torch.bfloat16 else source.numpy()
        return _from_array(source, name, channels_first=True)
    return _from_array(np.asarray(source), name, channels_first=False)


def resize_image(
    picture: Picture, size: int, framing: str = "stretch"
) -> Float[Tensor, "3 size size"]:
    """A picture as the square that a network takes.

    Parameters
    ----------
    picture : Float[Tensor, "3 height width"]
        In [0, 1].
    size : int
        Side in pixels.
    framing : {"stretch", "crop"}
        ``"stretch"`` squeezes the whole picture into the square: nothing is lost, least of all a
        defect at the border. ``"crop"`` is the paper's: the shorter side becomes 8/7 of the size
        (256 for 224), and the middle is cut out.

    Returns
    -------
    Float[Tensor, "3 size size"]

    Raises
    ------
    ValueError
        If there is no such framing.

    Examples
    --------
    >>> resize_image(torch.rand(3, 4, 6), 8).shape
    torch.Size([3, 8, 8])
    """
    if framing not in FRAMINGS:
        raise ValueError(f"framing must be one of {', '.join(FRAMINGS)}; got {framing!r}")
    height, width = picture.shape[-2:]
    if framing == "stretch":
        return _interpolate(picture, size, size)
    # The sides as whole numbers, and at least the cut's.
    scale = round(size * 8 / 7) / min(height, width)
    picture = _interpolate(picture, *(max(size, round(side * scale)) for side in (height, width)))
    top, left = ((side - size) // 2 for side in picture.shape[-2:])
    return picture[:, top : top + size, left : left + size]


def each_image(images: Any) -> Iterator[Any]:
    """One source after the other, of all that stands for pictures.

    Parameters
    ----------
    images : object
        A folder, a file, an array (pictures, height, width) with 1, 3 or 4 channels last or second
        or without, a tensor, or anything to iterate over that gives files and single pictures.

    Yields
    ------
    pathlib.Path, numpy.ndarray, torch.Tensor or PIL.Image.Image
        What :func:`read_image` takes.

    Raises
    ------
    ValueError
        If it is none of these, or might be one picture or many.

    Examples
    --------
    >>> [picture.shape for picture in each_image(np.zeros((2, 4, 6)))]
    [(4, 6), (4, 6)]
    """
    if isinstance(images, (str, Path)):
        path = Path(images)
        yield from find_images(path) if path.is_dir() else [path]
    elif isinstance(images, (np.ndarray, Tensor)):
        if images.ndim not in (3, 4) or (images.ndim == 3 and images.shape[-1] in (3, 4)):
            raise ValueError(
                "images must be many pictures, (n, height, width) or (n, height, width, channels) "
                f"or (n, channels, height, width), got shape {tuple(images.shape)} "
                "(a single picture goes into a list)"
            )
        yield from images
    elif isinstance(images, Iterable) and not isinstance(images, (bytes, dict, Image.Image)):
        for source in images:
            yield Path(source) if isinstance(source, str) else source
    else:
        raise ValueError(
            "images must be a folder, a list of files, arrays or tensors, "
            f"got {type(images).__name__} (a single picture goes into a list)"
        )


def source_name(source: Any, index: int) -> str:
    """What reports and errors call a picture: its path, or its number.

    Parameters
    ----------
    source : object
        From :func:`each_image`.
    index : int
        Its place, from 0.

    Returns
    -------
    str

    Examples
    --------
    >>> source_name(Path("a/b.png"), 3), source_name(np.zeros((2, 2)), 3)
    ('a/b.png', 'picture 3')
    """
    return source.as_posix() if isinstance(source, Path) else f"picture {index}"


def _read_file(path: Path) -> Picture:
    try:
        with Image.open(path) as image:
            return _from_pil(image, "it")
    except FileNotFoundError:
        raise UnreadableImage(path, "there is no such file") from None
    except Image.UnidentifiedImageError:
        empty = path.stat().st_size == 0
        raise UnreadableImage(path, "it is empty" if empty else "its format is unknown") from None
    except Image.DecompressionBombError:
        raise UnreadableImage(path, "it claims to have too many pixels") from None
    except MemoryError:
        raise UnreadableImage(path, "it does not fit into memory") from None
    except Exception as error:  # readers of damaged files fail in many ways, with many types
        reason = str(error).strip() or type(error).__name__
        raise UnreadableImage(path, reason.splitlines()[0]) from error


def _from_pil(image: Image.Image, name: str) -> Picture:
    image = _turned(image)  # this reads the pixels: the first frame of several
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image)
        if image.mode != "F":
            if values.size and (values.min() < 0 or values.max() > 65535):
                raise ValueError(f"{name} has integers beyond 16 bits")
            values = values.astype(np.uint16)
        return _from_array(values, name, channels_first=False)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(paper, image)
    return _from_array(np.asarray(image.convert("RGB")), name, channels_first=False)


def _turned(image: Image.Image) -> Image.Image:
    image.load()
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # damaged EXIF data do not make a damaged picture
        return image


def _from_array(values: np.ndarray, name: str, *, channels_first: bool) -> Picture:
    values = _as_channels_first(values, name, channels_first)
    if values.dtype in _LARGEST:
        # NumPy's copy: three times as fast as PyTorch's where channels change their place.
        pixels = torch.from_numpy(values.astype(np.float32, order="C"))
        return _with_three_channels(pixels.div_(_LARGEST[values.dtype]))
    if not np.issubdtype(values.dtype, np.floating):
        raise ValueError(
            f"{name} must hold bool, uint8, uint16 or floats in [0, 1], got {values.dtype}"
        )
    low, high = float(values.min()), float(values.max())
    if not (low >= -_SLACK and high <= 1 + _SLACK):  # false for not-a-number, too
        raise ValueError(
            f"{name} has floats from {low:.4g} to {high:.4g}, they must lie in [0, 1] "
            "(divide by the largest possible value, or pass uint8 or uint16)"
        )
    return _with_three_channels(torch.from_numpy(values.astype(np.float32, order="C")).clamp_(0, 1))


def _as_channels_first(values: np.ndarray, name: str, prefer_first: bool) -> np.ndarray:
    if values.ndim == 2:
        values = values[None]  # (height, width) -> (1, height, width)
    if values.ndim == 3 and values.size:
        first, last = values.shape[0] in (1, 3, 4), values.shape[-1] in (1, 3, 4)
        if first and (prefer_first or not last):
            return values
        if last:
            return np.moveaxis(values, -1, 0)  # (height, width, channels) -> (channels, ...)
    raise ValueError(
        f"{name} must have shape (height, width), (height, width, channels) or "
        f"(channels, height, width) with 1, 3 or 4 channels, got {values.shape}"
    )


def _with_three_channels(pixels: Tensor) -> Picture:
    if len(pixels) == 4:
        # Transparent places lie on white, as in files.
        pixels = pixels[:3] * pixels[3] + (1 - pixels[3])
    return pixels.expand(3, -1, -1)


def _interpolate(picture: Picture, height: int, width: int) -> Tensor:
    if picture.shape[-2:] == (height, width):
        return picture
    # Smoothed when it shrinks: else it picks single pixels, and noise passes for content.
    grown = F.interpolate(picture[None], (height, width), mode="bilinear", antialias=True)
    return grown[0]
