"""``python -m paper_lessons``: the same as the command ``paper-lessons``."""

from __future__ import annotations

from paper_lessons.cli import main

if __name__ == "__main__":
    main()
