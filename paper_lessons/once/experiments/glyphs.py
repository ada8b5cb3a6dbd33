"""Twenty novel characters added to a detector of eighty: the paper's generator and what it has to beat.

Every way sees the same supports. Training seeds differ in the first weights, the scenes, and which characters are novel; draws
differ in the supports.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from paper_lessons import plotting
from paper_lessons.once.codes import draw_codes
from paper_lessons.once.data.glyphs import glyph_scenes, glyph_split
from paper_lessons.once.detector import OnceDetector
from paper_lessons.once.evaluation import Evaluation
from paper_lessons.once.experiments.trial import (
    Trial,
    draw_supports,
    generated,
    glyph_trial,
    prototypes,
    random_codes,
    tuned_heads,
    tuned_rows,
)
from paper_lessons.runs import one_thread, run_tasks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CROP, LINEAR, CENTRE = "crops, cosine", "crops, linear (paper)", "centre, cosine"
L1, BALANCED = "crops, linear, L1", "crops, linear, balanced L1"
PROTOTYPE, ROWS, HEADS, CHANCE = "prototype", "novel codes tuned", "all heads tuned", "random codes"
# generator -> what reads the supports, whether codes are cosines, the loss of the episodes
GENERATORS: dict[str, tuple[Any, bool, Any]] = {
    CROP: ("crop", True, "focal"),
    LINEAR: ("crop", False, "focal"),
    CENTRE: ("centre", True, "focal"),
    L1: ("crop", False, "l1"),
    BALANCED: ("crop", False, "balanced l1"),
}
ARMS = (*GENERATORS, PROTOTYPE, ROWS, HEADS, CHANCE)
SHOTS = (1, 5, 10)
NUMBERS = ("novel_ap", "novel_ap50", "base_ap", "base_ap50", "all_ap", "all_ap50")


def run(
    *,
    seeds: Sequence[int] = (0, 1, 2),
    draws: int = 5,
    arms: Sequence[str] = ARMS,
    shots: Sequence[int] = SHOTS,
    size: Mapping[str, int] | None = None,
    jobs: int | None = None,
    progress: bool = False,
    checkpoint: str | None = None,
) -> dict[str, Any]:
    """Train with each seed, add the novel classes in every way.

    Parameters
    ----------
    seeds : sequence of int
        Of the training, and of the split into base and novel characters.
    draws : int
        Sets of supports for each number of shots.
    arms : sequence of str
        Of ``ARMS``.
    shots : sequence of int
    size : mapping of str to int, optional
        ``"scenes"``, ``"test"``, ``"steps"``, ``"episodes"``, ``"classes"``, ``"tuning"`` (steps): smaller than the lesson's, to try.
    jobs, progress, checkpoint
        As :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        ``"settings"``; ``"runs"``, one for each seed; ``"arms"``: for each arm and number of shots mean and deviation
        over seeds and draws of each of ``NUMBERS``; ``"one_by_one"``, means over seeds.
    """
    shared = {"draws": draws, "arms": list(arms), "shots": list(shots), "size": dict(size or {})}
    runs = run_tasks(
        one_run, [{"seed": seed} for seed in seeds], shared=shared,
        jobs=jobs, progress=progress, checkpoint=checkpoint,
    )  # fmt: skip
    found: dict[str, Any] = {}
    for arm in arms:
        found[arm] = {}
        for count in map(str, shots):
            rows = [one for each in runs for one in each["arms"][arm][count]]
            found[arm][count] = {name: _spread([row[name] for row in rows]) for name in NUMBERS}
    curve = [
        {
            name: float(np.mean([each["one_by_one"][i][name] for each in runs]))
            for name in row
            if all(name in each["one_by_one"][i] for each in runs)
        }
        for i, row in enumerate(runs[0]["one_by_one"])
    ]
    return {
        "settings": {"seeds": list(seeds), **shared},
        "runs": runs,
        "arms": found,
        "one_by_one": curve,
    }


def train_glyph_detector(
    seed: int = 0, *, progress: bool = False, size: Mapping[str, int] | None = None
) -> OnceDetector:
    """The lesson's detector: both stages on scenes of the base characters.

    Parameters
    ----------
    seed : int
    progress : bool
    size : mapping of str to int, optional
        As :func:`run`.

    Returns
    -------
    OnceDetector
    """
    size = size or {}
    detector, scenes = _fresh(seed, size)
    detector.fit_base(scenes, steps=size.get("steps", 2600), seed=seed, progress=progress)
    _episodes(detector, scenes, seed, size, progress=progress)
    return detector


def one_run(
    seed: int, *, draws: int, arms: Sequence[str], shots: Sequence[int], size: Mapping[str, int]
) -> dict[str, Any]:
    """One training, all ways to add the novel classes, and adding them one by one.

    Parameters
    ----------
    seed : int
    draws, arms, shots, size
        As :func:`run`.

    Returns
    -------
    dict
        ``"cpu_seconds"``; ``"alone"``, the base classes before; ``"arms"``: for each arm and number of shots a row of
        ``NUMBERS`` for each draw; ``"one_by_one"``; ``"heat"``: the largest probability that a code of each generator
        draws.
    """
    with one_thread():
        start = time.process_time()
        detector = train_glyph_detector(seed, size=size)
        seconds = {"both stages": time.process_time() - start}
        _, novel = glyph_split(size.get("classes", 80), seed=seed)
        trial, pool = glyph_trial(detector, novel, test=size.get("test", 300))
        alone = trial.score(trial.base[:0]).groups["all"]
        _, scenes = _fresh(seed, size)
        own = detector.support_encoder, detector.bank.cosine, detector.generator
        rows: dict[str, Any] = {}
        heat = {}
        for arm in arms:
            if arm in GENERATORS and arm != CROP:
                start = time.process_time()
                detector.support_encoder, detector.bank.cosine, loss = GENERATORS[arm]
                with torch.random.fork_rng(devices=[]):
                    torch.manual_seed(seed)
                    detector.renew_generator()
                _episodes(detector, scenes, seed, size, loss=loss)
                seconds[arm] = time.process_time() - start
            rows[arm] = {
                str(count): [_row(arm, trial, pool, count, draw, size) for draw in range(draws)]
                for count in shots
            }
            if arm in GENERATORS:
                heat[arm] = _hottest(
                    trial, generated(trial, draw_supports(pool, trial.novel, 5, 0))
                )
            detector.support_encoder, detector.bank.cosine, detector.generator = own
        return {
            "cpu_seconds": {name: round(value, 1) for name, value in seconds.items()},
            "alone": {"ap": alone.ap, "ap50": alone.ap50, "ar": alone.ar},
            "arms": rows,
            "heat": heat,
            "one_by_one": _one_by_one(trial, pool, seed),
        }


def plot(result: dict[str, Any], axes: Sequence[Axes]) -> None:
    """Draw novel AP50 against shots, and AP while classes are added one by one.

    Parameters
    ----------
    result : dict
        From :func:`run`.
    axes : sequence of matplotlib.axes.Axes
        Two.
    """
    shots = [str(one) for one in result["settings"]["shots"]]
    for (arm, found), color in zip(
        result["arms"].items(), [*plotting.COLORS.values()] * 2, strict=False
    ):
        means = [found[one]["novel_ap50"]["mean"] for one in shots]
        spread = [found[one]["novel_ap50"]["std"] for one in shots]
        axes[0].errorbar(range(len(shots)), means, spread, fmt="o-", color=color, label=arm)
    axes[0].set_xticks(range(len(shots)), shots)
    axes[0].set_xlabel("shots")
    axes[0].set_ylabel("novel AP50")
    plotting.label_lines(axes[0])
    curve = result["one_by_one"]
    for name, label in (
        ("base_ap", "base classes"),
        ("all_ap", "all classes"),
        ("novel_ap", "novel classes"),
    ):
        points = [(row["classes"], row[name]) for row in curve if name in row]
        axes[1].plot(*zip(*points, strict=True), "o-", label=label)
    axes[1].set_xlabel("novel classes so far")
    axes[1].set_ylabel("AP")
    plotting.label_lines(axes[1])


def _fresh(seed: int, size: Mapping[str, int]) -> tuple[OnceDetector, Any]:
    base, _ = glyph_split(size.get("classes", 80), seed=seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        detector = OnceDetector(base)
    return detector, glyph_scenes(size.get("scenes", 3200), base, seed=1 + 10 * seed)


def _episodes(detector, scenes, seed, size, *, loss="focal", progress=False) -> None:
    detector.fit_generator(
        scenes, steps=size.get("episodes", 2000), shots=(1, 2, 5, 10), pictures=size.get("scenes", 3200),
        loss=loss, seed=seed, progress=progress,
    )  # fmt: skip


def _row(
    arm: str, trial: Trial, pool: Any, shots: int, draw: int, size: Mapping[str, int]
) -> dict[str, float]:
    supports = draw_supports(pool, trial.novel, shots, draw)
    steps = {"steps": size.get("tuning", 100)}
    if arm == PROTOTYPE:
        return _numbers(trial.score(prototypes(trial, supports), cosine=True))
    if arm == ROWS:
        return _numbers(trial.score(tuned_rows(trial, supports, **steps), cosine=False))
    if arm == HEADS:
        return _numbers(trial.score(**tuned_heads(trial, supports, **steps), cosine=False))
    if arm == CHANCE:
        return _numbers(trial.score(random_codes(trial, draw), cosine=False))
    return _numbers(trial.score(generated(trial, supports)))


def _one_by_one(trial: Trial, pool: Any, seed: int, shots: int = 5) -> list[dict[str, float]]:
    codes = generated(trial, draw_supports(pool, trial.novel, shots, seed))
    rows = []
    for count in range(len(codes) + 1):
        found = _numbers(trial.score(codes[:count]))
        known = {name: found[name] for name in NUMBERS if not np.isnan(found.get(name, np.nan))}
        rows.append({"classes": count, **known})
    return rows


def _numbers(scores: Evaluation) -> dict[str, float]:
    groups = (
        scores.groups
        if "novel" in scores.groups
        else {"base": scores.groups["all"], **scores.groups}
    )
    return {
        f"{group}_{kind}": getattr(one, kind)
        for group, one in groups.items()
        for kind in ("ap", "ap50")
    }


@torch.no_grad()
def _hottest(trial: Trial, codes: Any) -> float:
    heat, _ = draw_codes(trial.features[:64], codes, unit=trial.detector.bank.cosine)
    return float(heat.amax().sigmoid())


def _spread(values: Sequence[float]) -> dict[str, float]:
    """Mean and deviation over seeds and draws (0 of a single one)."""
    several = len(values) > 1
    return {
        "mean": float(np.mean(values)),
        "std": float(np.std(values, ddof=1)) if several else 0.0,
    }
