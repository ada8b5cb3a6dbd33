"""The paper's experiments and more, one module each; every ``run`` takes a seed and returns plain data.

- ``data``: pictures with classes and their features, which the first five take,
- ``one_class``: each class once the normal one, against rivals on the same features,
- ``dirty``: training data with anomalies in it,
- ``groups``: sets of pictures,
- ``thresholds``: what three ways to draw the line promise and keep,
- ``ablations``: k, number of pictures, resolution, layer, network, dimensions, storage,
- ``corruptions``: ``photographs`` cut into tiles and spoiled.

On the command line: ``paper-lessons run dn2 one-class`` (``dirty``, ``groups``, ``thresholds``, ``ablations``,
``corruptions``), and ``folder`` for pictures of your own.
"""

from __future__ import annotations

__all__ = [
    "data",
    "one_class",
    "dirty",
    "groups",
    "thresholds",
    "ablations",
    "photographs",
    "corruptions",
]
