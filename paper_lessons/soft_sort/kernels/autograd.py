"""The operators as differentiable functions.

Each operator pools sorted values into blocks. Between two changes of the blocks its Jacobian is a map that works within blocks
(`center`, `average`, ...), costs O(n), and has its transpose in the same list. So a forward pass keeps the blocks, and
both derivatives, backwards (vjp) and forwards (jvp), apply one map.

The l2 maps depend on the blocks only: differentiating them again is applying them again. The kl maps
depend on the values too; a second derivative raises rather than being wrong.

All functions take tensors of shape (*batch, n), so that vmap is one more batch dimension.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import torch
from torch.autograd import Function, forward_ad

if TYPE_CHECKING:
    from types import ModuleType

    from torch import Tensor

JACOBIAN = {
    "rank_l2": "center",
    "rank_kl": "center_weighted",
    "sort_l2": "average",
    "sort_kl": "average_weighted",
    "isotonic_l2": "average",
    "sort_l2_masked": "average",
    "sort_kl_masked": "average_weighted",
}
TRANSPOSED = {
    "center": "center",
    "center_weighted": "center_weighted",
    "average": "spread",
    "spread": "average",
    "average_weighted": "spread_weighted",
}


@cache
def engine(backend: str) -> ModuleType:
    """The module that computes, imported when it is first used: numba takes its time."""
    module = {"numba": "kernels.fused", "torch": "reference"}[backend]
    return import_module(f"paper_lessons.soft_sort.{module}")


def slope(operator: str, strength: float, descending: bool) -> float:
    """The factor of an operator's Jacobian: how fast a rank follows its value (a hard one does not)."""
    if not operator.startswith("rank"):
        return 1.0
    if strength == 0.0:
        return 0.0
    return (-1.0 if descending else 1.0) / strength


def no_second_derivative() -> RuntimeError:
    """What second derivatives of the kl operators raise."""
    return RuntimeError(
        'second derivatives exist for regularization "l2" only: '
        'the kl operators can be differentiated once, got a second time (use "l2")'
    )


def under_transforms() -> bool:
    """Whether vmap, jvp, torch.func.grad and the like, or forward-mode duals may be at work."""
    return torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0


class PlainProjection(Function):
    """The result of an operator with backward mode only: `Projection` costs 20 microseconds more."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, operator: str, strength: float, descending: bool, backend: str
    ) -> Tensor:
        result, *kept = engine(backend).project(operator, x.contiguous(), strength, descending)
        ctx.name = TRANSPOSED[JACOBIAN[operator]]
        ctx.scale = slope(operator, strength, descending)
        ctx.backend = backend
        ctx.kept = kept[::-1]
        if operator == "rank_kl":
            ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple:
        kept = (*ctx.saved_tensors, *ctx.kept)
        if torch._C._functorch.is_legacy_batchedtensor(g):
            raise RuntimeError(
                "is_grads_batched=True and vectorize=True are not supported by soft_sort: "
                "use torch.func.jacrev, or torch.func.vmap over torch.func.vjp"
            )
        if torch.is_grad_enabled() or under_transforms():
            out = BlockMap.apply(ctx.name, ctx.scale, ctx.backend, g, *kept)
        else:
            out = engine(ctx.backend).block_map(ctx.name, ctx.scale, g.contiguous(), *kept)
        return out, None, None, None, None


class MaskedProjection(Function):
    """An operator among the real places, backward mode only, on the CPU: `masking` has the way for all else."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        mask: Tensor,
        operator: str,
        strength: float,
        descending: bool,
        found: tuple[Tensor, Tensor | None, Tensor | None],
    ) -> Tensor:
        result, blocks, weights = found
        ctx.name = TRANSPOSED[JACOBIAN[operator]]
        ctx.scale = slope(operator, strength, descending)
        ctx.kept = [one for one in (weights, blocks) if one is not None]
        ctx.mask = mask
        if operator == "rank_kl":
            ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple:
        kept = (*ctx.saved_tensors, *ctx.kept)
        if not (torch.is_grad_enabled() or under_transforms()):
            out = engine("numba").masked_map(ctx.name, ctx.scale, g.contiguous(), ctx.mask, *kept)
        elif kept:
            out = BlockMap.apply(ctx.name, ctx.scale, "numba", g, *kept)
            out = torch.where(ctx.mask, out, 0.0)
        else:
            real = torch.where(ctx.mask, g, 0.0)
            mean = real.sum(-1, keepdim=True) / ctx.mask.sum(-1, keepdim=True)
            out = torch.where(ctx.mask, ctx.scale * (g - mean), 0.0)
        return out, None, None, None, None, None


