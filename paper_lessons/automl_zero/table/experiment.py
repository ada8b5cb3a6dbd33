"""A table of the user's own: evolve an algorithm for it, choose on other rows, measure on a third part.

A fifth of the rows is put aside for the number that is printed, a fifth for the choice between what the
searches found; the searches see the rest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from paper_lessons import plotting
from paper_lessons.automl_zero import finds
from paper_lessons.automl_zero.program import Program
from paper_lessons.automl_zero.simplify import simplify
from paper_lessons.automl_zero.table.files import Table
from paper_lessons.automl_zero.table.model import (
    TableModel,
    make_model,
    make_script,
    prepare,
)
from paper_lessons.automl_zero.table.search import (
    STARTS,
    memory_for,
    rank_candidates,
    search,
)
from paper_lessons.automl_zero.table.tasks import (
    STEPS,
    TASK_KINDS,
    TASKS,
    split_rows,
)
from paper_lessons.runs import checkpoint_file, run_tasks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEATURES = (4, 8, 16)  # F is the least of these that has room for all columns
MOST_FEATURES = 32
BUDGET = 20_000


def run(
    table: Table,
    *,
    seed: int = 0,
    features: int | None = None,
    budget: int = BUDGET,
    islands: int = 1,
    starts: Sequence[str] = STARTS,
    jobs: int | None = None,
    progress: bool = False,
    checkpoint: str | None = None,
) -> dict[str, Any]:
    """Evolve algorithms for a table and measure the one that was chosen.

    Parameters
    ----------
    table : Table
        From :func:`~paper_lessons.automl_zero.table.files.read_table`.
    seed : int
        Fixes parts, tasks and searches.
    features : int, optional
        F. By default the least of :data:`FEATURES` that is not below the number of columns. Of more
        columns than F the first principal components are taken; fewer are filled up with zeros.
    budget : int
        Programs that each search evaluates.
    islands : int
        Populations of each search.
    starts : sequence of str
        Some of :data:`STARTS`: the hand-written programs that searches begin with, one search each.
        Their learning rates are tuned first, on what the search sees.
    jobs, progress, checkpoint
        As in :func:`~paper_lessons.runs.run_tasks`; the bar and the checkpoint are those of the search.

    Returns
    -------
    dict
        ``"settings"``; ``"scores"`` on the test part, for the method that knows nothing
        (``"constant"``), scikit-learn's (``"ridge"`` or ``"logistic regression"``), the tuned starts and
        ``"evolved"``; ``"gains"`` of the evolved program over each of these, with standard error;
        ``"found"``, a list of the program, or of one program for each of more than two classes;
        ``"searches"`` with curves and turning points; ``"script"``, the
        Python file.

    Raises
    ------
    ValueError
        If a start is unknown or a number is out of range.

    Notes
    -----
    Predict gets no random ops, and a program is passed over if its prediction of a row can depend on
    the rows before it.
    """
    _check(table, features, starts, budget, islands)
    features = features or _fitting_features(len(table.columns))
    rows = split_rows(table.y, table.kind, seed)
    kind = TASK_KINDS[table.kind]
    shared = {"x": table.x[rows["search"]], "y": table.y[rows["search"]], "kind": kind}
    shared |= {"features": features, "seed": seed, "budget": budget, "islands": islands}
    several = len(table.classes) > 2
    against = [float(number) for number in range(len(table.classes))] if several else [None]
    tasks = [{"start": start, "against": number} for number in against for start in starts]
    if checkpoint is not None:
        file = checkpoint_file(checkpoint, search, tasks, shared)
        shared["checkpoint"] = str(file.with_suffix(""))
    searches = run_tasks(search, tasks, shared=shared | {"progress": progress}, jobs=jobs)
    models: dict[str, list[Program]] = {start: [] for start in (*starts, "evolved")}
    records = []
    for number in against:
        own = table if number is None else _told_apart(table, number)
        of_class = [one for one in searches if one["against"] == number]
        for one in of_class:
            models[one["start"]].append(Program.from_dict(one["tuned"]["json"]))
        ranked = rank_candidates(own, rows, of_class, features=features, seed=seed)
        evolved, best = _first_that_works(ranked, own, rows, features, seed)
        models["evolved"].append(evolved)
        found = finds.as_record(
            evolved,
            memory_for(features),
            fitness=best["fitness"],
            evaluations=best["evaluations"],
            kind=kind,
        )
        records.append(found | {"start": best["start"], "select": best["select"]})
    scores, predictions = _measure(table, rows, models, features, seed)
    gains = {
        name: _gain(table, rows["test"], predictions["evolved"], predictions[name])
        for name in predictions
        if name != "evolved"
    }
    for one in searches:
        del one["candidates"]
    settings: dict[str, Any] = {"seed": seed, "features": features, "tasks": TASKS, "steps": STEPS}
    settings |= {"budget": budget, "islands": islands, "starts": list(starts)}
    about = _about(table, len(rows["test"]), scores)
    return {
        "settings": _described(table, rows) | settings,
        "scores": scores,
        "gains": gains,
        "found": records,
        "searches": searches,
        "script": _script(models["evolved"], table, features, seed, about),
    }


def plot_searches(result: dict[str, Any], axes: Axes) -> None:
    """Draw the best fitness over the evaluations, a line for each search.

    Parameters
    ----------
    result : dict
        From :func:`run`.
    axes : matplotlib.axes.Axes
    """
    for one, color in zip(result["searches"], plotting.COLORS.values(), strict=False):
        evaluations, fitness = np.array(one["curve"]).T
        axes.step(evaluations, fitness, where="post", color=color, label=_label(one, result))
    axes.set_xscale("log")
    axes.set_xlabel("programs evaluated")
    axes.set_ylabel("best fitness on the search's tasks")
    plotting.label_lines(axes)


def _label(search: dict[str, Any], result: dict[str, Any]) -> str:
    if search["against"] is None:
        return f"from {search['start']}"
    return f"{result['settings']['classes'][int(search['against'])]}, from {search['start']}"


def plot_scores(result: dict[str, Any], axes: Axes) -> None:
    """Draw the scores on the test part, with the standard error of the difference to the evolved program.

    Parameters
    ----------
    result : dict
        From :func:`run`.
    axes : matplotlib.axes.Axes
    """
    names = list(result["scores"])
    values = [next(iter(score.values())) for score in result["scores"].values()]
    errors = [result["gains"].get(name, {"error": 0.0})["error"] for name in names]
    places = range(len(names))
    axes.errorbar(values, places, xerr=errors, fmt="o", color=plotting.COLORS["blue"], capsize=3)
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    classes = result["settings"]["kind"] == "classification"
    axes.set_xlabel("accuracy on the test part" if classes else "R² on the test part")


def _check(
    table: Table, features: int | None, starts: Sequence[str], budget: int, islands: int
) -> None:
    unknown = [name for name in starts if name not in STARTS]
    if unknown or not starts:
        raise ValueError(f"starts must be some of {', '.join(STARTS)}; got {list(starts)}")
    if features is not None and not 2 <= features <= MOST_FEATURES:
        raise ValueError(f"features must be from 2 to {MOST_FEATURES}, got {features}")
    for name, value in (("budget", budget), ("islands", islands)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")


def _described(table: Table, rows: dict[str, Int[np.ndarray, " k"]]) -> dict[str, Any]:
    return {
        "file": table.name,
        "target": table.target,
        "kind": table.kind,
        "classes": list(table.classes),
        "columns": list(table.columns),
        "rows": {name: len(part) for name, part in rows.items()} | {"of": len(table.y)},
        "missing_rows": table.missing_rows,
    }


def _told_apart(table: Table, number: float) -> Table:
    """One class against all others."""
    name = table.classes[int(number)]
    return replace(table, y=(table.y == number).astype(float), classes=(f"not {name}", name))


def _script(several: Sequence[Program], table: Table, features: int, seed: int, about: str) -> str:
    return make_script(
        [simplify(program) for program in several],
        kind=table.kind,
        columns=table.columns,
        target=table.target,
        classes=table.classes,
        features=features,
        steps=STEPS,
        seed=seed,
        about=about,
    )


def _fitting_features(columns: int) -> int:
    return next((size for size in FEATURES if size >= columns), FEATURES[-1])


def _first_that_works(
    ranked: Sequence[tuple[Program, dict[str, Any]]],
    table: Table,
    rows: dict[str, Int[np.ndarray, " k"]],
    features: int,
    seed: int,
) -> tuple[Program, dict[str, Any]]:
    """The best candidate whose predictions stay finite when it is trained on all rows but the test part's."""
    known = np.concatenate([rows["search"], rows["select"]])
    for program, about in ranked:
        model = make_model([program], kind=table.kind, features=features, steps=STEPS, seed=seed)
        assert isinstance(model, TableModel)
        model.fit(table.x[known], table.y[known])
        if np.isfinite(model.trained.predict(prepare(table.x[known], model.preparation))).all():
            return program, about
    raise ValueError(
        f"{table.name} lets every program diverge; are some values far outside the others?"
    )


