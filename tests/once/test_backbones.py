"""Three networks with the same outside."""

from __future__ import annotations

import pytest
import torch

from paper_lessons.once.backbones import make_backbone

SMALL = {
    "small": {},
    "resnet50": {"width": 8, "channels": 32},
    "hourglass": {"widths": (16, 16, 24)},
}


@pytest.mark.parametrize("name", SMALL)
def test_a_map_at_stride_four_and_an_encoder_that_reads_any_size(name):
    network = make_backbone(name, **SMALL[name]).eval()
    side = 2 * network.multiple
    with torch.inference_mode():
        found = network(torch.rand(2, 3, side, side + network.multiple))
        code = network.encoder(torch.rand(2, 3, 96, 96))[-1]
    assert found.shape == (2, network.channels, side // 4, (side + network.multiple) // 4)
    assert code.shape[:2] == (2, network.encoder.channels)
    assert network.stride == 4


@pytest.mark.parametrize("name", SMALL)
def test_every_parameter_learns_and_stands_once_in_the_state(name):
    network = make_backbone(name, **SMALL[name])
    network(torch.rand(2, 3, 2 * network.multiple, 2 * network.multiple)).square().sum().backward()
    silent = [key for key, one in network.named_parameters() if one.grad is None]
    assert silent == []
    places = [one.data_ptr() for one in network.parameters()]
    assert len(set(places)) == len(places)


def test_an_unknown_backbone_is_refused():
    with pytest.raises(ValueError, match="backbone must be one of small, resnet50, hourglass"):
        make_backbone("vgg")
