"""Which way an operator is computed: traced, under transforms, to be differentiated, or just computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from paper_lessons.soft_sort.kernels.autograd import (
    IsotonicKL,
    PlainProjection,
    Projection,
    engine,
    under_transforms,
)

if TYPE_CHECKING:
    from torch import Tensor


def project(x: Tensor, operator: str, strength: float, descending: bool, backend: str) -> Tensor:
    """An operator's result: by the cheapest way that has the derivatives that can be asked for."""
    if torch.compiler.is_compiling():
        # its ops are registered when it is imported, which only who compiles need wait for
        from paper_lessons.soft_sort.kernels import compiled

        return compiled.project(x, operator, strength, descending, backend)
    if under_transforms():
        return Projection.apply(x, operator, strength, descending, backend)[0]
    if x.requires_grad and torch.is_grad_enabled():
        return PlainProjection.apply(x, operator, strength, descending, backend)
    return engine(backend).project(operator, x.contiguous(), strength, descending)[0]


def isotonic_kl(s: Tensor, w: Tensor, backend: str) -> Tensor:
    """The entropic fit, by the way that suits: see `project`."""
    if torch.compiler.is_compiling():
        from paper_lessons.soft_sort.kernels import compiled

        return compiled.isotonic_kl(s, w, backend)
    return IsotonicKL.apply(s, w, backend)[0]
