"""The chapter's figures: all spans of a sentence as a triangle, and what a pair sees between its spans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from matplotlib.colors import LinearSegmentedColormap

from paper_lessons import plotting
from paper_lessons.spert.documents import WordSpan
from paper_lessons.spert.spans import between, enumerate_spans

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from paper_lessons.spert.extractor import SpanRelationExtractor


def score_spans(
    extractor: SpanRelationExtractor, tokens: Sequence[str]
) -> dict[WordSpan, list[float]]:
    """Probabilities of every span's types, "no entity" first.

    Parameters
    ----------
    extractor : SpanRelationExtractor
    tokens : sequence of str
        Words of one sentence.

    Returns
    -------
    dict of (int, int) to list of float
        In the order of :func:`~paper_lessons.spert.enumerate_spans`.

    Examples
    --------
    >>> from paper_lessons.spert import SpanRelationExtractor, SpERT, small_encoder
    >>> encoder, tokenizer = small_encoder([["Ann", "left"]], hidden=32)
    >>> list(score_spans(SpanRelationExtractor(SpERT(encoder, ["Person"]), tokenizer), ["Ann", "left"]))
    [(0, 1), (1, 2), (0, 2)]
    """
    model = extractor.model.eval()
    spans = enumerate_spans(len(tokens), model.max_width)
    if not spans:
        return {}
    pieces = extractor.splitter.split([tokens])
    batch = extractor.splitter.batch([extractor.splitter.join(pieces[0])]).to(model.device)
    with torch.inference_mode():
        cls, table = model.encode(batch)
        places = torch.tensor(spans, device=model.device)
        at = torch.zeros(len(spans), dtype=torch.long, device=model.device)
        pooled = table.ranges(at, places[:, 0], places[:, 1])
        logits = model.entity(torch.cat([cls[at], pooled, model.widths(places)], 1))
    return dict(zip(spans, logits.softmax(1).tolist(), strict=True))


def score_triangle(
    extractor: SpanRelationExtractor, tokens: Sequence[str], least: float = 0.01
) -> dict[str, Any]:
    """What :func:`~paper_lessons.spert.page.triangle.triangle_html` draws: scores of all spans, and of all their pairs.

    Parameters
    ----------
    extractor : SpanRelationExtractor
    tokens : sequence of str
        Words of one sentence.
    least : float
        Relations below it are left out, and those of spans below it.

    Returns
    -------
    dict
        ``"tokens"``, ``"types"``; ``"spans"`` with ``"start"``, ``"end"`` and ``"scores"`` ("no entity" first);
        ``"relations"`` with ``"head"`` and ``"tail"`` (places among the spans), ``"type"`` and ``"score"``.
    """
    scores = score_spans(extractor, tokens)
    places = {span: place for place, span in enumerate(scores)}
    possible = [span for span, row in scores.items() if 1 - row[0] >= least]
    paired = extractor.predict([list(tokens)], entities=[possible], threshold=least)[0]
    spans = [places[one.words] for one in paired.entities]
    return {
        "tokens": list(tokens),
        "types": list(extractor.model.types.entities),
        "spans": [
            {"start": start, "end": end, "scores": [round(one, 4) for one in row]}
            for (start, end), row in scores.items()
        ],
        "relations": [
            {
                "head": spans[one.head],
                "tail": spans[one.tail],
                "type": one.type,
                "score": round(one.score, 4),
            }
            for one in paired.relations
        ],
    }


def draw_triangle(
    axes: Axes,
    tokens: Sequence[str],
    values: Mapping[WordSpan, float],
    marks: Mapping[WordSpan, str] | None = None,
) -> None:
    """Draw every span as a cell above its words: wider spans higher, fuller colour for larger values.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    tokens : sequence of str
    values : mapping of (int, int) to float
        In [0, 1], for each span that is drawn.
    marks : mapping of (int, int) to str, optional
        Names that are written into cells, which get a frame.

    Examples
    --------
    >>> figure, axis = plotting.figure()
    >>> draw_triangle(axis, ["Ann", "left"], {(0, 1): 0.9, (1, 2): 0.0, (0, 2): 0.1}, {(0, 1): "Person"})
    """
    shades = LinearSegmentedColormap.from_list("cells", ["#00000000", plotting.COLORS["blue"]])
    widest = max((end - start for start, end in values), default=1)
    for (start, end), value in values.items():
        middle, height = (start + end - 1) / 2, end - start
        marked = (start, end) in (marks or {})
        axes.add_patch(
            _cell(
                middle,
                height,
                facecolor=shades(float(value)),
                edgecolor=plotting.COLORS["red" if marked else "ink"],
                linewidth=2.0 if marked else 0.5,
                zorder=3 if marked else 2,
            )
        )
        if marked:
            axes.annotate(
                (marks or {})[start, end], (middle, height), ha="center", va="center", zorder=4
            )
    axes.set_xlim(-0.6, len(tokens) - 0.4)
    axes.set_ylim(0.4, widest + 0.6)
    axes.set_xticks(range(len(tokens)), list(tokens))
    axes.set_yticks(range(1, widest + 1))
    axes.set_ylabel("words of the span")
    axes.grid(False)


def draw_context(axes: Axes, tokens: Sequence[str], head: WordSpan, tail: WordSpan) -> None:
    """Draw a sentence as cells: the two spans of a pair, and the words between them that the pair sees.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    tokens : sequence of str
    head, tail : (int, int)

    Examples
    --------
    >>> figure, axis = plotting.figure()
    >>> draw_context(axis, "Ann lives in Oslo".split(), (0, 1), (3, 4))
    """
    parts = {
        "head": (head, "blue"),
        "tail": (tail, "red"),
        "context": (between(head, tail), "green"),
    }
    for place, token in enumerate(tokens):
        axes.annotate(token, (place, 0), ha="center", va="center", zorder=4)
    for name, ((start, end), color) in parts.items():
        if end <= start:
            continue
        row = 0 if name != "context" else -1
        axes.plot(
            [start - 0.4, end - 0.6], [row - 0.35] * 2, linewidth=4, color=plotting.COLORS[color]
        )
        axes.annotate(
            name,
            ((start + end - 1) / 2, row - 0.45),
            ha="center",
            va="top",
            color=plotting.COLORS[color],
        )
    axes.set_xlim(-0.7, len(tokens) - 0.3)
    axes.set_ylim(-2.2, 0.6)
    axes.set_axis_off()


def _cell(middle: float, height: float, **options):
    from matplotlib.patches import Rectangle

    return Rectangle((middle - 0.45, height - 0.42), 0.9, 0.84, **options)
