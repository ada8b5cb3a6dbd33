"""Builds torchsort, the rival that users come from, against the PyTorch at hand.

It is published as source only and links against the exact PyTorch it was built with, so it can be
neither a dependency nor an extra: it is built here, once, into a folder named after both versions.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

TORCHSORT_VERSION = "0.1.10"
_COMPILERS = ("c++", "g++", "clang++", "cl")


class CannotBuildError(Exception):
    """Says in one sentence why torchsort could not be built."""


def torchsort_folder(build: Path) -> Path:
    """Folder to put on the import path; made when it is missing.

    Parameters
    ----------
    build : Path
        Where folders of finished builds stand.

    Raises
    ------
    CannotBuildError
        If there is no C++ compiler, or the compiler or pip fails.
    """
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    target = build / f"torchsort-{TORCHSORT_VERSION}-torch-{version('torch')}-{python}"
    if target.is_dir():
        return target
    build.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=build, prefix=".torchsort-") as scratch:
        path = path_without_nvcc(os.environ.get("PATH", ""), Path(scratch) / "bin")
        compilers = (os.environ.get("CXX", "").split(" ")[0], *_COMPILERS)
        if not any(name and shutil.which(name, path=path) for name in compilers):
            raise CannotBuildError(
                "torchsort was not built: it needs a C++ compiler, and none of "
                f"{', '.join(_COMPILERS)} was found (its column is left out)"
            )
        _install(Path(scratch) / "site", path)
        (Path(scratch) / "site").replace(target)
    return target


def path_without_nvcc(path: str, substitute: Path) -> str:
    """The search path with no CUDA compiler on it.

    torchsort's setup starts a CUDA build as soon as it can call nvcc, which fails on machines without a GPU. A folder
    that holds nvcc is replaced by links to all the rest of it, because it may hold the C++ compiler too.
    """
    kept = []
    for number, name in enumerate(part for part in path.split(os.pathsep) if part):
        folder = Path(name)
        if not any((folder / nvcc).exists() for nvcc in ("nvcc", "nvcc.exe")):
            kept.append(name)
            continue
        if os.name == "nt":
            continue  # there the CUDA toolkit has a folder of its own
        links = substitute / str(number)
        links.mkdir(parents=True)
        for tool in folder.iterdir():
            if tool.name != "nvcc":
                (links / tool.name).symlink_to(tool.absolute())
        kept.append(str(links))
    return os.pathsep.join(kept)


def _install(site: Path, path: str) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # pip's cache knows a wheel by torchsort's version alone; it may hold one for another PyTorch
    command += ["--no-cache-dir", "--no-build-isolation", "--no-deps", "--no-binary", "torchsort"]
    command += ["--target", str(site), f"torchsort=={TORCHSORT_VERSION}"]
    environment = {**os.environ, "PATH": path, "MAX_JOBS": "1"}
    finished = subprocess.run(
        command,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        env=environment,
        check=False,
    )
    if finished.returncode != 0:
        said = [line.strip() for line in finished.stderr.splitlines() if "error" in line.lower()]
        print("\n".join(finished.stderr.splitlines()[-20:]), file=sys.stderr)
        raise CannotBuildError(
            "torchsort was not built: pip or the compiler failed (its column is left out); "
            f"it said: {said[-1] if said else 'nothing'}"
        )
