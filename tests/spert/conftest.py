"""A small model whose classifiers fire on some spans and pairs, and small encoders of other families on disk."""

from __future__ import annotations

import pytest

from paper_lessons.spert import SpanRelationExtractor, relation_corpus, small_encoder

from .naive import firing


@pytest.fixture(scope="session")
def corpus():
    return relation_corpus(120, seed=1, test=30)


@pytest.fixture(scope="session")
def extractor(corpus) -> SpanRelationExtractor:
    encoder, tokenizer = small_encoder(
        [one.tokens for one in corpus.train], hidden=32, vocabulary=150
    )
    return SpanRelationExtractor(
        firing(encoder, tokenizer, corpus.train[:24], corpus.types), tokenizer
    )
