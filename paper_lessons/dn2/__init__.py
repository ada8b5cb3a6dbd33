"""Deep nearest neighbours: a picture is anomalous if its features are far from those of normal pictures.

Bergman, Cohen, Hoshen 2020, Deep Nearest Neighbor Anomaly Detection (arXiv 2002.10445).
Features come from a network trained on ImageNet; the score is the mean distance to the k nearest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paper_lessons.dn2.neighbors import merge_neighbors, nearest_neighbors
from paper_lessons.dn2.thresholds import conformal_p_values, leave_one_out_threshold

if TYPE_CHECKING:
    from paper_lessons.dn2.backbones import Backbone, load_backbone, wrap_module
    from paper_lessons.dn2.cleaning import clean_samples, leave_one_out_scores
    from paper_lessons.dn2.detector import DeepNearestNeighbors
    from paper_lessons.dn2.features import ImageFeatures
    from paper_lessons.dn2.groups import GroupNearestNeighbors, pool_groups
    from paper_lessons.dn2.normalizing import unit_rows
    from paper_lessons.dn2.pictures.networks import EfficientNetLite0
    from paper_lessons.dn2.pictures.reading import (
        UnreadableImage,
        find_images,
        read_image,
        resize_image,
    )
    from paper_lessons.dn2.reduction import greedy_coreset, kmeans_centroids, random_projection
    from paper_lessons.dn2.report.detector import AnomalyDetector
    from paper_lessons.dn2.report.examination import Examination, Finding
    from paper_lessons.dn2.search.approximate import ApproximateNeighbors, recall

__all__ = [
    "nearest_neighbors",
    "merge_neighbors",
    "unit_rows",
    "leave_one_out_scores",
    "leave_one_out_threshold",
    "conformal_p_values",
    "clean_samples",
    "DeepNearestNeighbors",
    "pool_groups",
    "GroupNearestNeighbors",
    "kmeans_centroids",
    "greedy_coreset",
    "random_projection",
    "ApproximateNeighbors",
    "recall",
    "ImageFeatures",
    "load_backbone",
    "wrap_module",
    "Backbone",
    "EfficientNetLite0",
    "find_images",
    "read_image",
    "resize_image",
    "UnreadableImage",
    "AnomalyDetector",
    "Examination",
    "Finding",
]

# scikit-learn takes longer to import than all the rest; who only searches need not wait for it
_LAZY = {
    "unit_rows": "normalizing",
    "leave_one_out_scores": "cleaning",
    "clean_samples": "cleaning",
    "DeepNearestNeighbors": "detector",
    "pool_groups": "groups",
    "GroupNearestNeighbors": "groups",
    "kmeans_centroids": "reduction",
    "greedy_coreset": "reduction",
    "random_projection": "reduction",
    "ApproximateNeighbors": "search.approximate",
    "recall": "search.approximate",
    "ImageFeatures": "features",
    "load_backbone": "backbones",
    "wrap_module": "backbones",
    "Backbone": "backbones",
    "EfficientNetLite0": "pictures.networks",
    "find_images": "pictures.reading",
    "read_image": "pictures.reading",
    "resize_image": "pictures.reading",
    "UnreadableImage": "pictures.reading",
    "AnomalyDetector": "report.detector",
    "Examination": "report.examination",
    "Finding": "report.examination",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
