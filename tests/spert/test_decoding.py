"""The fast form finds what the written-down method finds: the same sets, scores within 1e-5."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from paper_lessons.spert import SpanRelationExtractor, SpERT, decode_batch, small_encoder
from paper_lessons.spert.batches import by_length

from .naive import firing, predict


def of_batches(extractor, pieces, batches, **options):
    found = [None] * len(pieces)
    for some in batches:
        batch = extractor.splitter.batch([pieces[i] for i in some])
        for i, one in zip(some, decode_batch(extractor.model, batch, **options), strict=True):
            found[i] = one
    return found


def joined(extractor, sentences):
    return [extractor.splitter.join(one) for one in extractor.splitter.split(sentences)]


def same(fast, slow) -> None:
    entities, relations = slow
    assert [one[:3] for one in fast.entities] == [one[:3] for one in entities]
    np.testing.assert_allclose(
        [one[3] for one in fast.entities], [one[3] for one in entities], atol=1e-5
    )
    spans = [one[:2] for one in fast.entities]
    got = {(spans[h], spans[t], kind): score for h, t, kind, score in fast.relations}
    assert len(got) == len(fast.relations)
    want = {one[:3]: one[3] for one in relations}
    assert got.keys() == want.keys()
    for key, score in want.items():
        assert got[key] == pytest.approx(score, abs=1e-5)


@pytest.fixture(scope="module")
def sentences(corpus):
    tokens = [one.tokens for one in corpus.train[:24]]
    return [*tokens, ["Oslo"], ["a", "b"], tokens[0] * 3, ["\x00", "Ann", "[CLS]", "Lee"]]


@pytest.mark.parametrize("size", [1, 4, 16])
def test_the_fast_form_agrees_with_masks_whatever_the_batch(extractor, sentences, size):
    pieces = joined(extractor, sentences)
    slow = [predict(extractor.model, one) for one in pieces]
    assert sum(len(one[0]) for one in slow) > 100
    assert sum(len(one[1]) for one in slow) > 100
    order = np.random.default_rng(size).permutation(len(pieces)).tolist()
    for batches in (
        by_length([len(one.ids) for one in pieces], size),
        [order[i : i + size] for i in range(0, len(order), size)],
    ):
        for fast, one in zip(of_batches(extractor, pieces, batches), slow, strict=True):
            same(fast, one)


def test_the_threshold_is_inclusive(extractor, sentences):
    pieces = joined(extractor, sentences[:4])
    (first, *_) = [one for one in of_batches(extractor, pieces, [[0, 1, 2, 3]]) if one.relations]
    score = first.relations[0][3]
    for threshold, kept in ((score, True), (np.nextafter(np.float32(score), np.float32(2)), False)):
        found = of_batches(extractor, pieces, [[0, 1, 2, 3]], threshold=float(threshold))
        assert any(one[3] == score for each in found for one in each.relations) == kept


@pytest.mark.parametrize("pooling", ["max", "mean", "sum"])
@pytest.mark.parametrize("context", ["between", "sentence", "cls"])
def test_every_pooling_and_context_agrees_with_the_training_form(corpus, pooling, context):
    """The split layers of decoding give what the joined layers of training give."""
    encoder, tokenizer = small_encoder([one.tokens for one in corpus.train], hidden=32)
    model = firing(
        encoder, tokenizer, corpus.train[:4], corpus.types, pooling=pooling, context=context
    )
    extractor = SpanRelationExtractor(model, tokenizer)
    document = corpus.train[3]
    batch = extractor.splitter.batch(joined(extractor, [document.tokens, corpus.train[4].tokens]))
    given = [[(one.words, None) for one in document.entities], []]
    found = decode_batch(model, batch, entities=given, threshold=0.0)[0]
    spans = torch.tensor([one.words for one in document.entities])
    at = torch.zeros(len(spans), dtype=torch.long)
    cls, table = model.encode(batch)
    pooled, width = table.ranges(at, spans[:, 0], spans[:, 1]), model.widths(spans)
    for head, tail, kind, score in found.relations:
        if model.types.relations[kind] in model.types.symmetric:
            continue
        h, t = spans[head : head + 1], spans[tail : tail + 1]
        gap = model.contexts(cls, table, batch, at[:1], h, t)[0]
        parts = [gap, pooled[head], pooled[tail], width[head], width[tail]]
        want = torch.sigmoid(model.relation(torch.cat(parts)))[kind]
        assert score == pytest.approx(want.item(), abs=1e-5)


def test_means_and_sums_are_over_pieces(extractor, corpus):
    states = torch.randn(1, 9, 4, generator=torch.Generator().manual_seed(0))
    from paper_lessons.spert.pooling import SumTable, word_maxpool

    first, counts = torch.tensor([[1, 2, 5]]), torch.tensor([[1, 3, 2]])
    words = word_maxpool(states, first, counts, reduce="sum")
    at = torch.tensor([0, 0])
    start, end = torch.tensor([1, 2]), torch.tensor([3, 2])
    torch.testing.assert_close(
        SumTable(words, counts).ranges(at, start, end)[0], states[0, 2:7].mean(0)
    )
    assert SumTable(words).ranges(at, start, end)[1].tolist() == [0.0] * 4


def test_policies_for_overlaps(extractor, sentences):
    pieces = joined(extractor, sentences[:8])
    batches = [list(range(8))]
    everything = of_batches(extractor, pieces, batches)
    assert any(crossing(one.entities) for one in everything)
    greedy = of_batches(extractor, pieces, batches, overlap="greedy")
    dropped = of_batches(extractor, pieces, batches, overlap="drop")
    for whole, some, few in zip(everything, greedy, dropped, strict=True):
        assert not crossing(some.entities)
        assert set(some.entities) <= set(whole.entities)
        best = max(whole.entities, key=lambda one: one[3], default=None)
        assert best is None or best in some.entities
        # what greedy left out overlaps something more certain that stayed
        for one in set(whole.entities) - set(some.entities):
            assert any(touch(one, two) and two[3] >= one[3] for two in some.entities)
        assert few.entities == [
            one
            for one in whole.entities
            if not any(touch(one, two) for two in whole.entities if two is not one)
        ]


def touch(one, two) -> bool:
    return one[0] < two[1] and two[0] < one[1]


def crossing(entities) -> bool:
    return any(touch(one, two) for i, one in enumerate(entities) for two in entities[:i])


def test_a_model_that_calls_everything_an_entity_ends_soon_and_says_so(corpus):
    encoder, tokenizer = small_encoder([one.tokens for one in corpus.train], hidden=32)
    model = SpERT(encoder, ["A"], ["r"], none_bias=-5.0).eval()
    extractor = SpanRelationExtractor(model, tokenizer)
    with pytest.warns(UserWarning, match=r"a sentence has \d+ entities; the 200 most certain"):
        found = extractor.predict([["in"] * 150])[0]
    assert len(found.entities) == 200
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(extractor.predict([["in"] * 150], max_entities=3)[0].entities) == 3


def test_an_untrained_model_calls_few_spans_entities(corpus):
    encoder, tokenizer = small_encoder([one.tokens for one in corpus.train], hidden=32)
    fresh = SpanRelationExtractor(SpERT(encoder, corpus.types.entities, ["r"]), tokenizer)
    assert sum(len(one.entities) for one in fresh.predict(corpus.new)) == 0
