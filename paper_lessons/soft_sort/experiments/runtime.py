"""Time and memory against n: soft ranks by pooling, by comparing all pairs, and a plain sort.

Times are CPU times of one thread. All methods are measured in turn, round after round, so that a busy
machine disturbs them alike; the median over the rounds counts. Nothing here is the same twice: read the
ratios and the slopes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from paper_lessons import plotting
from paper_lessons.runs import one_thread
from paper_lessons.soft_sort.baselines import (
    all_pairs_rank,
    matrix_rank,
    neuralsort_matrix,
    sinkhorn_matrix,
    softsort_matrix,
)
from paper_lessons.soft_sort.operators import soft_rank
from paper_lessons.soft_sort.strength import covering_strength

if TYPE_CHECKING:
    from matplotlib.axes import Axes


Rank = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Method:
    """A way to rank: makes its function for the values at hand; does its cost grow with n squared?"""

    prepare: Callable[[Tensor], Rank]
    quadratic: bool


def _soft_rank_l2(values: Tensor) -> Rank:
    # At a fixed strength a longer row would be one block, which needs no sort: half of the values
    # shall share blocks at every n.
    strength = covering_strength(values, 0.5)
    return lambda x: soft_rank(x, "l2", strength)


METHODS: dict[str, Method] = {
    "soft rank l2": Method(_soft_rank_l2, quadratic=False),
    # The entropic blocks hardly depend on n.
    "soft rank kl": Method(lambda _: lambda x: soft_rank(x, "kl", 1.0), quadratic=False),
    "torch.sort": Method(lambda _: lambda x: torch.sort(x).values, quadratic=False),
    "all pairs": Method(lambda _: lambda x: all_pairs_rank(x, 0.1), quadratic=True),
    "SoftSort": Method(lambda _: lambda x: matrix_rank(softsort_matrix(x, 0.1)), quadratic=True),
    "NeuralSort": Method(
        lambda _: lambda x: matrix_rank(neuralsort_matrix(x, 0.1)), quadratic=True
    ),
    "Sinkhorn, 20 steps": Method(
        lambda _: lambda x: matrix_rank(sinkhorn_matrix(torch.sigmoid(x), 0.1)), quadratic=True
    ),
}
SIZES = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)


def run(
    *,
    seed: int = 0,
    sizes: Sequence[int] = SIZES,
    largest_square: int = 3_000,
    methods: Sequence[str] = tuple(METHODS),
    rounds: int = 7,
    shortest: float = 0.01,
    progress: bool = False,
) -> dict[str, Any]:
    """Measure forward, and forward with backward, of one row of n float32 numbers for each n.

    Parameters
    ----------
    seed : int
        Fixes the numbers that are ranked, not the times.
    sizes : sequence of int
        The n.
    largest_square : int
        The largest n at which methods with n x n matrices are tried.
    methods : sequence of str
        Names of :data:`METHODS`.
    rounds : int
        Measurements of each; their median counts.
    shortest : float
        Repeat a call until one measurement takes so many seconds.
    progress : bool
        Whether to draw a bar of text on standard error.

    Returns
    -------
    dict
        Under ``"methods"``, for each method its ``sizes``, the milliseconds ``forward`` and
        ``both``, the bytes that one call keeps for its backward pass (``kept``), and the ``slopes``
        of time and memory on log-log axes over the larger sizes.

    Raises
    ------
    ValueError
        If a method is unknown or a number does not fit.

    Notes
    -----
    Source: the paper's comparison of run times (which was made with batches of 128 on a GPU).

    Examples
    --------
    >>> found = run(sizes=(100, 200), methods=("soft rank l2",), rounds=1, shortest=0.0)
    >>> found["methods"]["soft rank l2"]["sizes"]
    [100, 200]
    """
    unknown = [name for name in methods if name not in METHODS]
    if unknown or not methods:
        raise ValueError(f"methods must be some of {', '.join(METHODS)}; got {list(methods)}")
    if rounds < 1 or not sizes or min(sizes) < 2:
        raise ValueError(
            f"rounds must be at least 1 and sizes at least 2, got {rounds} and {list(sizes)}"
        )
    generator = torch.Generator().manual_seed(seed)
    rows = {n: torch.randn(n, generator=generator) for n in sorted(sizes)}
    cells = [
        (name, n)
        for n in rows
        for name in methods
        if not METHODS[name].quadratic or n <= largest_square
    ]
    samples: dict[tuple[str, int], list[tuple[float, float]]] = {cell: [] for cell in cells}
    with one_thread(), tqdm(total=rounds * len(cells), disable=not progress) as bar:
        ranks = {(name, n): METHODS[name].prepare(rows[n]) for name, n in cells}
        repeats = {cell: _calibrate(ranks[cell], rows[cell[1]], shortest) for cell in cells}
        for _ in range(rounds):
            for cell in cells:
                samples[cell].append(_measure(ranks[cell], rows[cell[1]], repeats[cell]))
                bar.update()
        kept = {cell: bytes_kept(ranks[cell], rows[cell[1]]) for cell in cells}
    return {
        "settings": {"seed": seed, "rounds": rounds, "dtype": "float32", "rows": 1},
        "methods": {name: _summary(name, samples, kept) for name in methods},
    }


def bytes_kept(function: Rank, values: Tensor) -> int:
    """Bytes that a function's result keeps alive for its backward pass, beside input and result.

    Counts the tensors that the nodes of the result's graph hold, each storage once.

    Parameters
    ----------
    function : callable
        From a tensor to a tensor.
    values : Tensor
        Its input.

    Returns
    -------
    int

    Examples
    --------
    >>> bytes_kept(lambda x: x.exp().sin(), torch.zeros(10))  # sin keeps what exp gave
    40
    """
    variable = values.clone().requires_grad_()
    result = function(variable)
    storages: dict[int, int] = {}
    seen, waiting = set(), [result.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        waiting += [before for before, _ in node.next_functions]
        for tensor in _held_tensors(node):
            storage = tensor.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
    for own in (variable, result):
        storages.pop(own.untyped_storage().data_ptr(), None)
    return sum(storages.values())


def _held_tensors(node: Any) -> list[Tensor]:
    """Tensors of a node: PyTorch's own as ``_saved_...``, those of Python functions in any attribute."""
    names = [name for name in dir(node) if name.startswith("_saved_") and "raw" not in name]
    found = [getattr(node, name) for name in names] + [*getattr(node, "__dict__", {}).values()]
    found.append(getattr(node, "saved_tensors", ()))
    flat = [item for one in found for item in (one if isinstance(one, (tuple, list)) else (one,))]
    return [item for item in flat if isinstance(item, Tensor)]


