"""The built site: nothing from the net, no dead link, every picture described, the right download."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from paper_lessons import __version__
from paper_lessons.lessons import LESSONS

# What a browser loads by itself; a link is loaded only when somebody follows it.
LOADING = {
    ("script", "src"),
    ("img", "src"),
    ("source", "src"),
    ("iframe", "src"),
    ("video", "src"),
}
LOADING |= {
    ("audio", "src"),
    ("embed", "src"),
    ("object", "data"),
    ("input", "src"),
    ("img", "srcset"),
}


class Page(HTMLParser):
    """What the tests ask of a page: its anchors, links, loads and pictures."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.pictures: list[dict[str, str]] = []
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "link" and values.get("rel") not in (
            "canonical",
            "next",
            "prev",
            "index",
            "search",
        ):
            self.loads.append(values["href"])
        self.loads += [value for name, value in values.items() if (tag, name) in LOADING]
        if tag == "img":
            self.pictures.append(values)


@cache
def parsed(path: Path) -> Page:
    return Page(path)


def pages_of(site: Path) -> Iterator[tuple[str, Page]]:
    for path in sorted(site.rglob("*.html")):
        # Fragments that the theme's scripts insert are no pages.
        if "_static" not in path.relative_to(site).parts:
            yield path.relative_to(site).as_posix(), parsed(path)


def test_there_is_a_page_for_every_source(site, book):
    found = {name for name, _ in pages_of(site)}
    wanted = {path.relative_to(book).with_suffix(".html").as_posix() for path in book.rglob("*.md")}
    assert wanted <= found
    # Pages of an earlier build would linger otherwise.
    assert found - wanted <= {
        "genindex.html",
        "search.html",
        "py-modindex.html",
        "prf-prf.html",
    } | {name for name in found if name.startswith("_modules/")}


def test_no_page_loads_anything_from_elsewhere(site):
    for name, page in pages_of(site):
        for address in page.loads:
            assert not re.match(r"(https?:)?//", address), f"{name} loads {address}"


def test_no_script_or_style_of_a_page_names_another_host(site):
    for name, page in pages_of(site):
        for inline in re.findall(
            r"<(?:script|style)[^>]*>(.*?)</(?:script|style)>", page.text, re.S
        ):
            assert not re.search(r"https?://(?!www\.w3\.org)", inline), f"{name}: {inline[:200]}"


def test_no_style_sheet_loads_anything_from_elsewhere(site):
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        assert not re.search(
            r"@import\s+(url\()?[\"']?(https?:)?//|url\([\"']?(https?:)?//", text
        ), sheet


def test_everything_that_a_page_loads_is_there(site):
    for name, page in pages_of(site):
        for address in page.loads:
            if not address.startswith("data:"):
                assert (site / name).parent.joinpath(unquote(urlsplit(address).path)).is_file(), (
                    f"{name} loads {address}"
                )


def test_every_link_inside_the_site_leads_somewhere(site):
    for name, page in pages_of(site):
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or link in ("", "#"):
                continue
            target = (
                (site / name).parent.joinpath(unquote(parts.path)) if parts.path else site / name
            )
            assert target.is_file(), f"{name} links to {link}"
            if parts.fragment and target.suffix == ".html":
                assert unquote(parts.fragment) in parsed(target.resolve()).anchors, (
                    f"{name}: {link}"
                )


def test_every_picture_is_described(site):
    for name, page in pages_of(site):
        for picture in page.pictures:
            if "logo__image" in picture.get("class", ""):
                continue  # the site's name stands beside it
            alt = picture.get("alt", "")
            assert alt.strip(), f"{name}: {picture['src']}"
            assert "_images/" not in alt, f"{name}: {alt}"


def test_every_page_shows_the_version(site):
    for name, page in pages_of(site):
        assert f"Paper Lessons {__version__}" in page.text, name


def test_a_chapter_shows_its_status_and_hands_out_its_notebook(site, book):
    for chapter in sorted((book / "chapters").glob("*.md")):
        page = parsed(site / "chapters" / f"{chapter.stem}.html")
        lesson = next(one for one in LESSONS if one.slug == chapter.stem)
        assert f"lesson {lesson.number:02d}: {lesson.status}" in page.text
        downloads = [
            link for link in page.links if link.endswith(".ipynb") and "notebooks/" in link
        ]
        assert downloads == [f"../notebooks/{chapter.stem}.ipynb"]
        served = site / "notebooks" / f"{chapter.stem}.ipynb"
        assert served.read_bytes() == (book / "notebooks" / served.name).read_bytes()
        assert not [link for link in page.links if link.endswith(".md")]


def test_without_an_address_no_page_offers_what_needs_one(site, repository):
    if 'paper_lessons_repository: ""' not in (repository / "_config.yml").read_text("utf-8"):
        pytest.skip("the repository's address is set")
    for name, page in pages_of(site):
        for link in page.links:
            assert not re.search(r"colab\.|mybinder|/edit/|/issues/new", link), f"{name}: {link}"


def test_numbers_in_the_notebook_are_those_of_the_page(site, book):
    for chapter in sorted((book / "chapters").glob("*.md")):
        page = parsed(site / "chapters" / f"{chapter.stem}.html").text
        notebook = json.loads((book / "notebooks" / f"{chapter.stem}.ipynb").read_text("utf-8"))
        text = "\n".join("".join(cell["source"]) for cell in notebook["cells"])
        shown = re.findall(r'<span class="eqno">\((\d+\.\d+)\)', page)
        assert shown == re.findall(r"\\tag\{(\d+\.\d+)\}", text)
        captions = re.findall(r'<span class="caption-number">Fig\. (\d+\.\d+) </span>', page)
        assert captions == re.findall(r"^\*\*Figure (\d+\.\d+)\.\*\*", text, re.M)
        theorems = re.findall(r'<span class="caption-number">(Theorem \d+\.\d+) ?</span>', page)
        assert theorems == re.findall(r"^\*\*(Theorem \d+\.\d+)", text, re.M)


def test_mathematics_and_search_work_without_the_net(site):
    assert (site / "_static" / "mathjax" / "tex-mml-chtml.js").is_file()
    assert list((site / "_static" / "mathjax" / "output/chtml/fonts/woff-v2").glob("*.woff"))
    assert (site / "searchindex.js").is_file()


def test_no_page_names_a_place_on_the_machine(site):
    for name, page in pages_of(site):
        assert not re.search(r"site-packages|/(home|root|Users)/|[A-Z]:\\\\", page.text), name


def test_tables_that_cells_display_are_tables(site):
    for name, page in pages_of(site):
        assert not re.search(r"<p>\| [^<]* \|", page.text), name


def test_no_page_shows_a_warning_of_the_machinery(site):
    for name, page in pages_of(site):
        assert "system-message" not in page.text, name
        if name.startswith("chapters/") or name == "index.html":
            assert "Traceback (most recent call last)" not in page.text, name
