"""Sphinx extension: executions are reused as long as what they depend on is the same.

jupyter-cache compares a page's own cells only, so that a change of the library would leave old numbers
on the pages. Here the name of the cache's folder contains a hash of the package, of the stored
results and of the installed versions: when one of them changes, every page runs again. Folders
of other hashes are removed. Cells run without progress bars, which a page cannot show.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

from paper_lessons.provenance import library_hash

_PREFIX = ".jupyter_cache-"

# Kernels inherit these. The warning is tqdm's about widgets that are not wanted here.
_ENVIRONMENT = {"TQDM_DISABLE": "1", "PYTHONWARNINGS": "ignore:IProgress not found"}


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("config-inited", _choose_folder)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def execution_key(results: Path) -> str:
    """Hash of all that a page's numbers depend on, besides the page: 16 hexadecimal digits.

    Parameters
    ----------
    results : Path
        The folder of the stored results.

    Returns
    -------
    str
    """
    digest = hashlib.sha256(library_hash().encode())
    for path in sorted(results.glob("*.json")):
        digest.update(path.name.encode() + path.read_bytes())
    installed = {f"{found.name}=={found.version}" for found in distributions()}
    digest.update("\n".join([platform.python_version(), *sorted(installed)]).encode())
    return digest.hexdigest()[:16]


def _choose_folder(app: Sphinx, config: Config) -> None:
    build = Path(app.outdir).parent
    folder = build / f"{_PREFIX}{execution_key(Path(app.srcdir) / 'results')}"
    config["nb_execution_cache_path"] = str(folder)
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    for old in build.glob(f"{_PREFIX}*"):
        if old != folder:
            shutil.rmtree(old, ignore_errors=True)
