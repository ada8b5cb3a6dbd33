"""The next character of Python's own help texts (or of WikiText-2), with noise on the vectors of characters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from paper_lessons.maxup.arms import ARMS
from paper_lessons.maxup.experiments.trial import all_arms
from paper_lessons.maxup.networks import CharacterModel
from paper_lessons.maxup.noise import EmbeddingNoise
from paper_lessons.maxup.texts import help_texts, wikitext2, windows
from paper_lessons.maxup.training import Training, train
from paper_lessons.runs import one_thread

CONTEXT = 10
LR = 5e-3


def run(
    *,
    seeds: Sequence[int] = tuple(range(8)),
    m: int = 4,
    sigma: float = 0.3,
    larger: float = 0.6,
    read: int = 80_000,
    tested: int = 60_000,
    steps: int = 2500,
    wikitext: str | None = None,
    **how: Any,
) -> dict[str, Any]:
    """Train in every way, and plainly with more noise.

    Parameters
    ----------
    seeds : sequence of int
    m : int
    sigma, larger : float
        Noise, as a share of the vectors' deviation.
    read, tested : int
        Characters at the beginning and at the end of the texts.
    steps : int
    wikitext : str, optional
        Folder of WikiText-2, to read it in place of the help texts.
    **how
        As :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        Of :func:`~paper_lessons.maxup.experiments.trial.all_arms`; the measures are ``"nll"``, nats for each character of
        the test part, and ``"train nll"``.
    """
    arms: dict[str, dict[str, Any]] = {name: {"arm": name, "noise": sigma} for name in ARMS}
    arms["more noise"] = {"arm": "augmented", "noise": larger}
    shared = {"m": m, "read": read, "tested": tested, "steps": steps}
    return all_arms(
        one_run, arms, seeds, shared=shared, source={"wikitext": wikitext},
        **how,
    )  # fmt: skip


def one_run(
    seed: int,
    *,
    arm: Any,
    noise: float,
    m: int,
    read: int,
    tested: int,
    steps: int,
    wikitext: str | None = None,
) -> dict[str, float]:
    """One training, and the test's loss.

    Parameters
    ----------
    seed, arm, noise, m, read, tested, steps, wikitext
        As :func:`run`.

    Returns
    -------
    dict of str to float
    """
    with one_thread(), torch.random.fork_rng():
        torch.manual_seed(seed)
        if wikitext is None:
            text, characters = help_texts()
            test = text
        else:
            text, test, characters = wikitext2(wikitext)
        model = CharacterModel(len(characters), CONTEXT)
        inputs, targets = windows(text[:read], CONTEXT)
        how = Training(
            arm,
            m=m,
            steps=steps,
            batch_size=256,
            optimizer="adamw",
            lr=LR,
            weight_decay=0.0,
            seed=seed,
        )
        train(model, inputs, targets, EmbeddingNoise(model.embedding, noise), how)
        return {
            "nll": loss_of(model, *windows(test[-tested:], CONTEXT)),
            "train nll": loss_of(model, inputs, targets),
        }


@torch.no_grad()
def loss_of(model: CharacterModel, inputs: Tensor, targets: Tensor) -> float:
    """Mean loss, in nats for each character."""
    total = 0.0
    for some, aims in zip(inputs.split(8192), targets.split(8192), strict=True):
        total += float(F.cross_entropy(model(some), aims, reduction="sum"))
    return total / len(targets)
