"""The same backend as `fused`, in PyTorch alone: for every device, and to check the kernels against.

Every function takes and returns what its namesake in `fused` does. Pooling goes by rounds: all neighbours that violate
the order merge at once, until none do. Few rounds are typical (O(n log n) in all); a row that must pool one
element at a time takes n of them, O(n^2). Memory is O(n).

In `blocks` every position, not only a block's first, holds the block's end.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import torch

from paper_lessons.soft_sort.checks import precise_dtype

if TYPE_CHECKING:
    from torch import Tensor

# the blocks of all rows, as flat tensors: first positions (row * n + column), then one value per block each
Parts = tuple["Tensor", ...]


def project(operator: str, x: Tensor, strength: float, descending: bool) -> tuple[Tensor, ...]:
    return _OPERATORS[operator](x, strength, descending)


def _rank_l2(x: Tensor, strength: float, descending: bool) -> tuple[Tensor, Tensor]:
    theta, order = _sort(-x if descending else x)
    n = x.shape[-1]
    rows = theta.reshape(-1, n)
    bounded = strength == torch.inf
    undefined = _has_undefined_ranks(rows, bounded) if strength > 0.0 else rows.isnan().any(-1)

    # ties share a block whatever the rounding of their sums
    begins = torch.ones_like(rows, dtype=torch.bool)
    begins[:, 1:] = rows[:, 1:] != rows[:, :-1]
    starts = begins.reshape(-1).nonzero().squeeze(-1)
    shift = rows[:, n // 2, None]
    shift = torch.where(shift.isfinite(), shift, 0.0)
    sums = (rows - shift).reshape(-1)[starts] * _sizes(starts, rows.numel())

    def violates(start: Tensor, size: Tensor, total: Tensor) -> Tensor:
        c1, c2 = size[:-1].to(total.dtype), size[1:].to(total.dtype)
        rise = 2.0 * (total[:-1] * c2 - total[1:] * c1)
        return rise <= strength * c1 * c2 * (c1 + c2)

    starts, _ = _pool((starts, sums), n, rows.numel(), violates, _add_sums)
    blocks, members = _blocks(starts, order, undefined, rows.dtype)
    mean_weight = n - members.middle
    result = mean_weight
    if 0.0 < strength < torch.inf:
        relative = rows.reshape(-1) - rows.reshape(-1)[members.first]
        centered = relative - members.mean(relative)
        result = torch.where(members.single, mean_weight, mean_weight + centered / strength)
    return _to_input_order(result, order, undefined).to(x.dtype), blocks


def _rank_kl(x: Tensor, strength: float, descending: bool) -> tuple[Tensor, Tensor]:
    theta, order = _sort(-x if descending else x)
    n = x.shape[-1]
    rows = theta.reshape(-1, n)
    flat = rows.reshape(-1)
    undefined = _has_undefined_ranks(rows, strength == torch.inf)

    def weights(start: Tensor, size: Tensor) -> Tensor:
        return size * (n - (2 * (start % n) + size - 1).to(flat.dtype) / 2)

    def violates(start: Tensor, size: Tensor, total: Tensor) -> Tensor:
        weight = weights(start, size)
        r = ((flat[start[1:]] - flat[start[:-1]]) / strength).exp()
        return total[:-1] * weight[1:] <= r * total[1:] * weight[:-1]

    def merge(parts: Parts, segment: Tensor, first: Tensor) -> Parts:
        start, total = parts
        r = ((flat[start] - flat[start[first][segment]]) / strength).exp()
        return start[first], _segment_sum(total * r, segment, first.numel())

    starts = torch.arange(flat.numel(), device=x.device)
    starts, _ = _pool((starts, torch.ones_like(flat)), n, flat.numel(), violates, merge)
    blocks, members = _blocks(starts, order, undefined, rows.dtype)
    weight = members.size * (n - members.middle)
    exponential = ((flat - flat[members.first]) / strength).exp()
    exponential = torch.where(members.single, 1.0, exponential)
    result = weight * exponential / members.sum(exponential)
    return _to_input_order(result, order, undefined).to(x.dtype), blocks


def _sort_l2(
    x: Tensor, strength: float, descending: bool, masked: bool = False
) -> tuple[Tensor, Tensor]:
    theta, order, absent = _sort_real(x if descending else -x, masked)
    n = x.shape[-1]
    rows = theta.reshape(-1, n)
    flat = rows.reshape(-1)
    undefined = _has_undefined_sort(rows, strength)
    shift = rows[:, n // 2, None]
    shift = torch.where(shift.isfinite(), shift, 0.0)

    def violates(start: Tensor, size: Tensor, total: Tensor) -> Tensor:
        c1, c2 = size[:-1].to(total.dtype), size[1:].to(total.dtype)
        rise = 2.0 * strength * (total[:-1] * c2 - total[1:] * c1)
        return ~(rise < c1 * c2 * (c1 + c2))

    starts = torch.arange(flat.numel(), device=x.device)
    if strength > 0.0:
        sums = (rows - shift).reshape(-1)
        starts, _ = _pool((starts, sums), n, flat.numel(), violates, _add_sums, absent)
    blocks, members = _blocks(starts, order, undefined, rows.dtype)
    mean = flat[members.first] + members.mean(flat - flat[members.first])
    inverse = 1.0 / strength if strength > 0.0 else 0.0
    result = torch.where(
        members.single, flat, mean + (members.middle - members.start - members.offset) * inverse
    )
    result = (result if descending else -result).reshape(rows.shape)
    result[undefined] = torch.nan
    return _without(absent, result.reshape(x.shape)).to(x.dtype), blocks


def _sort_kl(
    x: Tensor, strength: float, descending: bool, masked: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    theta, order, absent = _sort_real(x if descending else -x, masked)
    n = x.shape[-1]
    rows = theta.reshape(-1, n)
    flat = rows.reshape(-1)
    undefined = _has_undefined_sort(rows, strength)
    inverse = 1.0 / strength
    k = torch.arange(n + 1, dtype=flat.dtype, device=x.device)
    decay = torch.expm1(torch.tensor(-inverse, dtype=flat.dtype, device=x.device))
    geometric = torch.where(decay == 0.0, k, torch.expm1(-k * inverse) / decay)

    def violates(start: Tensor, size: Tensor, total: Tensor) -> Tensor:
        d = flat[start[:-1]] - flat[start[1:]] - size[:-1].to(flat.dtype) * inverse
        g1, g2 = geometric[size[:-1]], geometric[size[1:]]
        return d.exp() * total[:-1] * g2 >= total[1:] * g1

    def merge(parts: Parts, segment: Tensor, first: Tensor) -> Parts:
        start, total = parts
        r = (flat[start] - flat[start[first][segment]]).exp()
        return start[first], _segment_sum(total * r, segment, first.numel())

    starts = torch.arange(flat.numel(), device=x.device)
    starts, _ = _pool((starts, torch.ones_like(flat)), n, flat.numel(), violates, merge, absent)
    blocks, members = _blocks(starts, order, undefined, rows.dtype)
    exponential = (flat - flat[members.first]).exp()
    exponential = torch.where(members.single, 1.0, exponential)
    total = members.sum(exponential)
    top = flat[members.first] + (total / geometric[members.size]).log()
    result = torch.where(members.single, flat, top - members.offset * inverse)
    result = (result if descending else -result).reshape(rows.shape)
    result[undefined] = torch.nan
    weights = (exponential / total).reshape(x.shape)
    return _without(absent, result.reshape(x.shape)).to(x.dtype), blocks, weights.to(x.dtype)


def _isotonic_l2(y: Tensor, strength: float, descending: bool) -> tuple[Tensor, Tensor]:
    n = y.shape[-1]
    rows = y.to(precise_dtype(y)).reshape(-1, n)
    undefined = rows.isnan().any(-1)

    def violates(start: Tensor, size: Tensor, total: Tensor) -> Tensor:
        return ~(total[:-1] * size[1:] > total[1:] * size[:-1])

    starts = torch.arange(rows.numel(), device=y.device)
    starts, sums = _pool((starts, rows.reshape(-1)), n, rows.numel(), violates, _add_sums)
    order = torch.arange(n, device=y.device).expand(y.shape)
    blocks, members = _blocks(starts, order, undefined, rows.dtype)
    fit = (sums / _sizes(starts, rows.numel()))[members.index].reshape(rows.shape)
    fit[undefined] = torch.nan
    return fit.reshape(y.shape).to(y.dtype), blocks


_OPERATORS: dict[str, Callable[..., tuple[Tensor, ...]]] = {
    "rank_l2": _rank_l2,
    "rank_kl": _rank_kl,
    "sort_l2": _sort_l2,
    "sort_kl": _sort_kl,
    "isotonic_l2": _isotonic_l2,
    "sort_l2_masked": partial(_sort_l2, masked=True),
    "sort_kl_masked": partial(_sort_kl, masked=True),
}


def isotonic_kl(s: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    n = s.shape[-1]
    s_flat = s.to(precise_dtype(s)).reshape(-1)
    w_flat = w.to(precise_dtype(w)).reshape(-1)
    undefined = ~(s_flat.isfinite() & w_flat.isfinite()).reshape(-1, n).all(-1)

    def violates(start: Tensor, size: Tensor, s_log: Tensor, w_log: Tensor) -> Tensor:
        return ~(s_log[:-1] - w_log[:-1] > s_log[1:] - w_log[1:])

    def merge(parts: Parts, segment: Tensor, first: Tensor) -> Parts:
        start, s_log, w_log = parts
        count = first.numel()
        return (
            start[first],
            _segment_lse(s_log, segment, count),
            _segment_lse(w_log, segment, count),
        )

    rows = s_flat.reshape(-1, n)
    starts = torch.arange(s_flat.numel(), device=s.device)
    parts = (starts, s_flat.nan_to_num(), w_flat.nan_to_num())
    starts, s_log, w_log = _pool(parts, n, s_flat.numel(), violates, merge)
    order = torch.arange(n, device=s.device).expand(s.shape)
    blocks, members = _blocks(starts, order, undefined, rows.dtype)
    fit = (s_log - w_log)[members.index].reshape(-1, n)
    fit[undefined] = torch.nan
    s_weights = (s_flat - s_log[members.index]).exp()
    w_weights = (w_flat - w_log[members.index]).exp()
    shaped = (part.reshape(s.shape).to(s.dtype) for part in (fit, s_weights, w_weights))
    fit, s_weights, w_weights = shaped
    return fit, blocks, s_weights, w_weights


def block_map(name: str, scale: float, g: Tensor, *kept: Tensor) -> Tensor:
    *weights, blocks = kept
    return _MAPS[name](scale, g.to(precise_dtype(g)), *weights, _Blocks(blocks)).to(g.dtype)


def _center(scale: float, g: Tensor, blocks: _Blocks) -> Tensor:
    sorted_g = g.gather(-1, blocks.order)
    centered = scale * (sorted_g - blocks.sum(sorted_g) / blocks.size)
    return blocks.scatter(torch.where(blocks.size == 1, 0.0, centered))


def _center_weighted(scale: float, g: Tensor, ranks: Tensor, blocks: _Blocks) -> Tensor:
    sorted_g, weights = g.gather(-1, blocks.order), ranks.to(g.dtype).gather(-1, blocks.order)
    # the mean of the weights n, ..., 1 over a block, which ends before position `ends`
    total = blocks.size * (g.shape[-1] - (2 * blocks.ends - blocks.size - 1).to(g.dtype) / 2)
    centered = scale * weights * (sorted_g - blocks.sum(sorted_g * weights) / total)
    return blocks.scatter(torch.where(blocks.size == 1, 0.0, centered))


def _average(scale: float, t: Tensor, blocks: _Blocks) -> Tensor:
    return blocks.mask(scale * blocks.sum(t.gather(-1, blocks.order)) / blocks.size)


def _spread(scale: float, g: Tensor, blocks: _Blocks) -> Tensor:
    return blocks.scatter(scale * blocks.sum(g) / blocks.size)


def _average_weighted(scale: float, t: Tensor, weights: Tensor, blocks: _Blocks) -> Tensor:
    return blocks.mask(scale * blocks.sum(t.gather(-1, blocks.order) * weights))


def _spread_weighted(scale: float, g: Tensor, weights: Tensor, blocks: _Blocks) -> Tensor:
    return blocks.scatter(scale * weights * blocks.sum(g))


_MAPS: dict[str, Callable[..., Tensor]] = {
    "center": _center,
    "center_weighted": _center_weighted,
    "average": _average,
    "spread": _spread,
    "average_weighted": _average_weighted,
    "spread_weighted": _spread_weighted,
}


class _Blocks:
    """The blocks as the derivatives need them: what the tensor `blocks` holds, taken apart."""

    def __init__(self, blocks: Tensor) -> None:
        self.order = blocks[..., 0, :].long()
        self.undefined = blocks[..., 1, :] < 0
        ends = blocks[..., 1, :].long()
        self.ends = torch.where(self.undefined, ends.shape[-1], ends)
        self.size = self.sum(torch.ones_like(self.ends))

    def sum(self, values: Tensor) -> Tensor:
        """Each position's block's sum. A block's end names it: add up there, and read back."""
        sums = values.new_zeros((*values.shape[:-1], values.shape[-1] + 1))
        return sums.scatter_add_(-1, self.ends, values).gather(-1, self.ends)

    def mask(self, values: Tensor) -> Tensor:
        return torch.where(self.undefined, torch.nan, values)

    def scatter(self, values: Tensor) -> Tensor:
        return torch.empty_like(values).scatter_(-1, self.order, self.mask(values))


