"""SpERT: every span of a sentence is classified as an entity or none, every pair of entities as related or not.

Eberts, Ulges 2019, Span-based Joint Entity and Relation Extraction with Transformer Pre-training (arXiv 1909.07755).
One pass of an encoder serves all spans and pairs; entities may nest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paper_lessons.spert.data.corpus import RelationCorpus, relation_corpus
    from paper_lessons.spert.data.formats import (
        from_char_spans,
        read_dygie_jsonl,
        read_spert_json,
        read_types,
        write_spert_json,
    )
    from paper_lessons.spert.decoding import decode_batch
    from paper_lessons.spert.documents import Document, Entity, Relation, Types
    from paper_lessons.spert.encoders import load_encoder, small_encoder
    from paper_lessons.spert.evaluation import Evaluation, Score, Scores, error_kinds, evaluate
    from paper_lessons.spert.extractor import SpanRelationExtractor
    from paper_lessons.spert.model import SpERT
    from paper_lessons.spert.pooling import MaxTable, between_maxpool, span_maxpool, word_maxpool
    from paper_lessons.spert.samples import negative_pairs, negative_spans
    from paper_lessons.spert.spans import between, enumerate_spans, filter_spans, relation_pairs
    from paper_lessons.spert.training import Training, train
    from paper_lessons.spert.words import split_words

_PLACES = {
    "data.corpus": "RelationCorpus relation_corpus",
    "data.formats": "from_char_spans read_dygie_jsonl read_spert_json read_types write_spert_json",
    "decoding": "decode_batch",
    "documents": "Document Entity Relation Types",
    "encoders": "load_encoder small_encoder",
    "evaluation": "Evaluation Score Scores error_kinds evaluate",
    "extractor": "SpanRelationExtractor",
    "model": "SpERT",
    "pooling": "MaxTable between_maxpool span_maxpool word_maxpool",
    "samples": "negative_pairs negative_spans",
    "spans": "between enumerate_spans filter_spans relation_pairs",
    "training": "Training train",
    "words": "split_words",
}
# transformers takes seconds to import; who only reads files need not wait for it
_LAZY = {name: place for place, names in _PLACES.items() for name in names.split()}

__all__ = [
    "enumerate_spans",
    "filter_spans",
    "relation_pairs",
    "between",
    "span_maxpool",
    "between_maxpool",
    "word_maxpool",
    "MaxTable",
    "negative_spans",
    "negative_pairs",
    "SpERT",
    "decode_batch",
    "Training",
    "train",
    "SpanRelationExtractor",
    "Document",
    "Entity",
    "Relation",
    "Types",
    "split_words",
    "read_spert_json",
    "read_dygie_jsonl",
    "read_types",
    "from_char_spans",
    "write_spert_json",
    "RelationCorpus",
    "relation_corpus",
    "Evaluation",
    "Scores",
    "Score",
    "evaluate",
    "error_kinds",
    "load_encoder",
    "small_encoder",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
