"""Soft sorting and ranking: sort and rank as projections onto a permutahedron, O(n log n), with exact gradients.

Blondel, Teboul, Berthet, Djolonga 2020, Fast Differentiable Sorting and Ranking (arXiv 2002.08871).
Sorted input turns the projection into isotonic regression, and pooling adjacent violators solves it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paper_lessons.soft_sort.correlation import (
    soft_spearman,
    spearman_correlation,
    spearman_loss,
)
from paper_lessons.soft_sort.isotonic import isotonic_kl, isotonic_l2
from paper_lessons.soft_sort.losses import (
    topk_loss,
    topk_strength,
    trimmed_loss,
)
from paper_lessons.soft_sort.operators import soft_rank, soft_sort, warmup
from paper_lessons.soft_sort.permutahedron import project_onto_permutahedron
from paper_lessons.soft_sort.strength import covering_strength, hard_strength, linear_strength

if TYPE_CHECKING:
    from paper_lessons.soft_sort.estimators import LabelRanker, SoftTrimmedRegressor

__all__ = [
    "soft_sort",
    "soft_rank",
    "hard_strength",
    "linear_strength",
    "covering_strength",
    "project_onto_permutahedron",
    "isotonic_l2",
    "isotonic_kl",
    "spearman_loss",
    "soft_spearman",
    "spearman_correlation",
    "topk_loss",
    "topk_strength",
    "trimmed_loss",
    "LabelRanker",
    "SoftTrimmedRegressor",
    "warmup",
]


def __getattr__(name: str) -> Any:
    # scikit-learn takes longer to import than all the rest; who only sorts need not wait for it
    if name in ("LabelRanker", "SoftTrimmedRegressor"):
        from paper_lessons.soft_sort import estimators

        return getattr(estimators, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
