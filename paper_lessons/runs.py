"""Many independent runs: over processes, with a progress bar, and never the same run twice.

A task is a dictionary of plain values. Results are kept in a checkpoint file as they come in, so
that a killed experiment goes on where it stopped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from joblib import Parallel, delayed, hash
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from paper_lessons.files import write_atomically
from paper_lessons.lessons import LESSONS
from paper_lessons.provenance import library_hash

Task = dict[str, Any]


def run_tasks(
    function: Callable[..., Any],
    tasks: Sequence[Task],
    *,
    shared: Task | None = None,
    jobs: int | None = None,
    progress: bool = False,
    checkpoint: str | Path | None = None,
) -> list[Any]:
    """``function(**task, **shared)`` for every task, in the tasks' order.

    Parameters
    ----------
    function : callable
        A function of a module (processes have to find it) that returns plain data.
    tasks : sequence of dict
        Keyword arguments that differ between runs.
    shared : dict, optional
        Keyword arguments of every run; large NumPy arrays in them reach processes as memory maps.
    jobs : int, optional
        Processes, as joblib counts them (-1 for all cores). None takes joblib's own setting: 1, or
        what ``joblib.parallel_config`` says, which may be a Dask or Ray cluster.
    progress : bool
        Whether to draw a bar of text on standard error.
    checkpoint : str or Path, optional
        Folder for the file that keeps finished runs. The file's name depends on the function, its
        arguments and the library's code, so that results of another experiment are never taken; it
        is removed when all runs are done.

    Returns
    -------
    list
        One result for each task.

    Examples
    --------
    >>> run_tasks(pow, [{"base": 2, "exp": 3}, {"base": 3, "exp": 2}])
    [8, 9]
    """
    file = None if checkpoint is None else checkpoint_file(checkpoint, function, tasks, shared)
    done = _read(file)
    missing = [index for index in range(len(tasks)) if str(index) not in done]
    with tqdm(total=len(tasks), initial=len(done), disable=not progress, unit="run") as bar:
        if missing:
            finished = Parallel(n_jobs=jobs, return_as="generator_unordered")(
                delayed(_numbered)(index, function, tasks[index], shared or {}) for index in missing
            )
            for index, result in finished:
                # Through JSON, so that a resumed run returns what an unbroken one does.
                done[str(index)] = json.loads(json.dumps(result))
                if file is not None:
                    write_atomically(file, json.dumps(done))
                bar.update()
    if file is not None:
        file.unlink(missing_ok=True)
    return [done[str(index)] for index in range(len(tasks))]


def checkpoint_file(
    folder: str | Path,
    function: Callable[..., Any],
    tasks: Sequence[Task],
    shared: Task | None = None,
) -> Path:
    """The file in which :func:`run_tasks` keeps the finished runs of an experiment.

    Parameters
    ----------
    folder : str or Path
        Where checkpoints are kept.
    function : callable
        What is run.
    tasks : sequence of dict
        All tasks of the experiment.
    shared : dict, optional
        What they share.

    Returns
    -------
    pathlib.Path

    Examples
    --------
    >>> checkpoint_file("kept", pow, [{"base": 2, "exp": 3}]).suffixes
    ['.partial', '.json']
    """
    digest = hash([library_hash(_lesson_of(function)), function.__name__, list(tasks), shared])[:12]
    return Path(folder) / f"{function.__name__}-{digest}.partial.json"


def default_checkpoint_folder() -> Path:
    """Where long runs keep their checkpoints when nobody says where.

    Returns
    -------
    pathlib.Path
        The folder named by the environment variable ``PAPER_LESSONS_CACHE``, or
        ``.cache/paper-lessons`` in the home folder.

    Examples
    --------
    >>> default_checkpoint_folder().name
    'checkpoints'
    """
    named = os.environ.get("PAPER_LESSONS_CACHE")
    base = Path(named) if named else Path.home() / ".cache" / "paper-lessons"
    return base / "checkpoints"


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep PyTorch and BLAS on one thread: sums have one order, the same seed the same numbers.

    Examples
    --------
    >>> with one_thread():
    ...     torch.get_num_threads()
    1
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def _numbered(
    index: int, function: Callable[..., Any], task: Task, shared: Task
) -> tuple[int, Any]:
    with one_thread():
        return index, function(**task, **shared)


def _lesson_of(function: Callable[..., Any]) -> str | None:
    """The lesson whose code a function is, or None."""
    _, _, inner = (function.__module__ or "").partition("paper_lessons.")
    name = inner.partition(".")[0]
    return name if any(lesson.name == name for lesson in LESSONS) else None


def _read(file: Path | None) -> dict[str, Any]:
    if file is None or not file.is_file():
        return {}
    return json.loads(file.read_text(encoding="utf-8"))
