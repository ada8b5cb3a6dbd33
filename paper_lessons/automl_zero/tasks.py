"""Tasks: small data sets on which a program is trained and judged."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

import numpy as np
from jaxtyping import Float, Int, Real

TASK_KINDS = ("rms", "accuracy")

_ORDERS = 2**32 - 1  # a stream that no task has

# What becomes of the fitness of several tasks.
COMBINATIONS = ("mean", "median")


class Tasks:
    """Data sets of one size: rows to train on and rows to judge by.

    Parameters
    ----------
    train_x : array of shape (tasks, n, F)
        Features.
    train_y : array of shape (tasks, n)
        Targets; 0 or 1 if the kind is "accuracy".
    valid_x, valid_y : arrays of shapes (tasks, k, F) and (tasks, k)
        The rows that give the fitness.
    kind : {"rms", "accuracy"}
        "rms": a number is predicted, the fitness falls with the root of the mean squared error.
        "accuracy": s1 is a logit, the fitness is the fraction of right classes.

    Raises
    ------
    ValueError
        If shapes do not fit, a value is not finite, or a class is neither 0 nor 1.

    Examples
    --------
    >>> x, y = np.ones((1, 5, 2)), np.ones((1, 5))
    >>> Tasks(x, y, x, y, kind="rms").features
    2
    """

    def __init__(
        self,
        train_x: Real[np.ndarray, "tasks n F"],
        train_y: Real[np.ndarray, "tasks n"],
        valid_x: Real[np.ndarray, "tasks k F"],
        valid_y: Real[np.ndarray, "tasks k"],
        *,
        kind: str = "rms",
    ) -> None:
        if kind not in TASK_KINDS:
            raise ValueError(f"kind must be one of {', '.join(TASK_KINDS)}, got {kind!r}")
        self.kind = kind
        self.train_x, self.train_y = _checked(train_x, train_y, "train", kind)
        self.valid_x, self.valid_y = _checked(valid_x, valid_y, "valid", kind)
        for axis, what in ((0, "tasks"), (2, "features")):
            one, other = self.train_x.shape[axis], self.valid_x.shape[axis]
            if one != other:
                raise ValueError(f"valid_x must have as many {what} as train_x, got {other}, {one}")

    def __len__(self) -> int:
        return len(self.train_x)

    @property
    def features(self) -> int:
        """Number of features, F."""
        return self.train_x.shape[2]

    def subset(self, chosen: slice | Sequence[int]) -> Tasks:
        """Some of the tasks, in the order given.

        Examples
        --------
        >>> len(LinearRegressionTasks(5).subset([0, 3]))
        2
        """
        if not isinstance(chosen, slice):
            chosen = list(chosen)
        return Tasks(
            self.train_x[chosen],
            self.train_y[chosen],
            self.valid_x[chosen],
            self.valid_y[chosen],
            kind=self.kind,
        )


class LinearRegressionTasks(Tasks):
    """Regression on y = w x without noise; x and, for each task, w are drawn from N(0, 1).

    Parameters
    ----------
    count : int
        Number of tasks. Task i is the same whatever the count.
    features : int
        F.
    train, valid : int
        Rows of each task.
    seed : int or sequence of int
        Seed.

    Raises
    ------
    ValueError
        If a number is below 1.

    Notes
    -----
    Source: "scalar linear regression" of the authors' reference. The attribute
    ``weights`` (tasks, F) holds the w.

    Examples
    --------
    >>> tasks = LinearRegressionTasks(10, features=4, train=100, valid=50, seed=1)
    >>> tasks.valid_x.shape, bool(np.allclose(tasks.valid_x[3] @ tasks.weights[3], tasks.valid_y[3]))
    ((10, 50, 4), True)
    """

    def __init__(
        self,
        count: int = 10,
        features: int = 4,
        train: int = 100,
        valid: int = 100,
        seed: int | Sequence[int] = 0,
    ) -> None:
        _check_sizes(count=count, features=features, train=train, valid=valid)
        x, weights = np.empty((count, train + valid, features)), np.empty((count, features))
        for task in range(count):
            generator = stream(seed, task)
            weights[task] = generator.standard_normal(features)
            x[task] = generator.standard_normal((train + valid, features))
        self.weights: Float[np.ndarray, "tasks F"] = weights
        y = np.einsum("tnf,tf->tn", x, weights)
        super().__init__(x[:, :train], y[:, :train], x[:, train:], y[:, train:], kind="rms")


class TwoLayerRegressionTasks(Tasks):
    """Regression on a two-layer teacher, y = w relu(M x); x, M and w are drawn from N(0, 1).

    Hidden units 0 and 2 are taken away: those rows of M and entries of w are zero.

    Parameters
    ----------
    count : int
        Number of tasks. Task i is the same whatever the count.
    features : int
        F, also the number of hidden units.
    train, valid : int
        Rows of each task.
    seed : int or sequence of int
        Seed.

    Raises
    ------
    ValueError
        If a number is below 1.

    Notes
    -----
    Source: "scalar 2-layer nn regression" of the authors' reference. Attributes
    ``hidden`` (tasks, F, F) and ``weights`` (tasks, F) hold M and w.

    Examples
    --------
    >>> TwoLayerRegressionTasks(2, train=1000).hidden[1, 2]
    array([0., 0., 0., 0.])
    """

    def __init__(
        self,
        count: int = 1,
        features: int = 4,
        train: int = 1000,
        valid: int = 100,
        seed: int | Sequence[int] = 0,
    ) -> None:
        _check_sizes(count=count, features=features, train=train, valid=valid)
        x = np.empty((count, train + valid, features))
        hidden, weights = np.empty((count, features, features)), np.empty((count, features))
        for task in range(count):
            generator = stream(seed, task)
            hidden[task] = generator.standard_normal((features, features))
            weights[task] = generator.standard_normal(features)
            x[task] = generator.standard_normal((train + valid, features))
        hidden[:, [unit for unit in (0, 2) if unit < features]] = 0.0
        weights[:, [unit for unit in (0, 2) if unit < features]] = 0.0
        self.hidden: Float[np.ndarray, "tasks F F"] = hidden
        self.weights: Float[np.ndarray, "tasks F"] = weights
        units = np.maximum(np.einsum("tgf,tnf->tng", hidden, x), 0.0)
        y = np.einsum("tng,tg->tn", units, weights)
        super().__init__(x[:, :train], y[:, :train], x[:, train:], y[:, train:], kind="rms")


class ProjectedBinaryTasks(Tasks):
    """Tell two classes of images apart, from a few random projections.

    Each pair of classes is one task: as many rows of either class (one more of the first if the
    number is odd), projected by a matrix drawn from N(0, 1) and standardised by the training rows.

    Parameters
    ----------
    images : array of shape (n, ...)
        Images, or rows of features; flattened.
    labels : integer array of shape (n,)
        Classes.
    pairs : sequence of (int, int)
        For each task the class that has target 0 and the class that has target 1. A pair that is
        listed twice is projected in two ways.
    features : int
        F, to which images are projected.
    seed : int or sequence of int
        Seed of choice, order and projection.
    train, valid : int
        Rows of each task.

    Raises
    ------
    ValueError
        If shapes do not fit or a class has too few images.

    Notes
    -----
    Source: section 4.2 of the paper, "projected binary classification" of the reference.

    Examples
    --------
    >>> images, labels = np.arange(80.0).reshape(20, 2, 2), np.arange(20) % 2
    >>> tasks = ProjectedBinaryTasks(images, labels, [(0, 1)], features=3, train=10, valid=6)
    >>> tasks.train_x.shape, int(tasks.train_y.sum()), tasks.kind
    ((1, 10, 3), 5, 'accuracy')
    """

    def __init__(
        self,
        images: Real[np.ndarray, "n ..."],
        labels: Int[np.ndarray, " n"],
        pairs: Sequence[tuple[int, int]],
        features: int = 16,
        seed: int | Sequence[int] = 0,
        train: int = 700,
        valid: int = 300,
    ) -> None:
        pairs = [(int(zero), int(one)) for zero, one in pairs]
        _check_sizes(pairs=len(pairs), features=features, train=train, valid=valid)
        images, labels = np.asarray(images), np.asarray(labels)
        if images.ndim < 2 or labels.shape != images.shape[:1]:
            raise ValueError(
                "images and labels must have shapes (n, ...) and (n,), "
                f"got {images.shape} and {labels.shape}"
            )
        flat = images.reshape(len(images), -1).astype(np.float64)  # (n, ...) -> (n, D)
        x, y = (
            np.empty((len(pairs), train + valid, features)),
            np.empty((len(pairs), train + valid)),
        )
        for task, pair in enumerate(pairs):
            generator = stream(seed, task)
            rows, y[task] = _choose_rows(labels, pair, train, valid, generator)
            projected = flat[rows] @ generator.standard_normal((flat.shape[1], features))
            spread = projected[:train].std(axis=0)
            # A feature that never changes, but for rounding, becomes zero and is not blown up.
            spread[spread <= 1e-10 * np.abs(projected[:train]).max(axis=0)] = 1.0
            x[task] = (projected - projected[:train].mean(axis=0)) / spread
        self.pairs = pairs
        super().__init__(x[:, :train], y[:, :train], x[:, train:], y[:, train:], kind="accuracy")


def epoch_orders(train: int, epochs: int, seed: int | Sequence[int] = 0) -> Int[np.ndarray, "e n"]:
    """The order of the training rows in each epoch: as given in the first, shuffled in the others.

    Parameters
    ----------
    train, epochs : int
        Numbers of rows and epochs.
    seed : int or sequence of int
        Seed of the shuffles.

    Returns
    -------
    array of shape (epochs, train)

    Raises
    ------
    ValueError
        If a number is below 1.

    Examples
    --------
    >>> epoch_orders(4, 2)[0]
    array([0, 1, 2, 3])
    """
    _check_sizes(train=train, epochs=epochs)
    generator = stream(seed, _ORDERS)
    shuffled = [generator.permutation(train) for _ in range(epochs - 1)]
    return np.stack([np.arange(train), *shuffled])


def stream(seed: int | Sequence[int], number: int) -> np.random.Generator:
    """One of many independent generators of a seed; task i and its random ops have number i.

    Examples
    --------
    >>> stream(3, 0).random() == np.random.default_rng([3, 0]).random()
    True
    """
    entropy = [seed] if isinstance(seed, Integral) else list(seed)  # type: ignore[arg-type]
    return np.random.Generator(np.random.PCG64([*entropy, number]))


def _choose_rows(
    labels: np.ndarray,
    pair: tuple[int, int],
    train: int,
    valid: int,
    generator: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    ones = (train // 2, valid // 2)
    zeros = (train - ones[0], valid - ones[1])
    parts: tuple[list, list] = ([], [])
    for target, (label, wanted) in enumerate(zip(pair, (zeros, ones), strict=True)):
        rows = generator.permutation(np.flatnonzero(labels == label))
        if len(rows) < sum(wanted):
            raise ValueError(
                f"train and valid need {sum(wanted)} images of class {label}, got {len(rows)}"
            )
        for part, start, n in zip(parts, (0, wanted[0]), wanted, strict=True):
            part += [(row, target) for row in rows[start : start + n]]
    mixed = [np.array(part, dtype=np.int64).reshape(-1, 2) for part in parts]
    mixed = [part[generator.permutation(len(part))] for part in mixed]
    chosen, targets = np.concatenate(mixed).T
    return chosen, targets.astype(np.float64)


def _check_sizes(**sizes: int) -> None:
    for name, size in sizes.items():
        if not isinstance(size, Integral) or isinstance(size, bool) or size < 1:
            raise ValueError(f"{name} must be a whole number from 1, got {size!r}")


def _checked(
    x: np.ndarray, y: np.ndarray, name: str, kind: str
) -> tuple[Float[np.ndarray, "tasks n F"], Float[np.ndarray, "tasks n"]]:
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if x.ndim != 3 or y.shape != x.shape[:2] or 0 in x.shape:
        raise ValueError(
            f"{name}_x and {name}_y must have shapes (tasks, n, F) and (tasks, n), none of them 0, "
            f"got {x.shape} and {y.shape}"
        )
    for what, values in ((f"{name}_x", x), (f"{name}_y", y)):
        if not np.isfinite(values).all():
            raise ValueError(f"{what} must be finite, got {values[~np.isfinite(values)][0]}")
    if kind == "accuracy" and not np.isin(y, (0.0, 1.0)).all():
        raise ValueError(f"{name}_y must be 0 or 1 for kind 'accuracy', got {np.unique(y)[:5]}")
    return np.ascontiguousarray(x), np.ascontiguousarray(y)
