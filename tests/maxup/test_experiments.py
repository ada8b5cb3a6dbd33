"""Small versions of the experiments: the same numbers twice, and all that a page wants."""

from __future__ import annotations

import json
from importlib import import_module

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from paper_lessons.datasets.images import ImageSet, digits
from paper_lessons.maxup.commands import app
from paper_lessons.maxup.experiments import classify, gaussian, images, sentences, theorem
from paper_lessons.maxup.networks import SmallConvNet

WAYS = ["none", "augmented", "equal compute", "averaged", "maxup"]
SMALL = {
    "gaussian": {"steps": 6, "tested": 8, "examples": 40, "copies": 20},
    "language": {"steps": 6, "read": 600, "tested": 400},
    "digits": {"steps": 6, "examples": 40, "tested": 20},
    "unlabelled": {"steps": 6, "examples": 100, "tested": 20},
    "transfer": {"steps": 6, "examples": 60},
}


def experiment(name):
    return import_module(f"paper_lessons.maxup.experiments.{name}")


@pytest.fixture
def folder(tmp_path):
    """Dark and bright pictures of several sizes, in a folder for each class."""
    draw = np.random.default_rng(0)
    for name, low in (("dark", 0), ("bright", 150)):
        (tmp_path / "own" / name).mkdir(parents=True)
        for number in range(12):
            pixels = draw.integers(low, low + 100, (20 + number, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "own" / name / f"{number}.png")
    return tmp_path / "own"


@pytest.mark.parametrize("name", SMALL)
def test_it_gives_the_same_numbers_twice(name):
    found, again = (experiment(name).run(seeds=(0, 1), **SMALL[name]) for _ in range(2))
    assert found == again
    more = ["more noise"] if name in ("gaussian", "language") else []
    assert list(found["arms"]) == WAYS + more
    measure = "accuracy" if name == "transfer" else "nll"
    assert set(found["against"][measure]) == set(found["arms"]) - {"maxup"}
    json.dumps(found, allow_nan=False)


def test_other_numbers_of_copies_have_their_own_control():
    found = experiment("mnist").run(
        seeds=(0,), augmentations=("cutmix",), more=(2,), examples=50, tested=50, steps=3, width=2
    )["cutmix"]
    assert list(found["arms"]) == [*WAYS, "equal compute, m = 2", "maxup, m = 2", "maxup, excess"]
    assert not found["against"]  # one seed is no pair
    runs = {name: one["runs"][0]["nll"] for name, one in found["arms"].items()}
    assert len(set(runs.values())) == len(runs)


def test_parts_are_of_all_classes_and_do_not_overlap():
    known, new = classify.split(digits(), 0, 300, 400)
    assert (len(known), len(new)) == (300, 400)
    assert not set(known.tolist()) & set(new.tolist())
    counts = digits().labels[known].bincount()
    assert counts.min() >= 28


@pytest.mark.parametrize("tested", [8, 20])
def test_a_set_keeps_its_own_test_part(tested):
    labels = torch.arange(60) % 2
    data = ImageSet("own", torch.zeros(60, 1, 4, 4), labels, ("a", "b"), test_from=40)
    known, new = classify.split(data, 0, 10, tested)
    assert known.max() < 40 <= new.min()
    assert (len(known), len(new)) == (10, tested)


def test_arrays_of_a_file(tmp_path):
    file = tmp_path / "some.npz"
    pixels = np.arange(6 * 48, dtype=np.uint8).reshape(6, 4, 4, 3)
    np.savez(file, x_train=pixels[:4], y_train=[0, 1, 0, 1], x_test=pixels[4:], y_test=[1, 0])
    found = classify.read("arrays", str(file))
    assert found.images.shape == (6, 3, 4, 4)
    assert found.test_from == 4
    assert found.images[1, 2, 0, 3] == pytest.approx(pixels[1, 0, 3, 2] / 255)
    with pytest.raises(ValueError, match="data must be one of digits"):
        classify.read("letters")


def test_the_theorem_holds_where_noise_is_small():
    found = theorem.run(seeds=(0, 1), copies=(4,), sigmas=(0.02,), draws=1500)["rows"]
    for row in found:
        assert np.mean(row["ratio"]) == pytest.approx(1, abs=0.03)
    lines = theorem.run(seeds=(0,), copies=(4,), sigmas=(0.4, 0.02), draws=100)["rows"][2:]
    # of linear losses the noise's size does not matter
    assert lines[0]["ratio"][0] == pytest.approx(lines[1]["ratio"][0], rel=1e-4)


def test_sentences_are_tuned(tmp_path):
    rows = [
        {"tokens": ["He", word, "her", "."], "relations": [{"type": kind}]}
        for word, kind in [("shot", "Kill"), ("employs", "Work_For")]
        for _ in range(8)
    ]
    path = tmp_path / "own.json"
    path.write_text(json.dumps(rows))
    found = sentences.run(
        path=str(path), seeds=(0,), examples=8, tested=8, steps=4, words=8, sigma=0.1
    )
    assert found["arms"]["augmented"]["mean"]["nll"] < 0.69
    assert "path" not in found["settings"]


def test_an_encoder_that_is_nowhere(tmp_path):
    path = tmp_path / "own.json"
    path.write_text(json.dumps([{"tokens": ["a"], "relations": [{"type": "b"}]}]))
    with pytest.raises(OSError, match="or take 'minilm', which needs no connection"):
        sentences.run(path=str(path), encoder=str(tmp_path / "none"), seeds=(0,))


def test_own_pictures_get_a_recommendation(folder):
    found = images.run(root=str(folder), seeds=(0, 1), steps=8, side=16, width=4)
    assert found["classes"] == ["bright", "dark"]
    assert found["take"] in WAYS
    assert found["because"].endswith(".")
    assert found["settings"]["examples"] == 18
    json.dumps(found, allow_nan=False)


def test_what_is_wrong_with_own_pictures_is_said(folder, tmp_path):
    (folder / "dark" / "0.png").write_text("no picture")
    with pytest.raises(ValueError, match=r"cannot read the picture .*0\.png"):
        images.run(root=str(folder), seeds=(0, 1))
    for number in range(9):
        (folder / "bright" / f"{number}.png").unlink()
    (folder / "dark" / "0.png").unlink()
    classify.read.cache_clear()
    with pytest.raises(ValueError, match="got 3 of bright, 11 of dark"):
        images.run(root=str(folder), seeds=(0, 1))


def called(*given):
    return CliRunner().invoke(app, [*given], catch_exceptions=False)


@pytest.mark.parametrize("name", ["gaussian", "language", "digits", "unlabelled", "transfer"])
def test_a_command_shows_a_row_for_each_way(name, tmp_path):
    done = called(name, "--quiet", "--plot", str(tmp_path / "a.svg"))
    assert done.exit_code == 0, done.output
    for arm in WAYS:
        assert any(line.startswith(arm) for line in done.output.splitlines())
    assert (tmp_path / "a.svg").is_file()


def test_commands_on_own_files(folder, tmp_path):
    done = called("images", str(folder), "--splits", "2", "--steps", "4", "--quiet")
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-1].startswith("Take ")
    done = called("theorem", "--quiet", "--plot", str(tmp_path / "a.svg"))
    assert "network" in done.output
    assert "linear" in done.output