class BatchedFunction(Function):
    """A function of (*batch, n) tensors, to which vmap gives one more batch dimension."""

    generate_vmap_rule = False

    @classmethod
    def vmap(cls, info: Any, in_dims: tuple, *inputs: Any) -> tuple:
        batched = []
        for value, dim in zip(inputs, in_dims, strict=True):
            if dim is not None:
                value = value.movedim(dim, 0)
            elif isinstance(value, torch.Tensor):
                value = value.expand(info.batch_size, *value.shape)
            batched.append(value)
        out = cls.apply(*batched)
        return out, (0,) * len(out) if isinstance(out, tuple) else 0


class Projection(BatchedFunction):
    """(result, blocks) of an l2 operator; (result, blocks, weights) of a kl one."""

    @staticmethod
    def forward(x: Tensor, operator: str, strength: float, descending: bool, backend: str) -> Any:
        return engine(backend).project(operator, x.contiguous(), strength, descending)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: tuple) -> None:
        _, ctx.operator, strength, descending, ctx.backend = inputs
        ctx.scale = slope(ctx.operator, strength, descending)
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)
        # the kl rank's weights are the ranks themselves
        kept = output[:2] if ctx.operator == "rank_kl" else output[:0:-1]
        ctx.save_for_backward(*kept)
        ctx.save_for_forward(*kept)

    @staticmethod
    def backward(ctx: Any, g: Tensor | None, _: None, of_weights: Tensor | None = None) -> tuple:
        if of_weights is not None:
            raise no_second_derivative()
        nothing = (None, None, None, None)
        if g is None:
            return None, *nothing
        name = TRANSPOSED[JACOBIAN[ctx.operator]]
        return BlockMap.apply(name, ctx.scale, ctx.backend, g, *ctx.saved_tensors), *nothing

    @staticmethod
    def jvp(ctx: Any, t: Tensor, *_: None) -> tuple:
        name = JACOBIAN[ctx.operator]
        tangent = BlockMap.apply(name, ctx.scale, ctx.backend, t, *ctx.saved_tensors)
        if not ctx.operator.startswith("sort_kl"):
            return tangent, None
        # the weights' tangent is a mark: whoever meets it differentiates a second time, and is told
        return tangent, None, torch.zeros_like(ctx.saved_tensors[0])


class IsotonicKL(BatchedFunction):
    """(fit, blocks, softmax of s, softmax of w)."""

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
        return (
            BlockMap.apply("spread_weighted", 1.0, ctx.backend, g, s_weights, blocks),
            BlockMap.apply("spread_weighted", -1.0, ctx.backend, g, w_weights, blocks),
            None,
        )

    @staticmethod
    def jvp(ctx: Any, s_tangent: Tensor | None, w_tangent: Tensor | None, _: None) -> tuple:
        blocks, s_weights, w_weights = ctx.saved_tensors
        marks = torch.zeros_like(s_weights), torch.zeros_like(w_weights)
        change = torch.zeros_like(s_weights)
        for t, weights, sign in ((s_tangent, s_weights, 1.0), (w_tangent, w_weights, -1.0)):
            if t is not None:
                change = change + BlockMap.apply(
                    "average_weighted", sign, ctx.backend, t, weights, blocks
                )
        return change, None, *marks


class BlockMap(BatchedFunction):
    """One of the linear maps within blocks, times `scale`: `kept` is (blocks,) or (weights, blocks)."""

    @staticmethod
    def forward(name: str, scale: float, backend: str, g: Tensor, *kept: Tensor) -> Tensor:
        kept = tuple(tensor.contiguous() for tensor in kept)
        return engine(backend).block_map(name, scale, g.contiguous(), *kept)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        ctx.name, ctx.scale, ctx.backend, _, *kept = inputs
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*kept)
        ctx.save_for_forward(*kept)

    @staticmethod
    def backward(ctx: Any, v: Tensor | None) -> tuple:
        if len(ctx.saved_tensors) > 1:
            raise no_second_derivative()
        name, (blocks,) = TRANSPOSED[ctx.name], ctx.saved_tensors
        out = None if v is None else BlockMap.apply(name, ctx.scale, ctx.backend, v, blocks)
        return None, None, None, out, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        if len(ctx.saved_tensors) > 1:
            raise no_second_derivative()
        (blocks,) = ctx.saved_tensors
        return BlockMap.apply(ctx.name, ctx.scale, ctx.backend, tangents[3], blocks)
