"""The chapter's figures: pictures with boxes, heat maps, and numbers written into cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from torch import Tensor

from paper_lessons import plotting

if TYPE_CHECKING:
    from matplotlib.axes import Axes


ROOM = 9  # pixels that a name needs above its box


def show_picture(image: Tensor, axes: Axes, *, title: str = "") -> None:
    """A picture without ticks.

    Parameters
    ----------
    image : UInt8[Tensor, "3 height width"]
    axes : matplotlib.axes.Axes
    title : str
    """
    axes.imshow(image.permute(1, 2, 0).numpy())
    axes.set_axis_off()
    if title:
        axes.set_title(title, fontsize="medium")


def show_boxes(
    boxes: Float[Tensor, "n 4"],
    axes: Axes,
    *,
    names: Sequence[str] = (),
    color: str | None = None,
    dashed: bool = False,
) -> None:
    """Boxes over a picture.

    Parameters
    ----------
    boxes : Float[Tensor, "n 4"]
        Left, top, right, bottom in pixels.
    axes : matplotlib.axes.Axes
    names : sequence of str
        What is written above each.
    color : str, optional
    dashed : bool
    """
    from matplotlib.patches import Rectangle

    color = color or plotting.COLORS["orange"]
    for number, (left, top, right, bottom) in enumerate(boxes.tolist()):
        # pixel 0 is drawn from -0.5 to 0.5
        axes.add_patch(
            Rectangle(
                (left - 0.5, top - 0.5), right - left, bottom - top,
                fill=False, edgecolor=color, linewidth=1.8, linestyle="--" if dashed else "-",
            )
        )  # fmt: skip
        if names:
            above = top >= ROOM
            axes.text(
                left, top - 2 if above else bottom + 2, names[number],
                color="white", fontsize="small", va="bottom" if above else "top",
                bbox={"facecolor": color, "edgecolor": "none", "pad": 1.5},
            )  # fmt: skip


def show_heat(
    heat: Float[Tensor, "rows columns"], axes: Axes, *, title: str = "", numbers: bool = False
) -> None:
    """A heat map, from 0 to 1.

    Parameters
    ----------
    heat : Float[Tensor, "rows columns"]
        Probabilities.
    axes : matplotlib.axes.Axes
    title : str
    numbers : bool
        Whether to write each cell's value into it.
    """
    values = heat.detach().numpy()
    axes.imshow(values, cmap="magma", vmin=0, vmax=1)
    axes.set_xticks([])
    axes.set_yticks([])
    if title:
        axes.set_title(title, fontsize="medium")
    if numbers:
        for (row, column), value in np.ndenumerate(values):
            if value >= 0.005:
                ink = "black" if value > 0.6 else "white"
                text = f"{value:.2f}".removeprefix("0")
                axes.text(column, row, text, ha="center", va="center", color=ink, fontsize="small")


def show_detections(
    image: Tensor, found: Mapping[str, Any], axes: Axes, *, title: str = ""
) -> None:
    """A picture with what a detector found in it; a box that several classes have is drawn once.

    Parameters
    ----------
    image : UInt8[Tensor, "3 height width"]
    found : mapping
        Of :meth:`~paper_lessons.once.OnceDetector.detect`.
    axes : matplotlib.axes.Axes
    title : str
    """
    show_picture(image, axes, title=title)
    told: dict[tuple[float, ...], list[str]] = {}
    for box, name, score in zip(
        found["boxes"].tolist(), found["names"], found["scores"].tolist(), strict=True
    ):
        told.setdefault(tuple(box), []).append(f"{name} {score:.2f}")
    boxes = Tensor(list(told)).reshape(-1, 4)
    show_boxes(boxes, axes, names=["  ".join(some) for some in told.values()])
