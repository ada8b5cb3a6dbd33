"""Many runs: order, processes, checkpoints, and an experiment that is killed and resumed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from paper_lessons.runs import (
    checkpoint_file,
    default_checkpoint_folder,
    one_thread,
    run_tasks,
)


def power(base: int, exponent: int) -> dict[str, int]:
    return {"value": base**exponent}


def mean_of(index: int, *, table: np.ndarray) -> float:
    return float(table[index].mean())


def noted(index: int, *, folder: str, fail_at: int | None = None) -> int:
    """Leaves a file for each call, so that a test can count them."""
    calls = Path(folder)
    (calls / f"{index}-{len(list(calls.iterdir()))}").touch()
    if index == fail_at and len(list(calls.glob(f"{index}-*"))) == 1:
        raise RuntimeError("the power went out")
    return 10 * index


def threads() -> int:
    return torch.get_num_threads()


@pytest.mark.parametrize("jobs", [None, 1, pytest.param(2, marks=pytest.mark.slow)])
def test_results_come_in_the_tasks_order(jobs: int | None) -> None:
    tasks = [{"base": base, "exponent": 2} for base in range(7)]
    assert run_tasks(power, tasks, jobs=jobs) == [{"value": base**2} for base in range(7)]


def test_shared_arguments_reach_every_run() -> None:
    table = np.arange(12.0).reshape(3, 4)
    tasks = [{"index": index} for index in range(3)]
    assert run_tasks(mean_of, tasks, shared={"table": table}) == table.mean(1).tolist()


def test_no_tasks_give_no_results(tmp_path: Path) -> None:
    assert run_tasks(power, [], checkpoint=tmp_path) == []


def test_runs_have_one_thread_and_the_caller_keeps_its_own() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert run_tasks(threads, [{}]) == [1]
        assert torch.get_num_threads() == 2
        with pytest.raises(RuntimeError), one_thread():
            raise RuntimeError
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_progress_is_text_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    run_tasks(power, [{"base": 2, "exponent": 3}], progress=True)
    shown = capsys.readouterr()
    assert "1/1" in shown.err
    assert shown.out == ""
    run_tasks(power, [{"base": 2, "exponent": 3}])
    assert capsys.readouterr().err == ""


def test_a_broken_run_resumes_without_repeating(tmp_path: Path) -> None:
    calls, kept = tmp_path / "calls", tmp_path / "kept"
    calls.mkdir()
    tasks = [{"index": index} for index in range(5)]
    shared = {"folder": str(calls), "fail_at": 3}
    with pytest.raises(RuntimeError, match="power went out"):
        run_tasks(noted, tasks, shared=shared, jobs=1, checkpoint=kept)
    file = checkpoint_file(kept, noted, tasks, shared)
    assert json.loads(file.read_text(encoding="utf-8")) == {"0": 0, "1": 10, "2": 20}
    assert run_tasks(noted, tasks, shared=shared, jobs=1, checkpoint=kept) == [0, 10, 20, 30, 40]
    assert [len(list(calls.glob(f"{index}-*"))) for index in range(5)] == [1, 1, 1, 2, 1]
    assert not list(kept.iterdir())


@pytest.mark.slow
def test_a_killed_program_resumes(tmp_path: Path) -> None:
    calls, kept = tmp_path / "calls", tmp_path / "kept"
    calls.mkdir()
    module = tmp_path / "slow_runs.py"
    module.write_text(
        "import sys, time\n"
        "from pathlib import Path\n"
        "from paper_lessons.runs import run_tasks\n"
        "def slow(index, *, folder):\n"
        "    with (Path(folder) / str(index)).open('a') as file:\n"
        "        file.write('x')\n"
        "    time.sleep(0.2)\n"
        "    return index\n"
        "def main(folder, kept):\n"
        "    tasks = [{'index': index} for index in range(20)]\n"
        "    return run_tasks(slow, tasks, shared={'folder': folder}, checkpoint=kept)\n"
        "if __name__ == '__main__':\n"
        "    import slow_runs\n"
        "    print(slow_runs.main(*sys.argv[1:]))\n",
        encoding="utf-8",
    )
    command = [sys.executable, str(module), str(calls), str(kept)]
    program = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (calls / "5").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    program.kill()
    program.wait()
    assert (calls / "5").exists()
    assert not (calls / "19").exists()
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert output.strip() == str(list(range(20)))
    repeats = [len((calls / str(index)).read_text()) for index in range(20)]
    assert repeats[:4] == [1] * 4
    assert sum(repeats) <= 21  # the run that was under way, and no other
    assert not list(kept.iterdir())


def test_checkpoints_of_other_experiments_have_other_names() -> None:
    tasks = [{"base": 2, "exponent": 3}]
    table = np.zeros(3)
    names = {
        checkpoint_file("kept", power, tasks),
        checkpoint_file("kept", mean_of, tasks),
        checkpoint_file("kept", power, tasks * 2),
        checkpoint_file("kept", power, tasks, {"table": table}),
        checkpoint_file("kept", power, tasks, {"table": table + 1}),
    }
    assert len(names) == 5
    assert checkpoint_file("kept", power, tasks, {"table": table}) in names


def test_checkpoints_go_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAPER_LESSONS_CACHE", os.path.join("some", "where"))  # noqa: PTH118
    assert default_checkpoint_folder() == Path("some", "where", "checkpoints")
    monkeypatch.delenv("PAPER_LESSONS_CACHE")
    assert Path.home() in default_checkpoint_folder().parents
