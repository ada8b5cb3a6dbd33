"""What the tests of the book share: its folder, its extensions, and the built site."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
BOOK = REPOSITORY / "book"
SITE = REPOSITORY / "_build" / "html"

# The extensions are modules of the book, not of the package.
sys.path.insert(0, str(BOOK / "_ext"))


@pytest.fixture(scope="session")
def book() -> Path:
    """The folder of the book's sources."""
    return BOOK


@pytest.fixture(scope="session")
def site() -> Path:
    """The built site, if it is there and newer than what it was built from."""
    index = SITE / "index.html"
    if not index.is_file():
        pytest.skip("the book is not built (make book)")
    sources = [REPOSITORY / "_config.yml", *BOOK.rglob("*.md"), *BOOK.rglob("*.py")]
    sources += [*BOOK.glob("_static/*"), *(REPOSITORY / "paper_lessons").rglob("*.py")]
    newer = [path for path in sources if path.stat().st_mtime > index.stat().st_mtime]
    if newer:
        name = newer[0].relative_to(REPOSITORY).as_posix()
        pytest.skip(f"the built book is older than {name} (make book)")
    return SITE
