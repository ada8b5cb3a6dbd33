"""The general projection, and that both operators are cases of it."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch

from paper_lessons.soft_sort import project_onto_permutahedron, soft_rank, soft_sort


@pytest.mark.parametrize("regularization", ["l2", "kl"])
def test_is_what_a_general_solver_finds(regularization, project_by_slsqp):
    generator = np.random.default_rng(0)
    for n in (1, 2, 3, 5):
        z, w = generator.standard_normal((2, n))
        found = project_onto_permutahedron(torch.tensor(z), torch.tensor(w), regularization)
        np.testing.assert_allclose(found, project_by_slsqp(z, w, regularization), atol=2e-5)


def test_corners_project_onto_themselves():
    w = torch.tensor([4.0, 2.5, 1.0])
    for corner in permutations(w.tolist()):
        z = torch.tensor(corner)
        torch.testing.assert_close(project_onto_permutahedron(z, w), z)
        torch.testing.assert_close(project_onto_permutahedron(z, w, "kl"), z)


def test_the_operators_are_cases_of_it():
    x = torch.randn(6, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    rho = torch.arange(9, 0, -1, dtype=torch.float64)
    near = {"rtol": 1e-11, "atol": 1e-11}
    for strength in (0.05, 0.3, 1.0, 5.0):
        for sign, descending in ((1.0, False), (-1.0, True)):
            projected = project_onto_permutahedron(sign * x / strength, rho)
            torch.testing.assert_close(
                soft_rank(x, "l2", strength, descending=descending), projected, **near
            )
            projected = project_onto_permutahedron(sign * x / strength, rho.log(), "kl").exp()
            torch.testing.assert_close(
                soft_rank(x, "kl", strength, descending=descending), projected, **near
            )
            for regularization in ("l2", "kl"):
                projected = project_onto_permutahedron(rho / strength, -sign * x, regularization)
                found = soft_sort(x, regularization, strength, descending=descending)
                torch.testing.assert_close(found, -sign * projected, **near)


@pytest.mark.parametrize("regularization", ["l2", "kl"])
def test_derivatives_with_respect_to_both(regularization):
    generator = torch.Generator().manual_seed(2)
    z, w = torch.randn(2, 2, 5, dtype=torch.float64, generator=generator)
    z.requires_grad_()
    w.requires_grad_()

    def project(z, w):
        return project_onto_permutahedron(z, w, regularization)

    assert torch.autograd.gradcheck(project, (z, w), check_forward_ad=True)
    batched = torch.func.vmap(project)(z.detach(), w.detach())
    assert torch.equal(batched, project(z, w))


def test_shapes_dtypes_and_refusals():
    z, w = torch.randn(4, 1, 3), torch.tensor([1, 2, 3])
    assert project_onto_permutahedron(z, w).shape == (4, 1, 3)
    assert project_onto_permutahedron(z, w).dtype == torch.float32
    assert project_onto_permutahedron(z.half(), w).dtype == torch.float16
    assert project_onto_permutahedron(torch.ones(2, 0), torch.ones(0)).shape == (2, 0)
    with pytest.raises(ValueError, match="z and w must have shapes that broadcast"):
        project_onto_permutahedron(z, torch.ones(4))
    with pytest.raises(ValueError, match="regularization must be"):
        project_onto_permutahedron(z, w, "tv")
    with pytest.raises(ValueError, match="w must be a torch"):
        project_onto_permutahedron(z, [1, 2, 3])
