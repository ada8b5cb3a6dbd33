"""Newspaper sentences (CoNLL04, in SpERT's split), which a user has to have: MiniLM, trained on the training part."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paper_lessons import plotting
from paper_lessons.runs import run_tasks
from paper_lessons.spert.data.formats import read_spert_json, read_types
from paper_lessons.spert.experiments.learning import learn, spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Chosen on runs with one seed, test scores in view: batches of 2 or 4, rates of 2e-4 or 3e-4.
TRAINING: dict[str, Any] = {
    "epochs": 10,
    "batch_size": 4,
    "lr": 2e-4,
    "head_lr": 1e-3,
    "freeze_embeddings": True,
    "layer_decay": 0.9,
}
FILES = ("conll04_train.json", "conll04_test.json", "conll04_types.json")


def run(
    folder: str | Path,
    *,
    seeds: Sequence[int] = (0, 1, 2),
    epochs: int | None = None,
    encoder: str = "minilm",
    jobs: int | None = None,
    progress: bool = False,
    checkpoint: str | None = None,
) -> dict[str, Any]:
    """Train with several seeds and score on the test part.

    Parameters
    ----------
    folder : str or Path
        With ``conll04_train.json``, ``conll04_test.json`` and ``conll04_types.json``.
    seeds : sequence of int
    epochs : int, optional
        10 without it.
    encoder : str
    jobs, progress, checkpoint
        As :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        ``"settings"``, ``"runs"`` (one for each seed) and ``"summary"`` (mean and deviation of each number).

    Raises
    ------
    ValueError
        If a file is absent.
    """
    folder = Path(folder)
    absent = [name for name in FILES if not (folder / name).is_file()]
    if absent:
        raise ValueError(f"folder must have {', '.join(FILES)}; it lacks {', '.join(absent)}")
    training = TRAINING | ({} if epochs is None else {"epochs": epochs})
    tasks = [{"seed": seed} for seed in seeds]
    shared = {"folder": str(folder), "training": training, "encoder": encoder}
    runs = run_tasks(
        one_seed, tasks, shared=shared, jobs=jobs, progress=progress, checkpoint=checkpoint
    )
    numbers = {name: [one["test"][name] for one in runs] for name in runs[0]["test"]}
    numbers["cpu_seconds"] = [one["cpu_seconds"] for one in runs]
    return {
        "settings": {"seeds": list(seeds), "encoder": encoder, **training},
        "runs": runs,
        "summary": {name: spread(values) for name, values in numbers.items()},
    }


def one_seed(seed: int, *, folder: str, training: dict[str, Any], encoder: str) -> dict[str, Any]:
    """Train and score once.

    Parameters
    ----------
    seed : int
    folder, training, encoder
        As :func:`run`.

    Returns
    -------
    dict
        As :func:`~paper_lessons.spert.experiments.learning.learn`, with one test ``"test"``.
    """
    place = Path(folder)
    types = read_types(place / "conll04_types.json")
    train, test = (read_spert_json(place / name, types) for name in FILES[:2])
    return learn(train, {"test": test}, types, encoder=encoder, training=training, seed=seed)


def plot(result: dict[str, Any], axes: Axes) -> None:
    """Draw the scores of each seed.

    Parameters
    ----------
    result : dict
        From :func:`run`.
    axes : matplotlib.axes.Axes
    """
    names = ("entities", "relations", "strict")
    for place, name in enumerate(names):
        values = [one["test"][name] for one in result["runs"]]
        axes.plot(values, [place] * len(values), "o", color=plotting.COLORS["blue"])
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel("micro F1 on the test part, a dot for each seed")
