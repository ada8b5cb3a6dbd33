"""From annotated pictures to a detector, from a few pictures of a new thing to its boxes, and what is said when it fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from paper_lessons.once import OnceDetector, glyph_scenes, read_coco
from paper_lessons.once.commands import app

QUICK = ["--steps", "20", "--side", "64", "--batch-size", "4", "--quiet"]
SHORT = [*QUICK, "--support-encoder", "crop", "--episodes", "10"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Twenty pictures of three classes in COCO's form, with their file."""
    folder = tmp_path_factory.mktemp("coco")
    scenes = glyph_scenes(20, ["A", "♥", "■"], seed=4, size=64, glyph=(18, 30))
    marks: list[dict] = []
    for i in range(len(scenes)):
        Image.fromarray(scenes.images[i].permute(1, 2, 0).numpy()).save(folder / f"{i}.png")
        for (left, top, right, bottom), label in zip(
            scenes.boxes[i].tolist(), scenes.labels[i].tolist(), strict=True
        ):
            box = [left, top, right - left, bottom - top]
            marks.append(
                {"id": len(marks), "image_id": i, "category_id": label, "bbox": box, "iscrowd": 0}
            )
    written = {
        "images": [
            {"id": i, "file_name": f"{i}.png", "width": 64, "height": 64} for i in range(20)
        ],
        "categories": [{"id": i, "name": name} for i, name in enumerate(("a", "heart", "square"))],
        "annotations": marks,
    }
    (folder / "boxes.json").write_text(json.dumps(written))
    return folder


def run(*words: object) -> str:
    result = CliRunner().invoke(app, [str(one) for one in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def model(folder, tmp_path_factory) -> Path:
    model = tmp_path_factory.mktemp("model") / "detector"
    said = run("train", folder / "boxes.json", "--model", model, "--novel", "square", *SHORT)
    assert "with a, heart" in said
    return model


def test_a_new_thing_in_two_commands(folder, model, tmp_path):
    codes = tmp_path / "square.safetensors"
    given = ["register", "square", folder / "boxes.json", "--model", model, "--shots", 5]
    assert "square from 5 boxes" in run(*given, "--to", codes)
    assert OnceDetector.from_pretrained(model).classes == ["a", "heart"]
    drawn, page, out = tmp_path / "drawn", tmp_path / "page.html", tmp_path / "boxes.json"
    run("detect", folder, "--model", model, "--codes", codes, "--threshold", 0.01,
        "--png", drawn, "--html", page, "--out", out)  # fmt: skip
    assert len(list(drawn.glob("*.png"))) == 20
    assert page.read_text().count("<article>") == 20
    again = read_coco(out, folder)
    assert again.names == ["a", "heart", "square"]
    assert not again.problems
    assert sum(map(len, again.labels)) == len(json.loads(out.read_text())["annotations"])
    assert {one["category_id"] for one in json.loads(out.read_text())["annotations"]} >= {1, 2}


def test_without_further_options_a_class_is_the_mean_of_its_features(folder, tmp_path):
    model = tmp_path / "detector"
    run("train", folder / "boxes.json", "--model", model, "--novel", "square", *QUICK)
    given = ["register", "square", folder / "boxes.json", "--model", model, "--shots", 3]
    run(*given)
    detector = OnceDetector.from_pretrained(model)
    assert detector.support_encoder == "centre"
    assert not detector.generator.bent[2].weight.any()  # as it was made
    assert detector.bank["square"].scale != (1, 1)
    run(*given, "--mode", "replace", "--no-fit-size")
    assert OnceDetector.from_pretrained(model).bank["square"].scale == (1, 1)


def test_registering_in_the_model_itself_and_updating(folder, model, tmp_path):
    own = tmp_path / "own"
    OnceDetector.from_pretrained(model).save_pretrained(own)
    run("register", "square", folder / "boxes.json", "--model", own, "--shots", 2)
    run(
        "register",
        "square",
        folder / "boxes.json",
        "--model",
        own,
        "--shots",
        3,
        "--mode",
        "update",
    )
    assert OnceDetector.from_pretrained(own).bank["square"].shots == 5
    said = run("evaluate", folder / "boxes.json", "--model", own, "--html", tmp_path / "page.html")
    assert {"novel", "base", "square"} <= {line.split()[0] for line in said.splitlines()}
    assert "not found" in (tmp_path / "page.html").read_text()


def test_pictures_that_show_the_thing_alone_need_no_boxes(folder, model, tmp_path):
    alone = tmp_path / "alone"
    alone.mkdir()
    for i in range(3):
        with Image.open(folder / f"{i}.png") as file:
            file.crop((10, 10, 40, 44)).convert("RGBA").save(alone / f"{i}.png")
    said = run("register", "corner", alone, "--model", model, "--to", tmp_path / "c.safetensors")
    assert "corner from 3 boxes" in said


def test_what_was_not_trained_is_said(folder, model):
    result = CliRunner().invoke(
        app, ["evaluate", str(folder / "boxes.json"), "--model", str(model)]
    )
    assert "not known to the model, left out: square" in result.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["register", "cow", "{folder}/boxes.json", "--model", "{model}"], "class must be among a, heart, square"),
        (["register", "square", "{folder}/boxes.json", "--model", "{model}", "--shots", "9999"], "shots must be at most"),
        (["register", "heart", "{folder}/boxes.json", "--model", "{model}"], "name 'heart' is taken"),
        (["detect", "{folder}/boxes.json", "--model", "{model}"], "must be a picture"),
        (["detect", "{folder}/absent.png", "--model", "{model}"], "there is no file"),
        (["detect", "{folder}", "--model", "{folder}/absent"], "must be a folder that train wrote"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(words, said, folder, model):
    words = [one.format(folder=folder, model=model) for one in words]
    with pytest.raises(ValueError, match=said):
        CliRunner().invoke(app, words, catch_exceptions=False)


def test_a_killed_training_goes_on_in_its_second_stage(folder, tmp_path, monkeypatch):
    whole, again = tmp_path / "whole", tmp_path / "again"
    given = ["train", folder / "boxes.json", *SHORT]
    run(*given, "--model", whole)
    with monkeypatch.context() as patched:
        patched.setattr(OnceDetector, "fit_generator", _die)
        result = CliRunner().invoke(
            app, [str(one) for one in [*given, "--model", again, "--checkpoint", tmp_path / "kept"]]
        )
        assert result.exit_code
    with monkeypatch.context() as patched:
        patched.setattr(OnceDetector, "fit_base", _die)
        run(*given, "--model", again, "--checkpoint", tmp_path / "kept")
    one, two = (OnceDetector.from_pretrained(path).state_dict() for path in (whole, again))
    assert all(bool((one[name] == two[name]).all()) for name in one)


def _die(*_: object, **__: object) -> None:
    raise KeyboardInterrupt
