"""The chapter's detector, which comes with the package; ``paper-lessons run once model`` makes it again."""

from __future__ import annotations

from pathlib import Path

from paper_lessons.once.detector import OnceDetector

GLYPH_DETECTOR = Path(__file__).parent / "glyph_detector"


def glyph_detector() -> OnceDetector:
    """A detector of 80 printed characters with its generator of codes, trained for the chapter.

    Returns
    -------
    OnceDetector
        Its base classes are the first part of :func:`~paper_lessons.once.glyph_split`.

    Examples
    --------
    >>> len(glyph_detector().classes)
    80
    """
    return OnceDetector.from_pretrained(GLYPH_DETECTOR).eval()
