"""One model, trained and judged: what every experiment of the lesson repeats."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from transformers import AutoModel

from paper_lessons.runs import one_thread, run_tasks
from paper_lessons.spert.documents import Document, Types
from paper_lessons.spert.encoders import load_encoder, small_encoder
from paper_lessons.spert.evaluation import Evaluation, error_kinds, evaluate
from paper_lessons.spert.extractor import SpanRelationExtractor

SMALL, UNTRAINED = "small random", "MiniLM, random"


def learn(
    train: Sequence[Document],
    tests: Mapping[str, Sequence[Document]],
    types: Types,
    *,
    encoder: str = "minilm",
    model: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Train on one thread and score on some tests.

    Parameters
    ----------
    train : sequence of Document
    tests : mapping of str to sequence of Document
    types : Types
    encoder : str
        As :func:`~paper_lessons.spert.load_encoder`; or ``"small random"``, a small BERT of random weights
        with pieces learnt from ``train``; or ``"MiniLM, random"``, MiniLM's shape and pieces without its weights.
    model, training : mapping, optional
        Options of :class:`~paper_lessons.spert.SpERT` and :class:`~paper_lessons.spert.Training`.
    seed : int

    Returns
    -------
    dict
        ``"cpu_seconds"`` of the training; under ``"errors"`` for each test what
        :func:`~paper_lessons.spert.error_kinds` counts; and for each test ``"entities"``, ``"relations"``,
        ``"strict"`` (micro F1) and ``"entities_macro"``, ``"strict_macro"``.
    """
    with one_thread():
        extractor = SpanRelationExtractor.from_encoder(
            types, _encoder(encoder, train, seed), seed=seed, **(model or {})
        )
        start = time.process_time()
        extractor.fit(train, seed=seed, **(training or {}))
        found: dict[str, Any] = {"cpu_seconds": round(time.process_time() - start, 1)}
        found["errors"] = {}
        for name, documents in tests.items():
            predicted = extractor.predict(documents)
            found[name] = as_numbers(evaluate(documents, predicted, symmetric=types.symmetric))
            found["errors"][name] = error_kinds(documents, predicted, symmetric=types.symmetric)
    return found


def run_arms(
    one_run: Callable[..., dict[str, Any]],
    arms: Sequence[str],
    seeds: Sequence[int],
    shared: dict[str, Any],
    **how: Any,
) -> dict[str, dict[str, Any]]:
    """Run every arm with every seed.

    Parameters
    ----------
    one_run : callable
        Takes ``arm``, ``seed`` and what is shared; returns what :func:`learn` does.
    arms : sequence of str
    seeds : sequence of int
    shared : dict
    **how
        Of :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        For each arm its ``"runs"``, for each test mean and deviation of each score, and of the seconds.
    """
    tasks = [{"arm": arm, "seed": seed} for arm in arms for seed in seeds]
    runs = run_tasks(one_run, tasks, shared=shared, **how)
    found: dict[str, dict[str, Any]] = {}
    for number, arm in enumerate(arms):
        own = runs[number * len(seeds) : (number + 1) * len(seeds)]
        found[arm] = {"runs": own, "cpu_seconds": spread([one["cpu_seconds"] for one in own])}
        for test in own[0]:
            if test not in ("cpu_seconds", "errors"):
                names = own[0][test]
                found[arm][test] = {
                    name: spread([one[test][name] for one in own]) for name in names
                }
    return found


def as_numbers(scores: Evaluation) -> dict[str, float]:
    """The F1 scores that the experiments keep."""
    return {
        "entities": scores.entities.micro.f1,
        "relations": scores.relations.micro.f1,
        "strict": scores.strict.micro.f1,
        "entities_macro": scores.entities.macro.f1,
        "strict_macro": scores.strict.macro.f1,
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Mean and standard deviation over seeds (0 of a single one)."""
    several = len(values) > 1
    return {
        "mean": float(np.mean(values)),
        "std": float(np.std(values, ddof=1)) if several else 0.0,
    }


def _encoder(name: str, train: Sequence[Document], seed: int) -> tuple[Any, Any]:
    if name == SMALL:
        return small_encoder([one.tokens for one in train], seed=seed)
    if name != UNTRAINED:
        return load_encoder(name)
    trained, tokenizer = load_encoder("minilm")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return AutoModel.from_config(trained.config), tokenizer
