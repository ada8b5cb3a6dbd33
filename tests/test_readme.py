"""What the README says is true: its code runs, its table is the registry's, its commands exist."""

from __future__ import annotations

import re
import tomllib

from paper_lessons.lessons import LESSONS


def _readme(repository):
    return (repository / "README.md").read_text(encoding="utf-8")


def test_the_code_runs_and_prints_what_its_comments_say(repository, capsys):
    blocks = re.findall(r"```python\n(.*?)```", _readme(repository), flags=re.DOTALL)
    assert blocks
    for block in blocks:
        names: dict[str, object] = {}
        exec(compile(block, "README.md", "exec"), names)
        for statement, value in re.findall(
            r"^(?:\w+ = )?(.+?)\s+# (tensor\(\[.*?\]\))", block, re.M
        ):
            import torch

            shown = eval(statement, names)
            assert torch.equal(
                (shown * 1e4).round(), (eval(value, {"tensor": torch.tensor}) * 1e4).round()
            )
    assert capsys.readouterr().out


def test_the_table_is_the_registry(repository):
    rows = re.findall(
        r"^\| (\d\d) \| `(\w+)`: (.+?) \| (.+?) \| (.+?) \|$", _readme(repository), re.M
    )
    assert [(int(number), name, status) for number, name, _, _, status in rows] == [
        (lesson.number, lesson.name, lesson.status) for lesson in LESSONS
    ]
    for (_, _, title, paper, _), lesson in zip(rows, LESSONS, strict=True):
        assert title == lesson.title[0].lower() + lesson.title[1:]
        assert lesson.authors in paper
        assert lesson.arxiv in paper


def test_every_make_target_and_command_that_is_named_exists(repository):
    text = _readme(repository)
    makefile = (repository / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.M))
    assert named
    assert named <= targets
    from typer.main import get_command

    from paper_lessons.cli import app

    commands = set(getattr(get_command(app), "commands", {}))
    used = set(re.findall(r"paper-lessons ([a-z]+)", text))
    assert used
    assert used <= commands


def test_files_that_are_named_exist(repository):
    for name in re.findall(r"\]\(((?!http)[^)]+)\)", _readme(repository)):
        assert (repository / name).exists(), name


def test_version_is_the_same_everywhere(repository):
    import paper_lessons

    assert tomllib.loads((repository / "pyproject.toml").read_text())["project"]["dynamic"] == [
        "version"
    ]
    citation = (repository / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {paper_lessons.__version__}\n" in citation
    assert f"## {paper_lessons.__version__} " in (repository / "CHANGELOG.md").read_text(
        encoding="utf-8"
    )
