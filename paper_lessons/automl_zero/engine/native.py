"""The engine: machine code for the 65 ops, compiled once for a number of features and of lanes.

Compiled code is kept in the user's cache folder, under a name that depends on all that it was made
from; where nothing can be written, every process compiles for itself.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm
import numba
import numpy as np
from numpy.typing import NDArray

from paper_lessons.automl_zero.engine import ir as engine_ir
from paper_lessons.automl_zero.engine import llvm_ops as engine_ops
from paper_lessons.automl_zero.engine import steps as engine_steps
from paper_lessons.automl_zero.ops import Op
from paper_lessons.files import write_atomically

_DIGEST_BYTES = 32


@dataclass(frozen=True)
class Engine:
    """Machine code for one shape of memory.

    Attributes
    ----------
    features, lanes : int
        What it was made for.
    table : int64 array of shape (65 + steps,)
        Addresses of the ops' functions, then of the steps' in the order of ``engine_steps.STEPS``.
    compiled : bool
        Whether this process had to compile it (False: it was found on disk).
    """

    features: int
    lanes: int
    table: NDArray[np.int64]
    compiled: bool
    _owner: Any

    def step(self, name: str) -> int:
        """Address of a step's function."""
        return int(self.table[len(Op) + engine_steps.STEPS.index(name)])


@cache
def engine(features: int, lanes: int, *, quiet: bool = False) -> Engine:
    """The engine for a number of features and of tasks side by side.

    Parameters
    ----------
    features : int
        Length of vectors; matrices are square.
    lanes : int
        1, 2 or a multiple of 4.
    quiet : bool
        Whether to say nothing on standard error when it has to be compiled.

    Returns
    -------
    Engine

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> engine(2, 4, quiet=True).table.shape
    (78,)
    """
    if features < 1:
        raise ValueError(f"features must be a positive whole number, got {features}")
    if lanes not in (1, 2) and (lanes < 4 or lanes % 4):
        raise ValueError(f"lanes must be 1, 2 or a multiple of 4, got {lanes}")
    machine = _target_machine()
    file = cache_folder() / f"automl_zero-{_key(features, lanes, machine)}.o"
    code = _read(file)
    compiled = code is None
    if code is None:
        with announced(f"the engine for {features} features", quiet=quiet):
            code = _compile(features, lanes, machine)
        _keep(file, code)
    owner = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    owner.add_object_file(llvm.ObjectFileRef.from_data(code))
    owner.finalize_object()
    size = len(Op) + len(engine_steps.STEPS)
    address = owner.get_global_value_address("table")
    table = np.ctypeslib.as_array((_word * size).from_address(address)).astype(np.int64)
    return Engine(features, lanes, table, compiled, owner)


@contextmanager
def announced(what: str, *, quiet: bool) -> Iterator[None]:
    """Say on standard error that something is compiled, and how long it took.

    Parameters
    ----------
    what : str
    quiet : bool
        Whether to say nothing.

    Examples
    --------
    >>> with announced("nothing", quiet=True):
    ...     pass
    """
    start = time.perf_counter()
    if not quiet:
        print(f"compiling {what} ...", end=" ", file=sys.stderr, flush=True)
    yield
    if not quiet:
        print(f"{time.perf_counter() - start:.1f} s", file=sys.stderr)


_word = np.ctypeslib.as_ctypes_type(np.int64)


def cache_folder() -> Path:
    """Where compiled engines are kept.

    Returns
    -------
    pathlib.Path
        Below the folder named by the environment variable ``PAPER_LESSONS_CACHE``, or below
        ``.cache/paper-lessons`` in the home folder.

    Examples
    --------
    >>> cache_folder().name
    'engines'
    """
    named = os.environ.get("PAPER_LESSONS_CACHE")
    return (Path(named) if named else Path.home() / ".cache" / "paper-lessons") / "engines"


def _target_machine() -> llvm.TargetMachine:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_triple(llvm.get_process_triple())
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=2,
        reloc="pic",
        jit=True,
    )


def _compile(features: int, lanes: int, machine: llvm.TargetMachine) -> bytes:
    module = llvm.parse_assembly(engine_steps.engine_source(features, lanes))
    module.triple = machine.triple
    module.data_layout = str(machine.target_data)
    module.verify()
    return machine.emit_object(module)


def _key(features: int, lanes: int, machine: llvm.TargetMachine) -> str:
    """Digest of the generator's source, its arguments, the compiler and the processor."""
    digest = hashlib.sha256()
    for module in (engine_ir, engine_ops, engine_steps):
        digest.update(Path(str(module.__file__)).read_bytes())
    versions = (llvmlite.__version__, numba.__version__, machine.triple)
    processor = (llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())
    digest.update(repr((features, lanes, versions, processor)).encode())
    return digest.hexdigest()[:32]


def _read(file: Path) -> bytes | None:
    """What was kept, unless it is absent or damaged."""
    try:
        content = file.read_bytes()
    except OSError:
        return None
    code = content[_DIGEST_BYTES:]
    return code if hashlib.sha256(code).digest() == content[:_DIGEST_BYTES] else None


def _keep(file: Path, code: bytes) -> None:
    try:
        write_atomically(file, hashlib.sha256(code).digest() + code)
    except OSError:  # nowhere to keep it: the next process compiles again
        return
