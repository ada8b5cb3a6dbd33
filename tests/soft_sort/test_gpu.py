"""On a graphics processor: the same values and the same derivatives as on the CPU."""

from __future__ import annotations

import pytest
import torch

from paper_lessons.soft_sort import soft_rank, soft_sort, soft_spearman, topk_loss, trimmed_loss

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no graphics processor"),
]


def rows(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("flavour", ["l2", "kl"])
@pytest.mark.parametrize("operator", [soft_rank, soft_sort])
@pytest.mark.parametrize("masked", [False, True])
def test_operators_and_their_derivatives(operator, flavour: str, masked: bool) -> None:
    x, g = rows(0, 4, 50), rows(1, 4, 50)
    mask = rows(2, 4, 50) > 0 if masked else None
    results = []
    for device in ("cpu", "cuda"):
        there = x.to(device).requires_grad_()
        options = {} if mask is None else {"mask": mask.to(device)}
        out = operator(there, flavour, 0.3, **options)
        assert out.device.type == device
        (gradient,) = torch.autograd.grad(out, there, g.to(device))
        results.append((out.detach().cpu(), gradient.cpu()))
    for here, gpu in zip(*results, strict=True):
        torch.testing.assert_close(gpu, here, rtol=1e-9, atol=1e-9)


def test_losses() -> None:
    x, y = rows(3, 8, 10), rows(4, 8, 10)
    labels = torch.arange(8) % 10
    for here, there in (
        (soft_spearman(x, y), soft_spearman(x.cuda(), y.cuda())),
        (topk_loss(x, labels, 2), topk_loss(x.cuda(), labels.cuda(), 2)),
        (trimmed_loss(x[0], 3), trimmed_loss(x[0].cuda(), 3)),
    ):
        assert there.device.type == "cuda"
        torch.testing.assert_close(there.cpu(), here)
