"""The experiments and the folder on the command line: tables, records, pages, errors in one line."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image
from typer.testing import CliRunner

from paper_lessons import cli
from paper_lessons.dn2 import commands
from paper_lessons.provenance import read_result

EXPERIMENTS = ("one-class", "dirty", "groups", "thresholds", "ablations", "corruptions")


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(commands.app, [str(word) for word in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stripes along rows, stripes along columns, checks: three classes of pictures of 12 pixels."""
    generator = np.random.default_rng(0)
    rows, columns = np.indices((12, 12)) % 2
    patterns = [rows, columns, (rows + columns) % 2]

    def draw(count: int) -> tuple[np.ndarray, np.ndarray]:
        labels = np.arange(3 * count) % 3
        pixels = np.stack([120 * patterns[label] for label in labels])
        noise = generator.integers(0, 90, size=(*pixels.shape, 3))
        return (pixels[..., None] + noise).astype(np.uint8), labels

    train, test = draw(14), draw(5)
    path = tmp_path_factory.mktemp("data") / "stripes.npz"
    names = np.array(["rows", "columns", "checks"])
    np.savez(
        path, x_train=train[0], y_train=train[1], x_test=test[0], y_test=test[1], classes=names
    )
    return path


def test_help_lists_the_experiments() -> None:
    shown = run("--help").output
    for name in (*EXPERIMENTS, "folder"):
        assert name in shown


def test_one_class_prints_a_table_and_writes_a_record(tiny: Path, tmp_path: Path) -> None:
    out, plot = tmp_path / "deep" / "one.json", tmp_path / "one.png"
    options = ("--npz", tiny, "--size", 32, "--layer", "stage", "--k", 1, "--seed", 3, "--quiet")
    shown = run("one-class", *options, "--out", out, "--plot", plot).output
    for word in ("features, l2", "Mahalanobis", "checks"):
        assert word in shown
    record = read_result(out)
    assert record["current"]
    assert record["command"] == (
        "paper-lessons run dn2 one-class --npz stripes.npz --size 32 --layer stage --k 1 "
        "--seed 3 --out one.json"
    )
    assert record["result"]["settings"]["train_pictures"] == 42
    assert str(tmp_path) not in out.read_text(encoding="utf-8")
    assert plot.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        (
            "dirty",
            ("--normal-pictures", 8),
            ("as it is", "k = 50", "dirt found: k = 2", "40% dirty"),
        ),
        ("groups", ("--repeats", 1), ("mean", "M = 3")),
        ("thresholds", (), ("leave-one-out", "false alarms (%)")),
        ("ablations", ("--part", "storage", "--part", "layer"), ("uint8", "stage + pool")),
    ],
)
def test_other_experiments_print_tables(
    tiny: Path, tmp_path: Path, name: str, options: tuple[object, ...], words: tuple[str, ...]
) -> None:
    common = ("--npz", tiny, "--size", 32, "--k", 1, "--quiet", "--cache", tmp_path / "cache")
    if name == "dirty":  # cleaning by 50 neighbours needs more pictures than these
        with pytest.raises(ValueError, match="clean_neighbors must be below"):
            run(name, *common, *options)
        return
    plot = tmp_path / "drawn.svg"
    shown = run(name, *common, *options, "--plot", plot).output
    for word in words:
        assert word in shown
    assert "<svg" in plot.read_text(encoding="utf-8")
    assert list((tmp_path / "cache").rglob("*"))


def test_corruptions_print_a_table() -> None:
    size = ("--photograph", "coffee", "--tiles", 6, "--size", 32, "--quiet")
    shown = run("corruptions", *size).output
    for word in ("JPEG blocks", "dead lines", "pixels, l2", "level 3"):
        assert word in shown


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    generator = np.random.default_rng(0)
    normal, images = tmp_path / "normal", tmp_path / "images"
    for folder, count in ((normal, 12), (images, 4)):
        folder.mkdir()
        for index in range(count):
            pixels = generator.integers(150, 190, size=(40, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"good {index}.png")
    Image.fromarray(np.uint8(255 * (np.indices((40, 40)).sum(0) // 5 % 2))).save(images / "odd.png")
    (images / "broken.png").write_bytes(b"\x89PNG no more")
    return normal, images


def test_a_folder_becomes_a_page_and_a_table(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAPER_LESSONS_CACHE", str(tmp_path / "kept"))
    normal, images = folders
    out, saved = tmp_path / "report.html", tmp_path / "detector.npz"
    options = ("--size", 48, "--quiet", "--title", "Odd ones", "--save", saved)
    shown = run("folder", "--normal", normal, "--images", images, "--out", out, *options).output
    assert "12 normal pictures" in shown
    assert "odd.png" in shown
    assert "1 files could not be read" in shown
    assert "broken.png" in shown
    page = out.read_text(encoding="utf-8")
    assert "Odd ones" in page
    assert "data:image" in page
    with out.with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[1][1].endswith("odd.png")
    assert saved.is_file()
    assert list((tmp_path / "kept" / "features").rglob("*"))  # a killed run goes on from there


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("one-class", "--npz", "absent.npz"), "there is no file 'absent.npz'"),
        (("one-class", "--data", "cifar10"), "root must name the folder of the cifar10 files"),
        (("one-class", "--data", "imagenet"), "name must be one of digits"),
        (("thresholds", "--false-positive-rate", "2"), "false_positive_rate must be a number"),
        (("ablations", "--part", "colour"), "parts must be some of neighbors"),
        (("corruptions", "--photograph", "lena"), "photographs must be some of"),
        (("folder", "--normal", "absent", "--images", "."), "normal must be a folder of pictures"),
        (("folder", "--normal", ".", "--images", ".", "--out", "a.txt"), "out must end in .html"),
        (("folder", "--normal", ".", "--images", "."), "folder must hold pictures"),
    ],
)
def test_wrong_input_is_one_line(
    arguments: tuple[str, ...],
    message: str,
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    if arguments[0] in ("thresholds", "ablations"):
        arguments += ("--npz", str(tiny), "--size", "32")
    with pytest.raises(SystemExit) as stopped:
        cli.main(["run", "dn2", *arguments, *(() if arguments[0] == "folder" else ("--quiet",))])
    assert stopped.value.code == 2
    said = capsys.readouterr().err.strip()
    assert message in said
    assert len(said.splitlines()) == 1
