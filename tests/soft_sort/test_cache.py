"""Compiled kernels are kept where possible, and nothing depends on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numba
import pytest

import paper_lessons

FIT = (
    "import torch; from paper_lessons.soft_sort import isotonic_l2\n"
    "from paper_lessons.soft_sort.kernels import isotonic\n"
    "assert isotonic_l2(torch.tensor([3.0, 1.0, 2.0])).tolist() == [3.0, 1.5, 1.5]\n"
    "stats = isotonic.isotonic_l2.stats\n"
    "print(len(stats.cache_hits), len(stats.cache_misses), stats.cache_path)\n"
)
PACKAGE = Path(paper_lessons.__file__).parent
KERNELS = [
    f"paper_lessons.soft_sort.kernels.{name}"
    for name in ("blocks", "isotonic", "kl", "order", "rank", "sort")
]


def run(code: str, folder: Path = PACKAGE.parent, **environment: str) -> list[str]:
    """Words that a fresh interpreter prints which finds the package in `folder`."""
    finished = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.split()


@pytest.fixture
def read_only(tmp_path: Path) -> Path:
    """A copy of the package beside whose source nothing can be kept.

    Root may write to read-only folders; not even root can make a folder where a file stands.
    """
    copy = tmp_path / "site-packages"
    no_caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, copy / "paper_lessons", ignore=no_caches)
    kernels = copy / "paper_lessons" / "soft_sort" / "kernels"
    (kernels / "__pycache__").write_text("no folder", encoding="utf-8")
    return copy


@pytest.mark.slow
def test_a_read_only_installation_uses_the_users_folder(read_only, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    place = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"), str(home))
    hits, misses, path = run(FIT, read_only, NUMBA_CACHE_DIR="", **place)
    assert (hits, misses) == ("0", "1")
    assert not Path(path).is_relative_to(read_only)
    assert run(FIT, read_only, NUMBA_CACHE_DIR="", **place)[:2] == ["1", "0"]


@pytest.mark.skipif(sys.platform == "win32", reason="its users' folder is not in the environment")
def test_without_any_place_to_keep_them_kernels_still_work(read_only, tmp_path):
    obstacle = tmp_path / "file"
    obstacle.write_text("no folder", encoding="utf-8")
    nowhere = dict.fromkeys(("HOME", "XDG_CACHE_HOME"), str(obstacle / "cache"))
    hits, _, path = run(FIT, read_only, NUMBA_CACHE_DIR="", **nowhere)
    assert (hits, path) == ("0", "None")


def test_the_import_compiles_nothing_and_leaves_numba_alone():
    code = (
        "import sys, paper_lessons.soft_sort as lesson\n"
        "print('numba' in sys.modules, 'paper_lessons.soft_sort.kernels.fused' in sys.modules)\n"
    )
    assert run(code) == ["False", "False"]


@pytest.mark.slow
def test_warmup_compiles_every_kernel(tmp_path):
    code = (
        "from paper_lessons.soft_sort import warmup; warmup()\n"
        "import torch, itertools\n"
        "from paper_lessons.soft_sort import soft_rank, soft_sort, isotonic_l2, isotonic_kl\n"
        "from importlib import import_module\n"
        f"modules = [import_module(name) for name in {KERNELS}]\n"
        "def compiled():\n"
        "    return sum(len(k.signatures) for m in modules for k in vars(m).values() if hasattr(k, 'signatures'))\n"
        "before = compiled()\n"
        "for n, dtype in itertools.product((1, 5, 600), (torch.float32, torch.float64)):\n"
        "    for x in torch.randn(n, dtype=dtype), torch.randn(3, n, dtype=dtype), torch.randn(n, 2, dtype=dtype).T:\n"
        "        x.requires_grad_()\n"
        "        for f, r, s in itertools.product((soft_rank, soft_sort), ('l2', 'kl'), (0, 1e-3, 0.1, 10)):\n"
        "            f(x, r, s).sum().backward()\n"
        "            torch.func.jvp(lambda v: f(v, r, s), (x,), (x,))\n"
        "        (isotonic_l2(x) + isotonic_kl(x, x)).sum().backward()\n"
        "print(before > 20, compiled() - before)\n"
    )
    assert run(code, NUMBA_CACHE_DIR=str(tmp_path)) == ["True", "0"]


def test_kernel_modules_do_not_call_each_other():
    """Numba renews a module's cache by that module's source alone."""
    for module in map(import_module, KERNELS):
        kernels = [
            v for v in vars(module).values() if isinstance(v, numba.core.dispatcher.Dispatcher)
        ]
        assert kernels
        assert all(kernel.py_func.__module__ == module.__name__ for kernel in kernels)
