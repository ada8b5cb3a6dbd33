"""A score as a person reads it."""

from __future__ import annotations

import json
from typing import Any

from paper_lessons.classroom.comparing import WIDTH, first_difference, lay_out, write
from paper_lessons.classroom.messages import NOTHING
from paper_lessons.classroom.scores import NOT_WRITTEN, CheckScore, ExerciseScore, Score

_PRACTICE = "This is a practice score on the public checks; marks come from hidden ones."


def report(score: Score) -> str:
    """A table of points, then for each exercise that lost some: what was lost, and a first hint.

    Parameters
    ----------
    score : Score
        Of a whole notebook or of some exercises.

    Returns
    -------
    str
    """
    lines = [score.title, "", *_table(score), ""]
    for one in score.exercises:
        if one.points < one.possible and one.trouble != NOT_WRITTEN:
            lines += [*_details(one), ""]
    remarks = dict.fromkeys(remark for one in score.exercises for remark in one.remarks)
    if remarks:
        lines += ["Of the notebook:", *(f"  {remark}" for remark in remarks), ""]
    if score.full:
        lines.append("All points. " + _PRACTICE)
    else:
        lines += ["The cell below an answer tries it on smaller inputs, and says more.", _PRACTICE]
    return "\n".join(line.rstrip() for line in lines)


def _table(score: Score) -> list[str]:
    titles = [f"{one.exercise.number}  {one.exercise.title}" for one in score.exercises]
    width = max(len("exercise"), *(len(title) for title in titles))
    rows = [f"  {'exercise':<{width}}   points"]
    for title, one in zip(titles, score.exercises, strict=True):
        rows.append(f"  {title:<{width}}   {one.points:>2} of {one.possible:<2}   {_state(one)}")
    rows.append(f"  {'total':<{width}}   {score.points:>2} of {score.possible:<2}")
    return rows


def _state(one: ExerciseScore) -> str:
    if one.points == one.possible:
        return "ok"
    if one.trouble == NOT_WRITTEN:
        return f'not written yet   (hint("{one.exercise.name}"))'
    lost = [check.check.what for check in one.checks if not check.passed]
    return f"lost: {lost[0]}" + (f", and {len(lost) - 1} more" if len(lost) > 1 else "")


def _details(one: ExerciseScore) -> list[str]:
    lines = [f"{one.exercise.number}  {one.exercise.title}"]
    if one.trouble:
        lines.append(f"  {one.trouble}")
    for check in one.checks:
        if not check.passed:
            lines += _lost(check, one.trouble)
    hints = one.exercise.hints
    if one.stopped:  # what stopped it is told; no hint is about that
        return lines
    return [
        *lines,
        f'  {hints[0]}   (hint 1 of {len(hints)}; hint("{one.exercise.name}", 2) for more)',
    ]


def _lost(check: CheckScore, trouble: str) -> list[str]:
    unit = "point" if check.check.points == 1 else "points"
    lines = [f"  lost {check.check.points} {unit}: {check.check.what}"]
    if check.error:
        # The trouble told above is the reason; its consequences need no lines of their own.
        quiet = trouble and check.error.startswith(("did not run", "NameError"))
        return lines if quiet else [*lines, f"    yours      {check.error}"]
    yours, expected = _values(check.yours), _values(check.check.expected)
    if check.yours == check.check.expected:
        return [*lines, "    The value is right, but the cell also printed to the error stream."]
    if yours is None or expected is None or len(yours) != len(expected):
        right = check.yours.endswith(check.check.expected)
        return [
            *lines,
            f"    yours      {write(check.yours.strip())}",
            f"    expected   {check.check.expected.strip()[:WIDTH]}",
            "    The value is right, but your code prints something else too; a check wants the value alone."
            if right
            else "    Does your code print something? A check wants the value alone.",
        ]
    for mine, right in zip(yours, expected, strict=True):
        path = first_difference(mine, right, tolerance=0.0)
        if mine is None and right is not None:
            lines += ["    yours      nothing", f"    expected   {write(right)}", f"    {NOTHING}"]
            break
        if path is not None:
            layout = lay_out(mine, right, path)
            lines += [f"    yours      {layout.yours}", f"    expected   {layout.expected}"]
            if layout.caret:
                lines.append(f"               {layout.caret}")
            break
    return lines


def _values(printed: str) -> list[Any] | None:
    """The values that ``show`` printed, one a line; None when something else was printed too."""
    try:
        return [_spoken(json.loads(line)) for line in printed.splitlines()]
    except (ValueError, RecursionError):
        return None


def _spoken(value: Any) -> Any:
    """``show`` spells out what JSON cannot say; a person reads nan and inf."""
    if isinstance(value, list):
        return [_spoken(item) for item in value]
    if isinstance(value, dict):
        return {key: _spoken(item) for key, item in value.items()}
    return float(value) if value in ("NaN", "Infinity", "-Infinity") else value
