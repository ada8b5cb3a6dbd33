"""Lesson 07 against loops over objects, classes and dense maps, and what a class more costs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from harness import Bar, Ratio, Report, Timing, measure, ratio, table
from torchvision.models.detection import fcos_resnet50_fpn

from paper_lessons.once import (
    CodeBank,
    OnceDetector,
    decode,
    focal_loss,
    splat_targets,
)
from paper_lessons.provenance import library_hash

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "once"))
import loops

SEED = 0
CLASSES, SIDE, PICTURES, OBJECTS = 80, 128, 16, 8
COUNTS = (1, 10, 100, 1000)
REGISTER_BAR = 0.010  # seconds


def run(*, quick: bool, peers: bool, build: Path) -> Report:
    """Measure everything; `peers` and `build` change nothing here."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    start = time.perf_counter()
    report = Report(
        lesson="07_once",
        command="make bench LESSON=once" + (" (quick)" if quick else ""),
        settings={"seed": SEED, "classes": CLASSES, "side": SIDE, "threads": 1, "quick": quick},
        sections={"library": library_hash("once"), "cases": {}},
    )
    seconds = 3.0 if quick else 20.0
    for case in (_targets, _focal, _decode, _codes):
        case(report, seconds)
    _classes_more(report, seconds / 4)
    _register(report, seconds / 4)
    _pictures(report, seconds)
    report.settings["seconds"] = round(time.perf_counter() - start)
    return report


def objects(pictures: int = PICTURES, side: int = 4 * SIDE) -> tuple[list[Any], list[Any]]:
    """Boxes of 20 to 200 pixels."""
    corner = torch.rand(pictures, OBJECTS, 2) * (side - 40)
    size = 20 + torch.rand(pictures, OBJECTS, 2) * 180
    boxes = torch.cat([corner, (corner + size).clamp(max=side)], 2)
    return list(boxes), list(torch.randint(CLASSES, (pictures, OBJECTS)))


def trained_like(pictures: int = 1) -> torch.Tensor:
    """Logits with peaks where objects are, and ground below."""
    boxes, labels = objects(pictures)
    found = splat_targets(boxes, labels, classes=CLASSES, height=SIDE, width=SIDE)
    return torch.randn(found.shape) - 6 + 9 * found.dense()


def _targets(report: Report, seconds: float) -> None:
    boxes, labels = objects()
    shape = {"classes": CLASSES, "height": SIDE, "width": SIDE}
    dense, *_ = loops.splat_windows(boxes, labels, **shape)
    if (splat_targets(boxes, labels, **shape).dense() - dense).abs().max() > 1e-6:
        raise RuntimeError("the targets differ")
    rivals = {
        "ours": lambda: splat_targets(boxes, labels, **shape),
        "loop over objects": lambda: loops.splat_windows(boxes, labels, **shape),
    }
    _case(report, f"targets, {PICTURES} pictures of {OBJECTS} objects", rivals, seconds, 6.0)


def _focal(report: Report, seconds: float) -> None:
    boxes, labels = objects()
    targets = splat_targets(boxes, labels, classes=CLASSES, height=SIDE, width=SIDE)
    logits = (torch.randn(targets.shape) - 2).requires_grad_(True)
    dense = targets.dense()

    def both(loss: Callable[[], torch.Tensor]) -> Callable[[], float]:
        def call() -> float:
            logits.grad = None
            value = loss()
            value.backward()
            return float(value.detach())

        return call

    rivals = {
        "ours": both(lambda: focal_loss(logits, targets)),
        "dense formula": both(lambda: dense_focal(logits, dense)),
    }
    one, two = (call() for call in rivals.values())
    if abs(one - two) > 1e-3 * abs(two):
        raise RuntimeError("the losses differ")
    _case(report, f"focal loss and gradient, {PICTURES} pictures", rivals, seconds, 5.0)


