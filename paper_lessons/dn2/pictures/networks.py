"""The networks themselves: EfficientNet-Lite0, written from its description, and a ResNet's trunk.

A network is a row of named steps, so that a caller can stop at the layer it needs.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, ClassVar

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

Steps = list[tuple[str, nn.Module]]

# Blocks, channels, kernel, stride, expansion of each stage.
_LITE0_STAGES = (
    (1, 16, 3, 1, 1),
    (2, 24, 3, 2, 6),
    (2, 40, 5, 2, 6),
    (3, 80, 3, 2, 6),
    (3, 112, 5, 1, 6),
    (4, 192, 5, 2, 6),
    (1, 320, 3, 1, 6),
)


def fold_batch_norms(module: nn.Module) -> nn.Module:
    """Multiply each batch normalisation into the convolution before it, in place.

    For networks that register a normalisation right after its convolution, as the ones here do. Two
    layers become one: a sixth faster, and the same up to rounding.

    Parameters
    ----------
    module : torch.nn.Module
        In evaluation mode.

    Returns
    -------
    torch.nn.Module
        The same module.

    Examples
    --------
    >>> network = nn.Sequential(nn.Conv2d(3, 4, 1, bias=False), nn.BatchNorm2d(4)).eval()
    >>> fold_batch_norms(network)[1]
    Identity()
    """
    for parent in module.modules():
        children = list(parent.named_children())
        for (first, conv), (second, norm) in pairwise(children):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(parent, first, fuse_conv_bn_eval(conv, norm))
                setattr(parent, second, nn.Identity())
    return module


class SameConv2d(nn.Conv2d):
    """A convolution padded as TensorFlow pads: with stride 2, less on the left and top than opposite."""

    def forward(self, input: Float[Tensor, "batch channels height width"]) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        if stride == 1:
            padding = kernel // 2
        else:
            padding = 0
            down, right = (_total_padding(side, kernel, stride) for side in input.shape[-2:])
            # (left, right, top, bottom); a symmetric padding shifts every map by half a pixel.
            sides = (right // 2, right - right // 2, down // 2, down - down // 2)
            input = F.pad(input, sides)
        return F.conv2d(input, self.weight, self.bias, stride, padding, 1, self.groups)


class InvertedResidual(nn.Module):
    """Widen, filter each channel on its own, narrow; added to its input where shapes allow."""

    def __init__(
        self, channels: int, out_channels: int, kernel: int, stride: int, expansion: int
    ) -> None:
        super().__init__()
        wide = channels * expansion
        self.expand = _convolution(channels, wide, 1, 1) if expansion > 1 else nn.Identity()
        self.depthwise = _convolution(wide, wide, kernel, stride, groups=wide)
        self.project = _convolution(wide, out_channels, 1, 1, activate=False)
        self.residual = stride == 1 and channels == out_channels

    def forward(self, input: Float[Tensor, "batch channels height width"]) -> Tensor:
        output = self.project(self.depthwise(self.expand(input)))
        return output + input if self.residual else output


class Stepped(nn.Module):
    """A network that is a row of steps; a subclass lists them, and other names of theirs."""

    aliases: ClassVar[dict[str, str]] = {}

    def steps(self) -> Steps:
        """Names and parts in order; a part is called with what the one before it gave."""
        raise NotImplementedError


class EfficientNetLite0(Stepped):
    """EfficientNet-Lite0: 4.65 million parameters, 0.39 billion multiplications at 224 pixels.

    Parameters
    ----------
    classes : int
        Outputs of the last layer.

    Notes
    -----
    Wants pixels with mean and deviation 0.5. Source: Tan, Le 2019, EfficientNet (arXiv 1905.11946).

    Examples
    --------
    >>> import torch
    >>> EfficientNetLite0().eval()(torch.zeros(1, 3, 32, 32)).shape
    torch.Size([1, 1000])
    """

    aliases: ClassVar[dict[str, str]] = {"stage": "stage7"}

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.stem = _convolution(3, 32, 3, 2)
        stages, channels = [], 32
        for blocks, width, kernel, stride, expansion in _LITE0_STAGES:
            row = []
            for index in range(blocks):
                step = stride if index == 0 else 1
                row.append(InvertedResidual(channels, width, kernel, step, expansion))
                channels = width
            stages.append(nn.Sequential(*row))
        self.stages = nn.ModuleList(stages)
        self.head = _convolution(channels, 1280, 1, 1)
        self.classifier = nn.Linear(1280, classes)

    def steps(self) -> Steps:
        """The parts in order; the feature ``"pool"`` is the mean of the last one's map."""
        stages = [(f"stage{number}", stage) for number, stage in enumerate(self.stages, 1)]
        return [("stem", self.stem), *stages, ("pool", self.head)]

    def forward(
        self, pixels: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch classes"]:
        for _, step in self.steps():
            pixels = step(pixels)
        return self.classifier(pixels.mean((2, 3)))


class ResNetTrunk(Stepped):
    """A torchvision ResNet without its last layer.

    Parameters
    ----------
    resnet : torch.nn.Module
        From :mod:`torchvision.models`.
    """

    aliases: ClassVar[dict[str, str]] = {"stage": "stage4", "pool": "stage4"}

    def __init__(self, resnet: Any) -> None:
        super().__init__()
        self.stem = nn.Sequential(resnet.conv1, resnet.bn1, resnet.relu, resnet.maxpool)
        self.stages = nn.ModuleList([resnet.layer1, resnet.layer2, resnet.layer3, resnet.layer4])

    def steps(self) -> Steps:
        """The parts in order; the feature ``"pool"`` is the mean of the last stage's map."""
        stages = [(f"stage{number}", stage) for number, stage in enumerate(self.stages, 1)]
        return [("stem", self.stem), *stages]

    def forward(self, pixels: Float[Tensor, "batch 3 height width"]) -> Tensor:
        for _, step in self.steps():
            pixels = step(pixels)
        return pixels.mean((2, 3))  # (batch, channels, height, width) -> (batch, channels)


def _convolution(
    channels: int, out: int, kernel: int, stride: int, *, groups: int = 1, activate: bool = True
) -> nn.Sequential:
    conv = SameConv2d(channels, out, kernel, stride, groups=groups, bias=False)
    layers: list[nn.Module] = [conv, nn.BatchNorm2d(out, eps=1e-3)]
    return nn.Sequential(*layers, nn.ReLU6(inplace=True)) if activate else nn.Sequential(*layers)


def _total_padding(side: int, kernel: int, stride: int) -> int:
    return max((-(-side // stride) - 1) * stride + kernel - side, 0)
