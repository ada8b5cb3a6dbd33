"""A small model whose classifiers fire on some spans and pairs, and small encoders of other families on disk."""

from __future__ import annotations

import pytest
import torch

from paper_lessons.spert import SpanRelationExtractor, SpERT, relation_corpus, small_encoder
from paper_lessons.spert.batches import WordPieces


@pytest.fixture(scope="session")
def corpus():
    return relation_corpus(120, seed=1, test=30)


def firing(encoder, tokenizer, documents, types, *, share: float = 0.06, **options) -> SpERT:
    """Random classifiers whose scores spread, with such a bias that a share of all spans and pairs passes."""
    torch.manual_seed(0)
    model = SpERT(
        encoder, types.entities, types.relations, types.symmetric, none_bias=0.0, **options
    )
    for layer in (model.entity, model.relation, model.width):
        torch.nn.init.normal_(layer.weight, std=0.15)
    torch.nn.init.constant_(model.relation.bias, -1.0)
    splitter = WordPieces(tokenizer)
    model.eval()
    with torch.no_grad():
        pieces = splitter.split([one.tokens for one in documents])
        batch = splitter.batch([splitter.join(one) for one in pieces])
        cls, table = model.encode(batch)
        above = []
        for width, pooled in enumerate(table.widths(model.max_width), start=1):
            row, start = (torch.arange(pooled.shape[1]) + width <= batch.words[:, None]).nonzero(
                as_tuple=True
            )
            wide = model.width.weight[width].expand(len(row), -1)
            logits = model.entity(torch.cat([cls[row], pooled[row, start], wide], 1))
            above.append(logits[:, 1:].amax(1) - logits[:, 0])
        model.entity.bias[0] = torch.cat(above).quantile(1 - share)
    return model


@pytest.fixture(scope="session")
def extractor(corpus) -> SpanRelationExtractor:
    encoder, tokenizer = small_encoder(
        [one.tokens for one in corpus.train], hidden=32, vocabulary=150
    )
    return SpanRelationExtractor(
        firing(encoder, tokenizer, corpus.train[:24], corpus.types), tokenizer
    )
