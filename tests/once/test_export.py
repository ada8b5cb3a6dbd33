"""The exported programs give the boxes of the detector."""

from __future__ import annotations

import pytest
import torch

from paper_lessons.once import OnceDetector, decode, export_onnx, export_program


def detector(backbone: str = "small", **options: object) -> OnceDetector:
    torch.manual_seed(0)
    made = OnceDetector(["cat", "dog"], backbone, **options).eval()
    made.register("mug", [torch.rand(3, 64, 64)], [torch.tensor([[8.0, 8.0, 40.0, 50.0]])])
    return made


def boxes(maps: tuple[torch.Tensor, ...]) -> list[dict]:
    return decode(*maps, threshold=0.05)


@pytest.mark.parametrize(
    ("backbone", "options"),
    [
        ("small", {}),
        ("small", {"class_specific_size": True}),
        ("resnet50", {"options": {"width": 8, "channels": 16}}),
        ("hourglass", {"options": {"widths": (8, 8, 12)}}),
    ],
)
def test_a_program_for_any_number_of_pictures(backbone, options):
    own = detector(backbone, **options)
    program = export_program(own, 64, 96).module()
    for count in (1, 3):
        images = own.prepare(list(torch.rand(count, 3, 64, 96)))
        with torch.inference_mode():
            expected = own(images)[1:]
            for one, two in zip(program(images), expected, strict=True):
                torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-4)


@pytest.mark.filterwarnings("ignore")
def test_onnx_finds_the_same_boxes(tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    own = detector()
    session = runtime.InferenceSession(
        str(export_onnx(own, tmp_path / "detector.onnx", 64, 96)),
        providers=["CPUExecutionProvider"],
    )
    images = own.prepare(list(torch.rand(3, 3, 64, 96)))
    maps = [torch.from_numpy(one) for one in session.run(None, {"images": images.numpy()})]
    with torch.inference_mode():
        expected = boxes(own(images)[1:])
    for one, two in zip(boxes(tuple(maps)), expected, strict=True):
        assert len(two["boxes"])
        assert torch.equal(one["labels"], two["labels"])
        torch.testing.assert_close(one["boxes"], two["boxes"], rtol=0, atol=1e-4)
        torch.testing.assert_close(one["scores"], two["scores"], rtol=0, atol=1e-4)


def test_what_is_wrong_is_said():
    with pytest.raises(ValueError, match="multiples of 16, got 60 and 96"):
        export_program(detector(), 60, 96)
    with pytest.raises(ValueError, match="must have a class"):
        export_program(OnceDetector(), 64, 64)
