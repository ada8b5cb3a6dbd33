"""The operators as opaque PyTorch ops: what `torch.compile` puts into its graph.

The compiler cannot look into kernels, and drops the forward mode of autograd functions. So while it traces, the public
functions call these ops instead, which know their shapes, their backward pass and their batching rule. (Called
eagerly an op costs several times what a function of `autograd` does.)
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from paper_lessons.soft_sort.kernels.autograd import JACOBIAN, TRANSPOSED, engine, slope

_LIBRARY = "paper_lessons_soft_sort"


def project(x: Tensor, operator: str, strength: float, descending: bool, backend: str) -> Tensor:
    """An operator's result, for a graph that is being traced."""
    _no_forward_mode()
    return projection(x, operator, strength, descending, backend)[0]


def isotonic_kl(s: Tensor, w: Tensor, backend: str) -> Tensor:
    """The entropic fit, for a graph that is being traced."""
    _no_forward_mode()
    return isotonic_projection(s, w, backend)[0]


def _no_forward_mode() -> None:
    # an op has no forward mode, and PyTorch takes that for a derivative of zero
    if forward_ad._current_level >= 0:
        raise RuntimeError(
            "forward-mode differentiation (jvp, jacfwd, dual tensors) of soft_sort works in eager "
            "mode only: leave it out of torch.compile, or use reverse mode (grad, jacrev)"
        )


@torch.library.custom_op(f"{_LIBRARY}::projection", mutates_args=())
def projection(
    x: Tensor, operator: str, strength: float, descending: bool, backend: str
) -> tuple[Tensor, Tensor, Tensor]:
    """(result, blocks, weights): the weights are empty but for sort_kl."""
    result, blocks, *weights = engine(backend).project(
        operator, x.contiguous(), strength, descending
    )
    return result, blocks, weights[0] if weights else x.new_empty((*x.shape[:-1], 0))


@projection.register_fake
def _(
    x: Tensor, operator: str, strength: float, descending: bool, backend: str
) -> tuple[Tensor, Tensor, Tensor]:
    *batch, n = x.shape
    blocks = x.new_empty((*batch, 2, n), dtype=torch.int32)
    return (
        x.new_empty(x.shape),
        blocks,
        x.new_empty((*batch, n if operator.startswith("sort_kl") else 0)),
    )


@torch.library.custom_op(f"{_LIBRARY}::isotonic_projection", mutates_args=())
def isotonic_projection(
    s: Tensor, w: Tensor, backend: str
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(fit, blocks, softmax of s, softmax of w)."""
    return engine(backend).isotonic_kl(s.contiguous(), w.contiguous())


@isotonic_projection.register_fake
def _(s: Tensor, w: Tensor, backend: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    *batch, n = s.shape
    blocks = s.new_empty((*batch, 2, n), dtype=torch.int32)
    return s.new_empty(s.shape), blocks, s.new_empty(s.shape), s.new_empty(s.shape)


@torch.library.custom_op(f"{_LIBRARY}::block_map", mutates_args=())
def block_map(name: str, scale: float, backend: str, g: Tensor, kept: list[Tensor]) -> Tensor:
    """One of the linear maps within blocks, times `scale`."""
    return engine(backend).block_map(name, scale, g.contiguous(), *(k.contiguous() for k in kept))


@block_map.register_fake
def _(name: str, scale: float, backend: str, g: Tensor, kept: list[Tensor]) -> Tensor:
    return g.new_empty(g.shape)


def _keep_projection(ctx: Any, inputs: tuple, output: tuple) -> None:
    _, ctx.operator, strength, descending, ctx.backend = inputs
    ctx.scale = slope(ctx.operator, strength, descending)
    result, blocks, weights = output
    weighted = {"rank_kl": [result], "sort_kl": [weights], "sort_kl_masked": [weights]}
    ctx.save_for_backward(*weighted.get(ctx.operator, []), blocks)


def _projection_backward(ctx: Any, g: Tensor, *_: Any) -> tuple:
    name = TRANSPOSED[JACOBIAN[ctx.operator]]
    out = block_map(name, ctx.scale, ctx.backend, g, list(ctx.saved_tensors))
    return out, None, None, None, None


def _keep_isotonic(ctx: Any, inputs: tuple, output: tuple) -> None:
    ctx.backend = inputs[-1]
    ctx.save_for_backward(*output[1:])


def _isotonic_backward(ctx: Any, g: Tensor, *_: Any) -> tuple:
    blocks, s_weights, w_weights = ctx.saved_tensors
    return (
        block_map("spread_weighted", 1.0, ctx.backend, g, [s_weights, blocks]),
        block_map("spread_weighted", -1.0, ctx.backend, g, [w_weights, blocks]),
        None,
    )


projection.register_autograd(_projection_backward, setup_context=_keep_projection)
isotonic_projection.register_autograd(_isotonic_backward, setup_context=_keep_isotonic)


def _to_front(value: Any, dim: Any, size: int) -> Any:
    """The argument of an op that runs over one more batch dimension, which comes first."""
    if isinstance(value, list):
        return [_to_front(one, d, size) for one, d in zip(value, dim, strict=True)]
    if not isinstance(value, Tensor):
        return value
    return value.expand(size, *value.shape) if dim is None else value.movedim(dim, 0)


def _register_vmap(op: Any) -> None:
    def rule(info: Any, in_dims: tuple, *args: Any) -> tuple:
        out = op(*(_to_front(a, d, info.batch_size) for a, d in zip(args, in_dims, strict=True)))
        return out, (0,) * len(out) if isinstance(out, tuple) else 0

    op.register_vmap(rule)


for _op in (projection, isotonic_projection, block_map):
    _register_vmap(_op)
