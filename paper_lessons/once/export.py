"""The detector as a program for other runtimes: from a normalised picture to its maps, with the classes of the moment."""

from __future__ import annotations

import copy
from importlib.util import find_spec
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from paper_lessons.once.detector import OnceDetector


class Maps(nn.Module):
    """Features, heat maps, sizes and offsets of a detector whose classes no longer change.

    Parameters
    ----------
    detector : OnceDetector
    """

    def __init__(self, detector: OnceDetector) -> None:
        super().__init__()
        self.backbone = copy.deepcopy(detector.backbone).eval()
        self.boxes = copy.deepcopy(detector.boxes).eval()
        self.bank = copy.deepcopy(detector.bank)

    def forward(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """As :meth:`~paper_lessons.once.OnceDetector.forward`, without the features: heat, sizes, offsets."""
        features = self.backbone(images)
        heat, own = self.bank(features)
        maps = self.boxes(features)
        return heat, maps[:, :2] if own is None else own, maps[:, 2:]


def export_program(detector: OnceDetector, height: int, width: int) -> torch.export.ExportedProgram:
    """The maps as a program of ``torch.export``, for any number of pictures of one size.

    Parameters
    ----------
    detector : OnceDetector
        With at least one class.
    height, width : int
        Of a prepared picture: multiples of the backbone's ``multiple``.

    Returns
    -------
    torch.export.ExportedProgram
        :func:`~paper_lessons.once.decode` reads its outputs.

    Raises
    ------
    ValueError
        If the sizes are no such multiples, or there are no classes.
    """
    multiple = int(detector.backbone.multiple)  # type: ignore[arg-type]
    if height % multiple or width % multiple or min(height, width) < 1:
        raise ValueError(
            f"height and width must be multiples of {multiple}, got {height} and {width}"
        )
    if not detector.classes:
        raise ValueError("the detector must have a class, it has none")
    example = torch.zeros(2, 3, height, width, device=detector.device)
    many = torch.export.Dim("pictures", min=1, max=1024)
    return torch.export.export(Maps(detector), (example,), dynamic_shapes=({0: many},))


def export_onnx(detector: OnceDetector, path: str | Path, height: int, width: int) -> Path:
    """The same as an ONNX file, with inputs ``images`` and outputs ``heat``, ``sizes``, ``offsets``.

    Parameters
    ----------
    detector : OnceDetector
    path : str or Path
    height, width : int
        As :func:`export_program`.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    ValueError
        As :func:`export_program`.
    ModuleNotFoundError
        If onnxscript is not installed.
    """
    program = export_program(detector, height, width)
    if find_spec("onnxscript") is None:
        raise ModuleNotFoundError('ONNX needs onnxscript: pip install "paper-lessons[onnx]"')
    written = torch.onnx.export(
        program,
        input_names=["images"],
        output_names=["heat", "sizes", "offsets"],
        dynamo=True,
        verbose=False,
    )
    assert written is not None
    written.save(str(path))
    return Path(path)
