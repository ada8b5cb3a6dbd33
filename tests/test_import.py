"""What is imported when: nothing heavy before it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "torch",
    "numpy",
    "numba",
    "scipy",
    "sklearn",
    "matplotlib",
    "nbformat",
    "pytest",
    "jupytext",
)


def imported_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "statement",
    [
        "import paper_lessons",
        "import paper_lessons.cli",
        "import paper_lessons.classroom",
        "from paper_lessons.classroom import Case, check, count_steps, explain, hint, show",
        "from paper_lessons import cli\ntry:\n    cli.main(['lessons'])\nexcept SystemExit:\n    pass",
        "from paper_lessons import cli\ntry:\n    cli.main(['--help'])\nexcept SystemExit:\n    pass",
        "from paper_lessons import cli\ntry:\n    cli.main(['hint', 'pav'])\nexcept SystemExit:\n    pass",
    ],
)
def test_light_things_stay_light(statement: str) -> None:
    assert imported_by(statement).isdisjoint(HEAVY)


def test_the_package_imports_only_itself_and_the_standard_library() -> None:
    added = imported_by("import paper_lessons") - imported_by("pass")
    foreign = {name.partition(".")[0] for name in added} - sys.stdlib_module_names
    assert foreign == {"paper_lessons"}


def test_a_lesson_is_imported_when_it_is_first_used() -> None:
    loaded = imported_by("import paper_lessons\npaper_lessons.soft_sort.soft_rank")
    assert {"torch", "paper_lessons.soft_sort"} <= loaded


def test_an_unknown_name_is_an_attribute_error() -> None:
    import paper_lessons

    with pytest.raises(AttributeError, match="no attribute 'hard_sort'"):
        _ = paper_lessons.hard_sort  # type: ignore[attr-defined]
    assert "soft_sort" in dir(paper_lessons)
