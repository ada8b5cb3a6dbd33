"""Whitening: directions in which normal features hardly vary count more, those in which they do count less.

With whitened features the squared distance to the mean is Mahalanobis'. The covariance of a few hundred samples
in a thousand dimensions is singular, so it is shrunk towards a multiple of the identity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from paper_lessons.dn2.neighbors import nearest_neighbors

FOLDS = 10
# However much the samples agree, a direction that none of them took is not infinitely unlikely.
LEAST_SHRINKAGE = 1e-4
Array = np.ndarray


@dataclass
class Whitening:
    """``(x - mean) C^(-1/2)`` for a covariance C that has few axes apart from a multiple of the identity.

    Attributes
    ----------
    mean : array of shape (d,)
    axes : array of shape (d, r)
        Orthonormal; where the samples vary, at most one axis fewer than there are samples.
    along : array of shape (r,)
        Factor along each axis.
    across : float
        Factor in all directions that are orthogonal to the axes.
    """

    mean: Float[Array, " d"]
    axes: Float[Array, "d r"]
    along: Float[Array, " r"]
    across: float

    def __call__(self, rows: Float[Array, "n d"]) -> Float[Array, "n d"]:
        """Whitened rows, float64."""
        centred = rows - self.mean
        # what lies along the axes gets their factors, the rest its own
        return (
            self.across * centred
            + ((centred @ self.axes) * (self.along - self.across)) @ self.axes.T
        )

    def arrays(self) -> dict[str, Array]:
        """What a file must keep."""
        across = np.array(self.across)
        kept = {"mean": self.mean, "axes": self.axes, "along": self.along, "across": across}
        return {f"white_{name}": array for name, array in kept.items()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Array]) -> Whitening:
        """What :meth:`arrays` said, among other arrays."""
        mean, axes, along, across = (
            arrays[f"white_{name}"] for name in ("mean", "axes", "along", "across")
        )
        return cls(mean, axes, along, float(across))


def fit_whitening(rows: Float[Array, "n d"]) -> Whitening:
    """Mean and shrunk covariance of normal features, as the map that makes them white.

    The covariance is ``(1 - a) S + a m I`` with S the samples' covariance, m the mean of its eigenvalues, and
    a from a formula that needs no validation data.

    Parameters
    ----------
    rows : array of shape (n, d)
        Two or more.

    Returns
    -------
    Whitening
        The identity but for the mean where all rows are the same.

    Notes
    -----
    Source: Ledoit, Wolf 2004, A well-conditioned estimator for large-dimensional covariance matrices. With
    fewer rows than features, eigenvectors come from the rows' inner products: n x n numbers, not d x d.

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(500, 2)) * [3, 1]
    >>> fit_whitening(rows)(rows).std(axis=0).round(1)
    array([1., 1.])
    """
    mean = rows.mean(axis=0, dtype=np.float64)
    centred = rows - mean
    n, d = centred.shape
    products = centred @ centred.T if n <= d else centred.T @ centred
    level = float(np.trace(products)) / (n * d)
    if level <= 1e-14 * float(np.square(mean).mean()) or level == 0:
        return Whitening(mean, np.zeros((d, 0)), np.zeros(0), 1.0)
    shrinkage = _shrinkage(centred, products, level)
    values, vectors = np.linalg.eigh(products)
    there = values > 1e-10 * values[-1]
    values, vectors = values[there], vectors[:, there]
    axes = centred.T @ vectors / np.sqrt(values) if n <= d else vectors  # (d, r)
    variances = (1 - shrinkage) * values / n + shrinkage * level
    return Whitening(mean, axes, 1 / np.sqrt(variances), 1 / np.sqrt(shrinkage * level))


def held_out_distances(
    rows: Float[Array, "n d"], k: int, metric: str, projection: Array | None = None
) -> Float[Array, "n k"]:
    """Distances of each sample to its nearest others, under a whitening that did not see it.

    A whitening has adapted to its own samples: with fewer samples than features none of them varies outside the
    axes, while a new one does, where it counts most. A threshold from such scores would be far too low. So
    every tenth sample is measured by the other nine tenths.

    Parameters
    ----------
    rows : array of shape (n, d)
        Before whitening.
    k : int
        Below n.
    metric : str
        Of :func:`nearest_neighbors`.
    projection : array of shape (d, p), optional
        Applied after whitening.

    Returns
    -------
    array of shape (n, k)

    Examples
    --------
    >>> held_out_distances(np.eye(4), 2, "sqeuclidean").shape
    (4, 2)
    """
    n = len(rows)
    folds = FOLDS if n - -(-n // FOLDS) >= k else n
    found = np.empty((n, k))
    for fold in range(min(folds, n)):
        out = np.arange(n) % folds == fold
        whitening = fit_whitening(rows[~out])
        known, new = whitening(rows[~out]), whitening(rows[out])
        if projection is not None:
            known, new = known @ projection, new @ projection
        near, _ = nearest_neighbors(
            new.astype(np.float32), known.astype(np.float32), k, metric=metric
        )
        found[out] = near
    return found


def _shrinkage(centred: Array, products: Array, level: float) -> float:
    """Ledoit and Wolf's share of the identity, in [LEAST_SHRINKAGE, 1].

    ``products`` has the same sum of squares as n times the covariance, whichever of the two it is.
    """
    n, d = centred.shape
    scatter = float(np.square(products).sum()) / n**2  # |S|^2
    fourth = float(np.square(np.square(centred).sum(axis=1)).sum())  # sum of |x|^4
    noise = (fourth / n - scatter) / n
    spread = scatter - d * level**2
    return float(np.clip(noise / spread if spread > 0 else 1.0, LEAST_SHRINKAGE, 1.0))
