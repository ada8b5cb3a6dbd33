"""Words, characters, sentences, windows, documents, and their HTML."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paper_lessons.spert import Document, Types, from_char_spans, split_words
from paper_lessons.spert.documents import in_text_order
from paper_lessons.spert.page.marks import marked
from paper_lessons.spert.page.report import compared, page
from paper_lessons.spert.words import find_words, sentence_starts, windows

TEXTS = st.text(
    st.sampled_from("ab Z0-'’._,;!?()\n\r\t\u00a0é\u0301\u0327ñ漢字かなשלוםمرحبا😀👩‍🔬🇳🇴\u200d\u202e\ufeff\x00"),
    max_size=40,
)  # fmt: skip


@given(st.one_of(TEXTS, st.text(max_size=40)))
@settings(max_examples=300, deadline=None)
def test_words_hold_every_sign_but_white_space_once(text):
    words = split_words(text)
    place = 0
    for start, end in words:
        assert place <= start < end
        assert not text[place:start].strip()
        assert text[start:end].strip()
        place = end
    assert not text[place:].strip()


@given(TEXTS)
@settings(max_examples=100, deadline=None)
def test_an_accent_stays_with_its_letter(text):
    for start, _ in split_words(text):
        assert (
            text[start] not in "\u0301\u0327"
            or start == 0
            or text[start - 1].isspace()
            or not text[start - 1].isalnum()
        )


def test_a_splitter_of_your_own():
    assert find_words("a-b  c", str.split) == [(0, 3), (5, 6)]
    assert find_words("abc", lambda text: [(0, 1), (1, 3)]) == [(0, 1), (1, 3)]
    with pytest.raises(ValueError, match="words must give non-empty words in the text's order"):
        find_words("abc", lambda text: ["x"])
    with pytest.raises(ValueError, match="words must be 'basic' or a callable, got 'spacy'"):
        find_words("abc", "spacy")


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three?", 3),
        ("Dr. Lee left. J. Smith came.", 2),
        ("It costs 1.5 km. of road", 1),
        ("A title\n\nthen text", 2),
        ("", 0),
        ("“Go.” She went.", 2),
    ],
)
def test_sentences(text, sentences):
    assert len(sentence_starts(text, split_words(text))) == sentences


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=40),
    st.integers(5, 12),
    st.sets(st.integers(1, 39), max_size=8),
    st.integers(0, 4),
)
@settings(max_examples=200, deadline=None)
def test_windows_fit_and_leave_no_word_out(costs, room, marks, overlap):
    starts = sorted({0, *(one for one in marks if one < len(costs))})
    found = windows(costs, room, starts, overlap)
    assert found[0][0] == 0
    assert found[-1][1] == len(costs)
    for begin, end in found:
        assert sum(costs[begin:end]) <= room
    for (b1, e1), (b2, e2) in itertools.pairwise(found):
        assert b1 < b2 <= e1 < e2
    # a sentence that fits is whole in one of them
    for begin, end in zip(starts, [*starts[1:], len(costs)], strict=True):
        if sum(costs[begin:end]) <= room:
            assert any(b <= begin and end <= e for b, e in found)


@pytest.mark.parametrize(
    ("entities", "relations", "sentence"),
    [
        (
            [(1, 1, "A")],
            [],
            r"entities\[0\] must have 0 <= start < end <= 3 words, got start 1, end 1",
        ),
        ([(0, 4, "A")], [], "end 4"),
        ([(-1, 1, "A")], [], "start -1"),
        ([(0, 1, "A"), (0, 1, "B")], [], r"entities\[1\] must not have the words 0 to 1"),
        (
            [(0, 1, "A")],
            [(0, 1, "r")],
            r"relations\[0\]\.tail must be a place among 1 entities, got 1",
        ),
        ([(0, 1, "A"), (1, 2, "A")], [(1, 1, "r")], "must link two entities"),
        ([(0, 1, "A"), (0, 1, "A")], [(0, 1, "r")], "one and the same"),
    ],
)
def test_what_cannot_be_is_refused(entities, relations, sentence):
    with pytest.raises(ValueError, match=sentence):
        Document.from_tokens(["a", "b", "c"], entities, relations)


def test_the_same_entity_twice_is_one_and_relations_follow():
    found = Document.from_tokens(["a", "b"], [(0, 1, "A"), (0, 1, "A"), (1, 2, "B")], [(1, 2, "r")])
    assert len(found.entities) == 2
    assert found.triples() == [("a", "r", "b")]


def test_order_of_the_text_keeps_relations():
    found = in_text_order(
        Document.from_tokens(list("abcd"), [(3, 4, "A"), (0, 1, "A"), (0, 3, "B")], [(0, 2, "r")])
    )
    assert [one.words for one in found.entities] == [(0, 3), (0, 1), (3, 4)]
    assert found.triples() == [("d", "r", "a b c")]


def test_marks_that_cut_a_word_are_refused():
    with pytest.raises(
        ValueError, match=r"entities\[0\] must begin and end with words, got \(1, 3\): 'nn'"
    ):
        from_char_spans("Ann left", [(1, 3, "Person")])


@pytest.mark.parametrize("names", [["None"], ["A", "A"], []])
def test_types_are_checked(names):
    with pytest.raises(ValueError, match="entities must"):
        Types(tuple(names))
    with pytest.raises(ValueError, match="symmetric must be among the relations"):
        Types(("A",), ("r",), ("s",))


@given(TEXTS)
@settings(max_examples=50, deadline=None)
def test_html_shows_the_text_and_nothing_of_it_runs(text):
    words = split_words(text + " <b>&x")
    document = from_char_spans(text + " <b>&x", [(*words[-1], "<script>")])
    shown = marked(document.to_dict())
    assert "<script>" not in shown
    assert "<b>&amp;x" not in shown
    json.dumps(document.to_dict())


def test_nested_marks_lie_below_each_other_and_errors_are_said():
    gold = Document.from_tokens(
        ["University", "of", "Oslo"], [(0, 3, "Org"), (2, 3, "Place")], [(0, 1, "based_in")]
    )
    found = Document.from_tokens(["University", "of", "Oslo"], [(0, 3, "Org"), (0, 1, "Place")])
    both = compared(gold.to_dict(), found.to_dict())
    assert [one["state"] for one in both["entities"]] == ["right", "wrong", "missed"]
    assert [one["state"] for one in both["relations"]] == ["missed"]
    shown = page("Errors", [both], ["Org", "Place"], names=["sentence <1>"], words="F1 < 1")
    assert "padding-bottom:6px" in shown
    assert "dashed" in shown
    assert "sentence &lt;1&gt;" in shown
    spans = gold.to_displacy()
    assert spans["spans"][1] == {"start_token": 2, "end_token": 3, "label": "Place"}
    assert gold._repr_html_() == marked(gold.to_dict())
