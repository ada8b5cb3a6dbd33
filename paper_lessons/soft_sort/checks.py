"""What the public functions accept, and what they say about anything else."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor

REGULARIZATIONS = ("l2", "kl")
OPERATORS = ("sort", "rank")
BACKENDS = ("auto", "numba", "torch")

# 1/strength would overflow below the smallest normal number: there the operators are hard
SMALLEST_STRENGTH = sys.float_info.min


def one_of(value: Any, allowed: tuple[str, ...], name: str) -> None:
    """Raise ValueError unless `value` is among `allowed`."""
    if not (isinstance(value, str) and value in allowed):
        listed = " or ".join(repr(choice) for choice in allowed)
        raise ValueError(f"{name} must be {listed}, got {value!r}")


def check_tensor(values: Any, name: str = "values") -> None:
    """Raise ValueError unless `values` is a tensor of numbers with at least one dimension."""
    if not isinstance(values, torch.Tensor):
        raise ValueError(f"{name} must be a torch.Tensor, got {type(values).__name__}")
    if not torch.compiler.is_compiling() and torch._C._get_tracing_state() is not None:
        # the results would stand in the trace as constants
        raise RuntimeError(
            "soft_sort cannot be traced by torch.jit.trace or by torch.onnx.export with a trace: the trace "
            "would return the numbers of its example for every input; use torch.compile or torch.export"
        )
    if values.is_nested:
        raise ValueError(
            f"{name} must be a plain tensor, got a nested one: "
            "pad its rows (torch.nested.to_padded_tensor) and tell the real places with mask"
        )
    if values.layout is not torch.strided:
        raise ValueError(f"{name} must be a dense tensor, got {values.layout} (use .to_dense())")
    if values.dim() == 0:
        raise ValueError(f"{name} must have at least one dimension, got a 0-d tensor")
    if values.dtype == torch.bool or values.is_complex():
        raise ValueError(f"{name} must hold real numbers, got {values.dtype}")


def check_dim(values: Tensor, dim: Any) -> int:
    """`dim` counted from the end, after raising ValueError if there is no such dimension."""
    if dim == -1 and type(dim) is int:  # most calls
        return dim
    if isinstance(dim, bool) or not isinstance(dim, int) or not -values.dim() <= dim < values.dim():
        raise ValueError(
            f"dim must be an integer from {-values.dim()} to {values.dim() - 1} "
            f"for values of shape {tuple(values.shape)}, got {dim!r}"
        )
    return dim if dim < 0 else dim - values.dim()


def check_strength(strength: Any) -> float:
    """`strength` as a float, after raising ValueError unless it is a number >= 0."""
    if type(strength) is float and strength >= SMALLEST_STRENGTH:  # most calls
        return strength
    if isinstance(strength, torch.Tensor):
        if strength.requires_grad:
            raise ValueError(
                "regularization_strength must not require a gradient: the operators are "
                "differentiated with respect to their values only (pass strength.detach())"
            )
        if strength.dim() != 0:
            raise ValueError(
                "regularization_strength must be a number or a 0-d tensor, "
                f"got a tensor of shape {tuple(strength.shape)}"
            )
    try:
        number = float(strength)
    except (TypeError, ValueError):
        number = float("nan")
    if not number >= 0.0:
        raise ValueError(
            f"regularization_strength must be a non-negative number, got {strength!r} "
            "(0 gives the hard operator)"
        )
    return number if number >= SMALLEST_STRENGTH else 0.0


def choose_backend(values: Tensor, backend: Any) -> str:
    """ "numba" or "torch", after raising ValueError if the choice cannot work."""
    one_of(backend, BACKENDS, "backend")
    if backend == "auto":
        return "numba" if values.is_cpu else "torch"
    if backend == "numba" and not values.is_cpu:
        raise ValueError(
            f"backend 'numba' works on CPU tensors only, got a tensor on {values.device} "
            "('auto' chooses by device)"
        )
    return str(backend)


def working_dtype(dtype: torch.dtype) -> torch.dtype:
    """The precision an operator computes its output in: half types in float32, integers promoted."""
    if not dtype.is_floating_point:
        dtype = torch.get_default_dtype()
    return dtype if dtype in (torch.float32, torch.float64) else torch.float32


def result_dtype(dtype: torch.dtype) -> torch.dtype:
    """The dtype of the result: the input's own, or the default one for integers."""
    return dtype if dtype.is_floating_point else torch.get_default_dtype()


def precise_dtype(values: Tensor) -> torch.dtype:
    """float64, or float32 on devices that have nothing wider."""
    return torch.float32 if values.device.type == "mps" else torch.float64


def broadcast(first: Tensor, second: Tensor, names: str) -> tuple[Tensor, Tensor]:
    """Both tensors in their common shape, after raising ValueError if they have none."""
    if first.device != second.device:
        raise ValueError(f"{names} must be on one device, got {first.device} and {second.device}")
    try:
        first, second = torch.broadcast_tensors(first, second)
    except RuntimeError:
        raise ValueError(
            f"{names} must have shapes that broadcast, "
            f"got {tuple(first.shape)} and {tuple(second.shape)}"
        ) from None
    return first, second
