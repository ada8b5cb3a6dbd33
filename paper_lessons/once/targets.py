"""What the heat map ought to be: a peak of 1 at the centre of every object, falling off around it.

Source: CenterNet, on which the paper stands. Targets are kept as a list of touched cells: of a map with 80 classes hardly any
cell is touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from paper_lessons.once.boxes import check_boxes

RadiusKind = Literal["centernet", "exact"]


def gaussian_radius(
    height: Float[Tensor, " *n"],
    width: Float[Tensor, " *n"],
    *,
    min_overlap: float = 0.7,
    kind: RadiusKind = "centernet",
) -> Float[Tensor, " *n"]:
    """How far a corner may move so that the box still overlaps the true one well.

    Parameters
    ----------
    height, width : Float[Tensor, "*n"]
        Of boxes, in cells, above 0.
    min_overlap : float
        Intersection over union that is well enough.
    kind : "centernet" or "exact"
        The public code solves the three quadratic equations with a slip that gives about 3.3 times the radius; models are
        trained with it. "exact" solves them.

    Returns
    -------
    Float[Tensor, "*n"]

    Raises
    ------
    ValueError
        If the kind is neither, or the overlap is not between 0 and 1.

    Examples
    --------
    >>> ten = torch.tensor([10.0])
    >>> [round(gaussian_radius(ten, ten, kind=kind).item(), 4) for kind in ("centernet", "exact")]
    [2.7332, 0.8167]
    """
    if kind not in ("centernet", "exact"):
        raise ValueError(f"kind must be 'centernet' or 'exact', got {kind!r}")
    if not 0 < min_overlap < 1:
        raise ValueError(f"min_overlap must lie between 0 and 1, got {min_overlap}")
    around, area = height + width, height * width
    # (a, b, c, sign): one corner in and one out; both within the box; both outside of it
    cases = (
        (1.0, around, area * (1 - min_overlap) / (1 + min_overlap), -1.0),
        (4.0, 2 * around, area * (1 - min_overlap), -1.0),
        (4 * min_overlap, -2 * min_overlap * around, -area * (1 - min_overlap), 1.0),
    )
    found = []
    for a, b, c, sign in cases:
        root = (b**2 - 4 * a * c).clamp(min=0).sqrt()
        if kind == "exact":
            found.append((b + sign * root) / (2 * a))
        else:
            found.append((b + root) / 2)
    return torch.stack(found).amin(0)


@dataclass
class Targets:
    """Targets of a batch of pictures.

    Attributes
    ----------
    cells : Int[Tensor, "touched"]
        Cells of the flat map ``(batch, classes, height, width)``, each once, ascending.
    values : Float[Tensor, "touched"]
        What the map ought to be there; 0 elsewhere.
    positive : Bool[Tensor, "touched"]
        Which cells are centres. Cells within crowds have the value 1 and are none: no loss counts them.
    picture, label, row, column : Int[Tensor, "objects"]
        Where each object's centre lies.
    sizes, offsets : Float[Tensor, "objects 2"]
        Width and height in cells; how far right and below the cell's corner the centre lies.
    shape : tuple of int
        ``(batch, classes, height, width)``.
    """

    cells: Int[Tensor, " touched"]
    values: Float[Tensor, " touched"]
    positive: Bool[Tensor, " touched"]
    picture: Int[Tensor, " objects"]
    label: Int[Tensor, " objects"]
    row: Int[Tensor, " objects"]
    column: Int[Tensor, " objects"]
    sizes: Float[Tensor, "objects 2"]
    offsets: Float[Tensor, "objects 2"]
    shape: tuple[int, int, int, int]

    def dense(self) -> Float[Tensor, "batch classes height width"]:
        """The whole map."""
        batch, classes, height, width = self.shape
        flat = self.values.new_zeros(batch * classes * height * width)
        flat[self.cells] = self.values
        return flat.view(self.shape)

    def to(self, device: torch.device | str) -> Targets:
        """The same on another device."""
        tensors = {name: one.to(device) for name, one in vars(self).items() if name != "shape"}
        return Targets(**tensors, shape=self.shape)

    @property
    def hidden(self) -> int:
        """Objects that share the centre's cell and the class of another one: the map cannot show them."""
        return len(self.picture) - int(self.positive.sum())


