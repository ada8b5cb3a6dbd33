"""Seven machine-learning papers of 2019-2020, each as a library, a chapter and graded exercises.

Every lesson is a subpackage that is imported when it is first used: ``paper_lessons.soft_sort``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from types import ModuleType

_SUBPACKAGES = ("automl_zero", "classroom", "datasets", "dn2", "plotting", "soft_sort")

__all__ = ["__version__", *_SUBPACKAGES]


def __getattr__(name: str) -> ModuleType:
    if name in _SUBPACKAGES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_SUBPACKAGES})
