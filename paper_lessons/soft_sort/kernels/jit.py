"""How kernels are compiled: when first called, without the interpreter's lock, and kept on disk where that is possible.

Numba keeps compiled code beside the source, or in a folder of the user's when that is read-only. Where it finds
no place at all it refuses; then every process compiles for itself.
A module's compiled code is renewed when that module's source changes, not when another's does: so each module
of kernels calls no other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile with strict floating-point arithmetic."""
    return _compile(function, fastmath=False)


def summing_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile, free to add in any order, so that sums vectorize."""
    return _compile(function, fastmath={"reassoc", "contract"})


def _compile(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    try:
        return njit(function, cache=True, nogil=True, **options)
    except RuntimeError:  # "cannot cache function: no locator available"
        return njit(function, nogil=True, **options)
