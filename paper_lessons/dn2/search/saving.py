"""Arrays and a description in one file: npz and JSON, never pickle."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from paper_lessons.files import open_atomically

_FORMAT = "paper_lessons.dn2"
_VERSION = 1


def write_arrays(
    path: str | Path, kind: str, about: dict[str, Any], arrays: dict[str, Any]
) -> Path:
    """Write named arrays and a JSON description; the file is complete or not there.

    Parameters
    ----------
    path : str or Path
    kind : str
        What it is; the reader must ask for the same.
    about : dict
        Whatever JSON can say.
    arrays : dict of arrays
        Numbers or strings; objects are refused.

    Returns
    -------
    pathlib.Path
    """
    head = json.dumps({"format": _FORMAT, "version": _VERSION, "kind": kind, **about})
    with open_atomically(path) as file:
        np.savez(file, allow_pickle=False, about=np.array(head), **arrays)
    return Path(path)


def read_arrays(
    path: str | Path, kind: str, needed: tuple[str, ...] = ()
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Description and arrays of a file that :func:`write_arrays` wrote.

    Raises
    ------
    ValueError
        If the file is of another kind, of a later version, or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about = json.loads(str(arrays.pop("about")))
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile):
        about, arrays = {}, {}
    if not isinstance(about, dict) or about.get("format") != _FORMAT or about.get("kind") != kind:
        raise ValueError(f"{path} must be a file that {kind}.save wrote, and whole; it is not")
    if about.get("version") != _VERSION:
        raise ValueError(
            f"{path} has version {about.get('version')} of the format, this library reads {_VERSION}"
        )
    missing = [name for name in needed if name not in arrays]
    if missing:
        raise ValueError(f"{path} must hold {', '.join(needed)}; {', '.join(missing)} is missing")
    return about, arrays
