"""What is done to features before distances are taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from paper_lessons.dn2.whitening import Whitening, fit_whitening

_ROWS_AT_ONCE = 1024
Array = np.ndarray


def unit_rows(features: Any) -> Float[Array, "n d"]:
    """Each row divided by its Euclidean length, in float32; a zero row stays zero.

    Parameters
    ----------
    features : array of shape (n, d)

    Returns
    -------
    array of shape (n, d)

    Examples
    --------
    >>> unit_rows([[3.0, 4.0], [0.0, 0.0]])
    array([[0.6, 0.8],
           [0. , 0. ]], dtype=float32)
    """
    rows = np.asanyarray(features)
    result = np.empty(rows.shape, dtype=np.float32)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = np.array(rows[start : start + _ROWS_AT_ONCE], dtype=np.float64, order="C")
        largest = np.abs(part).max(
            axis=1, keepdims=True
        )  # divided by first: its square may overflow
        part /= np.where(largest == 0, 1, largest)
        lengths = np.sqrt(np.square(part).sum(axis=1, keepdims=True))
        result[start : start + _ROWS_AT_ONCE] = part / np.where(lengths == 0, 1, lengths)
    return result


@dataclass
class Normalizer:
    """Lengths to 1, then features standardised or whitened, then projected; the last two if they are set."""

    normalize: str | None
    mean: Array | None = None
    spread: Array | None = None
    projection: Array | None = None
    white: Whitening | None = None

    def lengths(self, features: Array) -> Float[Array, "n d"]:
        """Samples in float32, of length 1 unless normalize is None."""
        if self.normalize is not None:
            return unit_rows(features)
        if features.dtype == np.float64 and np.abs(features).max() > np.finfo(np.float32).max:
            raise ValueError(
                "X must hold numbers that float32 can hold with normalize=None, "
                f"got {np.abs(features).max():.6g}"
            )
        return np.ascontiguousarray(features, dtype=np.float32)

    def standardize_by(self, rows: Array) -> None:
        """Take mean and deviation of each feature from these rows, or their covariance for "whiten"."""
        if self.normalize == "whiten":
            self.white = fit_whitening(rows)
        if self.normalize == "zscore":
            self.mean = rows.mean(axis=0, dtype=np.float64)
            self.spread = rows.std(axis=0, dtype=np.float64)
            # a feature that is constant but for rounding says nothing
            self.spread[self.spread <= 1e-7 * np.abs(self.mean)] = 1.0

    def finish(self, rows: Array) -> Array:
        """Standardise and project what :meth:`lengths` returned."""
        if self.mean is None and self.white is None and self.projection is None:
            return rows
        width = rows.shape[1] if self.projection is None else self.projection.shape[1]
        result = np.empty((len(rows), width), dtype=np.float32)
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            part = rows[start : start + _ROWS_AT_ONCE].astype(np.float64)
            if self.white is not None:
                part = self.white(part)
            elif self.mean is not None:
                part = (part - self.mean) / self.spread
            result[start : start + _ROWS_AT_ONCE] = (
                part if self.projection is None else part @ self.projection
            )
        return result

    def __call__(self, features: Array) -> Array:
        """All of it: samples as they come, (n, d), to rows that distances are taken between."""
        return self.finish(self.lengths(features))

    def arrays(self) -> dict[str, Array | None]:
        """What a file must keep."""
        kept: dict[str, Array | None] = {
            "mean": self.mean,
            "spread": self.spread,
            "projection": self.projection,
        }
        return kept if self.white is None else {**kept, **self.white.arrays()}

    @classmethod
    def from_arrays(cls, normalize: str | None, arrays: dict[str, Array]) -> Normalizer:
        """What :meth:`arrays` said, among other arrays."""
        kept = {name: arrays.get(name) for name in ("mean", "spread", "projection")}
        white = Whitening.from_arrays(arrays) if normalize == "whiten" else None
        return cls(normalize, **kept, white=white)
