"""Checks that explain: the learner's function beside the reference, and the first place where they differ."""

from __future__ import annotations

import copy
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from paper_lessons.classroom.cases import Case, Outcome
from paper_lessons.classroom.comparing import first_difference
from paper_lessons.classroom.feedback import calls_for
from paper_lessons.classroom.hints import hints_of
from paper_lessons.classroom.messages import agreeing, failing, own_frame, remark
from paper_lessons.classroom.values import kind_of, plain


@dataclass
class Explanation:
    """The result of :func:`compare`: is everything right, and the message that says so.

    Attributes
    ----------
    passed : bool
        Do all cases agree?
    text : str
        What :func:`explain` prints.
    outcomes : list of Outcome
        One for each case, in the order given.
    """

    passed: bool
    text: str
    outcomes: list[Outcome] = field(repr=False)


def explain(
    function: Callable[..., Any],
    reference: Callable[..., Any] | None = None,
    cases: Sequence[Case] = (),
    hints: str | Sequence[str] = (),
    *,
    tolerance: float = 1e-6,
) -> None:
    """Try a learner's function on every case and print what agrees, what does not, and where.

    Parameters
    ----------
    function : callable
        The learner's. Alone it is tried on the cases of the exercise that asks for a function of its name.
    reference : callable, optional
        The right one, called with the same inputs.
    cases : sequence of Case
        Inputs, with the mistakes they catch.
    hints : str or sequence of str
        An exercise's name, or its hints.
    tolerance : float
        Numbers agree when they differ by at most ``tolerance * (1 + abs(expected))``.

    Raises
    ------
    ValueError
        If the function comes alone and no exercise asks for its name.

    Examples
    --------
    >>> explain(lambda y: y, sorted, [Case([1, 2]), Case([1, 3, 2])], ["Is the order right?"])
    <lambda>: not yet. 1 of 2 cases agrees.
      input      [1, 2]
      yours      [1, 2]
      expected   [1, 2]   ok
      input      [1, 3, 2]
      yours      [1, 3, 2]
      expected   [1, 2, 3]
                     ^ differs first at position 1
      Is the order right?   (hint 1 of 1)
    """
    if reference is not None:
        print(compare(function, reference, cases, hints, tolerance=tolerance).text)
        return
    try:
        texts = [
            compare(function, *arguments, **options).text
            for arguments, options in calls_for(function)
        ]
    except KeyboardInterrupt:
        # without the frames below, whose variables are the cases
        raise KeyboardInterrupt from None
    print("\n".join(texts))


def compare(
    function: Callable[..., Any],
    reference: Callable[..., Any],
    cases: Sequence[Case],
    hints: str | Sequence[str] = (),
    *,
    tolerance: float = 1e-6,
) -> Explanation:
    """What :func:`explain` finds, as data.

    Parameters
    ----------
    function, reference, cases, hints, tolerance
        See :func:`explain`.

    Returns
    -------
    Explanation

    Raises
    ------
    ValueError
        If there are no cases.

    Examples
    --------
    >>> compare(len, len, [Case([1, 2])]).text
    'len: the only case agrees.'
    """
    if not cases:
        raise ValueError("cases must hold at least one Case, got none")
    name = getattr(function, "__name__", kind_of(function))
    outcomes = [_try(function, reference, case, tolerance) for case in cases]
    good = [one for one in outcomes if one.agrees]
    if len(good) == len(outcomes):
        everything = "the only case agrees" if len(good) == 1 else f"all {len(good)} cases agree"
        lines = [f"{name}: {everything}.", *remark(outcomes[0])]
        return Explanation(True, "\n".join(lines), outcomes)
    bad = sorted((one for one in outcomes if not one.agrees), key=lambda one: one.case.size)
    if not good and all(_unwritten(one.error, function) for one in bad):
        text = f"{name}: not written yet. Fill in the cell above, then run this one again."
        return Explanation(False, text, outcomes)
    verb = "agrees" if len(good) == 1 else "agree"
    lines = [f"{name}: not yet. {len(good)} of {len(outcomes)} cases {verb}."]
    if good:
        lines += agreeing(min(good, key=lambda one: one.case.size), function)
    lines += failing(bad[0], function, tolerance)
    lines += _advice(bad, hints, tolerance)
    return Explanation(False, "\n".join(line.rstrip() for line in lines), outcomes)


def _try(
    function: Callable[..., Any], reference: Callable[..., Any], case: Case, tolerance: float
) -> Outcome:
    expected = reference(*copy.deepcopy(case.inputs), **copy.deepcopy(case.options))
    inputs, options = copy.deepcopy(case.inputs), copy.deepcopy(case.options)
    try:
        yours = function(*inputs, **options)
    except Exception as error:
        return Outcome(case, False, None, expected, error)
    changed = _differ([inputs, options], [case.inputs, case.options])
    try:
        same = first_difference(plain(yours), plain(expected), tolerance=tolerance) is None
    except TypeError:
        same = False
    return Outcome(case, same and not changed, yours, expected, changed=changed)


def _differ(now: list[Any], before: list[Any]) -> bool:
    try:
        return first_difference(plain(now), plain(before), tolerance=0.0) is not None
    except TypeError:
        return False


def _unwritten(error: Exception | None, function: Callable[..., Any]) -> bool:
    if not isinstance(error, NotImplementedError):
        return False
    frames = traceback.extract_tb(error.__traceback__)
    own = own_frame(error, function)
    # PyTorch raises this error too; then the learner's line says something else.
    return own is not None and own == frames[-1] and (own.line or "raise").startswith("raise")


def _advice(bad: list[Outcome], hints: str | Sequence[str], tolerance: float) -> list[str]:
    """The sentence of the first diagnosis that fits, or else the first hint."""
    texts = hints_of(hints) if isinstance(hints, str) else tuple(hints)
    sentence = next((found for one in bad if (found := _diagnose(one, tolerance))), "")
    if sentence:
        more = f'   (hint("{hints}") for more)' if isinstance(hints, str) else ""
        return [f"  {sentence}{more}"]
    if not texts:
        return []
    more = f'; hint("{hints}", 2) for more' if isinstance(hints, str) and len(texts) > 1 else ""
    return [f"  {texts[0]}   (hint 1 of {len(texts)}{more})"]


def _diagnose(outcome: Outcome, tolerance: float) -> str:
    for wrong, sentence in outcome.case.diagnoses:
        if isinstance(wrong, type) and issubclass(wrong, BaseException):
            if isinstance(outcome.error, wrong):
                return sentence
        elif outcome.error is not None:
            continue
        elif callable(wrong):
            # a predicate is written for one mistake; what else a learner returns may not suit it
            with suppress(Exception):
                if wrong(outcome.yours, outcome.expected):
                    return sentence
        elif _equals(outcome.yours, wrong, tolerance):
            return sentence
    return ""


def _equals(yours: Any, wrong: Any, tolerance: float) -> bool:
    try:
        return first_difference(plain(yours), plain(wrong), tolerance=tolerance) is None
    except TypeError:
        return False
