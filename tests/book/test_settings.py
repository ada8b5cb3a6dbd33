"""The book's settings: nothing from the net, one place for the repository's address, all pages listed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml


@pytest.fixture(scope="module")
def settings(repository: Path) -> dict:
    return yaml.safe_load((repository / "_config.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pages(book: Path) -> list[str]:
    contents = yaml.safe_load((book / "_toc.yml").read_text(encoding="utf-8"))
    listed = [entry["file"] for part in contents["parts"] for entry in part["chapters"]]
    return [contents["root"], *listed]


def test_every_page_is_listed_once_and_every_listed_page_exists(book, pages):
    written = {path.relative_to(book).with_suffix("").as_posix() for path in book.rglob("*.md")}
    assert sorted(pages) == sorted(written)


def test_chapters_are_listed_in_the_order_of_their_numbers(pages):
    numbers = [int(page.split("/")[1][:2]) for page in pages if page.startswith("chapters/")]
    assert numbers == sorted(set(numbers))


def test_no_setting_names_a_host(repository):
    for number, line in enumerate((repository / "_config.yml").read_text("utf-8").splitlines(), 1):
        code = line.partition("#")[0]
        assert "://" not in code, f"_config.yml, line {number}: {line}"


def test_what_the_theme_needs_to_be_usable_is_set(settings):
    # Without these two, the theme shows two search fields and drops the sidebar's button on phones.
    assert settings["sphinx"]["recursive_update"] is True
    assert settings["sphinx"]["config"]["html_theme_options"]["navbar_persistent"] == []


def test_failing_cells_stop_the_build(settings):
    assert settings["execute"]["allow_errors"] is False
    assert settings["sphinx"]["config"]["nb_execution_raise_on_error"] is True


def test_local_extensions_exist_and_can_be_set_up(repository, settings):
    for name, folder in settings["sphinx"]["local_extensions"].items():
        source = (repository / folder / f"{name}.py").read_text(encoding="utf-8")
        assert "\ndef setup(app: Sphinx)" in source, name


def test_bibliography_file_and_logo_exist(book, settings):
    for name in [*settings["bibtex_bibfiles"], settings["logo"], settings["html"]["favicon"]]:
        assert (book / name).is_file()


def test_the_logo_has_a_name_and_loads_nothing(book):
    logo = (book / "_static" / "logo.svg").read_text(encoding="utf-8")
    assert "aria-label=" in logo
    assert not re.search(r"(href|src|url\()", logo)


def test_style_sheets_load_nothing(book):
    for sheet in (book / "_static").glob("*.css"):
        assert not re.search(r"@import|url\(", sheet.read_text(encoding="utf-8")), sheet.name
