"""What a model has learnt by heart: a small random encoder against MiniLM, on names seen and never seen.

Both train on the same sentences of the corpus. The test sentences follow the same grammar; in one test the names are those of
the training part, in the other none of them is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from paper_lessons import plotting
from paper_lessons.spert.data.corpus import relation_corpus
from paper_lessons.spert.experiments.learning import SMALL, learn, run_arms

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Encoder -> how many of the sentences it sees, and how it is trained; both take about a minute of one processor.
ARMS: dict[str, dict[str, Any]] = {
    SMALL: {"epochs": 12, "batch_size": 8, "lr": 2e-3},
    "minilm": {"epochs": 4, "batch_size": 8, "lr": 3e-4, "head_lr": 1e-3},
}
TESTS = ("seen", "new")


def run(
    *,
    seeds: Sequence[int] = (0, 1, 2),
    sentences: int = 480,
    arms: Sequence[str] = tuple(ARMS),
    epochs: int | None = None,
    jobs: int | None = None,
    progress: bool = False,
    checkpoint: str | None = None,
) -> dict[str, Any]:
    """Train each encoder with each seed.

    Parameters
    ----------
    seeds : sequence of int
        Of the corpus, the first weights and the training.
    sentences : int
        Of the training part.
    arms : sequence of str
        Of ``ARMS``.
    epochs : int, optional
        The same for all arms, in place of their own.
    jobs, progress, checkpoint
        As :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        ``"settings"``; under ``"arms"`` for each encoder ``"runs"`` and, for the tests ``"seen"`` and ``"new"``, mean
        and deviation of each score.
    """
    training = {name: ARMS[name] | ({} if epochs is None else {"epochs": epochs}) for name in arms}
    shared = {"sentences": sentences, "training": training}
    how = {"jobs": jobs, "progress": progress, "checkpoint": checkpoint}
    return {
        "settings": {"seeds": list(seeds), "sentences": sentences, "training": training},
        "arms": run_arms(one_run, arms, seeds, shared, **how),
    }


def one_run(arm: str, seed: int, *, sentences: int, training: dict[str, Any]) -> dict[str, Any]:
    """Train one encoder once; the result is that of :func:`~paper_lessons.spert.experiments.learning.learn`."""
    corpus = relation_corpus(sentences, seed)
    tests = {"seen": corpus.seen, "new": corpus.new}
    return learn(corpus.train, tests, corpus.types, encoder=arm, training=training[arm], seed=seed)


def plot(result: dict[str, Any], axes: Axes) -> None:
    """Draw strict relation F1 on names seen and never seen, a line for each encoder.

    Parameters
    ----------
    result : dict
        From :func:`run`.
    axes : matplotlib.axes.Axes
    """
    for (arm, found), color in zip(result["arms"].items(), plotting.COLORS.values(), strict=False):
        for run_ in found["runs"]:
            axes.plot(
                range(2), [run_[test]["strict"] for test in TESTS], "o-", color=color, alpha=0.4
            )
        means = [found[test]["strict"]["mean"] for test in TESTS]
        axes.plot(range(2), means, "o-", color=color, label=arm)
    axes.set_xticks(range(2), ["names seen in training", "names never seen"])
    axes.set_xlim(-0.3, 1.3)
    axes.set_ylabel("strict relation F1")
    plotting.label_lines(axes)