class _Members:
    """For every position of the flattened rows, what it needs to know about its block."""

    def __init__(self, starts: Tensor, n: int, total: int, dtype: torch.dtype) -> None:
        size = _sizes(starts, total)
        self.index = torch.repeat_interleave(size)
        self.count = starts.numel()
        self.first = starts[self.index]
        self.size = size[self.index]
        self.single = self.size == 1
        self.start = self.first % n
        self.end = self.start + self.size
        position = torch.arange(total, device=starts.device) % n
        # in floats: PyTorch would multiply integers by a number in its default dtype, float32
        self.middle = (self.start + self.end - 1).to(dtype) / 2
        self.offset = (position - self.start).to(dtype)

    def sum(self, values: Tensor) -> Tensor:
        return _segment_sum(values, self.index, self.count)[self.index]

    def mean(self, values: Tensor) -> Tensor:
        return self.sum(values) / self.size


def _sort(theta: Tensor) -> tuple[Tensor, Tensor]:
    theta = theta.to(precise_dtype(theta))
    return torch.sort(theta, dim=-1, descending=True, stable=True)


def _sort_real(theta: Tensor, masked: bool) -> tuple[Tensor, Tensor, Tensor | None]:
    """As `_sort`; with `masked` NaN are no values, stand at the end as 0, and the last tensor says where."""
    if not masked:
        return (*_sort(theta), None)
    # a real -inf comes before the places of NaN: their order is stable, and NaN are moved to the end first
    missing = theta.isnan()
    last = missing.to(torch.int8).sort(dim=-1, stable=True).indices
    sorted_theta, order = _sort(
        theta.gather(-1, last).nan_to_num(-torch.inf, torch.inf, -torch.inf)
    )
    order = last.gather(-1, order)
    absent = missing.gather(-1, order)
    return torch.where(absent, 0.0, sorted_theta), order, absent


