"""From a picture to a map of features, one for every four pixels: three networks with the same outside.

Each has an ``encoder``, whose last stage also reads the pictures of new classes, and ``channels``, the features of its map.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


def conv_bn(inputs: int, outputs: int, *, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    """Convolution, batch normalisation, rectifier."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Residual(nn.Module):
    """Two convolutions and a way around them (He et al. 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.first = conv_bn(inputs, outputs, stride=stride)
        self.second = nn.Sequential(
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs)
        )
        self.around: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.around = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(
        self, x: Float[Tensor, "batch inputs height width"]
    ) -> Float[Tensor, "batch outputs rows columns"]:
        """A map of half the height and width where the stride is 2."""
        return F.relu(self.second(self.first(x)) + self.around(x))


class SmallEncoder(nn.Module):
    """Four stages at strides 2, 4, 8 and 16; trains in minutes on a processor.

    Parameters
    ----------
    widths : tuple of int
        Channels of the stages.
    """

    def __init__(self, widths: tuple[int, int, int, int] = (16, 32, 64, 128)) -> None:
        super().__init__()
        self.widths, self.channels = widths, widths[-1]
        self.stem = conv_bn(3, widths[0], stride=2)
        self.stages = nn.ModuleList(Residual(one, two, 2) for one, two in pairwise(widths))

    def forward(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> list[Float[Tensor, "batch channels rows columns"]]:
        """The maps of all stages but the first, the finest first."""
        x, found = self.stem(images), []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found


class Pyramid(nn.Module):
    """An encoder whose coarse maps are brought back to a quarter of the picture's side, finer ones added on the way.

    Parameters
    ----------
    encoder : nn.Module
        Gives maps whose sides halve from one to the next, the finest first at stride 4; has ``widths``.
    channels : int
        Features of the map.
    """

    stride = 4
    multiple = 16

    def __init__(self, encoder: SmallEncoder, channels: int = 64) -> None:
        super().__init__()
        self.encoder, self.channels = encoder, channels
        self.lateral = nn.ModuleList(nn.Conv2d(one, channels, 1) for one in encoder.widths[1:])
        self.smooth = nn.ModuleList(conv_bn(channels, channels) for _ in encoder.widths[2:])

    def forward(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch channels rows columns"]:
        """Features at stride 4; height and width of the pictures are multiples of 16."""
        maps = [one(x) for one, x in zip(self.lateral, self.encoder(images), strict=True)]
        x = maps.pop()
        for smooth in self.smooth:
            larger = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = smooth(larger + maps.pop())
        return x


class ResNetEncoder(nn.Module):
    """torchvision's ResNet-50 up to its last stage, at stride 32.

    Parameters
    ----------
    width : int
        Inner channels of the first stage; 64 is ResNet-50, less is lighter.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        from torchvision.models.resnet import Bottleneck, ResNet

        network = ResNet(Bottleneck, [3, 4, 6, 3], width_per_group=width)
        self.channels = network.fc.in_features
        names = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")
        self.body = nn.Sequential(*(getattr(network, name) for name in names))

    def forward(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> list[Float[Tensor, "batch channels rows columns"]]:
        """The map of the last stage, alone in a list."""
        return [self.body(images)]


class UpResNet(nn.Module):
    """The paper's network: ResNet-50, and three transposed convolutions of 256 channels.

    Parameters
    ----------
    width : int
        As :class:`ResNetEncoder`.
    channels : int
    """

    stride = 4
    multiple = 32

    def __init__(self, width: int = 64, channels: int = 256) -> None:
        super().__init__()
        self.encoder, self.channels = ResNetEncoder(width), channels
        steps: list[nn.Module] = []
        inputs = self.encoder.channels
        for _ in range(3):
            steps += [
                nn.ConvTranspose2d(inputs, channels, 4, 2, 1, bias=False),
                nn.BatchNorm2d(channels),
                nn.ReLU(inplace=True),
            ]
            inputs = channels
        self.up = nn.Sequential(*steps)

    def forward(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch channels rows columns"]:
        """Features at stride 4; height and width of the pictures are multiples of 32."""
        return self.up(self.encoder(images)[-1])


class HourglassEncoder(nn.Module):
    """The stem and the falling half of an hourglass.

    Parameters
    ----------
    widths : tuple of int
        Channels at strides 4, 8, ...
    """

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        first = max(widths[0] // 2, 8)
        self.channels = widths[-1]
        self.stem = nn.Sequential(
            conv_bn(3, first, stride=2, kernel=7), Residual(first, widths[0], 2)
        )
        self.falls = nn.ModuleList(
            nn.Sequential(Residual(here, below, 2), Residual(below, below))
            for here, below in pairwise(widths)
        )

    def forward(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> list[Float[Tensor, "batch channels rows columns"]]:
        """The maps of all stages, the finest first."""
        found = [self.stem(images)]
        for fall in self.falls:
            found.append(fall(found[-1]))
        return found


class Hourglass(nn.Module):
    """CenterNet's larger network, one hourglass of it: down to a small map, and back up beside what stayed.

    Parameters
    ----------
    widths : tuple of int
        Channels at strides 4, 8, ...; CenterNet has (256, 256, 384, 384, 384, 512).
    """

    stride = 4

    def __init__(self, widths: tuple[int, ...] = (256, 256, 384, 384, 384, 512)) -> None:
        super().__init__()
        self.encoder = HourglassEncoder(widths)
        self.channels, self.multiple = widths[0], 4 * 2 ** (len(widths) - 1)
        self.stays = nn.ModuleList(
            nn.Sequential(Residual(one, one), Residual(one, one)) for one in widths
        )
        self.rises = nn.ModuleList(
            nn.Sequential(Residual(below, below), Residual(below, here))
            for here, below in pairwise(widths)
        )
        self.out = conv_bn(widths[0], widths[0])

    def forward(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch channels rows columns"]:
        """Features at stride 4; height and width of the pictures are multiples of ``multiple``."""
        kept = [stay(x) for stay, x in zip(self.stays, self.encoder(images), strict=True)]
        x = kept.pop()
        for rise in reversed(self.rises):
            x = kept.pop() + F.interpolate(rise(x), scale_factor=2.0, mode="nearest")
        return self.out(x)


BACKBONES: dict[str, Callable[..., nn.Module]] = {
    "small": lambda **options: Pyramid(SmallEncoder(), **options),
    "resnet50": UpResNet,
    "hourglass": Hourglass,
}


def make_backbone(name: str, **options: object) -> nn.Module:
    """A backbone by its name.

    Parameters
    ----------
    name : "small", "resnet50" or "hourglass"
    **options
        Of :class:`Pyramid` (``channels``), :class:`UpResNet` or :class:`Hourglass`.

    Returns
    -------
    nn.Module
        With ``stride``, ``multiple``, ``channels`` and ``encoder``.

    Raises
    ------
    ValueError
        If there is no such backbone.

    Examples
    --------
    >>> import torch
    >>> network = make_backbone("small")
    >>> tuple(network(torch.zeros(1, 3, 96, 64)).shape), sum(one.numel() for one in network.parameters())
    ((1, 64, 24, 16), 391376)
    """
    if name not in BACKBONES:
        raise ValueError(f"backbone must be one of {', '.join(BACKBONES)}; got {name!r}")
    return BACKBONES[name](**options)
