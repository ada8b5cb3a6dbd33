"""What the figures show is what the model says."""

from __future__ import annotations

import pytest

from paper_lessons import plotting
from paper_lessons.spert.figures import draw_context, draw_triangle, score_spans, score_triangle
from paper_lessons.spert.page.triangle import triangle_html


def test_the_triangle_has_a_cell_for_every_span_and_frames_what_the_model_finds(extractor, corpus):
    tokens = corpus.train[0].tokens
    scores = score_spans(extractor, tokens)
    found = extractor.predict([tokens])[0]
    kept = {span: row for span, row in scores.items() if max(row) != row[0]}
    assert set(kept) == {one.words for one in found.entities}
    for one in found.entities:
        assert max(scores[one.words]) == pytest.approx(one.score, abs=1e-5)
    _, axis = plotting.figure()
    marks = {one.words: one.type for one in found.entities}
    draw_triangle(axis, tokens, {span: 1 - row[0] for span, row in scores.items()}, marks)
    assert len(axis.patches) == len(scores)
    assert len(axis.texts) == len(marks)


def test_a_pair_without_words_between_has_no_context():
    _, axis = plotting.figure()
    draw_context(axis, list("abcd"), (0, 1), (3, 4))
    assert [one.get_text() for one in axis.texts[4:]] == ["head", "tail", "context"]
    _, axis = plotting.figure()
    draw_context(axis, list("abcd"), (0, 4), (3, 4))
    assert [one.get_text() for one in axis.texts[4:]] == ["head", "tail"]


def test_no_words_have_no_spans(extractor):
    assert score_spans(extractor, []) == {}


def test_the_figure_to_move_stands_at_first_where_the_model_decides(extractor):
    tokens = ["Ann", "Lee", "of", "Acme", "</script>", "lives", "in", "<b>Oslo"]
    data = score_triangle(extractor, tokens)
    possible = [(one["start"], one["end"]) for one in data["spans"] if one["scores"][0] <= 0.99]
    found = extractor.predict([tokens], entities=[possible], threshold=0.01)[0]
    assert len(data["relations"]) == len(found.relations)
    kept = [1 - one["scores"][0] >= 0.5 for one in data["spans"]]
    html = triangle_html(data, "All spans.")
    assert html.count('class="kept"') == sum(kept)
    n = sum(kept)
    assert f"{n} spans stay, which makes {n * (n - 1)} ordered pairs" in html
    assert html.count("<g data-span=") == 8 * 9 // 2
    assert html.count("</script>") == 1
    assert "<b>Oslo" not in html.split("<script>")[0]
    assert html == triangle_html(data, "All spans.")
    with pytest.raises(ValueError, match="data must have at least one span"):
        triangle_html(score_triangle(extractor, []), "")
