"""Other soft sorts and ranks, O(n^2) each, as the papers state them: to compare with, not to ship."""

from __future__ import annotations

from numbers import Integral, Real

import torch
from jaxtyping import Float
from torch import Tensor

Matrix = Float[Tensor, "*batch n n"]


def all_pairs_rank(
    values: Float[Tensor, "*batch n"], temperature: float = 1.0, *, descending: bool = False
) -> Float[Tensor, "*batch n"]:
    """Soft ranks by comparing every pair: ``1 + sum over others of sigmoid(difference / temperature)``.

    Parameters
    ----------
    values : Float[Tensor, "*batch n"]
        Rows of numbers.
    temperature : float
        Softness of a comparison, in the values' unit.
    descending : bool
        Whether the largest value has rank 1.

    Returns
    -------
    Float[Tensor, "*batch n"]

    Raises
    ------
    ValueError
        If the temperature is not positive.

    Notes
    -----
    Source: Qin, Liu, Li 2010, A general approximation framework for direct optimization of
    information retrieval measures.

    Examples
    --------
    >>> all_pairs_rank(torch.tensor([0.3, -1.2, 0.9]), 0.01)
    tensor([2., 1., 3.])
    """
    _check(values, temperature)
    sign = -1.0 if descending else 1.0
    differences = sign * (values.unsqueeze(-1) - values.unsqueeze(-2))  # (*batch, n, n)
    # A value compared with itself gives 1/2, so the sum starts from 1/2 and not from 1.
    return 0.5 + torch.sigmoid(differences / temperature).sum(-1)


def softsort_matrix(
    values: Float[Tensor, "*batch n"], temperature: float = 1.0, *, descending: bool = False
) -> Matrix:
    """SoftSort's relaxed permutation: row i is a softmax of minus the distances to the i-th value.

    Parameters
    ----------
    values : Float[Tensor, "*batch n"]
        Rows of numbers.
    temperature : float
        Softness, in the values' unit.
    descending : bool
        Whether the first row stands for the largest value.

    Returns
    -------
    Float[Tensor, "*batch n n"]
        Entry (i, j) says how much of value j goes to place i; rows sum to 1.

    Raises
    ------
    ValueError
        If the temperature is not positive.

    Notes
    -----
    Source: Prillo, Eisenschlos 2020, SoftSort: A Continuous Relaxation for the argsort Operator.

    Examples
    --------
    >>> softsort_matrix(torch.tensor([0.3, -1.2]), 0.01)
    tensor([[0., 1.],
            [1., 0.]])
    """
    _check(values, temperature)
    ordered = values.sort(dim=-1, descending=descending).values
    distances = (ordered.unsqueeze(-1) - values.unsqueeze(-2)).abs()  # (*batch, n, n)
    return torch.softmax(-distances / temperature, dim=-1)


def neuralsort_matrix(
    values: Float[Tensor, "*batch n"], temperature: float = 1.0, *, descending: bool = False
) -> Matrix:
    """NeuralSort's relaxed permutation, from the sums of absolute differences.

    Parameters
    ----------
    values : Float[Tensor, "*batch n"]
        Rows of numbers.
    temperature : float
        Softness, in the values' unit.
    descending : bool
        Whether the first row stands for the largest value.

    Returns
    -------
    Float[Tensor, "*batch n n"]
        Entry (i, j) says how much of value j goes to place i; rows sum to 1.

    Raises
    ------
    ValueError
        If the temperature is not positive.

    Notes
    -----
    Source: Grover, Wang, Zweig, Ermon 2019, Stochastic Optimization of Sorting Networks via
    Continuous Relaxations.

    Examples
    --------
    >>> neuralsort_matrix(torch.tensor([0.3, -1.2]), 0.01)
    tensor([[0., 1.],
            [1., 0.]])
    """
    _check(values, temperature)
    n = values.shape[-1]
    spread = (values.unsqueeze(-1) - values.unsqueeze(-2)).abs().sum(-1)  # (*batch, n)
    places = torch.arange(1, n + 1, device=values.device, dtype=values.dtype)
    scaling = n + 1 - 2 * places  # positive in the first rows: they look for large values
    if not descending:
        scaling = -scaling
    logits = scaling.unsqueeze(-1) * values.unsqueeze(-2) - spread.unsqueeze(-2)
    return torch.softmax(logits / temperature, dim=-1)


