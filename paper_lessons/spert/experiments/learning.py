"""One model, trained and judged: what every experiment of the lesson repeats."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from transformers import AutoModel

from paper_lessons.runs import one_thread
from paper_lessons.spert.documents import Document, Types
from paper_lessons.spert.encoders import load_encoder, small_encoder
from paper_lessons.spert.evaluation import Evaluation
from paper_lessons.spert.extractor import SpanRelationExtractor
from paper_lessons.spert.model import SpERT

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
        As :func:`~paper_lessons.spert.encoders.load_encoder`; or ``"small random"``, a small BERT of random weights
        with pieces learnt from ``train``; or ``"MiniLM, random"``, MiniLM's shape and pieces without its weights.
    model, training : mapping, optional
        Options of :class:`~paper_lessons.spert.SpERT` and :class:`~paper_lessons.spert.Training`.
    seed : int

    Returns
    -------
    dict
        ``"cpu_seconds"`` of the training, and for each test ``"entities"``, ``"relations"``, ``"strict"`` (micro F1)
        and ``"entities_macro"``, ``"strict_macro"``.
    """
    with one_thread():
        network, tokenizer = _encoder(encoder, train, seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            made = SpERT(network, types.entities, types.relations, types.symmetric, **(model or {}))
        extractor = SpanRelationExtractor(made, tokenizer)
        start = time.process_time()
        extractor.fit(train, seed=seed, **(training or {}))
        found: dict[str, Any] = {"cpu_seconds": round(time.process_time() - start, 1)}
        for name, documents in tests.items():
            found[name] = as_numbers(extractor.evaluate(documents))
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
