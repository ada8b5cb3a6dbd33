"""Reading pictures: every common kind of file and array gives the colours that it has."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin

from paper_lessons.dn2.pictures.reading import (
    UnreadableImage,
    each_image,
    find_images,
    read_image,
    resize_image,
    source_name,
)

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
COLOURS = torch.from_numpy(PIXELS).permute(2, 0, 1) / 255


def saved(path: Path, image: Image.Image, **options) -> Path:
    image.save(path, **options)
    return path


@pytest.mark.parametrize("ending", ["png", "bmp", "tiff", "ppm", "webp", "PNG"])
def test_files_without_loss(tmp_path: Path, ending: str) -> None:
    options = {"lossless": True} if ending == "webp" else {}
    path = saved(tmp_path / f"a.{ending}", Image.fromarray(PIXELS), **options)
    for source in (path, str(path), Image.open(path)):
        torch.testing.assert_close(read_image(source), COLOURS)


def test_grey_and_black_and_white_files(tmp_path: Path) -> None:
    grey = read_image(saved(tmp_path / "g.png", Image.fromarray(PIXELS[:, :, 0])))
    assert grey.shape == (3, 5, 7)
    torch.testing.assert_close(grey, COLOURS[:1].expand(3, -1, -1))
    bits = PIXELS[:, :, 0] > 127
    black = read_image(saved(tmp_path / "b.png", Image.fromarray(bits)))
    assert torch.equal(black[0], torch.from_numpy(bits).float())


def test_sixteen_bits_are_kept(tmp_path: Path) -> None:
    values = np.arange(0, 65536, 1873, dtype=np.uint16).reshape(5, 7)
    for ending in ("png", "tiff"):
        found = read_image(saved(tmp_path / f"a.{ending}", Image.fromarray(values)))
        torch.testing.assert_close(found[0], torch.from_numpy(values / 65535).float())
    # 8 bits would have made 257 of these steps equal.
    assert len(torch.unique(found)) == 35


def test_float_and_wide_integer_files(tmp_path: Path) -> None:
    values = np.linspace(0, 1, 35, dtype=np.float32).reshape(5, 7)
    found = read_image(saved(tmp_path / "f.tiff", Image.fromarray(values)))
    torch.testing.assert_close(found[2], torch.from_numpy(values))
    too_large = saved(tmp_path / "g.tiff", Image.fromarray(values * 300))
    with pytest.raises(UnreadableImage, match=r"g\.tiff.*floats from 0 to 300.*\[0, 1\]"):
        read_image(too_large)
    wide = saved(tmp_path / "i.tiff", Image.fromarray(np.full((2, 2), 70000, np.int32)))
    with pytest.raises(UnreadableImage, match="beyond 16 bits"):
        read_image(wide)


def test_transparency_lies_on_white(tmp_path: Path) -> None:
    alpha = np.zeros((5, 7, 1), np.uint8)
    alpha[:, :3] = 255
    path = saved(tmp_path / "a.png", Image.fromarray(np.concatenate([PIXELS, alpha], 2)))
    found = read_image(path)
    torch.testing.assert_close(found[:, :, :3], COLOURS[:, :, :3])
    assert (found[:, :, 3:] == 1).all()
    floats = np.concatenate([PIXELS, alpha], 2) / 255
    torch.testing.assert_close(read_image(floats), found)


def test_palettes_with_and_without_transparency(tmp_path: Path) -> None:
    image = Image.new("P", (7, 5), 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((0, 0), 0)
    found = read_image(saved(tmp_path / "p.png", image))
    assert found[:, 0, 0].tolist() == [1, 0, 0]
    assert found[:, 1, 1].tolist() == [0, 0, 1]
    found = read_image(saved(tmp_path / "t.png", image, transparency=0))
    assert found[:, 0, 0].tolist() == [1, 1, 1]
    assert found[:, 1, 1].tolist() == [0, 0, 1]


def test_cmyk(tmp_path: Path) -> None:
    red = saved(tmp_path / "a.jpg", Image.new("RGB", (16, 16), (220, 30, 40)).convert("CMYK"))
    with Image.open(red) as image:
        assert image.mode == "CMYK"
    wanted = torch.tensor([220, 30, 40]).view(3, 1, 1) / 255
    assert (read_image(red) - wanted).abs().max() < 0.03


def test_an_animation_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "lime", "blue")]
    path = saved(tmp_path / "a.gif", frames[0], save_all=True, append_images=frames[1:])
    assert read_image(path)[:, 0, 0].tolist() == [1, 0, 0]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_as_exif_says(tmp_path: Path, orientation: int) -> None:
    # Where the file's rows and columns begin in the upright picture (EXIF 2.3, table 6).
    stored = {
        1: PIXELS,
        2: PIXELS[:, ::-1],
        3: PIXELS[::-1, ::-1],
        4: PIXELS[::-1],
        5: PIXELS.transpose(1, 0, 2),
        6: PIXELS.transpose(1, 0, 2)[::-1],
        7: PIXELS.transpose(1, 0, 2)[::-1, ::-1],
        8: PIXELS.transpose(1, 0, 2)[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[274] = orientation
    image = Image.fromarray(np.ascontiguousarray(stored))
    path = saved(tmp_path / "a.png", image, exif=exif)
    torch.testing.assert_close(read_image(path), COLOURS)


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (2, 3)])
def test_tiny_pictures(tmp_path: Path, shape: tuple[int, int]) -> None:
    path = saved(tmp_path / "a.png", Image.new("RGB", shape[::-1], (255, 0, 51)))
    for framing in ("stretch", "crop"):
        found = resize_image(read_image(path), 32, framing)
        assert found.shape == (3, 32, 32)
        torch.testing.assert_close(found[:, 5, 9], torch.tensor([1, 0, 0.2]))


def test_damaged_files_are_named_with_the_reason(tmp_path: Path) -> None:
    big = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    whole = {
        ending: saved(tmp_path / f"whole.{ending}", big).read_bytes()
        for ending in ("jpg", "png", "gif", "bmp", "tiff", "webp")
    }
    for ending, data in whole.items():
        cut = tmp_path / f"cut.{ending}"
        cut.write_bytes(data[: len(data) // 2])
        with pytest.raises(UnreadableImage, match=rf"cut\.{ending}' cannot be read") as caught:
            read_image(cut)
        assert caught.value.path == cut
        assert caught.value.reason
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder.png").mkdir()
    for name, reason in [
        ("text.png", "format is unknown"),
        ("empty.png", "it is empty"),
        ("folder.png", "directory"),
        ("absent.png", "no such file"),
    ]:
        with pytest.raises(
            UnreadableImage, match=rf"{name}' cannot be read as a picture: .*{reason}"
        ):
            read_image(tmp_path / name)


@pytest.mark.filterwarnings("ignore")  # Pillow says what it thinks of such files
def test_random_damage_never_ends_in_another_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100_000)
    generator = np.random.default_rng(0)
    refused = 0
    for ending in ("png", "jpg", "gif", "tiff", "webp", "bmp"):
        path = saved(tmp_path / f"a.{ending}", Image.fromarray(PIXELS))
        data = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(40):
            broken = data.copy()
            places = generator.integers(0, len(data), 6)
            broken[places] = generator.integers(0, 256, 6)
            path.write_bytes(broken.tobytes())
            try:
                found = read_image(path)
            except UnreadableImage:
                refused += 1
            else:
                assert found.shape[0] == 3
                assert ((found >= 0) & (found <= 1)).all()
    assert refused > 20


def test_a_decompression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "a.png", Image.fromarray(PIXELS))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(UnreadableImage, match="too many pixels"):
        read_image(path)


def test_damaged_exif_data_do_not_damage_the_picture(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "a.png", Image.fromarray(PIXELS), exif=b"Exif\x00\x00MM\x00\x2a\xff\xff"
    )
    torch.testing.assert_close(read_image(path), COLOURS)


def test_a_text_chunk_is_no_matter(tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("note", "x" * 1000)
    path = saved(tmp_path / "a.png", Image.fromarray(PIXELS), pnginfo=info)
    torch.testing.assert_close(read_image(path), COLOURS)


def test_unreadable_is_a_value_error_that_survives_processes() -> None:
    error = UnreadableImage("a/b.png", "it is empty")
    assert isinstance(error, ValueError)
    back = pickle.loads(pickle.dumps(error))
    assert (str(back), back.path, back.reason) == (str(error), error.path, "it is empty")


@pytest.mark.parametrize(
    "source",
    [
        PIXELS,
        PIXELS.transpose(2, 0, 1),
        PIXELS / 255,
        (PIXELS / 255).astype(np.float32),
        PIXELS.astype(np.uint16) * 257,
        np.asfortranarray(PIXELS),
        np.repeat(np.repeat(PIXELS, 2, 0), 2, 1)[::2, ::2],
        PIXELS[::-1, ::-1].copy()[::-1, ::-1],
        torch.from_numpy(PIXELS),
        torch.from_numpy(PIXELS).permute(2, 0, 1),
        COLOURS,
        COLOURS.double().requires_grad_(),
    ],
)
def test_arrays_and_tensors_in_every_layout(source) -> None:
    found = read_image(source)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.contiguous(), COLOURS)


def test_small_types_of_tensors() -> None:
    for dtype in (torch.bfloat16, torch.float16):
        found = read_image(COLOURS.to(dtype))
        assert (found - COLOURS).abs().max() < 1 / 255
    assert read_image(np.eye(4, dtype=bool)).unique().tolist() == [0, 1]
    assert read_image(np.zeros((5, 7, 1))).shape == (3, 5, 7)


def test_a_square_of_three_prefers_the_owners_convention() -> None:
    ambiguous = np.random.default_rng(0).random((3, 6, 3)).astype(np.float32)
    assert read_image(ambiguous).shape == (3, 3, 6)
    assert read_image(torch.from_numpy(ambiguous)).shape == (3, 6, 3)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (np.arange(256.0).reshape(16, 16), r"floats from 0 to 255, they must lie in \[0, 1\]"),
        (np.linspace(-1, 1, 16).reshape(4, 4), r"floats from -1 to 1"),
        (np.full((4, 4), np.nan), "floats from nan to nan"),
        (np.full((4, 4), np.inf), "floats from inf to inf"),
        (PIXELS.astype(np.int64), "must hold bool, uint8, uint16 or floats.*got int64"),
        (PIXELS.astype(np.complex64), "got complex64"),
        (np.zeros((5, 4, 2)), r"with 1, 3 or 4 channels, got \(5, 4, 2\)"),
        (np.zeros(4), r"got \(4,\)"),
        (np.zeros((0, 4)), r"got \(1, 0, 4\)"),
        (np.array(["a"]), r"got \(1,\)"),
    ],
)
def test_arrays_that_are_no_pictures_are_refused(source, words: str) -> None:
    with pytest.raises(ValueError, match=rf"picture 3 .*{words}"):
        read_image(source, name="picture 3")


def test_rounding_slightly_beyond_the_range_is_allowed() -> None:
    found = read_image(np.array([[-1e-6, 1 + 1e-6]]))
    assert (found.min(), found.max()) == (0, 1)


def test_resizing_smooths_when_it_shrinks() -> None:
    # A chessboard of single pixels is grey from afar; picking pixels would make it black or white.
    board = torch.from_numpy(np.indices((64, 64)).sum(0) % 2).float().expand(3, -1, -1)
    small = resize_image(board, 8)
    assert (small - 0.5).abs().max() < 0.02


def test_framings_show_all_or_the_middle() -> None:
    picture = torch.zeros(3, 20, 40)
    picture[:, :, :8] = 1  # a defect at the border
    assert resize_image(picture, 16)[0, 8, 0] > 0.9
    assert resize_image(picture, 16, "crop").max() < 0.01
    assert torch.equal(resize_image(picture[:, :, :20], 20), picture[:, :, :20])
    with pytest.raises(ValueError, match="framing must be one of stretch, crop; got 'pad'"):
        resize_image(picture, 16, "pad")


def test_folders_are_searched_in_order_of_names(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", "sub/c.tif", "sub/.d.png", ".hidden/e.png", "f.txt", "b10.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in find_images(tmp_path)]
    assert found == ["a.JPG", "b.png", "b10.png", "sub/c.tif"]
    (empty := tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="there is none at"):
        find_images(tmp_path / "absent")
    with pytest.raises(ValueError, match="must hold pictures"):
        find_images(empty)


def test_a_hidden_folder_above_does_not_hide_its_pictures(tmp_path: Path) -> None:
    folder = tmp_path / ".cache" / "pictures"
    folder.mkdir(parents=True)
    (folder / "a.png").touch()
    assert [path.name for path in find_images(folder)] == ["a.png"]


def test_all_that_stands_for_pictures(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.fromarray(PIXELS))
    assert list(each_image(tmp_path)) == [path]
    assert list(each_image(str(path))) == [path]
    assert list(each_image([str(path), path])) == [path, path]
    assert [s.shape for s in each_image(np.zeros((2, 5, 7, 3)))] == [(5, 7, 3)] * 2
    assert [s.shape for s in each_image(torch.zeros(2, 3, 5, 7))] == [(3, 5, 7)] * 2
    assert len(list(each_image(PIXELS for _ in range(4)))) == 4
    assert source_name(path, 0) == path.as_posix()
    assert source_name(PIXELS, 0) == "picture 0"


@pytest.mark.parametrize("images", [PIXELS, np.zeros((5, 7)), 5, None, b"ab", {"a": 1}])
def test_what_might_be_one_picture_is_refused(images) -> None:
    with pytest.raises(ValueError, match="a single picture goes into a list"):
        list(each_image(images))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.fromarray(PIXELS))
    path.chmod(0)
    with pytest.raises(UnreadableImage, match="ermission"):
        read_image(path)
