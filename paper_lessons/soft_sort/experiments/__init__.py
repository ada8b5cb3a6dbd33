"""The paper's experiments, one module each; every ``run`` takes a seed and returns plain data.

- ``topk``: top-k classification with a small network (``classifier``),
- ``label_ranking``: learning to rank labels, on the tables of ``rankings``,
- ``robust``: regression with outliers,
- ``runtime``: time and memory against n.

``runs`` spreads independent runs over processes and resumes them. On the command line:
``paper-lessons run soft-sort topk`` (``label-ranking``, ``robust``, ``runtime``).
"""

from __future__ import annotations

__all__ = ["topk", "classifier", "label_ranking", "rankings", "robust", "runtime", "runs"]
