"""Samples as the paper draws them; training that goes on where it was killed."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from paper_lessons.spert import (
    Document,
    SpanRelationExtractor,
    SpERT,
    Training,
    Types,
    enumerate_spans,
    negative_spans,
    relation_corpus,
    small_encoder,
    train,
)
from paper_lessons.spert.batches import WordPieces
from paper_lessons.spert.samples import draw_samples
from paper_lessons.spert.training import _groups, _schedule

from . import naive

TYPES = Types(("P", "O"), ("works", "knows"), ("knows",))


def document() -> Document:
    entities = [(0, 1, "P"), (2, 3, "P"), (4, 5, "O")]
    relations = [(0, 2, "works"), (0, 2, "knows"), (1, 0, "knows")]
    return Document.from_tokens(list("abcdef"), entities, relations)


def drawn(**options):
    return draw_samples([document()], TYPES, [np.random.default_rng(0)], **options)


def test_samples_of_a_sentence():
    found = drawn(max_width=2)
    gold = [(0, 1), (2, 3), (4, 5)]
    spans = [tuple(one) for one in found.spans.tolist()]
    assert spans[:3] == gold
    assert sorted(spans[3:]) == sorted(set(enumerate_spans(6, 2)) - set(gold))
    assert found.kinds.tolist() == [1, 1, 2] + [0] * (len(spans) - 3)
    labels = dict(zip(map(tuple, found.pairs.tolist()), found.labels.tolist(), strict=True))
    # two types of one pair; the symmetric one is turned so that its head comes first; its reverse is a negative
    assert labels.pop((0, 2)) == [1.0, 1.0]
    assert labels.pop((0, 1)) == [0.0, 1.0]
    assert labels == {key: [0.0, 0.0] for key in [(1, 0), (1, 2), (2, 0), (2, 1)]}


def test_numbers_of_negatives_are_bounds():
    found = drawn(negatives=4, negative_relations=1)
    assert (found.kinds == 0).sum() == 4
    assert (found.labels.sum(1) == 0).sum() == 1
    assert len(drawn(negatives=0, negative_relations=0).pairs) == 2


def test_weak_negatives_pair_any_spans():
    found = drawn(strong=False)
    assert (found.pairs[2:] >= 3).any()
    assert (drawn().pairs < 3).all()


def test_negative_spans_are_uniform_and_never_gold():
    gold, counts = [(1, 3), (0, 1)], {}
    generator = np.random.default_rng(0)
    for _ in range(3000):
        some = negative_spans(5, gold, 4, generator, max_width=3)
        assert len(set(some)) == 4
        for one in some:
            counts[one] = counts.get(one, 0) + 1
    assert set(counts) == set(enumerate_spans(5, 3)) - set(gold)
    assert chisquare(list(counts.values())).pvalue > 1e-3


def test_no_entities_no_relation_types_and_no_words():
    empty = Document.from_tokens([])
    plain = Document.from_tokens(["a"])
    types = Types(("A",))
    found = draw_samples([empty, plain], types, [np.random.default_rng(0)] * 2)
    assert found.spans.tolist() == [[0, 1]]
    assert found.pairs.shape == (0, 2)
    encoder, tokenizer = small_encoder([["a"]], hidden=32)
    model = SpERT(encoder, ["A"])
    history = train(model, tokenizer, [empty, plain], Training(epochs=1))
    assert np.isfinite(history[0]["entities"])
    assert history[0]["relations"] == 0
    found = SpanRelationExtractor(model, tokenizer).predict(["", "a"])
    assert [len(one.words) for one in found] == [0, 1]


def test_warm_up_and_decay():
    rates = [_schedule(step, 100, 0.1) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == 1.0
    assert np.argmax(rates) in (9, 10)
    assert all(a > b for a, b in itertools.pairwise(rates[10:]))
    assert rates[-1] == pytest.approx(1 / 90)


def test_no_decay_of_biases_and_norms_and_layers_learn_slower_below():
    encoder, _ = small_encoder([["a"]], hidden=32)
    model = SpERT(encoder, ["A"], ["r"])
    groups = _groups(model, Training(lr=1.0, head_lr=5.0, layer_decay=0.5))
    found = {id(p): (g["weight_decay"], g["lr"]) for g in groups for p in g["params"]}
    named = {name: found[id(p)] for name, p in model.named_parameters()}
    assert len(found) == len(list(model.parameters()))
    for name, (decay, rate) in named.items():
        assert (decay == 0) == (name.endswith("bias") or "LayerNorm" in name), name
        if not name.startswith("encoder."):
            assert rate == 5.0
    assert named["encoder.embeddings.word_embeddings.weight"][1] == 0.25
    assert named["encoder.encoder.layer.0.output.dense.weight"][1] == 0.5
    assert named["encoder.encoder.layer.1.output.dense.weight"][1] == 1.0


def fresh(corpus):
    encoder, tokenizer = small_encoder([one.tokens for one in corpus.train], hidden=32)
    torch.manual_seed(0)
    types = corpus.types
    return SpERT(encoder, types.entities, types.relations, types.symmetric), tokenizer


def test_a_killed_run_comes_to_the_same_numbers(tmp_path, corpus):
    documents, how = corpus.train[:20], Training(epochs=3, batch_size=4, lr=1e-3, accumulate=2)
    straight, tokenizer = fresh(corpus)
    want = train(straight, tokenizer, documents, how)

    def kill(epoch, losses):
        if epoch == 1:
            raise KeyboardInterrupt

    killed, _ = fresh(corpus)
    with pytest.raises(KeyboardInterrupt):
        train(killed, tokenizer, documents, how, checkpoint=tmp_path / "c", on_epoch=kill)
    files = {one.name for one in (tmp_path / "c").rglob("*") if one.is_file()}
    assert files == {"progress.json", "model.safetensors", "optimizer.safetensors"}
    resumed, _ = fresh(corpus)
    with pytest.raises(ValueError, match="is of a run with other lr; take another folder"):
        train(resumed, tokenizer, documents, Training(epochs=3, batch_size=4, accumulate=2), checkpoint=tmp_path / "c")  # fmt: skip
    assert train(resumed, tokenizer, documents, how, checkpoint=tmp_path / "c") == want
    for (name, one), two in zip(straight.named_parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, two), name
    assert not list((tmp_path / "c").iterdir())


def test_the_global_generator_is_left_alone_and_a_seed_fixes_all(corpus):
    runs = []
    for _ in range(2):
        model, tokenizer = fresh(corpus)
        torch.manual_seed(5)
        runs.append(train(model, tokenizer, corpus.train[:6], Training(epochs=1, seed=3)))
        after = torch.rand(1)
        torch.manual_seed(5)
        assert torch.equal(after, torch.rand(1))
        assert not model.training
    assert runs[0] == runs[1]


def test_loss_and_gradients_are_those_of_masks(corpus):
    model, tokenizer = fresh(corpus)
    model.eval()  # no dropout
    splitter = WordPieces(tokenizer)
    some = corpus.train[:5]
    pieces = [splitter.join(one) for one in splitter.split([one.tokens for one in some])]
    samples = draw_samples(some, corpus.types, [np.random.default_rng(i) for i in range(5)])
    found = []
    for value in (model(splitter.batch(pieces), samples), naive.loss(model, pieces, samples)):
        gradients = torch.autograd.grad(value, list(model.parameters()))
        found.append([value.detach(), *gradients])
    for fast, slow in zip(*found, strict=True):
        torch.testing.assert_close(fast, slow, rtol=1e-4, atol=1e-6)


def test_gradients_of_several_batches_are_those_of_their_mean(corpus):
    model, tokenizer = fresh(corpus)
    before = model.entity.weight.detach().clone()
    train(model, tokenizer, corpus.train[:8], Training(epochs=1, batch_size=2, accumulate=4, warmup=0))  # fmt: skip
    assert not torch.equal(before, model.entity.weight)


def test_frozen_embeddings_stay(corpus):
    model, tokenizer = fresh(corpus)
    words = model.encoder.get_input_embeddings().weight
    before = words.detach().clone()
    train(model, tokenizer, corpus.train[:6], Training(epochs=1, freeze_embeddings=True))
    assert torch.equal(before, words)
    assert model.encoder.embeddings.position_embeddings.weight.requires_grad


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"lr": 0.0}, "lr must be positive"),
        ({"negatives": -1}, "negatives must not be negative"),
        ({"warmup": 1.0}, r"warmup must lie in \[0, 1\)"),
    ],
)
def test_settings_are_checked(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        Training(**options)


def test_documents_are_checked(corpus):
    model, tokenizer = fresh(corpus)
    with pytest.raises(ValueError, match="documents must have at least one"):
        train(model, tokenizer, [], Training())
    strange = Document.from_tokens(["a"], [(0, 1, "Ship")])
    with pytest.raises(ValueError, match="document 0: entities must be of the types Person, Org, Place, got 'Ship'"):  # fmt: skip
        train(model, tokenizer, [strange], Training())
    with pytest.raises(ValueError, match="document 0 has 602 pieces, the encoder takes 512"):
        train(model, tokenizer, [Document.from_tokens(["in"] * 600)], Training())


def test_an_entity_wider_than_every_span_is_trained_and_cannot_be_found(corpus):
    model, tokenizer = fresh(corpus)
    wide = Document.from_tokens(["in"] * 120, [(0, 120, "Org")])
    before = model.entity.weight.detach().clone()
    (losses,) = train(model, tokenizer, [wide], Training(epochs=1))
    assert np.isfinite(losses["entities"])
    assert not torch.equal(before, model.entity.weight)
    found = SpanRelationExtractor(model, tokenizer).predict([wide], max_entities=5)[0]
    assert all(one.word_end - one.word_start <= model.max_width for one in found.entities)


def test_a_small_random_encoder_learns_the_grammar():
    corpus = relation_corpus(200, seed=0, test=40)
    encoder, tokenizer = small_encoder([one.tokens for one in corpus.train], hidden=64)
    types = corpus.types
    extractor = SpanRelationExtractor(
        SpERT(encoder, types.entities, types.relations, types.symmetric), tokenizer
    )
    extractor.fit(corpus.train, corpus.seen, epochs=12, batch_size=8, lr=2e-3)
    assert len(extractor.history_) == 12
    assert extractor.history_[-1]["dev_entities"] > 70


def test_a_run_that_goes_on_knows_the_scores_of_before(tmp_path, corpus):
    def extractor():
        return SpanRelationExtractor(*fresh(corpus))

    def kill(epoch, numbers):
        if epoch == 2:
            raise KeyboardInterrupt

    how = {"epochs": 3, "batch_size": 4, "lr": 1e-3}
    want = extractor().fit(corpus.train[:12], corpus.train[:4], **how).history_
    stopped, again = extractor(), extractor()
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(corpus.train[:12], corpus.train[:4], checkpoint=tmp_path, on_epoch=kill, **how)
    again.fit(corpus.train[:12], corpus.train[:4], checkpoint=tmp_path, **how)
    assert again.history_ == want
    assert set(want[0]) == {"entities", "relations", "dev_entities", "dev_strict"}


def test_without_relation_types_nothing_is_said(corpus):
    encoder, _ = small_encoder([one.tokens for one in corpus.train], hidden=32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = SpERT(encoder, ["A"])
    assert model.relation.out_features == 0