def splat_targets(
    boxes: Sequence[Float[Tensor, "n 4"]],
    labels: Sequence[Int[Tensor, " n"]],
    *,
    classes: int,
    height: int,
    width: int,
    stride: int = 4,
    radius: RadiusKind = "centernet",
    crowd: Sequence[Bool[Tensor, " n"]] | None = None,
) -> Targets:
    """Targets of the objects in a batch of pictures.

    Parameters
    ----------
    boxes : sequence of Float[Tensor, "n 4"]
        For each picture, left, top, right, bottom in pixels. What lies outside the map is cut off; what is left without
        area counts as absent.
    labels : sequence of Int[Tensor, "n"]
        Classes, from 0.
    classes, height, width : int
        Of the map.
    stride : int
        Pixels of a cell.
    radius : "centernet" or "exact"
        As :func:`gaussian_radius`.
    crowd : sequence of Bool[Tensor, "n"], optional
        Which boxes hold a crowd: their cells are left out of the loss.

    Returns
    -------
    Targets

    Raises
    ------
    ValueError
        If boxes are no boxes, or a label is not below ``classes``.

    Examples
    --------
    >>> one = splat_targets([torch.tensor([[4.0, 4.0, 12.0, 12.0]])], [torch.tensor([0])], classes=1, height=4, width=4)
    >>> one.row.item(), one.column.item(), one.dense().max().item()
    (2, 2, 1.0)
    """
    for number, (some, kinds) in enumerate(zip(boxes, labels, strict=True)):
        check_boxes(some, f"boxes[{number}]")
        if len(kinds) and not 0 <= int(kinds.min()) <= int(kinds.max()) < classes:
            raise ValueError(
                f"labels[{number}] must lie in 0, ..., {classes - 1}, got {kinds.tolist()}"
            )
    device = boxes[0].device if len(boxes) else torch.device("cpu")
    counts = torch.tensor([len(one) for one in boxes], device=device)
    picture = torch.repeat_interleave(torch.arange(len(boxes), device=device), counts)
    limits = torch.tensor([width, height, width, height], dtype=torch.float32, device=device)
    joined = (
        torch.cat([one.reshape(-1, 4) for one in boxes]).float() if len(boxes) else limits[None][:0]
    )
    cut = torch.minimum((joined / stride).clamp(min=0), limits)  # (objects, 4), in cells
    label = torch.cat(list(labels)).long() if len(boxes) else picture
    crowded = torch.zeros_like(label, dtype=torch.bool)
    if crowd is not None:
        crowded = torch.cat(list(crowd)).to(device)
    real = (cut[:, 2] > cut[:, 0]) & (cut[:, 3] > cut[:, 1])
    shape = (len(boxes), classes, height, width)
    ignored = _inside(cut[real & crowded], picture[real & crowded], label[real & crowded], shape)
    kept = real & ~crowded
    cut, picture, label = cut[kept], picture[kept], label[kept]
    size = torch.stack([cut[:, 2] - cut[:, 0], cut[:, 3] - cut[:, 1]], 1)
    centre = (cut[:, :2] + cut[:, 2:]) / 2
    # a centre on the right or lower border belongs to the last cell
    cell = torch.minimum(centre.floor(), limits[:2] - 1)
    far = gaussian_radius(size[:, 1].ceil(), size[:, 0].ceil(), kind=radius).floor().clamp(min=0)
    cells, values = _bumps(picture, label, cell.long(), far, shape)
    column, row = cell.long().T
    centres = ((picture * classes + label) * height + row) * width + column
    return Targets(
        *_merged(cells, values, centres, ignored),
        picture, label, row, column, size, centre - cell, shape,
    )  # fmt: skip


def _bumps(picture, label, cell, far, shape) -> tuple[Tensor, Tensor]:
    """Every object's bump, cell by cell; cells may come several times."""
    _, classes, height, width = shape
    reach = int(far.max()) if len(far) else 0
    step = torch.arange(-reach, reach + 1, device=far.device)
    distance = (step[:, None] ** 2 + step[None] ** 2).float()
    sigma = (2 * far + 1) / 6
    rows = cell[:, 1, None, None] + step[None, :, None]  # (objects, rows, 1)
    columns = cell[:, 0, None, None] + step[None, None, :]
    within = torch.maximum(step.abs()[:, None], step.abs()[None])[None] <= far[:, None, None]
    within = within & (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    values = torch.exp(-distance[None] / (2 * sigma[:, None, None] ** 2))
    flat = ((picture * classes + label)[:, None, None] * height + rows) * width + columns
    return flat[within], values[within]


def _merged(cells, values, centres, ignored) -> tuple[Tensor, Tensor, Tensor]:
    """Each cell once, with its largest value; whether it is a centre."""
    both = torch.cat([cells, ignored])
    unique, place = torch.unique(both, return_inverse=True)
    top = values.new_zeros(len(unique))
    top.scatter_reduce_(0, place, torch.cat([values, values.new_ones(len(ignored))]), "amax")
    positive = torch.isin(unique, centres)
    return unique, top, positive


def _inside(cut, picture, label, shape) -> Tensor:
    """Cells of crowds."""
    _, classes, height, width = shape
    found = [picture.new_zeros(0)]
    for (left, top, right, bottom), at, kind in zip(cut, picture, label, strict=True):
        rows = torch.arange(int(top.floor()), int(bottom.ceil()), device=cut.device)
        columns = torch.arange(int(left.floor()), int(right.ceil()), device=cut.device)
        base = (at * classes + kind) * height
        found.append(((base + rows[:, None]) * width + columns[None]).reshape(-1))
    return torch.cat(found)