def _measure(
    table: Table,
    rows: dict[str, Int[np.ndarray, " k"]],
    several: dict[str, list[Program]],
    features: int,
    seed: int,
) -> tuple[dict[str, dict[str, float]], dict[str, Float[np.ndarray, " t"]]]:
    """Scores and predictions on the test part of models that are trained on all other rows."""
    known = np.concatenate([rows["search"], rows["select"]])
    x, y = table.x[known], table.y[known]
    test_x, test_y = table.x[rows["test"]], table.y[rows["test"]]
    name, baseline = _baseline(table.kind)
    constant = (
        y.mean() if table.kind == "regression" else float(np.bincount(y.astype(int)).argmax())
    )
    predictions = {"constant": np.full(len(test_y), constant)}
    baseline.fit(x, y)
    predictions[name] = np.asarray(baseline.predict(test_x), dtype=float)
    for label, programs in several.items():
        model = make_model(programs, kind=table.kind, features=features, steps=STEPS, seed=seed)
        predicted = model.fit(x, y).predict(test_x)
        if len(table.classes) == 2:  # from probabilities to classes
            predicted = (predicted > 0.5).astype(float)
        predictions[label] = predicted
    scores = {
        label: _score(table.kind, test_y, predicted) for label, predicted in predictions.items()
    }
    return scores, predictions


