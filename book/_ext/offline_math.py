"""Sphinx extension: MathJax from the wheel ``sphinx-mathjax-offline``, copied into the site.

The wheel's own extension copies all of its 24 MB. The pages need one script, its fonts, the TeX packages that
it loads on demand, and what its menu offers to readers who listen.
"""

from __future__ import annotations

import shutil
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

_NEEDED = ("tex-mml-chtml.js", "a11y", "input/tex/extensions", "output/chtml/fonts", "sre")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("config-inited", _use_copy)
    app.connect("build-finished", _copy)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def mathjax_folder() -> Path:
    """Where the wheel keeps MathJax.

    Returns
    -------
    Path

    Raises
    ------
    FileNotFoundError
        If the wheel is laid out in another way than version 0.0.2.
    """
    wheel = distribution("sphinx-mathjax-offline")
    for file in wheel.files or []:
        if file.name == "tex-mml-chtml.js":
            return Path(str(wheel.locate_file(file))).parent
    raise FileNotFoundError("sphinx-mathjax-offline has no tex-mml-chtml.js")


def _use_copy(app: Sphinx, config: Config) -> None:
    config["mathjax_path"] = "mathjax/tex-mml-chtml.js"


def _copy(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    source, target = mathjax_folder(), Path(app.outdir) / "_static" / "mathjax"
    for name in _NEEDED:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, dirs_exist_ok=True)
        else:
            shutil.copyfile(source / name, target / name)
