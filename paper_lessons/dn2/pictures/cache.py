"""Features kept on disk: one small file for each picture, found by what the picture is, not by its name."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from paper_lessons.dn2.pictures.reading import UnreadableImage, read_image
from paper_lessons.files import write_atomically

Row = Float[np.ndarray, " dimension"]


class FeatureCache:
    """A folder of features that were computed in one way.

    Each way (network, size, layer ...) has a folder of its own inside, so that features of another
    network are never taken. Files are written whole or not at all.

    Parameters
    ----------
    folder : str or Path
        Made when the first feature is kept. It may be deleted at any time.
    configuration : dict
        All that decides a feature besides the picture: plain values.

    Examples
    --------
    >>> import tempfile
    >>> cache = FeatureCache(tempfile.mkdtemp(), {"size": 128})
    >>> cache.put("0f" * 32, np.ones(2, np.float32))
    >>> cache.get("0f" * 32), cache.get("1f" * 32)
    (array([1., 1.], dtype=float32), None)
    """

    def __init__(self, folder: str | Path, configuration: dict[str, Any]) -> None:
        self._about = json.dumps(configuration, indent=1, sort_keys=True)
        self.folder = Path(folder) / hashlib.sha256(self._about.encode()).hexdigest()[:16]

    def get(self, key: str) -> Row | None:
        """The feature of a picture, or None.

        Parameters
        ----------
        key : str
            From :func:`content_key`.

        Returns
        -------
        Float[np.ndarray, "dimension"] or None
        """
        try:
            row = np.load(self._file(key), allow_pickle=False)
        except (OSError, ValueError, EOFError):  # absent, or damaged by something else than us
            return None
        return row if row.ndim == 1 and row.dtype == np.float32 else None

    def put(self, key: str, row: Row) -> None:
        """Keep the feature of a picture.

        Parameters
        ----------
        key : str
            From :func:`content_key`.
        row : Float[np.ndarray, "dimension"]
            float32.
        """
        about = self.folder / "about.json"
        if not about.is_file():
            write_atomically(about, self._about + "\n")
        content = io.BytesIO()
        np.save(content, row, allow_pickle=False)
        write_atomically(self._file(key), content.getvalue())

    def _file(self, key: str) -> Path:
        # 256 folders: no folder grows to more files than a file system likes.
        return self.folder / key[:2] / f"{key[2:]}.npy"


def content_key(source: Any) -> str:
    """64 hexadecimal digits of a picture's content: a file's bytes, or an array's colours.

    Parameters
    ----------
    source : path, array, tensor or PIL image
        What :func:`paper_lessons.dn2.read_image` takes.

    Returns
    -------
    str

    Raises
    ------
    UnreadableImage
        If a file is not there or may not be read.
    ValueError
        If an array is no picture.

    Examples
    --------
    >>> white = np.full((2, 2), 255, np.uint8)
    >>> content_key(white) == content_key(white.copy()), content_key(white) == content_key(white // 2)
    (True, False)
    """
    if isinstance(source, Path):
        try:
            with source.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise UnreadableImage(source, error.strerror or str(error)) from error
    picture = read_image(source).contiguous()
    digest = hashlib.sha256(str(tuple(picture.shape)).encode())
    digest.update(picture.numpy().tobytes())
    return digest.hexdigest()
