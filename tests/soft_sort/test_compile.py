"""torch.compile without a graph break. (The backend "aot_eager" traces all and generates no code.)"""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch.autograd import forward_ad

from paper_lessons.soft_sort import isotonic_kl, isotonic_l2, soft_rank, soft_sort


@pytest.fixture(autouse=True)
def fresh_compiler():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.fixture
def x():
    return torch.randn(3, 5, generator=torch.Generator().manual_seed(0))


def compile_whole(function, **options):
    return torch.compile(function, fullgraph=True, backend="aot_eager", **options)


@pytest.mark.parametrize(
    ("operator", "regularization", "backend"),
    [*product([soft_sort, soft_rank], ["l2", "kl"], ["numba"]), (soft_rank, "l2", "torch")],
)
def test_values_and_gradients_are_the_eager_ones(operator, regularization, backend, x):
    def function(values):
        out = operator(values, regularization, 0.3, descending=True, dim=0, backend=backend)
        return out.sin() * values

    one, other = x.clone().requires_grad_(), x.clone().requires_grad_()
    expected, found = function(one), compile_whole(function)(other)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    expected.sum().backward()
    found.sum().backward()
    assert one.grad.abs().sum() > 0
    torch.testing.assert_close(other.grad, one.grad, rtol=1e-6, atol=1e-6)


def test_isotonic_regression(x):
    def function(s, w):
        return isotonic_l2(s).cos() + isotonic_kl(s, w).sin()

    pairs = [[x.clone().requires_grad_(), x.flip(0).clone().requires_grad_()] for _ in range(2)]
    gradients = []
    for f, inputs in zip((function, compile_whole(function)), pairs, strict=True):
        gradients.append(torch.autograd.grad(f(*inputs).sum(), inputs))
    for found, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(found, expected)


def test_sizes_strengths_and_dtypes_may_change(x):
    compiled = compile_whole(lambda v, strength: soft_rank(v, "l2", strength), dynamic=True)
    for values, strength in product(
        (x, torch.randn(7, 4), torch.randn(2, 9).half()), (0.1, 2.0, 0.0)
    ):
        assert torch.equal(compiled(values, strength), soft_rank(values, "l2", strength))


def test_vmap_inside(x):
    def function(rows):
        return torch.func.vmap(lambda row: soft_sort(row, "kl", 0.4) * soft_rank(row, "l2", 0.4))(
            rows
        )

    assert torch.equal(compile_whole(function)(x), function(x))
    pair = torch.func.vmap(isotonic_kl, in_dims=(0, None))
    assert torch.equal(compile_whole(pair)(x, x[0]), pair(x, x[0]))


def by_jvp(x):
    return torch.func.jvp(lambda v: soft_rank(v, "l2", 1.0), (x,), (x**2,))[1]


def by_jacfwd(x):
    return torch.func.jacfwd(lambda v: soft_sort(v, "l2", 1.0))(x[0])


def by_dual_numbers(x):
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(x, x**2)
        return forward_ad.unpack_dual(isotonic_kl(dual, x))[1]


@pytest.mark.parametrize("function", [by_jvp, by_jacfwd, by_dual_numbers])
def test_forward_mode_raises_and_is_never_silently_zero(function, x):
    with pytest.raises(Exception, match="forward-mode differentiation"):
        compile_whole(function)(x)
    # where graph breaks are allowed, the compiler leaves the call to eager mode, which can do it
    torch._dynamo.reset()
    assert function(x).abs().sum() > 0
    torch.testing.assert_close(torch.compile(function, backend="aot_eager")(x), function(x))


def test_bad_arguments_are_named_there_too(x):
    with pytest.raises(Exception, match="must be a non-negative number, got -1"):
        compile_whole(lambda v: soft_rank(v, "l2", -1.0))(x)


def test_the_ops_keep_their_promises(x):
    """PyTorch's own check: schema, fake shapes, autograd registration, dynamic shapes."""
    from paper_lessons.soft_sort.kernels import compiled

    values = x.clone().requires_grad_()
    for operator in ("rank_l2", "rank_kl", "sort_kl", "isotonic_l2"):
        arguments = (values, operator, 0.5, False, "numba")
        checks = ("test_schema", "test_autograd_registration", "test_faketensor")
        torch.library.opcheck(compiled.projection, arguments, test_utils=checks)


@pytest.mark.slow
def test_generated_code_too(x):
    def loss(values):
        return (soft_rank(values, "l2", 0.5) * values.exp()).sum()

    one, other = x.clone().requires_grad_(), x.clone().requires_grad_()
    torch.compile(loss, fullgraph=True)(one).backward()
    loss(other).backward()
    torch.testing.assert_close(one.grad, other.grad)
