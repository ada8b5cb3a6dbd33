"""Real pictures: a kind of blood cells kept back, and characters that people drew."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageFilter, ImageOps
from torch import Tensor

from paper_lessons.once.data.glyphs import glyph_outlines, glyph_scenes
from paper_lessons.once.data.pictures import Resized
from paper_lessons.once.data.readers import Detections, base_novel_split, read_voc
from paper_lessons.once.detector import OnceDetector
from paper_lessons.once.evaluation import evaluate
from paper_lessons.once.experiments.trial import (
    LEAST,
    Trial,
    draw_supports,
    generated,
    prototypes,
)
from paper_lessons.once.generator import SHORTEST
from paper_lessons.once.overlaps import without_overlaps
from paper_lessons.once.training.augmenting import Augmenting
from paper_lessons.runs import one_thread, run_tasks

SIDE = 320
SHOTS = (1, 5, 10)
SIZES = ("shared sizes", "fitted sizes")
DRAWERS = 20  # of every Omniglot character: the first half for supports, the others to be found


def cells(
    folder: str | Path,
    *,
    novel: Sequence[str] = ("Platelets", "RBC", "WBC"),
    seeds: Sequence[int] = (0,),
    steps: int = 800,
    draws: int = 5,
    jobs: int | None = None,
    progress: bool = False,
    checkpoint: str | None = None,
) -> dict[str, Any]:
    """Train on two kinds of blood cells and register the third from 1, 5 and 10 boxes.

    Parameters
    ----------
    folder : str or Path
        Of BCCD, with ``Annotations`` and ``JPEGImages``.
    novel : sequence of str
        Each is kept back in turn; its cells stay in the training pictures, without boxes.
    seeds : sequence of int
        Of the training, and of which three quarters of the pictures it sees.
    steps, draws : int
    jobs, progress, checkpoint
        As :func:`~paper_lessons.runs.run_tasks`.

    Returns
    -------
    dict
        ``"settings"`` and under ``"runs"`` what :func:`one_cell` returns.
    """
    tasks = [{"novel": one, "seed": seed} for one in novel for seed in seeds]
    shared = {"folder": str(folder), "steps": steps, "draws": draws}
    runs = run_tasks(one_cell, tasks, shared=shared, jobs=jobs, progress=progress, checkpoint=checkpoint)  # fmt: skip
    shared["folder"] = Path(folder).name
    return {"settings": {"novel": list(novel), "seeds": list(seeds), **shared}, "runs": runs}


def one_cell(
    novel: str,
    seed: int,
    *,
    folder: str,
    steps: int,
    draws: int,
) -> dict[str, Any]:
    """One training, and the third kind from some boxes.

    Parameters
    ----------
    novel, seed, folder, steps, draws
        As :func:`cells`.

    Returns
    -------
    dict
        ``"base"``: AP50 of the others; under ``"shared sizes"`` and ``"fitted sizes"`` for each number of shots AP50 of
        the novel kind, one for each draw; ``"unmoved"``: whether every box and score of the others was the same to the
        last bit each time; ``"larger"``: by what the fitted sizes of the last draw exceed the shared ones.
    """
    import warnings

    with one_thread():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # pictures that the folder does not have
            data = read_voc(Path(folder) / "Annotations", Path(folder) / "JPEGImages")
        order = np.random.default_rng(seed).permutation(len(data))
        cut = 3 * len(data) // 4
        train, test = (_picked(data, some.tolist()) for some in (order[:cut], order[cut:]))
        known, _ = base_novel_split(train, [novel])
        torch.manual_seed(seed)
        # two kinds are too few for episodes
        detector = OnceDetector(known.names, support_encoder="centre", side=SIDE)
        pictures = Resized(known, SIDE)
        augmenting = Augmenting(shift=SIDE // 10, recolor=False, flip=True)
        detector.fit_base(pictures, steps=steps, batch_size=8, augmenting=augmenting, seed=seed)
        images = [test[i]["image"] for i in range(len(test))]
        before = without_overlaps(detector.detect(images, LEAST, None))
        rows: dict[str, dict[str, list[float]]] = {}
        unmoved = True
        for label, fit in zip(SIZES, (False, True), strict=True):
            rows[label] = {str(shots): [] for shots in SHOTS}
            for shots in SHOTS:
                for draw in range(draws):
                    given = _boxes(train, novel, shots, draw)
                    code = detector.register(novel, *given, mode="replace", fit_size=fit)
                    after = without_overlaps(detector.detect(images, LEAST, None))
                    scores = evaluate(after, test, novel=[novel])
                    rows[label][str(shots)].append(scores.groups["novel"].ap50)
                    unmoved &= _same(before, after, novel)
        return {
            "novel": novel,
            "seed": seed,
            "base": scores.groups["base"].ap50,
            **rows,
            "larger": list(code.scale),
            "unmoved": unmoved,
        }


def omniglot(
    folder: str | Path,
    detector: OnceDetector,
    *,
    characters: int = 20,
    test: int = 300,
    draws: int = 5,
    seed: int = 0,
) -> dict[str, Any]:
    """Drawn characters of other alphabets as novel classes of a detector of printed ones.

    Parameters
    ----------
    folder : str or Path
        With Omniglot's zip files.
    detector : OnceDetector
        Trained on glyphs.
    characters : int
        Drawn by chance from all of them.
    test : int
        Scenes, in which they stand among the base classes.
    draws : int
    seed : int

    Returns
    -------
    dict
        ``"settings"``, ``"characters"`` (their names), and for ``"generator"`` and ``"prototype"`` and each number of
        shots novel AP50 of each draw; ``"base"`` AP50.
    """
    masks = read_omniglot(folder)
    names = np.random.default_rng(seed).choice(list(masks), characters, replace=False).tolist()
    base = detector.bank.base_names
    halves = [
        {**glyph_outlines(), **{name: masks[name][part] for name in names}}
        for part in (slice(DRAWERS // 2), slice(DRAWERS // 2, None))
    ]
    pool = glyph_scenes(1000, [*base, *names], seed=seed + 1002, outlines=halves[0])
    scenes = glyph_scenes(test, [*base, *names], seed=seed + 2, outlines=halves[1])
    with one_thread():
        trial = Trial(detector, scenes, names)
        rows: dict[str, dict[str, list[float]]] = {"generator": {}, "prototype": {}}
        for shots in SHOTS:
            supports = [draw_supports(pool, names, shots, draw) for draw in range(draws)]
            scored = [trial.score(generated(trial, one)).groups for one in supports]
            rows["generator"][str(shots)] = [one["novel"].ap50 for one in scored]
            rows["prototype"][str(shots)] = [
                trial.score(prototypes(trial, one), cosine=True).groups["novel"].ap50
                for one in supports
            ]
    settings = {"characters": characters, "test": test, "draws": draws, "seed": seed}
    return {"settings": settings, "characters": names, **rows, "base": scored[0]["base"].ap50}


def read_omniglot(folder: str | Path) -> dict[str, list[Image.Image]]:
    """Masks of every character, one for each of its drawers, its strokes widened.

    Parameters
    ----------
    folder : str or Path
        With zip files of ``set/alphabet/character/*.png``.

    Returns
    -------
    dict of str to list of PIL.Image.Image
        Names are ``"alphabet/character"``.

    Raises
    ------
    ValueError
        If there are no zip files.
    """
    files = sorted(Path(folder).glob("*.zip"))
    if not files:
        raise ValueError(f"folder must have Omniglot's .zip files, {str(folder)!r} has none")
    found: dict[str, list[Image.Image]] = {}
    for file in files:
        earlier = set(found)  # some alphabets stand in both sets
        with zipfile.ZipFile(file) as packed:
            for name in sorted(packed.namelist()):
                key = "/".join(name.split("/")[1:3])
                if name.endswith(".png") and key not in earlier:
                    image = Image.open(io.BytesIO(packed.read(name))).convert("L")
                    ink = ImageOps.invert(image).filter(ImageFilter.MaxFilter(5))
                    found.setdefault(key, []).append(ink.crop(ink.getbbox()))
    return found


def _picked(data: Detections, places: Sequence[int]) -> Detections:
    return Detections([data.annotations[i] for i in places], data.names)


def _boxes(data: Detections, name: str, shots: int, draw: int) -> tuple[list[Tensor], list[Tensor]]:
    """Pictures with a box in each, no picture twice."""
    own = data.only([name])
    there = {}
    for place, one in enumerate(own.annotations):
        sides = (one.boxes[:, 2:] - one.boxes[:, :2]).amin(1) * SIDE / max(one.height, one.width)
        if bool((sides >= SHORTEST).any()):
            there[place] = one.boxes[sides >= SHORTEST][:1]
    chosen = np.random.default_rng([draw, shots]).choice(list(there), shots, replace=False)
    return [own[i]["image"] for i in chosen.tolist()], [there[i] for i in chosen.tolist()]


def _same(before: Sequence[dict], after: Sequence[dict], novel: str) -> bool:
    """Whether all that is not of the novel class is what it was."""
    for one, two in zip(before, after, strict=True):
        old = torch.tensor([name != novel for name in two["names"]], dtype=torch.bool)
        if not all(torch.equal(one[key], two[key][old]) for key in ("boxes", "scores", "labels")):
            return False
    return True
