"""Where to draw the line, from the scores of normal samples alone."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from jaxtyping import Float

from paper_lessons.dn2.checks import check_rate

Array = np.ndarray


def leave_one_out_threshold(scores: Any, false_positive_rate: float) -> float:
    """The score above which a share `false_positive_rate` of normal samples lies, at most.

    With n scores it is the one of rank ``ceil((1 - rate)(n + 1))`` from below. A new sample that is
    exchangeable with these has a larger score with probability at most the rate. (With fewer than
    ``1 / rate - 1`` scores no rank promises so much; then it is the largest, above
    which one lies with probability 1 / (n + 1).)

    Parameters
    ----------
    scores : array of shape (n,)
        Anomaly scores of normal samples, the higher the more anomalous, each measured without itself. Scores
        in which every sample has found itself are all too small, and nearly everything new lies above them.
    false_positive_rate : float
        In (0, 1).

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If there are no scores, one is NaN, or the rate is not in (0, 1).

    Notes
    -----
    Source: not in the paper, which reports areas under ROC curves only; the rank is that of split
    conformal prediction (Vovk, Gammerman, Shafer 2005).

    Examples
    --------
    >>> leave_one_out_threshold([0.1, 0.5, 0.2, 0.4, 0.3, 0.9, 0.8, 0.6, 0.7], 0.2)
    0.8
    """
    known = _scores(scores, "scores", least=1)
    rate = check_rate(false_positive_rate)
    # 0.9 * 10 is a little more than 9 in binary: such a product is still rank 9
    rank = int(np.ceil((1 - rate) * (len(known) + 1) - 1e-9))
    return float(np.sort(known)[min(max(rank, 1), len(known)) - 1])


def promised_rate(samples: int, false_positive_rate: float) -> float:
    """What :func:`leave_one_out_threshold` of so many scores keeps: the rate, or more if they are too few for it.

    Parameters
    ----------
    samples : int
        Number n of normal samples; a rate needs ``1 / rate - 1`` of them, 5 % so 19.
    false_positive_rate : float
        In (0, 1).

    Returns
    -------
    float
        The larger of the rate and ``1 / (n + 1)``.

    Notes
    -----
    Source: as :func:`leave_one_out_threshold`.

    Examples
    --------
    >>> promised_rate(19, 0.05), promised_rate(9, 0.05)
    (0.05, 0.1)
    """
    rate = check_rate(false_positive_rate)
    return max(rate, 1 / (samples + 1))


def too_few(samples: int, false_positive_rate: float) -> str:
    """What to say where so many normal samples cannot keep the rate; empty where they can.

    Examples
    --------
    >>> too_few(9, 0.05)[:65]
    '9 normal samples are too few for a false positive rate of 0.05, w'
    """
    promised = promised_rate(samples, false_positive_rate)
    if promised == false_positive_rate:
        return ""
    needed = int(np.ceil(1 / false_positive_rate - 1 - 1e-9))
    return (
        f"{samples} normal samples are too few for a false positive rate of {false_positive_rate:.3g}, "
        f"which needs {needed}: the threshold is their largest score, and a new normal sample lies above "
        f"it with a probability of up to {promised:.3g}"
    )


def warn_of_few(samples: int, false_positive_rate: float) -> None:
    """Warn the caller of an estimator's ``fit`` with :func:`too_few`."""
    if sentence := too_few(samples, false_positive_rate):
        warnings.warn(sentence, stacklevel=3)


def conformal_p_values(scores: Any, calibration: Any) -> Float[Array, " m"]:
    """The share of normal samples that are at least as anomalous as each sample, itself counted in.

    The p-value of a score is ``(1 + #{calibration >= score}) / (n + 1)``. For normal samples it is at most p
    with a probability of at most p, whatever the distribution of scores.

    Parameters
    ----------
    scores : array of shape (m,)
        Anomaly scores, the higher the more anomalous.
    calibration : array of shape (n,)
        Scores of normal samples that are not among the samples, each measured without itself.

    Returns
    -------
    array of shape (m,)
        In [1 / (n + 1), 1].

    Raises
    ------
    ValueError
        If there is no calibration score or a score is NaN.

    Notes
    -----
    Source: not in the paper; conformal anomaly detection (Laxhammar, Falkman 2010; Vovk et al. 2005).

    Examples
    --------
    >>> conformal_p_values([0.0, 0.35, 9.0], [0.1, 0.2, 0.3, 0.4])
    array([1. , 0.4, 0.2])
    """
    new, known = _scores(scores, "scores", least=0), _scores(calibration, "calibration", least=1)
    below = np.searchsorted(np.sort(known), new, side="left")
    return (1 + len(known) - below) / (len(known) + 1)


def _scores(values: Any, name: str, least: int) -> Array:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1 or len(found) < least:
        raise ValueError(
            f"{name} must be one-dimensional with at least {least} of them, got shape {found.shape}"
        )
    if np.isnan(found).any():
        raise ValueError(f"{name} must not be NaN, got NaN at position {np.isnan(found).argmax()}")
    return found
