"""What several tests of the lesson share: slow, independent solutions of the same problems."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

Projection = Callable[[NDArray[np.float64], NDArray[np.float64], str], NDArray[np.float64]]


@pytest.fixture(scope="session")
def project_by_slsqp() -> Projection:
    """Project z onto the permutahedron of w by a general solver, all 2^n inequalities written out."""

    def project(z: NDArray, w: NDArray, regularization: str) -> NDArray:
        n = len(z)
        corner = np.exp(w) if regularization == "kl" else w
        largest = np.cumsum(np.sort(corner)[::-1])
        subsets = [c for k in range(1, n) for c in combinations(range(n), k)]
        inside = np.zeros((len(subsets), n))
        for row, subset in enumerate(subsets):
            inside[row, list(subset)] = 1.0
        bounds = np.array([largest[len(subset) - 1] for subset in subsets])

        def objective(mu: NDArray) -> tuple[float, NDArray]:
            if regularization == "l2":
                return 0.5 * np.sum((mu - z) ** 2), mu - z
            mu = np.maximum(mu, 1e-12)
            return np.sum(mu * (np.log(mu) - z - 1.0)), np.log(mu) - z

        found = minimize(
            objective,
            np.full(n, corner.mean()),
            jac=True,
            method="SLSQP",
            constraints=[
                {
                    "type": "eq",
                    "fun": lambda mu: mu.sum() - largest[-1],
                    "jac": lambda mu: np.ones(n),
                },
                {"type": "ineq", "fun": lambda mu: bounds - inside @ mu, "jac": lambda mu: -inside},
            ],
            options={"ftol": 1e-15, "maxiter": 1000},
        )
        return np.log(found.x) if regularization == "kl" else found.x

    return project
