"""Deep nearest neighbours: a picture is anomalous if its features are far from those of normal pictures.

Bergman, Cohen, Hoshen 2020, Deep Nearest Neighbor Anomaly Detection (arXiv 2002.10445).
Features come from a network trained on ImageNet; the score is the mean distance to the k nearest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paper_lessons.dn2.neighbors import merge_neighbors, nearest_neighbors
from paper_lessons.dn2.thresholds import conformal_p_values, leave_one_out_threshold

if TYPE_CHECKING:
    from paper_lessons.dn2.detector import DeepNearestNeighbors

__all__ = [
    "nearest_neighbors",
    "merge_neighbors",
    "leave_one_out_threshold",
    "conformal_p_values",
    "DeepNearestNeighbors",
]

# scikit-learn takes longer to import than all the rest; who only searches need not wait for it
_LAZY = {
    "DeepNearestNeighbors": "detector",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
