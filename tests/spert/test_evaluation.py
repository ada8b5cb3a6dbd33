"""The evaluator against scikit-learn's, on random predictions, as the reference counts."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from paper_lessons.spert import Document, error_kinds, evaluate

KINDS, LINKS = ["A", "B", "C"], ["r", "s"]


def random_document(generator, words=8) -> Document:
    spans = {
        (int(s), int(s) + int(w))
        for s, w in zip(
            generator.integers(0, words - 3, 5), generator.integers(1, 4, 5), strict=True
        )
    }
    entities = [(*span, str(generator.choice(KINDS))) for span in sorted(spans)]
    pairs = [(h, t) for h in range(len(entities)) for t in range(len(entities)) if h != t]
    some = generator.permutation(len(pairs))[:4]
    links = [(*pairs[i], str(generator.choice(LINKS))) for i in some]
    return Document.from_tokens([str(i) for i in range(words)], entities, links)


def by_sklearn(gold, predicted, facts):
    """One row for each fact of either side, 0 for "not there": what the reference does."""
    truth, guess = [], []
    names = []
    for one, two in zip(gold, predicted, strict=True):
        a, b = facts(one), facts(two)
        for fact in a | b:
            truth.append(fact[-1] if fact in a else "none")
            guess.append(fact[-1] if fact in b else "none")
            names.append(fact[-1])
    labels = sorted(set(names))
    options = {"labels": labels, "zero_division": 0}
    micro = precision_recall_fscore_support(truth, guess, average="micro", **options)[:3]
    macro = precision_recall_fscore_support(truth, guess, average="macro", **options)[:3]
    return 100 * np.array(micro), 100 * np.array(macro)


def entities(one):
    return {(*e.words, e.type) for e in one.entities}


def relations(one):
    return {(one.entities[r.head].words, one.entities[r.tail].words, r.type) for r in one.relations}


def strict(one):
    e = one.entities
    return {(e[r.head].words, e[r.head].type, e[r.tail].words, e[r.tail].type, r.type) for r in one.relations}  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_it_counts_as_scikit_learn_does(seed):
    generator = np.random.default_rng(seed)
    gold, predicted = ([random_document(generator) for _ in range(20)] for _ in range(2))
    found = evaluate(gold, predicted)
    for scores, facts in ((found.entities, entities), (found.relations, relations), (found.strict, strict)):  # fmt: skip
        micro, macro = by_sklearn(gold, predicted, facts)
        for one, want in ((scores.micro, micro), (scores.macro, macro)):
            np.testing.assert_allclose([one.precision, one.recall, one.f1], want, atol=1e-9)


def test_a_symmetric_relation_has_no_direction():
    tokens, entities = list("ab"), [(0, 1, "A"), (1, 2, "A")]
    one = Document.from_tokens(tokens, entities, [(0, 1, "r")])
    two = Document.from_tokens(tokens, entities, [(1, 0, "r"), (0, 1, "r")])
    back = Document.from_tokens(tokens, entities, [(1, 0, "r")])
    assert evaluate([one], [back]).relations.micro.f1 == 0
    assert evaluate([one], [two], symmetric=["r"]).relations.micro.f1 == 100


def test_the_filter_drops_overlaps_on_both_sides_and_keeps_other_relations():
    tokens = list("abcd")
    marks = [(0, 2, "A"), (1, 2, "B"), (3, 4, "A")]
    gold = Document.from_tokens(tokens, marks, [(0, 1, "r"), (0, 2, "r")])
    found = evaluate([gold], [gold], overlapping="drop")
    assert found.entities.micro.gold == 1
    assert (
        found.relations.micro.gold == 1
    )  # of two overlapping entities: gone; with an overlapped one: stays
    assert evaluate([gold], [gold]).relations.micro.gold == 2


def test_nothing_predicted_nothing_marked_and_a_type_only_predicted():
    empty = Document.from_tokens(list("ab"))
    one = Document.from_tokens(list("ab"), [(0, 1, "A")])
    two = Document.from_tokens(list("ab"), [(0, 1, "A"), (1, 2, "B")])
    assert evaluate([empty], [empty]).entities.macro.f1 == 0
    found = evaluate([one], [two]).entities
    assert found.macro.f1 == 50
    assert found.types["B"].f1 == 0
    assert "entities, micro" in str(evaluate([one], [two]))


def test_wrong_input_is_refused():
    one = Document.from_tokens(["a"])
    with pytest.raises(ValueError, match="predicted must have 1 documents as gold, got 0"):
        evaluate([one], [])
    with pytest.raises(ValueError, match=r"predicted\[0\] must have the words of gold\[0\]"):
        evaluate([one], [Document.from_tokens(["b"])])
    with pytest.raises(ValueError, match="overlapping must be"):
        evaluate([one], [one], overlapping="greedy")


@pytest.mark.parametrize("seed", range(5))
def test_kinds_of_errors_add_up(seed):
    generator = np.random.default_rng(seed)
    gold = [random_document(generator) for _ in range(30)]
    predicted = [random_document(generator) for _ in range(30)]
    scores, kinds = evaluate(gold, predicted), error_kinds(gold, predicted)
    found, links = kinds["entities"], kinds["relations"]
    assert sum(found.values()) - found["missed"] == scores.entities.micro.predicted
    assert found["right"] == scores.entities.micro.right
    missed = links["entity missed"] + links["entities found"]
    assert sum(links.values()) - missed == scores.strict.micro.predicted
    assert links["right"] == scores.strict.micro.right
    assert missed == scores.strict.micro.gold - links["right"]


def test_each_kind_of_error_has_its_name():
    tokens = ["Ann", "Lee", "of", "Acme", "lives", "in", "Oslo", "with", "Bob"]
    ends = [(0, 2, "A"), (3, 4, "B"), (6, 7, "C")]
    gold = Document.from_tokens(tokens, [*ends, (8, 9, "A")], [(0, 1, "r"), (0, 2, "s")])
    found = [(0, 2, "A"), (3, 4, "C"), (6, 8, "C"), (4, 5, "A")]
    wrong = Document.from_tokens(tokens, found, [(0, 1, "r"), (1, 0, "r"), (0, 2, "s")])
    assert error_kinds([gold], [wrong])["entities"] == {
        "right": 1, "wrong type": 1, "wrong border": 1, "nothing there": 1, "missed": 1}  # fmt: skip
    turned = Document.from_tokens(tokens, ends, [(1, 0, "r"), (0, 2, "r"), (1, 2, "s")])
    assert error_kinds([gold], [turned])["relations"] == {
        "right": 0, "wrong entity": 0, "wrong direction": 1, "wrong type": 1, "not related": 1,
        "entity missed": 0, "entities found": 2}  # fmt: skip
    marked = error_kinds([gold], [turned], symmetric=["r"])["relations"]
    assert (marked["right"], marked["wrong direction"]) == (1, 0)
