"""A network that writes the weights of another: from pictures of a class to its code.

Two of them. The paper's reads crops with an encoder of its own, which starts as a copy of the detector's. The other reads the
detector's own feature at the centre of the box; it is ours, and needs no second encoder.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.ops import roi_align

CONTEXT = 0.12  # of a box's side, added on each side of it
CROP = 48
RARE = -2.19  # first bias of a class: one cell in ten would be a peak
SHARPNESS, MIDDLE = 20.0, 0.8  # of a cosine, before any training
SHORTEST = 8.0  # pixels of a support box's side


def support_crops(
    images: Sequence[Float[Tensor, "3 _ _"]],
    boxes: Sequence[Float[Tensor, "k 4"]],
    *,
    size: int = CROP,
    context: float = CONTEXT,
) -> Float[Tensor, "shots 3 size size"]:
    """What lies in boxes and a little around them, each brought to the same size.

    Parameters
    ----------
    images : sequence of Float[Tensor, "3 height width"]
        Normalised as the detector reads them; sizes may differ.
    boxes : sequence of Float[Tensor, "k 4"]
        Left, top, right, bottom in pixels, of each picture.
    size : int
        Pixels of a side of a crop; proportions are not kept.
    context : float
        Share of the box's side that is added on each side.

    Returns
    -------
    Float[Tensor, "shots 3 size size"]

    Examples
    --------
    >>> tuple(support_crops([torch.rand(3, 96, 80)], [torch.tensor([[10.0, 10.0, 40.0, 30.0]])]).shape)
    (1, 3, 48, 48)
    """
    crops = []
    for image, some in zip(images, boxes, strict=True):
        margin = context * (some[:, 2:] - some[:, :2])
        wide = torch.cat([some[:, :2] - margin, some[:, 2:] + margin], 1).to(image)
        crops.append(roi_align(image[None], [wide], size, 1.0, 2, True))
    return torch.cat(crops)


class _Cosine(nn.Module):
    """Gives the weights of codes one length, and one bias: what remains is their direction.

    Parameters
    ----------
    features : int
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.features = features
        self.sharpness = nn.Parameter(torch.tensor(SHARPNESS))
        self.middle = nn.Parameter(torch.tensor(MIDDLE))

    def forward(self, codes: Float[Tensor, "shots length"]) -> Float[Tensor, "shots length"]:
        """Codes whose heat is ``sigmoid(sharpness * (cosine - middle))``."""
        direction = nn.functional.normalize(codes[:, : self.features], dim=1)
        bias = (-self.sharpness * self.middle).expand(len(codes), 1)
        return torch.cat([self.sharpness * direction, codes[:, self.features : -1], bias], 1)


class CropEncoder(nn.Module):
    """The paper's generator: an encoder, the mean over its last map, one linear layer.

    Parameters
    ----------
    encoder : nn.Module
        The detector's; it is copied, with its weights.
    length : int
        Of a code.
    features : int, optional
        Channels of the map that codes read as cosines; without it they read it as it is, as in the paper.
    """

    def __init__(self, encoder: nn.Module, length: int, features: int | None = None) -> None:
        super().__init__()
        self.encoder = copy.deepcopy(encoder)
        self.linear = nn.Linear(int(encoder.channels), length)  # type: ignore[arg-type]
        nn.init.constant_(self.linear.bias[-1:], RARE)
        self.shape: nn.Module = nn.Identity() if features is None else _Cosine(features)

    def forward(self, crops: Float[Tensor, "shots 3 size size"]) -> Float[Tensor, "shots length"]:
        """A code for every crop; a class's is the mean over its shots.

        Parameters
        ----------
        crops : Float[Tensor, "shots 3 size size"]

        Returns
        -------
        Float[Tensor, "shots length"]
        """
        return self.shape(self.linear(self.encoder(crops)[-1].mean((2, 3))))


class CentreEncoder(nn.Module):
    """From the detector's feature at the centre of a box to a code, by two linear layers.

    Parameters
    ----------
    features : int
        Channels of the detector's map.
    length : int
        Of a code.
    cosine : bool
        Whether codes read features of length 1. Then the untrained encoder gives the feature itself: the mean over some
        shots is a prototype (Snell et al. 2017).
    """

    def __init__(self, features: int, length: int, cosine: bool = False) -> None:
        super().__init__()
        self.straight = nn.Linear(features, length)
        self.bent = nn.Sequential(
            nn.Linear(features, 2 * features),
            nn.ReLU(inplace=True),
            nn.Linear(2 * features, length),
        )
        self.cosine = cosine
        self.shape: nn.Module = _Cosine(features) if cosine else nn.Identity()
        with torch.no_grad():
            nn.init.constant_(self.straight.bias[-1:], RARE)
            if cosine:
                self.straight.weight.copy_(torch.eye(length, features))
                for one in (self.straight.bias, *self.bent[2].parameters()):
                    one.zero_()

    def forward(self, features: Float[Tensor, "shots features"]) -> Float[Tensor, "shots length"]:
        """A code for every feature; a class's is the mean over its shots.

        Parameters
        ----------
        features : Float[Tensor, "shots features"]

        Returns
        -------
        Float[Tensor, "shots length"]
        """
        if self.cosine:
            features = nn.functional.normalize(features, dim=1)
        return self.shape(self.straight(features) + self.bent(features))


def centre_features(
    maps: Float[Tensor, "pictures features height width"],
    boxes: Sequence[Float[Tensor, "k 4"]],
    stride: int,
) -> Float[Tensor, "shots features"]:
    """The map's feature at the centre of every box, between cells.

    Parameters
    ----------
    maps : Float[Tensor, "pictures features height width"]
    boxes : sequence of Float[Tensor, "k 4"]
        In pixels, of each picture.
    stride : int
        Pixels of a cell.

    Returns
    -------
    Float[Tensor, "shots features"]

    Examples
    --------
    >>> rising = torch.arange(4.0).expand(1, 1, 4, 4)
    >>> centre_features(rising, [torch.tensor([[4.0, 4.0, 12.0, 12.0]])], stride=4).item()
    1.5
    """
    found = []
    for one, some in zip(maps, boxes, strict=True):
        middle = (some[:, :2] + some[:, 2:]) / 2 / stride  # in cells
        limits = middle.new_tensor([one.shape[2], one.shape[1]])
        spot = (2 * middle / limits - 1).to(one)  # -1 and 1 are the map's edges
        taken = nn.functional.grid_sample(
            one[None], spot[None, None], align_corners=False, padding_mode="border"
        )
        found.append(taken[0, :, 0].T)
    return torch.cat(found)
