"""A page that shows what a detector found: one file, no scripts, with a table beside it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from paper_lessons.dn2.report.chart import histogram
from paper_lessons.dn2.report.examination import Examination, Finding
from paper_lessons.dn2.report.table import csv_text
from paper_lessons.dn2.report.thumbnails import Picture
from paper_lessons.dn2.thresholds import promised_rate
from paper_lessons.files import write_atomically

_NEIGHBORS_SHOWN = 4
_ROWS_SHOWN = 1000
_REMOVED_SHOWN = 24
_NEIGHBOR_SIDE = 192


def write_report(
    examination: Examination, out: str | Path, *, title: str | None = None, show: int = 50
) -> Path:
    """Write the page, and beside it the table of all pictures, with the ending .csv.

    Parameters
    ----------
    examination : Examination
        From :meth:`AnomalyDetector.examine`.
    out : str or Path
        Ends in .html.
    title : str, optional
        The heading.
    show : int
        Pictures shown large.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    ValueError
        If ``out`` does not end in .html, or ``show`` is below 1.
    """
    out = check_out(out, show)
    table = out.with_suffix(".csv")
    write_atomically(table, csv_text(examination))
    text = page(examination, title=title, show=show, table_name=table.name)
    return write_atomically(out, text)


def check_out(out: str | Path, show: int) -> Path:
    """Where the page goes, after raising ValueError if it cannot be written so.

    Parameters
    ----------
    out : str or Path
    show : int

    Returns
    -------
    pathlib.Path

    Raises
    ------
    ValueError
    """
    out = Path(out)
    if out.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"out must end in .html, got {out.name!r}")
    if isinstance(show, bool) or not isinstance(show, int) or show < 1:
        raise ValueError(f"show must be an integer of at least 1, got {show!r}")
    return out


def page(examination: Examination, *, title: str | None, show: int, table_name: str) -> str:
    """The page as HTML with everything inside.

    Parameters
    ----------
    examination : Examination
    title : str or None
        The heading.
    show : int
        Pictures shown large.
    table_name : str
        The file with the table, to link to.

    Returns
    -------
    str
    """
    heading = escape(title or "Anomalous pictures")
    style = (resources.files("paper_lessons.dn2.report") / "page.css").read_text(encoding="utf-8")
    body = [
        f"<h1>{heading}</h1>",
        _lead(examination),
        _numbers(examination),
        f'<div class="beside">\n<section>{_chart(examination)}</section>\n'
        f"<section>{_threshold(examination)}</section>\n</div>",
        _ranking(examination, show),
        _all_pictures(examination, table_name),
        _removed(examination),
        _unreadable(examination),
        _record(examination),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{heading}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in body if part)
        + "\n</main>\n</body>\n</html>\n"
    )


def _lead(examination: Examination) -> str:
    flagged = sum(finding.anomalous for finding in examination.findings)
    total = len(examination.findings)
    if not total:
        return '<p class="lead">No picture could be read.</p>'
    if not flagged:
        text = f"None of {_count(total, 'picture')} is farther from the normal ones than the threshold."
    else:
        verb = "is" if flagged == 1 else "are"
        text = f"{flagged} of {_count(total, 'picture')} {verb} farther from the normal ones than the threshold."
    first = examination.ranked[0]
    names = _short_names([finding.picture for finding in examination.findings])
    return (
        f'<p class="lead">{text} The farthest is <strong>{escape(names(first.picture))}</strong>, '
        f"with a score of {_number(first.score)}; the threshold is "
        f"{_number(examination.threshold)}.</p>"
    )


def _numbers(examination: Examination) -> str:
    flagged = sum(finding.anomalous for finding in examination.findings)
    tiles = [
        ("", "pictures looked at", len(examination.findings)),
        ("alarm" if flagged else "", "above the threshold", flagged),
        ("", "normal pictures", len(examination.normal_scores)),
        ("", "could not be read", len(examination.skipped) + len(examination.normal_skipped)),
    ]
    inside = "".join(
        f'<div class="{kind}"><dt>{label}</dt><dd>{value:,}</dd></div>'
        for kind, label, value in tiles
    )
    return f'<dl class="numbers">{inside}</dl>'


def _chart(examination: Examination) -> str:
    if not examination.findings:
        return ""
    wide, narrow = (histogram(examination, *size) for size in ((7.6, 2.7), (3.7, 2.9)))
    words = (
        "Histogram of scores. Blue: the normal pictures, each measured without itself. Orange: the "
        f"pictures looked at. A dashed line marks the threshold, {_number(examination.threshold)}."
    )
    return (
        f'<h2>Scores</h2>\n<figure class="chart"><picture><source media="(max-width: 600px)" '
        f'srcset="{narrow}"><img src="{wide}" alt="{escape(words)}"></picture>\n'
        "<figcaption>How far each picture is from its nearest normal ones. What lies right of the "
        "dashed line counts as anomalous.</figcaption></figure>"
    )


def _threshold(examination: Examination) -> str:
    normal, rate = len(examination.normal_scores), examination.false_positive_rate
    looked_at = len(examination.findings)
    threshold = _number(examination.threshold)
    promised = promised_rate(normal, rate)
    if promised == rate:
        rule = (
            f"The threshold, {threshold}, was set so that a new normal picture is above it with a "
            f"probability of at most {100 * rate:.3g} %."
        )
    else:
        rule = (
            f"{normal} normal pictures are too few for a rate of {100 * rate:.3g} %, so the threshold "
            f"is the largest of their scores, {threshold}: a new normal picture is above it with a "
            f"probability of at most {100 * promised:.2g} %."
        )
    expected = promised * looked_at
    cleaned = ""
    if examination.removed:
        cleaned = (
            f"<p>Before that, cleaning took out {_count(len(examination.removed), 'picture')} that "
            "lay farthest from the others; they are shown below. The kept ones are then more alike than "
            "new normal pictures, so that somewhat more of those may be above the threshold.</p>"
        )
    return (
        "<h2>How the threshold was found</h2>\n"
        f"<p>Each of the {normal:,} normal pictures was scored by its distance to the others, itself "
        f"left out. {rule} If all {looked_at:,} pictures looked at were normal, about "
        f"{_about(expected)} of them would be above it.</p>{cleaned}\n"
        "<p>The p-value of a picture is the share of normal pictures that are at least as far from "
        f"the others as it is, itself counted in; the smallest possible here is "
        f"{1 / (normal + 1):.2g}.</p>"
    )


def _ranking(examination: Examination, show: int) -> str:
    ranked = examination.ranked[:show]
    if not ranked:
        return ""
    names = _short_names([finding.picture for finding in examination.findings])
    near = [picture for finding in ranked for picture, _ in finding.neighbors]
    near_names = _short_names(near)
    image = lru_cache(maxsize=None)(lambda picture: picture.data_uri(_NEIGHBOR_SIDE))
    longest = max(ranked[0].score, 1.25 * examination.threshold) or 1.0

    def card(rank: int, finding: Finding) -> str:
        neighbors = "".join(
            f"<figure>{_image(image(picture), near_names(picture))}"
            f"<figcaption>{_breakable(near_names(picture))}<br>at {_number(distance)}</figcaption></figure>"
            for picture, distance in finding.neighbors[:_NEIGHBORS_SHOWN]
        )
        more = len(finding.neighbors) - _NEIGHBORS_SHOWN
        rest = f'<p class="quiet">and {more} more</p>' if more > 0 else ""
        name = names(finding.picture)
        times = finding.score / examination.threshold if examination.threshold > 0 else np.inf
        ratio = f", {times:.2f} times the threshold" if np.isfinite(times) else ""
        badge = "anomalous" if finding.anomalous else "within the normal range"
        place, share = (100 * v / longest for v in (examination.threshold, finding.score))
        return (
            f'<li class="card {"anomalous" if finding.anomalous else ""}">'
            f"<div>{_image(finding.picture.data_uri(), name)}</div><div>"
            f'<p class="name"><span class="rank">{rank}.</span>{_breakable(name)}</p>'
            f'<span class="badge">{badge}</span>'
            f'<p class="score">score {_number(finding.score)}{ratio}<br>'
            f"p-value {finding.p_value:.2g}</p>"
            f'<div class="scale"><span style="width:{share:.1f}%"></span>'
            f'<i style="left:{place:.1f}%"></i></div>'
            f'<p class="quiet">nearest normal pictures</p><div class="near">{neighbors}</div>{rest}'
            "</div></li>"
        )

    parts = []
    hint = '<p class="quiet">Ranked. The bar is the score, the mark on it the threshold.</p>\n'
    for flag, heading in ((True, "Above the threshold"), (False, "Below the threshold")):
        group = [(rank, f) for rank, f in enumerate(ranked, 1) if f.anomalous == flag]
        total = sum(finding.anomalous == flag for finding in examination.findings)
        if group:
            of = f"{len(group)} of {total:,}" if len(group) < total else f"{total:,}"
            cards = "\n".join(card(rank, finding) for rank, finding in group)
            parts.append(f'<h2>{heading} ({of})</h2>\n{hint}<ol class="cards">\n{cards}\n</ol>')
            hint = ""
    return "\n".join(parts)


def _all_pictures(examination: Examination, table_name: str) -> str:
    if not examination.findings:
        return ""
    names = _short_names([finding.picture for finding in examination.findings])
    ranked = examination.ranked
    rows = "\n".join(
        f'<tr><td class="number">{rank}</td><td>{_breakable(names(finding.picture))}</td>'
        f'<td class="number">{_number(finding.score)}</td>'
        f'<td class="number">{finding.p_value:.2g}</td>'
        f"<td>{'anomalous' if finding.anomalous else ''}</td></tr>"
        for rank, finding in enumerate(ranked[:_ROWS_SHOWN], 1)
    )
    cut = f", the first {_ROWS_SHOWN:,} of {len(ranked):,}" if len(ranked) > _ROWS_SHOWN else ""
    return (
        "<h2>All pictures</h2>\n"
        f'<p>With neighbours and distances in <a href="{escape(table_name)}">{escape(table_name)}</a>.</p>\n'
        f"<details><summary>Ranking of all pictures{cut}</summary>\n"
        '<div class="table"><table><thead><tr><th class="number">rank</th><th>picture</th>'
        '<th class="number">score</th><th class="number">p-value</th><th></th></tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody></table></div></details>"
    )


def _removed(examination: Examination) -> str:
    if not examination.removed:
        return ""
    shown = examination.removed[:_REMOVED_SHOWN]
    names = _short_names(examination.removed)
    figures = "".join(
        f"<figure>{_image(p.data_uri(_NEIGHBOR_SIDE), names(p))}"
        f"<figcaption>{_breakable(names(p))}</figcaption></figure>"
        for p in shown
    )
    cut = "" if len(shown) == len(examination.removed) else f", the first {len(shown)}"
    return (
        f"<h2>Taken out by cleaning ({len(examination.removed):,}{cut})</h2>\n"
        '<p class="quiet">They were given as normal and lay farthest from the others.</p>\n'
        f'<div class="wall">{figures}</div>'
    )


def _unreadable(examination: Examination) -> str:
    listed = [
        ("pictures to look at", examination.skipped),
        ("normal pictures", examination.normal_skipped),
    ]
    if not any(skipped for _, skipped in listed):
        return ""
    rows = "\n".join(
        f"<tr><td>{_breakable(_short(name))}</td><td>{escape(reason)}</td><td>{kind}</td></tr>"
        for kind, skipped in listed
        for name, reason in skipped
    )
    return (
        "<h2>Files that could not be read</h2>\n<p>They were left out.</p>\n"
        '<div class="table"><table><thead><tr><th>file</th><th>why</th><th>among</th></tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody></table></div>"
    )


def _record(examination: Examination) -> str:
    about = dict(examination.about)
    about.update(about.pop("detector", {}))
    if not about:
        return ""
    rows = "\n".join(
        f"<tr><td>{escape(str(key).replace('_', ' '))}</td><td>{escape(_plain(value))}</td></tr>"
        for key, value in about.items()
    )
    return (
        "<h2>How it was made</h2>\n<details><summary>Network and settings</summary>\n"
        f'<div class="table"><table><tbody>\n{rows}\n</tbody></table></div></details>\n'
        '<p class="quiet">Features of a network trained on ImageNet, distances to the nearest normal '
        "pictures: Bergman, Cohen, Hoshen 2020, Deep Nearest Neighbor Anomaly Detection "
        "(arXiv 2002.10445).</p>"
    )


def _image(uri: str | None, name: str) -> str:
    if uri is None:
        return f'<div class="gone">no picture of {escape(name)}</div>'
    tiny = " tiny" if uri.startswith("data:image/png") else ""
    return f'<img class="shown{tiny}" src="{uri}" alt="{escape(name)}">'


def _short_names(pictures: Sequence[Picture]) -> Callable[[Picture], str]:
    """Names without the folder that all pictures have in common."""
    folders = {str(picture.path.parent) for picture in pictures if picture.path is not None}
    try:
        common = os.path.commonpath(folders) if folders else ""
    except ValueError:  # relative and absolute ones, or two drives
        common = ""

    def short(picture: Picture) -> str:
        if picture.path is None or not common:
            return picture.name
        return picture.path.relative_to(common).as_posix()

    return short


def _breakable(name: str) -> str:
    """A name that may go on in the next line after its own joints."""
    return "".join(f"{part}<wbr>" if part in "_-/" else escape(part) for part in name)


def _short(name: str) -> str:
    return "/".join(Path(name).parts[-2:])


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _about(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _number(value: float) -> str:
    return f"{value:.3g}"


def _plain(value: Any) -> str:
    if isinstance(value, str) or not isinstance(value, Iterable):
        return str(value)
    return ", ".join(str(part) for part in value)
