"""Small versions of the experiments: the same numbers twice, and all that a page wants."""

from __future__ import annotations

import json

import pytest
import torch
from typer.testing import CliRunner

from paper_lessons.maxup import texts
from paper_lessons.maxup.commands import app
from paper_lessons.maxup.experiments import gaussian, language
from paper_lessons.maxup.networks import SmallConvNet

SMALL = {
    gaussian: {"steps": 6, "tested": 8, "examples": 40, "copies": 20},
    language: {"steps": 6, "read": 600, "tested": 400},
}


@pytest.mark.parametrize("experiment", SMALL)
def test_it_gives_the_same_numbers_twice(experiment):
    found, again = (experiment.run(seeds=(0, 1), **SMALL[experiment]) for _ in range(2))
    assert found == again
    assert list(found["arms"]) == [
        "none",
        "augmented",
        "equal compute",
        "averaged",
        "maxup",
        "more noise",
    ]
    assert set(found["against"]["nll"]) == set(found["arms"]) - {"maxup"}
    json.dumps(found, allow_nan=False)


def test_windows_are_followed_by_their_character():
    text = torch.arange(14)
    inputs, targets = texts.windows(text, 10)
    assert inputs[0].tolist() == list(range(10))
    assert targets.tolist() == [10, 11, 12, 13]
    assert len(inputs) == 4


def test_the_help_texts_can_be_read_back():
    text, characters = texts.help_texts()
    assert len(text) > 400_000
    assert (
        "".join(characters[i] for i in text[:200]).isprintable() is False
    )  # there are line breaks


@pytest.mark.parametrize("name", ["gaussian", "language"])
def test_a_command_shows_a_row_for_each_way(name, tmp_path):
    given = [name, "--quiet", "--plot", str(tmp_path / "a.svg")]
    done = CliRunner().invoke(app, given, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    for arm in ("none", "equal compute", "averaged", "maxup"):
        assert any(line.startswith(arm) for line in done.output.splitlines())
    assert (tmp_path / "a.svg").is_file()


def test_a_convolutional_network_takes_other_sizes():
    assert SmallConvNet(3, 5, width=4)(torch.rand(2, 3, 32, 20)).shape == (2, 5)


@pytest.mark.slow
def test_worst_copies_shorten_the_gradient_and_widen_the_radius():
    found = gaussian.run(seeds=range(4))["against"]
    assert found["radius"]["augmented"]["wins"] == 4
    assert found["gradient"]["augmented"]["wins"] == 0
    assert found["nll"]["averaged"]["difference"] < 0
