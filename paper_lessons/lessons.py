"""The seven lessons: one number and one name each, the same in every room of the house."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["complete", "library only", "begun", "not yet"]


@dataclass(frozen=True)
class Lesson:
    """One paper of the course.

    Attributes
    ----------
    number : int
        Place in the course, from 1.
    name : str
        Python name: the lesson's library is ``paper_lessons.<name>``.
    title : str
        What a person calls it.
    paper, authors, year, arxiv : str, str, int, str
        Where it comes from.
    status : str
        ``"complete"`` (library, chapter and exercises), ``"library only"``, ``"begun"`` (pieces of it) or ``"not yet"``.
    """

    number: int
    name: str
    title: str
    paper: str
    authors: str
    year: int
    arxiv: str
    status: Status = "not yet"

    @property
    def slug(self) -> str:
        """File name without ending, the same for chapter, exercise and solution."""
        return f"{self.number:02d}_{self.name}"

    @property
    def command(self) -> str:
        """Spelling on the command line, with hyphens."""
        return self.name.replace("_", "-")


LESSONS: tuple[Lesson, ...] = (
    Lesson(
        1,
        "soft_sort",
        "Sorting with a gradient",
        "Fast Differentiable Sorting and Ranking",
        "Blondel, Teboul, Berthet, Djolonga",
        2020,
        "2002.08871",
        "complete",
    ),
    Lesson(
        2,
        "maxup",
        "Training on the worst copy",
        "MaxUp: A Simple Way to Improve Generalization of Neural Network Training",
        "Gong, Ren, Ye, Liu",
        2020,
        "2002.09024",
        "complete",
    ),
    Lesson(
        3,
        "dn2",
        "Anomalies by their neighbours",
        "Deep Nearest Neighbor Anomaly Detection",
        "Bergman, Cohen, Hoshen",
        2020,
        "2002.10445",
        "complete",
    ),
    Lesson(
        4,
        "automl_zero",
        "Algorithms that evolve",
        "AutoML-Zero: Evolving Machine Learning Algorithms From Scratch",
        "Real, Liang, So, Le",
        2020,
        "2003.03384",
        "complete",
    ),
    Lesson(
        5,
        "spert",
        "Entities and relations from spans",
        "Span-based Joint Entity and Relation Extraction with Transformer Pre-training",
        "Eberts, Ulges",
        2019,
        "1909.07755",
        "complete",
    ),
    Lesson(
        6,
        "hidt",
        "One landscape, every hour",
        "High-Resolution Daytime Translation Without Domain Labels",
        "Anokhin et al.",
        2020,
        "2003.08791",
    ),
    Lesson(
        7,
        "once",
        "New classes from a few boxes",
        "Incremental Few-Shot Object Detection",
        "Perez-Rua, Zhu, Hospedales, Xiang",
        2020,
        "2003.04668",
        "complete",
    ),
)


def find(lesson: str | int) -> Lesson:
    """The lesson that a number or a name means.

    Parameters
    ----------
    lesson : str or int
        ``1``, ``"01"``, ``"soft_sort"``, ``"soft-sort"`` and ``"01_soft_sort"`` all mean lesson 1.

    Returns
    -------
    Lesson

    Raises
    ------
    ValueError
        If no lesson has that number or name; the message lists those there are.

    Examples
    --------
    >>> find("soft-sort").slug
    '01_soft_sort'
    """
    text = str(lesson).strip().lower().replace("-", "_")
    for candidate in LESSONS:
        if text in (candidate.name, candidate.slug):
            return candidate
        if text.isdecimal() and int(text) == candidate.number:
            return candidate
    known = ", ".join(f"{one.number:02d} {one.command}" for one in LESSONS)
    raise ValueError(f"lesson must be one of {known}; got {str(lesson)!r}")