def dense_focal(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The formula on whole maps, as it is usually written."""
    p = torch.clamp(torch.sigmoid(logits), 1e-4, 1 - 1e-4)
    positive, negative = target.eq(1).float(), target.lt(1).float()
    weight = (1 - target) ** 4
    full = torch.log(p) * (1 - p) ** 2 * positive
    empty = torch.log(1 - p) * p**2 * weight * negative
    return -(full.sum() + empty.sum()) / positive.sum().clamp(min=1)


def _decode(report: Report, seconds: float) -> None:
    logits = trained_like()
    sizes, offsets = 5 + torch.rand(1, 2, SIDE, SIDE), torch.rand(1, 2, SIDE, SIDE)
    ours, theirs = decode(logits, sizes, offsets)[0], loops.decode(logits, sizes, offsets)[0]
    if len(ours["boxes"]) != len(theirs[0]):
        raise RuntimeError("the boxes differ")
    rivals = {
        "ours": lambda: decode(logits, sizes, offsets),
        "maximum first": lambda: loops.decode(logits, sizes, offsets),
    }
    _case(report, "decoding, 80 x 128 x 128", rivals, seconds, 6.0)


def _codes(report: Report, seconds: float, side: int = SIDE) -> None:
    features, codes = torch.randn(1, 64, side, side), torch.randn(100, 65)
    bank = CodeBank(64)
    for number, code in enumerate(codes):
        bank.add(str(number), code[None])

    def loop() -> torch.Tensor:
        maps = [F.conv2d(features, one[None, :-1, None, None], one[-1:]) for one in codes]
        return torch.cat(maps, 1)

    torch.testing.assert_close(bank(features)[0], loop(), rtol=1e-4, atol=1e-4)
    rivals = {"ours": lambda: bank(features), "a convolution each": loop}
    with torch.inference_mode():
        _case(report, f"100 codes on 64 x {side} x {side}", rivals, seconds, 20.0)


def _classes_more(report: Report, seconds: float) -> None:
    features = torch.randn(1, 64, 24, 24)
    sizes, offsets = torch.ones(1, 2, 24, 24), torch.zeros(1, 2, 24, 24)
    rows = {}
    for count in COUNTS:
        bank = CodeBank(64)
        for number in range(count):
            code = torch.cat([0.05 * torch.randn(1, 64), torch.tensor([[-2.19]])], 1)
            bank.add(str(number), code)
        with torch.inference_mode():
            heat = bank(features)[0]
            found = measure(
                {
                    "codes": lambda bank=bank: bank(features),
                    "decoding": lambda heat=heat: decode(heat, sizes, offsets),
                },
                seconds=seconds,
            )
        rows[count] = {name: 1e3 * one.median for name, one in found.items()}
    report.sections["classes"] = rows
    print("\nCPU milliseconds of a map of 24 x 24, by the number of classes")
    print(
        table(
            ["", *map(str, COUNTS)],
            [
                [name, *(f"{rows[count][name]:.2f}" for count in COUNTS)]
                for name in ("codes", "decoding")
            ],
        )
    )


def _register(report: Report, seconds: float) -> None:
    detector = OnceDetector([f"class {i}" for i in range(CLASSES)]).eval()
    box = torch.tensor([[20.0, 20.0, 60.0, 62.0]])
    rows = {}
    for shots in (1, 5, 10):
        images = list(torch.rand(shots, 3, 96, 96))
        boxes = [box] * shots
        rivals = {"ours": lambda i=images, b=boxes: detector.register("mug", i, b, mode="replace")}
        rows[shots] = measure(rivals, seconds=seconds)["ours"]
    report.sections["register"] = {shots: one.as_data() for shots, one in rows.items()}
    print("\nCPU milliseconds to register a class, by its shots")
    print(table(["", *map(str, rows)], [["ours", *(f"{1e3 * one.median:.1f}" for one in rows.values())]]))  # fmt: skip

    def limit(one: Timing) -> Ratio:
        return ratio(Timing((REGISTER_BAR,) * len(one.seconds), 1), one)

    report.bars += [
        Bar(f"register from {shots} of 96 pixels", "10 ms, x ours", 1.0, limit(one))
        for shots, one in rows.items()
    ]


def _pictures(report: Report, seconds: float) -> None:
    detector = OnceDetector([f"class {i}" for i in range(CLASSES)]).eval()
    peer = fcos_resnet50_fpn(weights=None, weights_backbone=None, num_classes=CLASSES).eval()
    image = torch.rand(3, 512, 512)

    def theirs() -> object:
        with torch.inference_mode():
            return peer([image])

    peer.transform.min_size, peer.transform.max_size = (512,), 512
    rivals = {"ours": lambda: detector.detect([image]), "torchvision's FCOS": theirs}
    _case(report, "a picture of 512 pixels, small backbone", rivals, seconds, None)


def _case(report: Report, case: str, rivals: Any, seconds: float, bar: float | None) -> None:
    measured = measure(rivals, seconds=seconds, minimum_rounds=5)
    report.sections["cases"][case] = {name: one.as_data() for name, one in measured.items()}
    other = next(name for name in rivals if name != "ours")
    if bar is not None:
        report.bars.append(
            Bar(case, f"{other}, x ours", bar, ratio(measured[other], measured["ours"]))
        )
    print(f"\n{case}: CPU milliseconds")
    rows = [
        [name, f"{1e3 * one.median:.2f}", f"{one.median / measured['ours'].median:.2f}"]
        for name, one in measured.items()
    ]
    print(table(["", "median", "x ours"], rows))
