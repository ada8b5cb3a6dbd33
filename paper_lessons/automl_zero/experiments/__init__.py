"""The paper's experiments, one module each; every ``run`` takes a seed and returns plain data.

- ``linear``: linear regression, with Setup and Predict given and from nothing,
- ``random_search``: evolution against random search, evaluations for each success,
- ``mnist``: pairs of digits (``digits`` has the tasks), from the network that people wrote
  (``network_search``), against tuned ``yardsticks``,
- ``bilinear``: the paper's best program and its parts, on the same pairs,
- ``adapt``: what evolution does about few examples and few steps (``motifs`` counts by code).

On the command line:
``paper-lessons run automl-zero linear`` (``random-search``, ``mnist``, ``bilinear``, ``adapt``).
"""

from __future__ import annotations

__all__ = [
    "linear",
    "random_search",
    "digits",
    "yardsticks",
    "network_search",
    "mnist",
    "bilinear",
    "adapt",
    "motifs",
]
