"""A case: one input on which a learner's function is tried, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from paper_lessons.classroom.values import numbers, plain

Diagnosis = tuple[Any, str]


class Case:
    """One input on which a function is tried.

    Parameters
    ----------
    *inputs : object
        Positional arguments of the function.
    diagnosis : tuple or list of tuple
        ``(wrong, sentence)`` pairs for the mistakes that this case catches. ``wrong`` is the value that the mistake
        gives, an exception class that it raises, or a function of the learner's and the expected value that is
        true for it.
    **options : object
        Keyword arguments of the function.

    Examples
    --------
    >>> Case([1.0, 2.0], diagnosis=([2.0, 1.0], "This is the input sorted. Was sorting asked for?")).inputs
    ([1.0, 2.0],)
    """

    def __init__(
        self, *inputs: Any, diagnosis: Diagnosis | Sequence[Diagnosis] = (), **options: Any
    ) -> None:
        self.inputs = inputs
        self.options = options
        alone = isinstance(diagnosis, tuple) and len(diagnosis) == 2
        self.diagnoses: tuple[Diagnosis, ...] = (diagnosis,) if alone else tuple(diagnosis)  # type: ignore

    @property
    def size(self) -> int:
        """How many numbers the inputs hold: smaller cases are shown first."""
        try:
            return len(numbers(plain([list(self.inputs), list(self.options.values())])))
        except TypeError:
            return 0


@dataclass
class Outcome:
    """What one case gave.

    Attributes
    ----------
    case : Case
        The input.
    agrees : bool
        Does the learner's value agree with the reference, the input left as it was?
    yours, expected : object
        The learner's and the reference's value.
    error : Exception or None
        What the learner's function raised.
    changed : bool
        Did the learner's function change its input?
    """

    case: Case
    agrees: bool
    yours: Any
    expected: Any
    error: Exception | None = None
    changed: bool = False
