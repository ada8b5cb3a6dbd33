"""Isotonic regression against scikit-learn, the minimax formulas and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp
from sklearn.isotonic import IsotonicRegression

from paper_lessons.soft_sort import isotonic_kl, isotonic_l2

BACKENDS = pytest.mark.parametrize("backend", ["numba", "torch"])

entries = st.floats(-20, 20, allow_subnormal=False)
rows = st.lists(entries, min_size=1, max_size=12)


def minimax(value_of, n: int) -> np.ndarray:
    """v_i = min over j <= i of max over k >= i of value(j..k): what a non-increasing fit must be."""
    value = np.array(
        [[value_of(slice(j, k + 1)) if j <= k else np.nan for k in range(n)] for j in range(n)]
    )
    return np.array([min(value[j, i:].max() for j in range(i + 1)) for i in range(n)])


@BACKENDS
@settings(max_examples=100, deadline=None)
@given(y=rows)
def test_l2_is_the_minimax_of_means(backend, y):
    y = np.array(y)
    found = isotonic_l2(torch.tensor(y), backend=backend)
    np.testing.assert_allclose(found, minimax(lambda block: y[block].mean(), len(y)), atol=1e-12)


@BACKENDS
@settings(max_examples=100, deadline=None)
@given(pairs=st.lists(st.tuples(entries, entries), min_size=1, max_size=10))
def test_kl_is_the_minimax_of_log_sums(backend, pairs):
    s, w = np.array(pairs).T
    expected = minimax(lambda block: logsumexp(s[block]) - logsumexp(w[block]), len(s))
    found = isotonic_kl(torch.tensor(s), torch.tensor(w), backend=backend)
    np.testing.assert_allclose(found, expected, atol=1e-11)


@BACKENDS
@pytest.mark.parametrize("n", [1, 2, 10, 1000])
def test_l2_is_what_scikit_learn_finds(backend, n):
    y = torch.randn(3, n, dtype=torch.float64, generator=torch.Generator().manual_seed(n))
    y[1] = y[1].sort().values
    y[2] = (2 * y[2]).round()
    found = isotonic_l2(y, backend=backend)
    for row, fit in zip(y.numpy(), found, strict=True):
        expected = IsotonicRegression(increasing=False).fit_transform(np.arange(n), row)
        np.testing.assert_allclose(fit, expected, atol=1e-12)


def test_both_backends_agree_on_the_blocks():
    s, w = torch.randn(2, 20, 60, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    g = torch.randn(20, 60, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for function in (isotonic_l2, isotonic_kl):
        gradients = []
        for backend in ("numba", "torch"):
            inputs = [t.clone().requires_grad_() for t in (s, w)][: 1 + (function is isotonic_kl)]
            out = function(*inputs, backend=backend)
            gradients.append((out, *torch.autograd.grad(out, inputs, g)))
        for ours, reference in zip(*gradients, strict=True):
            torch.testing.assert_close(ours, reference, rtol=0, atol=1e-13)


@BACKENDS
def test_derivatives_agree_with_finite_differences(backend):
    s, w = torch.randn(2, 3, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    s.requires_grad_()
    w.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda y: isotonic_l2(y, backend=backend), (s,), check_forward_ad=True
    )
    assert torch.autograd.gradgradcheck(lambda y: isotonic_l2(y, backend=backend), (s,))
    kl = lambda s, w: isotonic_kl(s, w, backend=backend)  # noqa: E731
    assert torch.autograd.gradcheck(kl, (s, w), check_forward_ad=True)
    assert torch.autograd.gradcheck(lambda s: kl(s, w.detach()), (s,), check_forward_ad=True)
    assert torch.autograd.gradcheck(lambda w: kl(s.detach(), w), (w,), check_forward_ad=True)


def test_a_second_derivative_of_kl_is_refused():
    s = torch.randn(5, dtype=torch.float64, requires_grad=True)
    (g,) = torch.autograd.grad((isotonic_kl(s, s.flip(0)) ** 2).sum(), s, create_graph=True)
    with pytest.raises(RuntimeError, match="second derivatives exist for"):
        g.sum().backward()


def test_shapes_broadcast_and_dtypes_promote():
    s, w = torch.randn(4, 1, 6), torch.randn(3, 6, dtype=torch.float64)
    found = isotonic_kl(s, w)
    assert found.shape == (4, 3, 6)
    assert found.dtype == torch.float64
    assert torch.equal(found[1, 2], isotonic_kl(s[1, 0].double(), w[2]))
    assert isotonic_l2(torch.tensor([1, 2, 5])).tolist() == pytest.approx([8 / 3] * 3)
    assert isotonic_l2(torch.ones(2, 3, dtype=torch.bfloat16)).dtype == torch.bfloat16
    assert isotonic_l2(torch.ones(2, 0)).shape == (2, 0)
    assert isotonic_kl(torch.ones(0, 3), torch.ones(3)).shape == (0, 3)


@BACKENDS
def test_what_is_not_finite(backend):
    nan, inf = float("nan"), float("inf")
    y = torch.tensor([[1.0, nan, 0.0], [1.0, 2.0, 0.0]], requires_grad=True)
    out = isotonic_l2(y, backend=backend)
    (g,) = torch.autograd.grad(out.sum(), y)
    for t in (out, g):
        assert t[0].isnan().all()
        assert t[1].isfinite().all()
    s = torch.tensor([[1.0, inf, 0.0], [1.0, 2.0, 0.0]])
    assert isotonic_kl(s, torch.zeros(3), backend=backend)[0].isnan().all()
    assert isotonic_kl(torch.zeros(3), s, backend=backend)[1].isfinite().all()


def test_bad_arguments_are_named():
    y = torch.ones(3)
    with pytest.raises(ValueError, match="y must have at least one dimension"):
        isotonic_l2(torch.tensor(1.0))
    with pytest.raises(ValueError, match="w must hold real numbers"):
        isotonic_kl(y, y > 0)
    with pytest.raises(
        ValueError, match=r"s and w must have shapes that broadcast, got \(3,\) and"
    ):
        isotonic_kl(y, torch.ones(4))
    with pytest.raises(ValueError, match="s and w must be on one device"):
        isotonic_kl(y, torch.ones(3, device="meta"))
    with pytest.raises(ValueError, match="backend must be"):
        isotonic_l2(y, backend="jax")
