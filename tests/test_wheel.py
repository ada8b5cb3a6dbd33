"""The wheel works alone: in an environment of its own, with the sources out of sight."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [
            *(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)),
        ],
        cwd=repository,
        check=True,
        capture_output=True,
    )
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def python(wheel: Path, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of a fresh environment that has the wheel, and borrows its dependencies from this one."""
    home = tmp_path_factory.mktemp("fresh")
    venv.create(home, with_pip=False, symlinks=os.name != "nt")
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    place = sysconfig.get_path("purelib", "venv", vars={"base": str(home), "platbase": str(home)})
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    # A plain path, not site.addsitedir: this environment's own .pth files would show the sources.
    borrowed = Path(sysconfig.get_path("purelib"))
    (Path(place) / "borrowed.pth").write_text(f"{borrowed}\n", encoding="utf-8")
    return scripts / ("python.exe" if os.name == "nt" else "python")


def run(python: Path, folder: Path, *words: str, code: int = 0) -> str:
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [str(python), *words], cwd=folder, env=kept, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_it_holds_what_it_must_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        text = b"".join(archive.read(name) for name in names if name.endswith((".py", ".ipynb")))
    assert "paper_lessons/py.typed" in names
    assert "paper_lessons/_shipped/exercises/01_soft_sort.ipynb" in names
    assert "paper_lessons/_shipped/exercises/01_soft_sort.feedback.json" in names
    assert any(name.endswith("entry_points.txt") for name in names)
    roots = {name.partition("/")[0] for name in names}
    assert {root for root in roots if not root.endswith(".dist-info")} == {"paper_lessons"}
    assert not [name for name in names if "solution" in name or "test" in name]
    assert b"-hidden-" not in text, "a hidden check travels in the wheel"
    assert wheel.name.endswith("-py3-none-any.whl")


def test_the_sources_are_out_of_sight(python: Path, tmp_path: Path, repository: Path) -> None:
    where = run(python, tmp_path, "-c", "import paper_lessons; print(paper_lessons.__file__)")
    assert not Path(where.strip()).is_relative_to(repository)
    seen = run(
        python,
        tmp_path,
        "-c",
        "from paper_lessons.resources import repository; print(repository())",
    )
    assert seen.strip() == "None"


def test_the_quick_start_and_the_command_line(python: Path, tmp_path: Path) -> None:
    code = (
        "import torch; from paper_lessons.soft_sort import soft_rank; "
        "print(soft_rank(torch.tensor([0.3, -1.2, 0.9, 0.5, 2.0]), regularization_strength=0.1).tolist())"
    )
    assert run(python, tmp_path, "-c", code).strip() == "[2.0, 1.0, 4.0, 3.0, 5.0]"
    start = ("-m", "paper_lessons")
    run(python, tmp_path, *start, "exercise", "soft-sort", "class")
    notebook = tmp_path / "class" / "01_soft_sort.ipynb"
    assert "0 of 20" in run(python, tmp_path, *start, "check", str(notebook), code=1)
    assert run(python, tmp_path, *start, "hint", "pav").startswith("hint 1 of 3: ")
    run(python, tmp_path, *start, "handout", "class")
    assert (tmp_path / "class" / "paper-lessons-exercises.zip").is_file()
    text = notebook.read_text(encoding="utf-8")
    stub = '    raise NotImplementedError"'
    assert text.count(stub) >= 5
    lines = (
        "    from sklearn.isotonic import isotonic_regression",
        "    return torch.tensor(isotonic_regression(y.numpy(), increasing=False).tolist())",
    )
    answered = text.replace(stub, r"\n".join(lines) + '"', 1)
    assert answered != text
    notebook.write_text(answered, encoding="utf-8")
    out = run(python, tmp_path, *start, "check", str(notebook), "--exercise", "1")
    assert out.count("4 of 4") == 2
