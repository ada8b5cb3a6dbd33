"""Files that are never half-written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def write_atomically(path: str | Path, content: str | bytes) -> Path:
    """Write a file beside its place and move it there, so that readers see the old or the new one.

    Parameters
    ----------
    path : str or Path
        Where the file shall be; missing folders are made.
    content : str or bytes
        Text is written as UTF-8 with ``\\n`` line ends.

    Returns
    -------
    pathlib.Path
        The path that was written.

    Examples
    --------
    >>> import tempfile
    >>> write_atomically(Path(tempfile.mkdtemp()) / "a" / "b.txt", "five").read_text()
    'five'
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    with open_atomically(path) as file:
        file.write(data)
    return Path(path)


@contextmanager
def open_atomically(path: str | Path) -> Iterator[BinaryIO]:
    """A file to write bytes into, which takes its place when the block ends without an error.

    Parameters
    ----------
    path : str or Path
        Where the file shall be; missing folders are made.

    Yields
    ------
    BinaryIO

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "five.bin"
    >>> with open_atomically(path) as file:
    ...     _ = file.write(bytes(5))
    >>> path.stat().st_size
    5
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    # The process's mask can only be read by setting it.
    mask = os.umask(0)
    os.umask(mask)
    return mask