def sinkhorn_matrix(
    values: Float[Tensor, "*batch n"],
    temperature: float = 0.1,
    *,
    iterations: int = 20,
    descending: bool = False,
) -> Matrix:
    """The entropic transport plan from the values to n evenly spaced places, times n.

    The cost is the squared distance between a value and its place in [0, 1], so the values should
    lie in [0, 1] (squash them first). Iterations run on logarithms, which do not underflow.

    Parameters
    ----------
    values : Float[Tensor, "*batch n"]
        Rows of numbers, best in [0, 1].
    temperature : float
        Weight of the entropy, in units of the cost.
    iterations : int
        How often rows and columns are scaled; the columns are scaled last, so that every value is
        given away as a whole.
    descending : bool
        Whether the first place is for the largest value.

    Returns
    -------
    Float[Tensor, "*batch n n"]
        Entry (i, j) says how much of value j goes to place i; columns sum to 1, rows nearly.

    Raises
    ------
    ValueError
        If the temperature is not positive or the number of iterations is below 1.

    Notes
    -----
    Source: Cuturi, Teboul, Vert 2019, Differentiable Ranks and Sorting using Optimal Transport.

    Examples
    --------
    >>> sinkhorn_matrix(torch.tensor([0.7, 0.1]), 0.001)
    tensor([[0., 1.],
            [1., 0.]])
    """
    _check(values, temperature)
    if not isinstance(iterations, Integral) or isinstance(iterations, bool) or iterations < 1:
        raise ValueError(f"iterations must be a whole number from 1, got {iterations!r}")
    places = torch.linspace(0, 1, values.shape[-1], device=values.device, dtype=values.dtype)
    if descending:
        places = places.flip(0)
    cost = (places.unsqueeze(-1) - values.unsqueeze(-2)).square()  # (*batch, place, value)
    plan = -cost / temperature
    for _ in range(iterations):
        plan = plan - plan.logsumexp(-1, keepdim=True)
        plan = plan - plan.logsumexp(-2, keepdim=True)
    return plan.exp()


def matrix_sort(matrix: Matrix, values: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch n"]:
    """Soft-sorted values under a relaxed permutation: the matrix times the values.

    Parameters
    ----------
    matrix : Float[Tensor, "*batch n n"]
        From one of the functions above.
    values : Float[Tensor, "*batch n"]
        The values it was made from.

    Returns
    -------
    Float[Tensor, "*batch n"]

    Examples
    --------
    >>> values = torch.tensor([0.3, -1.2])
    >>> matrix_sort(softsort_matrix(values, 0.01), values)
    tensor([-1.2000,  0.3000])
    """
    return (matrix @ values.unsqueeze(-1)).squeeze(-1)


def matrix_rank(matrix: Matrix) -> Float[Tensor, "*batch n"]:
    """Soft ranks under a relaxed permutation: the transposed matrix times ``(1, ..., n)``.

    Parameters
    ----------
    matrix : Float[Tensor, "*batch n n"]
        From one of the functions above.

    Returns
    -------
    Float[Tensor, "*batch n"]

    Examples
    --------
    >>> matrix_rank(softsort_matrix(torch.tensor([0.3, -1.2]), 0.01))
    tensor([2., 1.])
    """
    n = matrix.shape[-1]
    places = torch.arange(1, n + 1, device=matrix.device, dtype=matrix.dtype)
    return (matrix.mT @ places.unsqueeze(-1)).squeeze(-1)


def _check(values: Tensor, temperature: float) -> None:
    if values.ndim == 0:
        raise ValueError("values must have at least one dimension, got a 0-d tensor")
    if not isinstance(temperature, Real) or isinstance(temperature, bool) or not temperature > 0:
        raise ValueError(f"temperature must be a positive number, got {temperature!r}")
