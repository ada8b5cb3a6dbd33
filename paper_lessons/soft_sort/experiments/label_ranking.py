"""Label ranking: does a soft rank as the last layer of a linear model help?

Three models are compared, each tuned in the same way: the soft rank with the l2 and the kl projection,
and no projection at all, which is ridge regression of the ranks. Outer folds test, inner folds choose
the strength; nothing is chosen on a sample that is tested.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from paper_lessons import plotting
from paper_lessons.runs import run_tasks
from paper_lessons.soft_sort.estimators import LabelRanker
from paper_lessons.soft_sort.experiments.rankings import TABLES, RankingTable, load_rankings

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MODELS: dict[str, str | None] = {
    "no projection": None,
    "soft rank l2": "l2",
    "soft rank kl": "kl",
}
STRENGTHS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
ALPHA = 1e-3


def run(
    tables: Sequence[str | RankingTable] = tuple(TABLES),
    *,
    seed: int = 0,
    repeats: int = 2,
    folds: int = 5,
    inner_folds: int = 3,
    strengths: Sequence[float] = STRENGTHS,
    samples: int | None = None,
    jobs: int | None = None,
    progress: bool = False,
    checkpoint: str | None = None,
) -> dict[str, Any]:
    """Nested cross-validation of the three models on several tables.

    Parameters
    ----------
    tables : sequence of str or RankingTable
        Names of :data:`~paper_lessons.soft_sort.experiments.rankings.TABLES`, or tables at hand.
    seed : int
        Fixes the folds.
    repeats, folds : int
        Outer cross-validation: so many times, with other folds each time.
    inner_folds : int
        Folds within the training part that choose the strength.
    strengths : sequence of float
        The strengths to choose from. Without projection the ridge penalty that a strength amounts
        to, ``ALPHA * strength**2``, is chosen instead.
    samples : int, optional
        Use so many samples of a table at most, drawn at random.
    jobs, progress, checkpoint
        As in :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        ``"settings"`` and, under ``"tables"``, for each table its size, for each model the Spearman
        ``scores`` of the outer folds and the chosen ``strengths``, and for each soft rank the
        ``gain`` over no projection: mean, standard error, and whether it is ``"better"``,
        ``"equal"`` or ``"worse"`` (:func:`compare`).

    Raises
    ------
    ValueError
        If a table is unknown, or too small for its folds.

    Notes
    -----
    Source: the paper's experiment on label ranking.

    Examples
    --------
    >>> found = run(["iris"], repeats=1, folds=2, strengths=(1.0,))
    >>> len(found["tables"]["iris"]["models"]["soft rank l2"]["scores"])
    2
    """
    given = [load_rankings(one) if isinstance(one, str) else one for one in tables]
    chosen = {table.name: _draw(table, samples, seed) for table in given}
    if not chosen or len(chosen) < len(given):
        raise ValueError(f"tables must be one or more, of different names; got {len(given)}")
    for name, value, least in (("folds", folds, 2), ("inner_folds", inner_folds, 2)):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1, got {repeats}")
    for table in chosen.values():
        if len(table.X) < folds * inner_folds:
            raise ValueError(
                f"{table.name} has {len(table.X)} samples, too few for {folds} folds with "
                f"{inner_folds} inner folds each; give fewer folds"
            )
    tasks = [
        {"table": name, "model": model, "repeat": repeat, "fold": fold}
        for name in chosen
        for model in MODELS
        for repeat in range(repeats)
        for fold in range(folds)
    ]
    settings = {
        "seed": seed,
        "folds": folds,
        "inner_folds": inner_folds,
        "strengths": list(strengths),
    }
    scores = run_tasks(
        tune_and_score,
        tasks,
        shared={"tables": {name: (one.X, one.ranks) for name, one in chosen.items()}, **settings},
        jobs=jobs,
        progress=progress,
        checkpoint=checkpoint,
    )
    return {
        "settings": {"repeats": repeats, "alpha": ALPHA, "samples": samples, **settings},
        "tables": _collect(chosen, tasks, scores, folds),
    }


def tune_and_score(
    table: str,
    model: str,
    repeat: int,
    fold: int,
    *,
    tables: Mapping[str, tuple[Float[np.ndarray, "samples features"], Any]],
    seed: int,
    folds: int,
    inner_folds: int,
    strengths: Sequence[float],
) -> dict[str, float]:
    """One outer fold: choose the strength within its training part, fit, score on its test part.

    Parameters
    ----------
    table, model : str
        A key of ``tables`` and one of :data:`MODELS`.
    repeat, fold : int
        Which repeat and which of its outer folds, from 0.
    tables : mapping
        Inputs and ranks of each table.
    seed, folds, inner_folds, strengths
        As in :func:`run`.

    Returns
    -------
    dict
        ``"score"`` on the test part and the chosen ``"strength"``.
    """
    X, ranks = tables[table]
    # All models of a repeat see the same folds, so that their scores can be compared in pairs.
    state = 1000 * seed + repeat
    outer = KFold(folds, shuffle=True, random_state=state)
    train, test = list(outer.split(X))[fold]
    ranker = LabelRanker(MODELS[model], alpha=ALPHA)
    search = GridSearchCV(
        Pipeline([("scale", StandardScaler()), ("rank", ranker)]),
        _grid(model, strengths),
        cv=KFold(inner_folds, shuffle=True, random_state=state),
        error_score="raise",
    )
    with warnings.catch_warnings():
        # The last thousandth of the training loss does not change ranks; all models stop alike.
        warnings.simplefilter("ignore", ConvergenceWarning)
        search.fit(X[train], ranks[train])
    best = search.best_params_
    strength = best.get("rank__regularization_strength")
    if strength is None:
        strength = float(np.sqrt(best["rank__alpha"] / ALPHA))
    return {"score": search.score(X[test], ranks[test]), "strength": strength}


def compare(
    differences: Float[np.ndarray, " folds"], *, test_share: float
) -> dict[str, float | str]:
    """Mean of paired differences over outer folds, its standard error, and a verdict.

    Training parts of different folds overlap, so their scores are not independent; the variance of
    the mean is therefore taken as ``variance * (1 / folds + test_share / (1 - test_share))``.

    Parameters
    ----------
    differences : array of shape (folds,)
        Score of one model minus that of another, fold by fold.
    test_share : float
        Share of the samples that a fold tests.

    Returns
    -------
    dict
        ``"mean"``, ``"error"`` and ``"verdict"``: ``"better"`` or ``"worse"`` when the mean is more
        than two errors away from 0, otherwise ``"equal"``.

    Notes
    -----
    Source: Nadeau, Bengio 2003, Inference for the Generalization Error.

    Examples
    --------
    >>> compare(np.array([0.02, 0.03, 0.02, 0.03]), test_share=0.25)["verdict"]
    'better'
    """
    count = len(differences)
    mean = float(np.mean(differences))
    variance = float(np.var(differences, ddof=1)) if count > 1 else 0.0
    error = float(np.sqrt(variance * (1 / count + test_share / (1 - test_share))))
    verdict = "equal" if abs(mean) <= 2 * error else "better" if mean > 0 else "worse"
    return {"mean": mean, "error": error, "verdict": verdict}


def plot(result: dict[str, Any], axes: Axes) -> None:
    """Draw the gain of both soft ranks over no projection: one row for each table.

    Parameters
    ----------
    result : dict
        From :func:`run`.
    axes : matplotlib.axes.Axes
    """
    names = list(result["tables"])
    for shift, (model, color) in enumerate(
        [("soft rank l2", "blue"), ("soft rank kl", "orange")], start=-1
    ):
        gains = [result["tables"][name]["gain"][model] for name in names]
        rows = np.arange(len(names)) + 0.2 * (2 * shift + 1)
        axes.errorbar(
            [gain["mean"] for gain in gains],
            rows,
            xerr=[2 * gain["error"] for gain in gains],
            fmt="o" if shift else "s",
            color=plotting.COLORS[color],
            label=model,
        )
    axes.axvline(0, color=plotting.COLORS["ink"], linewidth=1)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("gain in Spearman's coefficient (bars: 2 standard errors)")
    axes.legend()


def _grid(model: str, strengths: Sequence[float]) -> dict[str, list[float]]:
    if MODELS[model] is None:
        return {"rank__alpha": [ALPHA * strength**2 for strength in strengths]}
    return {"rank__regularization_strength": list(strengths)}


def _draw(table: RankingTable, samples: int | None, seed: int) -> RankingTable:
    if samples is None or samples >= len(table.X):
        return table
    rows = np.sort(np.random.default_rng(seed).permutation(len(table.X))[:samples])
    return RankingTable(table.name, table.X[rows], table.ranks[rows], table.labels, table.kind)


def _collect(
    tables: Mapping[str, RankingTable], tasks: list[dict[str, Any]], runs: list[Any], folds: int
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, table in tables.items():
        models: dict[str, Any] = {model: {"scores": [], "strengths": []} for model in MODELS}
        for task, one in zip(tasks, runs, strict=True):
            if task["table"] == name:
                models[task["model"]]["scores"].append(one["score"])
                models[task["model"]]["strengths"].append(one["strength"])
        plain = np.array(models["no projection"]["scores"])
        found[name] = {
            "kind": table.kind,
            "samples": table.X.shape[0],
            "features": table.X.shape[1],
            "labels": table.ranks.shape[1],
            "models": models,
            "gain": {
                model: compare(np.array(models[model]["scores"]) - plain, test_share=1 / folds)
                for model, projection in MODELS.items()
                if projection
            },
        }
    return found
