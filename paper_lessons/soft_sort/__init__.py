"""Soft sorting and ranking: sort and rank as projections onto a permutahedron, O(n log n), with exact gradients.

Blondel, Teboul, Berthet, Djolonga 2020, Fast Differentiable Sorting and Ranking (arXiv 2002.08871).
Sorted input turns the projection into isotonic regression, and pooling adjacent violators solves it.
"""

from __future__ import annotations

from paper_lessons.soft_sort.isotonic import isotonic_kl, isotonic_l2
from paper_lessons.soft_sort.operators import soft_rank, soft_sort, warmup
from paper_lessons.soft_sort.permutahedron import project_onto_permutahedron
from paper_lessons.soft_sort.strength import covering_strength, hard_strength, linear_strength

__all__ = [
    "soft_sort",
    "soft_rank",
    "hard_strength",
    "linear_strength",
    "covering_strength",
    "project_onto_permutahedron",
    "isotonic_l2",
    "isotonic_kl",
    "warmup",
]