def plot_time(result: dict[str, Any], axes: Axes) -> None:
    """Draw forward and backward time against n on log-log axes.

    Parameters
    ----------
    result : dict
        From :func:`run`.
    axes : matplotlib.axes.Axes
    """
    _draw(result, "both", axes)
    axes.set_ylabel("forward and backward (ms of one CPU thread)")


def plot_memory(result: dict[str, Any], axes: Axes) -> None:
    """Draw the memory that a call keeps for its backward pass against n on log-log axes.

    Parameters
    ----------
    result : dict
        From :func:`run`.
    axes : matplotlib.axes.Axes
    """
    _draw(result, "kept", axes, scale=1e-6)
    axes.set_ylabel("kept for the backward pass (MB)")


def _draw(result: dict[str, Any], what: str, axes: Axes, *, scale: float = 1.0) -> None:
    shades = [*plotting.COLORS.values()]
    for index, (name, found) in enumerate(result["methods"].items()):
        axes.plot(
            found["sizes"],
            scale * np.array(found[what], dtype=float),
            marker="os^Dvx+"[index % 7],
            markersize=4,
            color=shades[index % len(shades)],
            label=name,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("n")
    plotting.label_lines(axes)


def _calibrate(rank: Rank, values: Tensor, shortest: float) -> int:
    """Calls that take at least the shortest time; the first two calls compile and warm up."""
    for _ in range(2):
        took = sum(_measure(rank, values, 1)) / 1000
    return max(1, round(shortest / max(took, 1e-6)))


def _measure(rank: Rank, values: Tensor, repeats: int) -> tuple[float, float]:
    """Milliseconds of CPU time of one forward pass, and of one forward and backward pass."""
    start = time.process_time()
    for _ in range(repeats):
        rank(values)
    forward = time.process_time() - start
    variable = values.clone().requires_grad_()
    slope = torch.linspace(-1, 1, len(values))
    start = time.process_time()
    for _ in range(repeats):
        torch.autograd.grad(rank(variable), variable, slope)
    both = time.process_time() - start
    return 1000 * forward / repeats, 1000 * both / repeats


def _summary(name: str, samples: dict[Any, Any], kept: dict[Any, int]) -> dict[str, Any]:
    sizes = [n for method, n in samples if method == name]
    medians = [np.median(samples[name, n], axis=0) for n in sizes]
    memory = [kept[name, n] for n in sizes]
    forward, both = ([float(median[part]) for median in medians] for part in (0, 1))
    return {
        "sizes": sizes,
        "forward": forward,
        "both": both,
        "kept": memory,
        "slopes": {
            "forward": _slope(sizes, forward),
            "both": _slope(sizes, both),
            "kept": _slope(sizes, memory),
        },
    }


def _slope(sizes: Sequence[int], values: Sequence[float]) -> float | None:
    """Slope on log-log axes over the last decade, where calls no longer cost more than the work."""
    n, y = np.array(sizes, dtype=float), np.array(values, dtype=float)
    use = (n >= n.max() / 11) & (y > 0)
    if use.sum() < 2:
        return None
    return float(np.polyfit(np.log(n[use]), np.log(y[use]), 1)[0])
