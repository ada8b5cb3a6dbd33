"""Making, checking and explaining exercises. It knows no lesson.

A learner's notebook uses ``explain``, ``Case``, ``hint``, ``show``, ``count_steps`` and ``check``; the rest of this folder
makes the notebooks (``masters``, ``making``, ``sync``) and checks them outside the learner's process
(``merging``, ``running``, ``checking``).
"""

from __future__ import annotations

from paper_lessons.classroom.cases import Case
from paper_lessons.classroom.checking import check
from paper_lessons.classroom.explaining import compare, explain
from paper_lessons.classroom.hints import hint
from paper_lessons.classroom.steps import count_steps
from paper_lessons.classroom.values import show

__all__ = ["explain", "Case", "hint", "show", "count_steps", "check", "compare"]
