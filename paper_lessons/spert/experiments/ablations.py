"""The paper's choices, switched off one by one, on the corpus; every arm trains MiniLM on the same sentences.

Scores are on names never seen. For contexts they are also taken by the length of the sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from paper_lessons import plotting
from paper_lessons.spert.data.corpus import relation_corpus
from paper_lessons.spert.documents import Document
from paper_lessons.spert.experiments.learning import UNTRAINED, learn, run_arms, spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAPER = "as the paper"
# Arm -> options of the training, of the model, and the encoder.
ARMS: dict[str, dict[str, Any]] = {
    PAPER: {},
    "no negative spans": {"training": {"negatives": 0}},
    "5 negative spans": {"training": {"negatives": 5}},
    "20 negative spans": {"training": {"negatives": 20}},
    "random negative pairs": {"training": {"strong": False}},
    "context: whole sentence": {"model": {"context": "sentence"}},
    "context: [CLS]": {"model": {"context": "cls"}},
    "mean pooling": {"model": {"pooling": "mean"}},
    "sum pooling": {"model": {"pooling": "sum"}},
    "no width embedding": {"model": {"width_dimension": 0}},
    "random weights": {"encoder": UNTRAINED},
}
TRAINING: dict[str, Any] = {"epochs": 3, "batch_size": 8, "lr": 3e-4, "head_lr": 1e-3}
LENGTHS = {"short": (0, 9), "middle": (10, 15), "long": (16, 1000)}


def run(
    *,
    seeds: Sequence[int] = (0, 1, 2),
    sentences: int = 240,
    test: int = 300,
    arms: Sequence[str] = tuple(ARMS),
    epochs: int | None = None,
    jobs: int | None = None,
    progress: bool = False,
    checkpoint: str | None = None,
) -> dict[str, Any]:
    """Train every arm with every seed.

    Parameters
    ----------
    seeds : sequence of int
        Of the corpus, the first weights and the training.
    sentences, test : int
        Of the training part and of the test part.
    arms : sequence of str
        Of ``ARMS``; the first one is what the others are held against.
    epochs : int, optional
    jobs, progress, checkpoint
        As :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        ``"settings"``; under ``"arms"`` what :func:`~paper_lessons.spert.experiments.learning.run_arms` gives, and under
        ``"strict_difference"`` how strict relation F1 differs from the first arm's with the same seeds.
    """
    training = TRAINING | ({} if epochs is None else {"epochs": epochs})
    shared = {"sentences": sentences, "test": test, "training": training}
    how = {"jobs": jobs, "progress": progress, "checkpoint": checkpoint}
    found = run_arms(one_run, arms, seeds, shared, **how)
    first = found[arms[0]]["runs"]
    for arm in found.values():
        arm["strict_difference"] = spread(
            [
                one["new"]["strict"] - base["new"]["strict"]
                for one, base in zip(arm["runs"], first, strict=True)
            ]
        )
    settings = {"seeds": list(seeds), "sentences": sentences, "test": test, **training}
    return {"settings": {**settings, "lengths": LENGTHS}, "arms": found}


def one_run(
    arm: str, seed: int, *, sentences: int, test: int, training: dict[str, Any]
) -> dict[str, Any]:
    """Train one arm once; tests are ``"new"`` and its parts by length."""
    corpus = relation_corpus(sentences, seed, test=test)
    options = ARMS[arm]
    tests = {"new": corpus.new} | {
        name: of_length(corpus.new, low, high) for name, (low, high) in LENGTHS.items()
    }
    return learn(
        corpus.train,
        tests,
        corpus.types,
        encoder=options.get("encoder", "minilm"),
        model=options.get("model"),
        training=training | options.get("training", {}),
        seed=seed,
    )


def of_length(documents: Sequence[Document], low: int, high: int) -> list[Document]:
    """The documents of ``low`` to ``high`` words."""
    return [one for one in documents if low <= len(one.words) <= high]


def plot(result: dict[str, Any], axes: Axes) -> None:
    """Draw strict relation F1 of every arm, a dot for each seed and a line at the mean.

    Parameters
    ----------
    result : dict
        From :func:`run`.
    axes : matplotlib.axes.Axes
    """
    arms = result["arms"]
    for place, (arm, found) in enumerate(arms.items()):
        values = [one["new"]["strict"] for one in found["runs"]]
        color = plotting.COLORS["red" if arm == PAPER else "blue"]
        axes.plot(values, [place] * len(values), "o", color=color, alpha=0.6)
        axes.plot(found["new"]["strict"]["mean"], place, "|", markersize=16, color=color)
    axes.set_yticks(range(len(arms)), list(arms))
    axes.set_ylim(len(arms) - 0.5, -0.5)
    axes.set_xlabel("strict relation F1 on names never seen")
