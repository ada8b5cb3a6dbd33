"""The page of a report: whole in one file, the right pictures in the right order, harmless names."""

from __future__ import annotations

import base64
import csv
import io
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import nn

from paper_lessons.dn2.features import ImageFeatures
from paper_lessons.dn2.report.detector import AnomalyDetector
from paper_lessons.dn2.report.examination import Examination, Finding
from paper_lessons.dn2.report.page import write_report
from paper_lessons.dn2.report.table import csv_text
from paper_lessons.dn2.report.thumbnails import Picture, thumbnail

VOID = {"meta", "img", "source", "br", "wbr", "link"}


class Page(HTMLParser):
    """Tags, attributes and text of a page, after checking that tags are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def attributes(self, tag: str, name: str) -> list[str]:
        return [found[name] or "" for kind, found in self.tags if kind == tag and name in found]

    def with_class(self, name: str) -> list[dict[str, str | None]]:
        return [a for _, a in self.tags if name in (a.get("class") or "").split()]


def colour(value: int) -> Picture:
    return Picture(f"picture {value}", None, thumbnail(np.full((8, 8), value % 256, np.uint8)))


def examination(count: int = 6, normal: int = 40, *, neighbors: int = 2) -> Examination:
    """Scores 0.0, 0.1, 0.2 ..., shuffled; the threshold lies at 0.3."""
    order = np.random.default_rng(0).permutation(count)
    near = tuple((colour(200 + i), 0.05 * i) for i in range(neighbors))
    findings = [
        Finding(colour(int(i)), i / 10, max(1 / (normal + 1), 1 - i / count), bool(i > 3), near)
        for i in order
    ]
    return Examination(
        findings, [], np.linspace(0.01, 0.31, normal), 0.3, 0.05, about={"backbone": "lite0"}
    )


def written(found: Examination, folder: Path, **options) -> tuple[Page, list[list[str]]]:
    path = write_report(found, folder / "out.html", **options)
    table = list(csv.reader(io.StringIO((folder / "out.csv").read_bytes().decode(), newline="")))
    return Page(path.read_text(encoding="utf-8")), table


def test_the_page_is_one_file_without_scripts(tmp_path: Path) -> None:
    page, _ = written(examination(), tmp_path)
    kinds = {tag for tag, _ in page.tags}
    assert not kinds & {"script", "link", "iframe", "object"}
    addresses = page.attributes("img", "src") + page.attributes("source", "srcset")
    assert addresses
    assert all(address.startswith("data:image/") for address in addresses)
    assert page.attributes("a", "href") == ["out.csv"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "out.html"]
    text = (tmp_path / "out.html").read_text()
    assert "url(" not in text.split("</style>")[0]
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text


def test_pictures_are_ranked_beside_their_neighbours(tmp_path: Path) -> None:
    found = examination()
    page, _ = written(found, tmp_path)
    cards = [attributes["alt"] for attributes in page.with_class("shown")]
    assert cards[::3] == [f"picture {i}" for i in (5, 4, 3, 2, 1, 0)]
    assert cards[1:3] == ["picture 200", "picture 201"]
    assert len(page.with_class("anomalous")) == 2
    shown = [a for a in page.attributes("img", "src") if a.startswith("data:image/png")]
    first = Image.open(io.BytesIO(base64.b64decode(shown[0].split(",")[1])))
    assert np.asarray(first).reshape(-1).tolist() == [5] * 192
    assert "score 0.5, 1.67 times the threshold" in page.text
    assert "Above the threshold (2)" in page.text
    assert "Below the threshold (4)" in page.text
    assert "2 of 6 pictures are farther from the normal ones than the threshold" in page.text


def test_the_threshold_is_explained(tmp_path: Path) -> None:
    page, _ = written(examination(), tmp_path)
    assert "Each of the 40 normal pictures" in page.text
    assert (
        "0.3, was set so that a new normal picture is above it with a probability of at most 5 %"
        in page.text
    )
    assert "If all 6 pictures looked at were normal, about 0.3 of them" in page.text
    assert "smallest possible here is 0.024" in page.text
    page, _ = written(examination(normal=9), tmp_path)
    assert "9 normal pictures are too few for a rate of 5 %" in page.text
    assert "at most 10 %" in page.text


def test_the_histogram_is_drawn_for_wide_and_narrow_pages(tmp_path: Path) -> None:
    page, _ = written(examination(), tmp_path)
    (narrow,) = page.attributes("source", "srcset")
    wide = next(a for a in page.attributes("img", "src") if a.startswith("data:image/svg"))
    for address in (wide, narrow):
        assert b"<svg" in base64.b64decode(address.split(",")[1])
    assert narrow != wide
    assert any("Histogram of scores" in text for text in page.attributes("img", "alt"))


def test_the_table_has_every_picture(tmp_path: Path) -> None:
    found = examination(count=30)
    page, table = written(found, tmp_path, show=4)
    assert len(page.with_class("card")) == 4
    assert "Above the threshold (4 of 26)" in page.text
    assert table[0][:6] == ["rank", "picture", "score", "threshold", "anomalous", "p_value"]
    assert len(table) == 31
    assert [row[1] for row in table[1:]] == [f"picture {i}" for i in range(29, -1, -1)]
    assert [float(row[2]) for row in table[1:]] == [f.score for f in found.ranked]
    assert table[1][6:] == ["picture 200", "0.0", "picture 201", "0.05", ""]


@pytest.mark.parametrize("name", ["=1+1.png", "+1.png", "-1.png", "@a.png", "\ta.png", "\ra.png"])
def test_names_are_no_formulas(name: str) -> None:
    bad = Finding(Picture(name), 0.9, 0.1, True, ((Picture(name), 0.1),) * 2)
    text = csv_text(Examination([bad], [(name, name)], np.array([0.1]), 0.3, 0.05))
    table = list(csv.reader(io.StringIO(text, newline="")))
    assert table[1][1] == table[1][6] == f"'{name}"
    assert table[2][1] == table[2][-1] == f"'{name}"


def test_names_are_no_html(tmp_path: Path) -> None:
    name = '"><script>alert(1)</script>&amp;.png'
    found = examination(count=1)
    bad = Finding(Picture(name), 0.9, 0.1, True, ((Picture(name), 0.1),))
    page, _ = written(
        Examination(
            [bad], [(name, name)], found.normal_scores, 0.3, 0.05, [(name, name)], [Picture(name)]
        ),
        tmp_path,
        title=name,
    )
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.text.count(name) >= 6


def test_unreadable_files_are_listed(tmp_path: Path) -> None:
    found = examination()
    listed = Examination(
        found.findings,
        [("images/broken.jpg", "it is empty")],
        found.normal_scores,
        0.3,
        0.05,
        normal_skipped=[("normal/text.png", "its format is unknown")],
    )
    page, table = written(listed, tmp_path)
    assert "images/broken.jpg" in page.text
    assert "its format is unknown" in page.text
    assert table[-1] == ["", "images/broken.jpg", *[""] * 8, "it is empty"]


def test_removed_pictures_are_shown(tmp_path: Path) -> None:
    found = examination()
    cleaned = Examination(
        found.findings, [], found.normal_scores, 0.3, 0.05, removed=[colour(i) for i in range(30)]
    )
    page, _ = written(cleaned, tmp_path)
    assert "cleaning took out 30 pictures" in page.text
    assert "Taken out by cleaning (30, the first 24)" in page.text


@pytest.mark.parametrize(
    ("scores", "threshold"), [([], 0.3), ([0.0, 0.0], 0.0), ([0.0, 1e6], 0.3), ([1e-9, 1.0], 0.0)]
)
def test_extreme_collections(tmp_path: Path, scores: list[float], threshold: float) -> None:
    findings = [Finding(colour(1), s, 0.5, s > threshold, ((colour(2), s),)) for s in scores]
    found = Examination(findings, [], np.array([threshold]), threshold, 0.05)
    page, table = written(found, tmp_path)
    assert len(table) == len(scores) + 1
    assert len(page.with_class("card")) == len(scores)
    assert not {"nan", "inf"} & set(page.text.replace("%", " ").split())


def test_many_neighbours_and_many_rows(tmp_path: Path) -> None:
    page, table = written(examination(count=1200, neighbors=7), tmp_path, show=2)
    assert "and 3 more" in page.text
    assert "the first 1,000 of 1,200" in page.text
    assert len(table) == 1201


def test_names_leave_out_the_common_folder(tmp_path: Path) -> None:
    paths = [tmp_path / "deep" / name for name in ("a/x.png", "b/y.png")]
    findings = [Finding(Picture(p.as_posix(), p), 0.1, 0.5, False, ()) for p in paths]
    page, table = written(Examination(findings, [], np.array([0.1]), 0.3, 0.05), tmp_path)
    assert str(tmp_path) not in (tmp_path / "out.html").read_text()
    assert "a/x.png" in page.text
    assert table[1][1] == paths[0].as_posix()
    assert len(page.with_class("gone")) == 2  # no such files


@pytest.mark.parametrize(
    ("out", "show", "words"),
    [
        ("a.pdf", 5, r"out must end in \.html, got 'a\.pdf'"),
        ("a.html", 0, "show must be an integer"),
    ],
)
def test_wrong_arguments(tmp_path: Path, out: str, show: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        write_report(examination(), tmp_path / out, show=show)
    assert not list(tmp_path.iterdir())


def test_the_same_report_twice_from_pictures(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    normal = generator.integers(0, 256, (20, 24, 24, 3), dtype=np.uint8)
    detector = AnomalyDetector(ImageFeatures(nn.Conv2d(3, 8, 3), size=16)).fit(normal)
    images = tmp_path / "images"
    images.mkdir()
    for index, picture in enumerate(normal[:5]):
        Image.fromarray(picture).save(images / f"{index}.png")
    found = detector.report(images, tmp_path / "a.html", title="Twice")
    detector.report(images, tmp_path / "b.html", title="Twice")
    assert len(found.findings) == 5
    first, second = ((tmp_path / f"{name}.html").read_text() for name in "ab")
    assert first == second.replace("b.csv", "a.csv")
    assert (tmp_path / "a.csv").read_text() == (tmp_path / "b.csv").read_text()
    with pytest.raises(ValueError, match="out must end"):
        detector.report(images, tmp_path / "c.txt")


def test_large_pictures_are_shown_small() -> None:
    data = thumbnail(np.random.default_rng(0).integers(0, 256, (900, 600, 3), dtype=np.uint8))
    assert Image.open(io.BytesIO(data)).size == (213, 320)
    assert len(data) < 60_000
