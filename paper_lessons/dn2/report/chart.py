"""The histogram of a report."""

from __future__ import annotations

import base64
import io

import numpy as np

from paper_lessons import plotting
from paper_lessons.dn2.report.examination import Examination


def histogram(examination: Examination, width: float, height: float) -> str:
    """The scores' histogram as an address that holds an SVG; its colours suit light and dark pages.

    Parameters
    ----------
    examination : Examination
    width, height : float
        Inches.

    Returns
    -------
    str

    Examples
    --------
    >>> about = Examination([], [], np.array([0.1, 0.2, 0.3]), 0.3, 0.05)
    >>> histogram(about, 4, 3)[:19]
    'data:image/svg+xml;'
    """
    import matplotlib.pyplot as plt

    scores = np.array([finding.score for finding in examination.findings])
    normal = np.asarray(examination.normal_scores, dtype=float)
    everything = np.concatenate([scores, normal, [examination.threshold]])
    with plt.rc_context():
        plotting.use_style()
        figure, axes = plotting.figure(width=width, height=height)
        bins = _bins(everything)
        for values, color in ((normal, "blue"), (scores, "orange")):
            shares = 100 * np.histogram(values, bins)[0] / max(len(values), 1)
            shade = plotting.COLORS[color]
            axes.stairs(shares, bins, fill=True, color=shade, alpha=0.35)
            axes.stairs(shares, bins, color=shade, linewidth=1.6)
        axes.set_ylim(bottom=0)
        if bins[0] > 0 and bins[1] / bins[0] > 1.02 and bins[-1] / bins[0] > 20:
            axes.set_xscale("log")
        plotting.mark(axes, examination.threshold, "threshold")
        axes.set_xlabel(
            "score (mean distance to the nearest normal pictures)" if width > 5 else "score"
        )
        axes.set_ylabel("share (%)")
        blue, orange = plotting.COLORS["blue"], plotting.COLORS["orange"]
        axes.set_title(f"normal ({len(normal)})", loc="left", color=blue)
        axes.set_title(f"looked at ({len(scores)})", loc="right", color=orange)
        drawn = io.BytesIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
        plt.close(figure)
    return f"data:image/svg+xml;base64,{base64.b64encode(drawn.getvalue()).decode()}"


def _bins(values: np.ndarray) -> np.ndarray:
    low, high = float(values.min()), float(values.max())
    if high <= low:
        return np.linspace(low - 0.5, low + 0.5, 12)
    if low > 0 and high / low > 20:
        return np.geomspace(low, high, 41)
    return np.linspace(low, high, 41)
