"""Ways that were tried with the same seeds, compared in pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Comparison:
    """One way against another, seed by seed.

    Attributes
    ----------
    difference : float
        Mean of the first less the second.
    deviation : float
        Standard deviation of the differences.
    p : float
        Of a paired t-test, two-sided. Where all differences are the same, 1 if they are 0 and else 0.
    wins, seeds : int
        In how many of the seeds the first is the larger.
    """

    difference: float
    deviation: float
    p: float
    wins: int
    seeds: int

    def __str__(self) -> str:
        return f"{self.difference:+.3f} (p = {self.p:.2g}, larger in {self.wins} of {self.seeds})"


def paired(one: Sequence[float], two: Sequence[float], *, overlap: float = 0.0) -> Comparison:
    """Compare what two ways gave with the same seeds.

    Parameters
    ----------
    one, two : sequence of float
        A number for each seed, in the same order.
    overlap : float
        Test samples for each training sample, if every seed splits the same samples anew: then the seeds are not
        independent, and the variance of the mean is larger by this share of a single difference's (Nadeau, Bengio 2003).

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If they are not as many, or fewer than two.

    Examples
    --------
    >>> str(paired([1.0, 2.1, 3.2], [0.8, 2.0, 2.9]))
    '+0.200 (p = 0.074, larger in 3 of 3)'
    """
    if len(one) != len(two) or len(one) < 2:
        raise ValueError(
            f"one and two must be as many, and two at least, got {len(one)} and {len(two)}"
        )
    lead = np.subtract(one, two)
    spread = float(lead.std(ddof=1))
    p = float(lead[0] == 0)
    if spread:
        error = spread * np.sqrt(1 / len(lead) + overlap)
        p = float(2 * stats.t.sf(abs(lead.mean()) / error, len(lead) - 1))
    return Comparison(float(lead.mean()), spread, p, int((lead > 0).sum()), len(lead))


def compare(
    results: Mapping[str, Sequence[Mapping[str, float]]],
    measure: str,
    *,
    first: str = "maxup",
    overlap: float = 0.0,
) -> dict[str, Comparison]:
    """One way against each of the others.

    Parameters
    ----------
    results : mapping of str to sequence of mapping
        For each way what was measured, seed by seed.
    measure : str
        What to compare.
    first : str
        Which way.
    overlap : float
        As :func:`paired`.

    Returns
    -------
    dict of str to Comparison
        For each other way.

    Examples
    --------
    >>> runs = {"maxup": [{"acc": 0.9}, {"acc": 0.8}], "none": [{"acc": 0.8}, {"acc": 0.6}]}
    >>> compare(runs, "acc")["none"].wins
    2
    """
    own = [one[measure] for one in results[first]]
    return {
        name: paired(own, [one[measure] for one in rows], overlap=overlap)
        for name, rows in results.items()
        if name != first
    }


def recommend(
    results: Mapping[str, Sequence[Mapping[str, float]]],
    measure: str,
    *,
    level: float = 0.05,
    overlap: float = 0.0,
) -> tuple[str, str]:
    """The simplest way that no other is surely better than.

    Parameters
    ----------
    results : mapping of str to sequence of mapping
        For each way what was measured, seed by seed; simple ways first.
    measure : str
        What to compare; more is better.
    level : float
        How small ``p`` has to be, after Holm's correction for as many comparisons as are made.
    overlap : float
        As :func:`paired`.

    Returns
    -------
    str, str
        The way, and a sentence that says how sure this is.

    Examples
    --------
    >>> runs = {"none": [0.80, 0.82, 0.81], "maxup": [0.90, 0.91, 0.92], "averaged": [0.90, 0.92, 0.91]}
    >>> recommend({name: [{"accuracy": one} for one in rows] for name, rows in runs.items()}, "accuracy")
    ('maxup', 'maxup is better than none (+0.100, p = 0.003), and averaged is not surely better than it.')
    """
    names = list(results)
    means = {name: np.mean([one[measure] for one in rows]) for name, rows in results.items()}
    best = max(names, key=lambda name: means[name])
    pairs = compare(results, measure, first=best, overlap=overlap)
    beaten, worst = [], 0.0
    for rank, name in enumerate(sorted(pairs, key=lambda name: pairs[name].p)):
        worst = max(worst, pairs[name].p * (len(pairs) - rank))
        if worst < level:
            beaten.append(name)
    choice = next(name for name in names if name not in beaten)
    told = []
    for name in names:
        if name in beaten:
            own = compare(
                {one: results[one] for one in (choice, name)},
                measure,
                first=choice,
                overlap=overlap,
            )[name]
            told.append(f"{name} ({own.difference:+.3f}, p = {own.p:.1g})")
    rest = [name for name in names if name not in beaten and name != choice]
    parts = [f"{choice} is better than {', '.join(told)}"] if told else []
    if rest:
        verb = "is" if len(rest) == 1 else "are"
        parts.append(f"{', '.join(rest)} {verb} not surely better than {'it' if told else choice}")
    return choice, f"{', and '.join(parts)}."
