"""Lesson 02: what a step on the worst of four copies costs, beside a plain step and other ways to write it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from harness import Bar, Ratio, Report, Timing, measure, ratio, table
from torch import nn
from torch.profiler import profile

from paper_lessons.maxup import GaussianNoise, maxup_loss
from paper_lessons.maxup.networks import Perceptron, SmallConvNet
from paper_lessons.provenance import library_hash

SEED = 0
BATCH, M = 64, 4
NOISE = GaussianNoise(0.1)


def run(*, quick: bool, peers: bool, build: Path) -> Report:
    """Measure everything; `peers` and `build` change nothing here."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    start = time.perf_counter()
    report = Report(
        lesson="02_maxup",
        command="make bench LESSON=maxup" + (" (quick)" if quick else ""),
        settings={"seed": SEED, "batch": BATCH, "m": M, "threads": 1, "quick": quick},
        sections={"library": library_hash("maxup"), "cases": {}},
    )
    seconds = 8.0 if quick else 60.0
    last = SmallConvNet().to(memory_format=torch.channels_last)
    _case(report, "convolutions, channels last", last, seconds, 2.3)
    _case(report, "the same, channels first", SmallConvNet(), seconds, None)
    _case(report, "layers 784-512-512-10", Perceptron(784, 512, 512, 10), seconds, 1.6)
    report.settings["seconds"] = round(time.perf_counter() - start)
    return report


def in_one_graph(model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """As public ports have it: all copies with a graph, and the largest loss of each sample."""
    copies = torch.cat([NOISE(inputs) for _ in range(M)])
    losses = F.cross_entropy(model(copies), targets.repeat(M), reduction="none")
    return losses.view(M, -1).max(0).values.mean()


def copy_by_copy(model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Selection in training mode, a forward pass for each copy."""
    copies = torch.stack([NOISE(inputs) for _ in range(M)])
    with torch.no_grad():
        losses = [F.cross_entropy(model(one), targets, reduction="none") for one in copies]
    best = torch.stack(losses).argmax(0)
    return F.cross_entropy(model(copies[best, torch.arange(len(targets))]), targets)


def _case(report: Report, case: str, model: nn.Module, seconds: float, most: float | None) -> None:
    inputs, targets = torch.randn(BATCH, 1, 28, 28), torch.randint(10, (BATCH,))
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)

    def step(loss: Callable[[], torch.Tensor]) -> Callable[[], None]:
        def call() -> None:
            optimizer.zero_grad()
            loss().backward()
            optimizer.step()

        return call

    def ours(**options: Any) -> Callable[[], None]:
        return step(lambda: maxup_loss(model, inputs, targets, NOISE, **options))

    @torch.no_grad()
    def forward() -> None:
        model.eval()
        for _ in range(M):
            model(NOISE(inputs))
        model.train()

    rivals = {
        "ours": ours(m=M),
        "a plain step": ours(m=1),
        f"{M} forward passes alone": forward,
        "ours, all copies at once": ours(m=M, chunk=M * BATCH),
        "in training mode, copy by copy": step(lambda: copy_by_copy(model, inputs, targets)),
        "all in one graph": step(lambda: in_one_graph(model, inputs, targets)),
    }
    model.train()
    found = measure(rivals, seconds=seconds, minimum_rounds=9)
    memory = {name: _peak(rivals[name]) for name in rivals}
    plain = found["a plain step"]
    report.sections["cases"][case] = {
        name: {**one.as_data(), "peak_bytes": memory[name]} for name, one in found.items()
    }
    graph = ratio(found["all in one graph"], found["ours"])
    report.bars.append(Bar(case, "all in one graph, x ours", 1.2, graph))
    if most is not None:
        allowed = Timing(tuple(most * one for one in plain.seconds), plain.calls_per_round)
        share = memory["a plain step"] / memory[f"{M} forward passes alone"]
        report.bars += [
            Bar(case, f"{most} plain steps, x ours", 1.0, ratio(allowed, found["ours"])),
            Bar(case, "plain step's memory, x selection's", 1.0, Ratio(share, share, share)),
        ]
    print(f"\n{case}: CPU milliseconds of a step of {BATCH}, {M} copies, and megabytes at its peak")
    rows = [
        [
            name,
            f"{1e3 * one.median:.2f}",
            f"{one.median / plain.median:.2f}",
            f"{memory[name] / 2**20:.1f}",
        ]
        for name, one in found.items()
    ]
    print(table(["", "median", "plain steps", "MB"], rows))


def _peak(call: Callable[[], None]) -> int:
    """Bytes of tensors that a call holds at once, beyond what was there before."""
    call()
    with profile(profile_memory=True) as seen:
        call()
    held = peak = 0
    for event in seen.profiler.kineto_results.events():  # type: ignore[union-attr]
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    return peak
