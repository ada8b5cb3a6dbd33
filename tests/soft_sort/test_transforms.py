"""PyTorch's function transforms in eager mode, and second derivatives."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch.autograd import forward_ad
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vjp, vmap

from paper_lessons.soft_sort import isotonic_kl, isotonic_l2, soft_rank, soft_sort

CASES = pytest.mark.parametrize(
    ("operator", "regularization", "backend"),
    list(product([soft_sort, soft_rank], ["l2", "kl"], ["numba", "torch"])),
)
REFUSED = "second derivatives exist for regularization"


def operation(operator, regularization, backend):
    return lambda x: operator(x, regularization, 0.7, backend=backend)


@pytest.fixture
def x():
    return torch.randn(4, 3, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@CASES
def test_vmap_is_one_more_batch_dimension(operator, regularization, backend, x):
    f = operation(operator, regularization, backend)
    assert torch.equal(vmap(f)(x), f(x))
    assert torch.equal(vmap(vmap(f))(x), f(x))
    assert torch.equal(vmap(f, in_dims=2, out_dims=1)(x), f(x.movedim(2, 0)).movedim(0, 1))
    g = torch.randn_like(x)
    batched = vmap(lambda x, g: vjp(f, x)[1](g)[0])(x, g)
    assert torch.equal(batched, vjp(f, x)[1](g)[0])


def test_vmap_with_and_without_a_batch(x):
    w = x[0, 0]
    assert torch.equal(vmap(isotonic_kl, in_dims=(0, None))(x, w), isotonic_kl(x, w))
    assert torch.equal(vmap(isotonic_kl, in_dims=(None, 0))(w, x[0]), isotonic_kl(w, x[0]))
    assert torch.equal(vmap(isotonic_l2, in_dims=1, out_dims=1)(x[0].T), isotonic_l2(x[0]).T)
    assert torch.equal(vmap(lambda r: soft_rank(r, dim=0))(x), soft_rank(x, dim=1))


@CASES
def test_jvp_agrees_with_finite_differences(operator, regularization, backend, x):
    f = operation(operator, regularization, backend)
    t, h = torch.randn_like(x), 1e-6
    out, tangent = jvp(f, (x,), (t,))
    assert torch.equal(out, f(x))
    torch.testing.assert_close(tangent, (f(x + h * t) - f(x - h * t)) / (2 * h), atol=1e-7, rtol=0)
    with forward_ad.dual_level():
        dual = forward_ad.unpack_dual(f(forward_ad.make_dual(x, t)))
        assert torch.equal(dual.tangent, tangent)


@CASES
def test_forward_and_reverse_jacobians_agree(operator, regularization, backend, x):
    f, row = operation(operator, regularization, backend), x[0, 0]
    backwards = jacrev(f)(row)
    torch.testing.assert_close(backwards, jacfwd(f)(row))
    columns = [jvp(f, (row,), (e,))[1] for e in torch.eye(6, dtype=torch.float64)]
    torch.testing.assert_close(backwards, torch.stack(columns, dim=1))
    torch.testing.assert_close(backwards, torch.autograd.functional.jacobian(f, row))


@CASES
def test_gradients_per_example(operator, regularization, backend, x):
    f = operation(operator, regularization, backend)
    weights = torch.randn(6, dtype=torch.float64)

    def loss(row):
        return ((f(row) * weights) ** 2).sum()

    rows = x[0].clone().requires_grad_()
    sum(loss(row) for row in rows).backward()
    torch.testing.assert_close(vmap(grad(loss))(x[0]), rows.grad)


@CASES
@pytest.mark.parametrize(
    "second",
    [hessian, lambda f: jacrev(grad(f)), lambda f: jacfwd(jacfwd(f)), lambda f: jacrev(jacfwd(f))],
    ids=["forward over reverse", "reverse over reverse", "forward over forward", "rev over fwd"],
)
def test_second_derivatives_are_right_or_refused(operator, regularization, backend, second, x):
    f, row = operation(operator, regularization, backend), x[0, 0]
    weights = torch.arange(6.0, dtype=torch.float64)

    def loss(row):
        return (f(row) * weights).sum() ** 2

    if regularization == "kl":
        with pytest.raises(RuntimeError, match=REFUSED):
            second(loss)(row)
        return
    # inside a block the operator is linear, so the Hessian of its square is an outer product
    slope = jacrev(f)(row).T @ weights
    torch.testing.assert_close(second(loss)(row), 2 * torch.outer(slope, slope))


@CASES
def test_double_backward_is_right_or_refused(operator, regularization, backend, x):
    f = operation(operator, regularization, backend)
    values = x.clone().requires_grad_()
    weights = torch.randn_like(x)
    (g,) = torch.autograd.grad((f(values) * weights).sum() ** 2, values, create_graph=True)
    if regularization == "kl":
        with pytest.raises(RuntimeError, match=REFUSED):
            g.sum().backward()
    else:
        g[0, 0, 0].backward()
        assert values.grad[0, 0].abs().sum() > 0


def test_the_kl_rank_changed_in_place_is_refused(x):
    """Its gradient needs the ranks as they were; the l2 rank's does not."""
    values = x.clone().requires_grad_()
    changed = soft_rank(values, "kl", 0.7)
    changed.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        changed.sum().backward()
    soft_rank(values, "l2", 0.7).mul_(2).sum().backward()


def test_a_penalty_on_kl_gradients_is_refused_even_beside_other_terms(x):
    values = x.clone().requires_grad_()
    (g,) = torch.autograd.grad(
        soft_rank(values, "kl", 0.7)[..., 0].sum(), values, create_graph=True
    )
    with pytest.raises(RuntimeError, match=REFUSED):
        (g.square().sum() + values.sum()).backward()


def test_forward_over_reverse_with_duals_is_refused_too(x):
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(x.requires_grad_(), torch.ones_like(x))
        for operator in (soft_sort, soft_rank):
            with pytest.raises(RuntimeError, match=REFUSED):
                torch.autograd.grad((operator(dual, "kl", 0.7) ** 2).sum(), dual)


def test_the_old_vmap_is_refused_by_name(x):
    row = x[0, 0].clone().requires_grad_()
    eye = torch.eye(6, dtype=torch.float64)
    with pytest.raises(RuntimeError, match=r"use torch\.func\.jacrev"):
        torch.autograd.grad(soft_rank(row), row, eye, is_grads_batched=True)


def test_no_graph_is_kept_where_none_is_asked_for(x):
    assert not soft_rank(x).requires_grad
    with torch.no_grad():
        assert not soft_rank(x.requires_grad_()).requires_grad
    with torch.inference_mode():
        assert soft_rank(x).shape == x.shape


@pytest.mark.parametrize("regularization", ["l2", "kl"])
def test_a_graph_can_be_walked_twice_and_dies_with_its_result(regularization):
    import gc
    import weakref

    x = torch.randn(3, 5, requires_grad=True)
    for operator in (soft_sort, soft_rank):
        gc.collect()
        gc.disable()
        try:
            out = operator(x, regularization, 0.3)
            first = torch.autograd.grad(out, x, torch.ones(3, 5), retain_graph=True)
            second = torch.autograd.grad(out, x, torch.ones(3, 5))
            assert torch.equal(first[0], second[0])
            watch = weakref.ref(out)
            del out
            assert watch() is None, "the result is part of a reference cycle"
        finally:
            gc.enable()
