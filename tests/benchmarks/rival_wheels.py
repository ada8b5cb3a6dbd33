"""Rivals that come as wheels, each in a folder of its own that no lesson's environment knows."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType


class NoRivalError(Exception):
    """Says in one sentence why a rival could not be had."""


def rival(
    build: Path, package: str, release: str, modules: Sequence[str], *, also: Sequence[str] = ()
) -> list[ModuleType]:
    """Modules of a package, which is installed into a folder of ``build`` when it is not there.

    Parameters
    ----------
    build : Path
        Where rivals' folders stand.
    package, release : str
        What pip is asked for, without what it depends on: the lesson's environment has that,
        but for what `also` names.
    modules : sequence of str
        What to import.

    Raises
    ------
    NoRivalError
        If pip fails or a module cannot be imported.
    """
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    folder = build / f"{package}-{release}-{python}"
    if not folder.is_dir():
        _install(folder, [f"{package}=={release}", *also])
    sys.path.insert(0, str(folder))
    try:
        return [import_module(name) for name in modules]
    except ImportError as error:
        raise NoRivalError(f"{package} {release} is left out: {error}") from None
    finally:
        sys.path.remove(str(folder))


def _install(folder: Path, requirements: Sequence[str]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".rival-") as scratch:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "--only-binary", ":all:"]
        command += ["--target", f"{scratch}/site", *requirements]
        finished = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", check=False
        )
        if finished.returncode != 0:
            said = [line for line in finished.stderr.splitlines() if "ERROR" in line]
            raise NoRivalError(
                f"{requirements[0]} is left out: pip could not install it "
                f"({said[-1].strip() if said else 'it said nothing'})"
            )
        (Path(scratch) / "site").replace(folder)