def _without(absent: Tensor | None, result: Tensor) -> Tensor:
    return result if absent is None else torch.where(absent, 0.0, result)


def _pool(
    parts: Parts,
    n: int,
    total: int,
    violates: Callable[..., Tensor],
    merge: Callable[[Parts, Tensor, Tensor], Parts],
    absent: Tensor | None = None,
) -> Parts:
    """Merge neighbouring blocks of a row until none violate the order.

    Two neighbours that violate it share a block in the solution, whatever happens around them: so a whole
    chain of violators can merge in one round.
    """
    while True:
        start = parts[0]
        same_row = start[1:] // n == start[:-1] // n
        violation = violates(start, _sizes(start, total), *parts[1:]) & same_row
        if absent is not None:
            violation &= ~absent.reshape(-1)[start[1:]]
        if not violation.any():
            return parts
        begins = torch.cat([violation.new_ones(1), ~violation])
        parts = merge(parts, begins.cumsum(0) - 1, begins.nonzero().squeeze(-1))


def _add_sums(parts: Parts, segment: Tensor, first: Tensor) -> Parts:
    start, total = parts
    return start[first], _segment_sum(total, segment, first.numel())


def _sizes(starts: Tensor, total: int) -> Tensor:
    return torch.diff(starts, append=starts.new_full((1,), total))


