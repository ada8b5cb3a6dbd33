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
        Of a paired t-test, two-sided; 1 where all differences are 0.
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


def paired(one: Sequence[float], two: Sequence[float]) -> Comparison:
    """Compare what two ways gave with the same seeds.

    Parameters
    ----------
    one, two : sequence of float
        A number for each seed, in the same order.

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
    p = float(stats.ttest_rel(one, two).pvalue) if spread else float(lead[0] == 0)
    return Comparison(float(lead.mean()), spread, p, int((lead > 0).sum()), len(lead))


def compare(
    results: Mapping[str, Sequence[Mapping[str, float]]],
    measure: str,
    *,
    first: str = "maxup",
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
        name: paired(own, [one[measure] for one in rows])
        for name, rows in results.items()
        if name != first
    }
