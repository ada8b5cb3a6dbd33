"""Files that are never half-written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


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
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode("utf-8") if isinstance(content, str) else content
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def _umask() -> int:
    # The process's mask can only be read by setting it.
    mask = os.umask(0)
    os.umask(mask)
    return mask