def _segment_sum(values: Tensor, segment: Tensor, count: int) -> Tensor:
    return values.new_zeros(count).index_add_(0, segment, values)


def _segment_lse(values: Tensor, segment: Tensor, count: int) -> Tensor:
    top = values.new_full((count,), -torch.inf).scatter_reduce_(0, segment, values, "amax")
    return top + _segment_sum((values - top[segment]).exp(), segment, count).log()


def _has_undefined_ranks(rows: Tensor, bounded: bool) -> Tensor:
    tied = (rows[:, 1:] == rows[:, :-1]) & rows[:, 1:].isinf()
    infinite = rows.isinf().any(-1) if bounded else tied.any(-1)
    return rows.isnan().any(-1) | infinite


def _has_undefined_sort(rows: Tensor, strength: float) -> Tensor:
    return ~rows.isfinite().all(-1) if strength > 0.0 else rows.isnan().any(-1)


def _blocks(
    starts: Tensor, order: Tensor, undefined: Tensor, dtype: torch.dtype
) -> tuple[Tensor, _Members]:
    n = order.shape[-1]
    members = _Members(starts, n, order.numel(), dtype)
    ends = torch.where(undefined[:, None], -1, members.end.reshape(-1, n)).reshape(order.shape)
    return torch.stack([order, ends], dim=-2).to(torch.int32), members


def _to_input_order(result: Tensor, order: Tensor, undefined: Tensor) -> Tensor:
    result = result.reshape(-1, order.shape[-1])
    result[undefined] = torch.nan
    result = result.reshape(order.shape)
    return torch.empty_like(result).scatter_(-1, order, result)