def test_what_is_not_there_is_said_in_a_sentence(tmp_path):
    with pytest.raises(ValueError, match=r"CIFAR-10 is not in .*--download"):
        called("cifar", str(tmp_path))
    with pytest.raises(ValueError, match=r"WikiText-2 is not in .*--download"):
        called("language", "--wikitext", str(tmp_path))
    with pytest.raises(ValueError, match="there is no file"):
        called("sentences", str(tmp_path / "none.json"))


def test_real_photographs(test_data):
    file = test_data / "cifar10_subset" / "cifar10_500x10_200x10.npz"
    done = called("cifar", str(file), "--quiet")
    assert done.exit_code == 0, done.output
    assert any(line.startswith("maxup") for line in done.output.splitlines())


def test_a_convolutional_network_takes_other_sizes():
    assert SmallConvNet(3, 5, width=4)(torch.rand(2, 3, 32, 20)).shape == (2, 5)


@pytest.mark.slow
def test_worst_copies_shorten_the_gradient_and_widen_the_radius():
    found = gaussian.run(seeds=range(4))["against"]
    assert found["radius"]["augmented"]["wins"] == 4
    assert found["gradient"]["augmented"]["wins"] == 0
    assert found["nll"]["averaged"]["difference"] < 0


@pytest.mark.slow
def test_worst_copies_of_strong_augmentation_are_too_hard():
    found = experiment("digits").run(seeds=range(6))["against"]["nll"]
    assert found["averaged"]["difference"] > 0
    assert found["equal compute"]["wins"] == 6
