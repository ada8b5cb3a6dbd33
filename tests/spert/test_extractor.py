"""Raw text in, characters out; windows; given entities; saving."""

from __future__ import annotations

import json
import warnings
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from paper_lessons.spert import Document, SpanRelationExtractor, SpERT, small_encoder

from .test_documents import TEXTS


@given(st.lists(TEXTS, max_size=3))
@settings(max_examples=60, deadline=None)
def test_characters_are_those_of_the_text(extractor, texts):
    for text, found in zip(texts, extractor.predict(texts), strict=True):
        assert found.text == text
        for one in found.entities:
            assert text[one.start : one.end] == one.text
            assert found.words[one.word_start][0] == one.start
            assert found.words[one.word_end - 1][1] == one.end
            assert 0 <= one.score <= 1
        assert list(found.entities) == sorted(found.entities, key=lambda one: (one.start, -one.end))
        json.dumps(found.to_dict())


def test_batches_do_not_change_what_is_found(extractor, corpus):
    texts = [one.text for one in corpus.seen]
    want = extractor.predict(texts, batch_size=1)
    for size in (4, 16):
        for one, two in zip(extractor.predict(texts, batch_size=size), want, strict=True):
            assert [e.words for e in one.entities] == [e.words for e in two.entities]
            assert one.triples() == two.triples()
            for a, b in zip(one.relations, two.relations, strict=True):
                assert a.score == pytest.approx(b.score, abs=1e-5)
    back = extractor.predict(texts[::-1])[::-1]
    assert [one.triples() for one in back] == [one.triples() for one in want]


def test_one_text_words_and_documents(extractor, corpus):
    document = corpus.train[0]
    by_words, by_document = (extractor.predict([one])[0] for one in (document.tokens, document))
    assert by_words == by_document
    assert isinstance(extractor("Ann left."), Document)
    assert extractor.predict([]) == []


def test_the_mode_is_put_back(extractor):
    extractor.model.train()
    extractor.predict("Ann left.")
    assert extractor.model.training
    extractor.model.eval()


def test_long_texts_are_read_in_windows(extractor, corpus):
    text = " ".join(one.text for one in corpus.train)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        short = extractor.predict(text)
    assert len(short.words) > 1000
    assert short.entities[-1].end > len(text) - 200
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # many entities in a window
        far = extractor.predict(text, window="text", max_entities=30)
    assert (
        max(abs(far.entities[r.head].start - far.entities[r.tail].start) for r in far.relations)
        > 200
    )
    one_word = extractor.predict("x" * 3000)
    assert len(one_word.words) == 1
    no_end = extractor.predict([["in"] * 1500], max_entities=5)[0]
    assert len(no_end.words) == 1500


def test_sentences_are_read_alone(extractor, corpus):
    one, two = corpus.train[0].text.replace(" .", "."), corpus.train[1].text.replace(" .", ".")
    both = extractor.predict(f"{one} {two}")
    first, second = extractor.predict(one), extractor.predict(two)
    assert [e.text for e in both.entities] == [e.text for e in (*first.entities, *second.entities)]
    assert both.triples() == first.triples() + second.triples()


def test_given_entities(extractor):
    text = "Ann Lee of Acme lives in Oslo."
    marks = [(0, 7, "Person"), (25, 29)]
    found = extractor.predict(text, entities=[marks], threshold=0.0)
    assert [one.text for one in found.entities] == ["Ann Lee", "Oslo"]
    assert (found.entities[0].type, found.entities[0].score) == ("Person", 1.0)
    types = extractor.model.types
    assert found.entities[1].type in types.entities
    asymmetric = len(types.relations) - len(types.symmetric)
    assert len(found.relations) == 2 * asymmetric + len(types.symmetric)
    assert extractor.predict([["Ann", "left"]], entities=[[(0, 1)]])[0].relations == ()


def test_a_given_entity_may_cross_the_end_of_a_sentence(extractor):
    text = "Ann read Who is Ann? The Sequel by Lee. She left."
    marks = [(9, 31), (35, 38), (40, 43)]
    found = extractor.predict(text, entities=[marks], threshold=0.0)
    assert [one.text for one in found.entities] == ["Who is Ann? The Sequel", "Lee", "She"]
    ends = {(one.head, one.tail) for one in found.relations}
    assert ends == {(0, 1), (1, 0)}  # "She" is in the next sentence
    with pytest.raises(ValueError, match=r"entities\[0\] has \(0, 900\) in words, which no window"):
        extractor.predict([["in"] * 900], entities=[[(0, 900)]])


