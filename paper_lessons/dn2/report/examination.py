"""What a detector says about pictures, as plain records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from paper_lessons.dn2.report.thumbnails import Picture


@dataclass(frozen=True)
class Finding:
    """What the detector says about one picture.

    Attributes
    ----------
    picture : Picture
    score : float
        Mean distance to its nearest normal pictures.
    p_value : float
        Share of normal pictures that are at least as anomalous, itself counted in.
    anomalous : bool
        Whether the score is above the threshold.
    neighbors : tuple of (Picture, float)
        The nearest normal pictures and their distances.
    """

    picture: Picture
    score: float
    p_value: float
    anomalous: bool
    neighbors: tuple[tuple[Picture, float], ...]


@dataclass(frozen=True)
class Examination:
    """What the detector says about a collection of pictures, and how it came to its threshold.

    Attributes
    ----------
    findings : list of Finding
        In the pictures' order.
    skipped : list of (str, str)
        Names of the pictures that could not be read, each with the reason.
    normal_scores : Float[np.ndarray, "kept"]
        Scores of the normal pictures, each measured without itself.
    threshold : float
    false_positive_rate : float
    normal_skipped : list of (str, str)
        Normal pictures that could not be read.
    removed : list of Picture
        Normal pictures that cleaning took out.
    about : dict
        Settings of features and detector, for the record.
    """

    findings: list[Finding]
    skipped: list[tuple[str, str]]
    normal_scores: Float[np.ndarray, " kept"]
    threshold: float
    false_positive_rate: float
    normal_skipped: list[tuple[str, str]] = field(default_factory=list)
    removed: list[Picture] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def ranked(self) -> list[Finding]:
        """The findings, the most anomalous first."""
        return sorted(self.findings, key=lambda finding: -finding.score)