def _baseline(kind: str) -> tuple[str, Any]:
    """Scikit-learn's linear model, its penalty chosen by cross-validation."""
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if kind == "regression":
        return "ridge", make_pipeline(StandardScaler(), RidgeCV(np.geomspace(1e-3, 1e4, 15)))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000))
    grid = {"logisticregression__C": np.geomspace(1e-3, 1e3, 7)}
    return "logistic regression", GridSearchCV(model, grid, cv=5)


def _losses(
    kind: str, y: Float[np.ndarray, " t"], predicted: Float[np.ndarray, " t"]
) -> Float[np.ndarray, " t"]:
    """What each row costs: 1 for the wrong class, or the squared error."""
    if kind == "classification":
        return (predicted != y).astype(float)
    return (predicted - y) ** 2


def _score(
    kind: str, y: Float[np.ndarray, " t"], predicted: Float[np.ndarray, " t"]
) -> dict[str, float]:
    loss = float(_losses(kind, y, predicted).mean())
    if kind == "classification":
        return {"accuracy": 1.0 - loss}
    return {"r2": 1.0 - loss / _variance(y), "rmse": math.sqrt(loss)}


def _variance(y: Float[np.ndarray, " t"]) -> float:
    return float(y.var()) or 1.0


def _gain(
    table: Table,
    rows: Int[np.ndarray, " t"],
    predicted: Float[np.ndarray, " t"],
    other: Float[np.ndarray, " t"],
) -> dict[str, float]:
    """How much higher the score is than another's on the same rows, with its standard error."""
    y = table.y[rows]
    saved = _losses(table.kind, y, other) - _losses(table.kind, y, predicted)
    if table.kind == "regression":
        saved = saved / _variance(y)  # then its mean is the difference of R2
    error = saved.std(ddof=1) / math.sqrt(len(saved))
    return {"mean": float(saved.mean()), "error": float(error)}


def _about(table: Table, rows: int, scores: dict[str, dict[str, float]]) -> str:
    measure = "R2" if table.kind == "regression" else "accuracy"
    values = {name: next(iter(score.values())) for name, score in scores.items()}
    name = _baseline(table.kind)[0]
    return (
        f"On {rows} rows that neither the search nor the choice of it saw: {measure} "
        f"{values['evolved']:.3f}\n({name}: {values[name]:.3f})."
    )