def test_overlaps_are_decided_across_windows(extractor, corpus):
    words = [word for one in corpus.train for word in one.tokens][:1400]
    found = extractor.predict([words], overlap="greedy")[0]
    spans = [one.words for one in found.entities]
    assert len(spans) > 20
    assert all(one[1] <= two[0] for one, two in pairwise(spans))


@pytest.mark.parametrize(
    ("marks", "sentence"),
    [
        (
            [[(1, 7, "Person")]],
            r"entities\[0\]\[0\] must begin and end with words, got \(1, 7\): 'nn Lee'",
        ),
        ([[(0, 7, "Ship")]], r"entities\[0\] must be of the types Person, Org, Place, got 'Ship'"),
        ([[], []], r"entities must be one list of spans for each text, .* 1, got \[\[\], \[\]\]"),
        ([(0, 7)], r"entities must be one list of spans for each text, .* 1, got \[\(0, 7\)\]"),
    ],
)
def test_wrong_marks_are_refused(extractor, marks, sentence):
    with pytest.raises(ValueError, match=sentence):
        extractor.predict("Ann Lee left.", entities=marks)


@pytest.mark.parametrize("option", [{"threshold": 2}, {"overlap": "none"}, {"window": "page"}])
def test_wrong_options_are_refused(extractor, option):
    (name,) = option
    with pytest.raises(ValueError, match=f"{name} must"):
        extractor.predict("Ann", **option)


def test_saved_and_loaded_it_finds_the_same(tmp_path, extractor, corpus):
    folder = extractor.save_pretrained(tmp_path / "model")
    assert not [one for one in folder.iterdir() if one.suffix in (".bin", ".pt", ".pkl")]
    again = SpanRelationExtractor.from_pretrained(folder)
    text = corpus.train[2].text
    assert again.predict(text) == extractor.predict(text)
    assert again.model.types == extractor.model.types
    with pytest.raises(ValueError, match="model must be a folder that save_pretrained wrote"):
        SpanRelationExtractor.from_pretrained(tmp_path)
    own = SpanRelationExtractor(extractor.model, extractor.tokenizer, str.split)
    own.save_pretrained(tmp_path / "own")
    with pytest.raises(ValueError, match="saved with a splitter of its own"):
        SpanRelationExtractor.from_pretrained(tmp_path / "own")
    kept = SpanRelationExtractor.from_pretrained(tmp_path / "own", words=str.split)
    assert kept.predict("Ann's,Lee").tokens == ["Ann's,Lee"]


@pytest.mark.parametrize("option", [{"pooling": "min"}, {"context": "all"}, {"max_width": 100}])
def test_wrong_models_are_refused(option):
    encoder, _ = small_encoder([["a"]], hidden=32)
    (name,) = option
    with pytest.raises(ValueError, match=f"{name} must"):
        SpERT(encoder, ["A"], **option)


def test_without_width_embedding(corpus):
    encoder, tokenizer = small_encoder([one.tokens for one in corpus.train], hidden=32)
    model = SpERT(encoder, ["A"], ["r"], width_dimension=0, none_bias=-1.0)
    found = SpanRelationExtractor(model, tokenizer).predict("Ann left", threshold=0.0)
    assert len(found.relations) == len(found.entities) * (len(found.entities) - 1)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no graphics processor")
def test_on_a_graphics_processor(extractor, corpus):
    texts = [one.text for one in corpus.train[:40]]
    want = extractor.predict(texts)
    try:
        extractor.model.cuda()
        found = extractor.predict(texts)
    finally:
        extractor.model.cpu()
    for one, two in zip(found, want, strict=True):
        assert [e.words for e in one.entities] == [e.words for e in two.entities]
        for a, b in zip(one.relations, two.relations, strict=True):
            assert a.score == pytest.approx(b.score, abs=1e-3)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no graphics processor")
def test_training_on_a_graphics_processor(corpus):
    encoder, tokenizer = small_encoder([one.tokens for one in corpus.train], hidden=64)
    types = corpus.types
    model = SpERT(encoder, types.entities, types.relations, types.symmetric).cuda()
    extractor = SpanRelationExtractor(model, tokenizer)
    extractor.fit(corpus.train, epochs=4, batch_size=8, lr=2e-3)
    losses = [one["entities"] + one["relations"] for one in extractor.history_]
    assert losses[-1] < 0.5 * losses[0]
