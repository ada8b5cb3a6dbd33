"""The operators as differentiable functions: each pairs a forward pass with its Jacobian, both ways.

The Jacobians are linear maps over blocks (average, center, spread), and differentiable functions themselves: so second
derivatives of the l2 operators are right, and those of the kl operators, whose Jacobian depends on the
input, raise. All functions take (*batch, n) tensors; `vmap` only adds one more batch dimension.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import torch
from torch.autograd import Function

if TYPE_CHECKING:
    from types import ModuleType

    from torch import Tensor


def engine(backend: str) -> ModuleType:
    """The module that computes: imported when it is first used, because numba takes its time."""
    name = {"numba": "fused", "torch": "reference"}[backend]
    return import_module(f"paper_lessons.soft_sort.{name}")


def no_second_derivative() -> RuntimeError:
    """What second derivatives of the kl operators raise."""
    return RuntimeError(
        'second derivatives are defined for regularization "l2" only; '
        'the kl operators can be differentiated once (use regularization="l2")'
    )


class BatchedFunction(Function):
    """A function of (*batch, n) tensors that vmap may give one more batch dimension."""

    generate_vmap_rule = False

    @classmethod
    def vmap(cls, info: Any, in_dims: tuple, *inputs: Any) -> tuple:
        moved = [
            value
            if not isinstance(value, torch.Tensor)
            else value.expand(info.batch_size, *value.shape)
            if dim is None
            else value.movedim(dim, 0)
            for value, dim in zip(inputs, in_dims, strict=True)
        ]
        out = cls.apply(*moved)
        return out, (0,) * len(out) if isinstance(out, tuple) else 0


class RankL2(BatchedFunction):
    """(ranks, blocks) of x."""

    @staticmethod
    def forward(x: Tensor, strength: float, descending: bool, backend: str) -> Any:
        return engine(backend).rank_l2(x.contiguous(), strength, descending)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: tuple) -> None:
        _, strength, descending, ctx.backend = inputs
        ctx.scale = slope(strength, descending)
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(output[1])
        ctx.save_for_forward(output[1])

    @staticmethod
    def backward(ctx: Any, g: Tensor | None, _: None) -> tuple:
        (blocks,) = ctx.saved_tensors
        return None if g is None else Center.apply(g, blocks, ctx.scale, ctx.backend), *[None] * 3

    @staticmethod
    def jvp(ctx: Any, t: Tensor, *_: None) -> tuple:
        (blocks,) = ctx.saved_tensors
        return Center.apply(t, blocks, ctx.scale, ctx.backend), None


def slope(strength: float, descending: bool) -> float:
    """How fast a rank moves with its score inside a block; a hard rank does not move."""
    return 0.0 if strength == 0.0 else (-1.0 if descending else 1.0) / strength


class RankKL(BatchedFunction):
    """(ranks, blocks) of x."""

    @staticmethod
    def forward(x: Tensor, strength: float, descending: bool, backend: str) -> Any:
        return engine(backend).rank_kl(x.contiguous(), strength, descending)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: tuple) -> None:
        _, strength, descending, ctx.backend = inputs
        ctx.scale = slope(strength, descending)
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*output)
        ctx.save_for_forward(*output)

    @staticmethod
    def backward(ctx: Any, g: Tensor | None, _: None) -> tuple:
        ranks, blocks = ctx.saved_tensors
        if g is None:
            return None, None, None, None
        return CenterWeighted.apply(g, ranks, blocks, ctx.scale, ctx.backend), None, None, None

    @staticmethod
    def jvp(ctx: Any, t: Tensor, *_: None) -> tuple:
        ranks, blocks = ctx.saved_tensors
        return CenterWeighted.apply(t, ranks, blocks, ctx.scale, ctx.backend), None


class SortL2(BatchedFunction):
    """(sorted values, blocks) of x."""

    @staticmethod
    def forward(x: Tensor, strength: float, descending: bool, backend: str) -> Any:
        return engine(backend).sort_l2(x.contiguous(), strength, descending)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: tuple) -> None:
        ctx.backend = inputs[-1]
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(output[1])
        ctx.save_for_forward(output[1])

    @staticmethod
    def backward(ctx: Any, g: Tensor | None, _: None) -> tuple:
        (blocks,) = ctx.saved_tensors
        return None if g is None else Spread.apply(g, blocks, ctx.backend), *[None] * 3

    @staticmethod
    def jvp(ctx: Any, t: Tensor, *_: None) -> tuple:
        (blocks,) = ctx.saved_tensors
        return Average.apply(t, blocks, ctx.backend), None


class SortKL(BatchedFunction):
    """(sorted values, blocks, weights) of x; the weights carry no derivative of their own."""

    @staticmethod
    def forward(x: Tensor, strength: float, descending: bool, backend: str) -> Any:
        return engine(backend).sort_kl(x.contiguous(), strength, descending)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: tuple) -> None:
        ctx.backend = inputs[-1]
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(output[1], output[2])
        ctx.save_for_forward(output[1], output[2])

    @staticmethod
    def backward(ctx: Any, g: Tensor | None, _: None, of_weights: Tensor | None) -> tuple:
        if of_weights is not None:
            raise no_second_derivative()
        blocks, weights = ctx.saved_tensors
        if g is None:
            return None, None, None, None
        return SpreadWeighted.apply(g, weights, blocks, ctx.backend), None, None, None

    @staticmethod
    def jvp(ctx: Any, t: Tensor, *_: None) -> tuple:
        blocks, weights = ctx.saved_tensors
        # the weights' tangent is a mark: whoever meets it differentiates twice, and is told
        mark = torch.zeros_like(weights)
        return AverageWeighted.apply(t, weights, blocks, ctx.backend), None, mark


class IsotonicL2(BatchedFunction):
    """(fit, blocks) of y."""

    @staticmethod
    def forward(y: Tensor, backend: str) -> Any:
        return engine(backend).isotonic_l2(y.contiguous())

    setup_context = SortL2.setup_context
    jvp = SortL2.jvp

    @staticmethod
    def backward(ctx: Any, g: Tensor | None, _: None) -> tuple:
        return SortL2.backward(ctx, g, None)[:2]


class IsotonicKL(BatchedFunction):
    """(fit, blocks, softmax of s, softmax of w) of s and w."""

    @staticmethod
    def forward(s: Tensor, w: Tensor, backend: str) -> Any:
        return engine(backend).isotonic_kl(s.contiguous(), w.contiguous())

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: tuple) -> None:
        ctx.backend = inputs[-1]
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*output[1:])
        ctx.save_for_forward(*output[1:])

    @staticmethod
    def backward(ctx: Any, g: Tensor | None, _: None, of_s: Any, of_w: Any) -> tuple:
        if of_s is not None or of_w is not None:
            raise no_second_derivative()
        if g is None:
            return None, None, None
        blocks, s_weights, w_weights = ctx.saved_tensors
        s_grad = w_grad = None
        if ctx.needs_input_grad[0]:
            s_grad = SpreadWeighted.apply(g, s_weights, blocks, ctx.backend)
        if ctx.needs_input_grad[1]:
            w_grad = -SpreadWeighted.apply(g, w_weights, blocks, ctx.backend)
        return s_grad, w_grad, None

    @staticmethod
    def jvp(ctx: Any, s_tangent: Tensor | None, w_tangent: Tensor | None, _: None) -> tuple:
        blocks, s_weights, w_weights = ctx.saved_tensors
        change = torch.zeros_like(s_weights)
        if s_tangent is not None:
            change = change + AverageWeighted.apply(s_tangent, s_weights, blocks, ctx.backend)
        if w_tangent is not None:
            change = change - AverageWeighted.apply(w_tangent, w_weights, blocks, ctx.backend)
        return change, None, torch.zeros_like(s_weights), torch.zeros_like(w_weights)


class Center(BatchedFunction):
    """Subtract block means and scale: linear in g, and its own transpose."""

    @staticmethod
    def forward(g: Tensor, blocks: Tensor, scale: float, backend: str) -> Tensor:
        return engine(backend).center(g.contiguous(), blocks.contiguous(), scale)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        _, blocks, ctx.scale, ctx.backend = inputs
        ctx.save_for_backward(blocks)
        ctx.save_for_forward(blocks)

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> tuple:
        (blocks,) = ctx.saved_tensors
        return Center.apply(v, blocks, ctx.scale, ctx.backend), None, None, None

    @staticmethod
    def jvp(ctx: Any, t: Tensor, *_: None) -> Tensor:
        (blocks,) = ctx.saved_tensors
        return Center.apply(t, blocks, ctx.scale, ctx.backend)


class Average(BatchedFunction):
    """Input order -> sorted order, block means."""

    @staticmethod
    def forward(t: Tensor, blocks: Tensor, backend: str) -> Tensor:
        return engine(backend).average(t.contiguous(), blocks.contiguous())

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        _, blocks, ctx.backend = inputs
        ctx.save_for_backward(blocks)
        ctx.save_for_forward(blocks)

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> tuple:
        (blocks,) = ctx.saved_tensors
        return Spread.apply(v, blocks, ctx.backend), None, None

    @staticmethod
    def jvp(ctx: Any, t: Tensor, *_: None) -> Tensor:
        (blocks,) = ctx.saved_tensors
        return Average.apply(t, blocks, ctx.backend)


class Spread(BatchedFunction):
    """Block means, sorted order -> input order: the transpose of Average."""

    @staticmethod
    def forward(g: Tensor, blocks: Tensor, backend: str) -> Tensor:
        return engine(backend).spread(g.contiguous(), blocks.contiguous())

    setup_context = Average.setup_context

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> tuple:
        (blocks,) = ctx.saved_tensors
        return Average.apply(v, blocks, ctx.backend), None, None

    @staticmethod
    def jvp(ctx: Any, t: Tensor, *_: None) -> Tensor:
        (blocks,) = ctx.saved_tensors
        return Spread.apply(t, blocks, ctx.backend)


class WeightedFunction(BatchedFunction):
    """A linear map whose weights depend on the operator's input: it has no derivative of its own."""

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, *_: Any) -> Any:
        raise no_second_derivative()

    @staticmethod
    def jvp(ctx: Any, *_: Any) -> Any:
        raise no_second_derivative()


class CenterWeighted(WeightedFunction):
    """The Jacobian of the kl rank times g; symmetric."""

    @staticmethod
    def forward(g: Tensor, ranks: Tensor, blocks: Tensor, scale: float, backend: str) -> Tensor:
        args = g.contiguous(), ranks.contiguous(), blocks.contiguous()
        return engine(backend).center_weighted(*args, scale)


class AverageWeighted(WeightedFunction):
    """The Jacobian of the kl sort times t."""

    @staticmethod
    def forward(t: Tensor, weights: Tensor, blocks: Tensor, backend: str) -> Tensor:
        args = t.contiguous(), weights.contiguous(), blocks.contiguous()
        return engine(backend).average_weighted(*args)


class SpreadWeighted(WeightedFunction):
    """The transposed Jacobian of the kl sort times g."""

    @staticmethod
    def forward(g: Tensor, weights: Tensor, blocks: Tensor, backend: str) -> Tensor:
        args = g.contiguous(), weights.contiguous(), blocks.contiguous()
        return engine(backend).spread_weighted(*args)
