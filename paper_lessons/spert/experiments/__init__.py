"""The lesson's experiments, one module each; every ``run`` takes seeds and returns plain data.

- ``names``: what a small random encoder and MiniLM find of names that they have never seen,
- ``ablations``: the paper's choices switched off one by one, on the corpus,
- ``conll04``: newspaper sentences, for those who have the files.

On the command line: ``paper-lessons run spert names`` (``ablations``, ``conll04``).
"""

from __future__ import annotations

__all__ = ["learning", "names", "ablations", "conll04"]
