"""What the public functions accept, and what they say about anything else."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

METRICS = ("sqeuclidean", "euclidean", "cosine")
NORMALIZATIONS = ("l2", "zscore", "whiten", None)
REDUCTIONS = ("kmeans", "coreset", "projection", None)
STORAGES = ("float32", "float16", "uint8")


def one_of(value: Any, allowed: tuple[Any, ...], name: str) -> None:
    """Raise ValueError unless `value` is among `allowed`."""
    if not any(value is choice or (type(value) is str and value == choice) for choice in allowed):
        listed = ", ".join(repr(choice) for choice in allowed[:-1])
        raise ValueError(f"{name} must be {listed} or {allowed[-1]!r}, got {value!r}")


def whole_number(value: Any, name: str, smallest: int = 1) -> int:
    """`value` as an int, after raising ValueError unless it is a whole number from `smallest`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise ValueError(f"{name} must be a whole number from {smallest}, got {value!r}")
    if value < smallest:
        raise ValueError(f"{name} must be a whole number from {smallest}, got {value!r}")
    return int(value)


def check_rate(rate: Any) -> float:
    """`rate` as a float, after raising ValueError unless it lies in (0, 1)."""
    if not isinstance(rate, Real) or isinstance(rate, bool) or not 0 < float(rate) < 1:
        raise ValueError(
            f"false_positive_rate must be a number between 0 and 1, both excluded, got {rate!r}"
        )
    return float(rate)


def check_parameters(detector: Any) -> None:
    """Raise ValueError unless the parameters of a :class:`DeepNearestNeighbors` fit."""
    whole_number(detector.n_neighbors, "n_neighbors")
    if detector.clean_neighbors is not None:
        whole_number(detector.clean_neighbors, "clean_neighbors")
    check_rate(detector.false_positive_rate)
    one_of(detector.normalize, NORMALIZATIONS, "normalize")
    one_of(detector.metric, METRICS, "metric")
    one_of(detector.storage, STORAGES, "storage")
    one_of(detector.reduction, REDUCTIONS, "reduction")
    whole_number(detector.random_state, "random_state", smallest=0)
    if detector.metric == "cosine" and (
        detector.storage == "uint8" or detector.reduction == "kmeans"
    ):
        raise ValueError(
            "metric 'cosine' does not go with storage 'uint8' or reduction 'kmeans' "
            "(normalize='l2' with 'sqeuclidean' has the same order)"
        )
    if detector.normalize == "whiten" and detector.reduction in ("kmeans", "coreset"):
        raise ValueError(
            "normalize 'whiten' goes with reduction 'projection' or None, "
            f"got {detector.reduction!r}"
        )
    if (detector.reduction is None) != (detector.reduction_size is None):
        raise ValueError(
            "reduction and reduction_size must be given together, "
            f"got {detector.reduction!r} and {detector.reduction_size!r}"
        )
