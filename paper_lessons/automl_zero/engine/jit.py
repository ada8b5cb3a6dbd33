"""How the search's kernels are compiled: when first called, without the interpreter's lock, and kept on disk.

Numba keeps compiled code beside the source, or in a folder of the user's when that is read-only. Where it finds
no place at all it refuses; then every process compiles for itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

# Nothing is allocated in a kernel, so nothing has to be counted either.
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
# What only kernels call needs no way in from Python; for groups of arrays that is most of the code.
_INNER: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_SOURCES = ("kernels_*.py", "parts.py", "jit.py", "llvm_ops.py")


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile with strict floating-point arithmetic; 1/0 is inf."""
    return _compile(function, **_OPTIONS)


def inner_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a function that is never called from Python."""
    return _compile(function, **_OPTIONS, **_INNER)


def _compile(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    try:
        compiled: Any = njit(function, cache=True, **options)
        # Numba renews what it kept when the function's own file changes. These kernels call one
        # another and share constants over several files, so the stamp must cover all of them.
        file = compiled._cache._cache_file
        file._source_stamp = (file._source_stamp, _digest())
    except (RuntimeError, AttributeError):  # "cannot cache function: no locator available"
        return njit(function, **options)
    return compiled


@cache
def _digest() -> str:
    digest = hashlib.sha256()
    folder = Path(__file__).parent
    for pattern in _SOURCES:
        for file in sorted(folder.glob(pattern)):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _run_records(typing_context, memory, records, context):
    """Run the chain of records at an address: call the function that its first word holds."""
    signature = types.void(types.intp, types.intp, types.intp)

    def generate(context, builder, signature, arguments):
        word = ir.IntType(64)
        kind = ir.FunctionType(ir.VoidType(), [word, word, word])
        place = builder.inttoptr(arguments[1], word.as_pointer())
        function = builder.inttoptr(builder.load(place), kind.as_pointer())
        builder.call(function, arguments)
        return context.get_dummy_value()

    return signature, generate


run_records: Any = intrinsic(_run_records)
