"""Lesson 03 against scikit-learn, pyod, faiss and the bare matrix product; its features against a plain loop."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import dn2_costs
import numpy as np
import torch
from harness import Bar, Ratio, Report, Timing, measure, merge, ratio, table
from rival_wheels import NoRivalError, rival
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from paper_lessons.dn2 import ImageFeatures, nearest_neighbors
from paper_lessons.dn2.backbones import _lite0
from paper_lessons.provenance import library_hash

SEED, K = 0, 2
BASE, WIDTH, QUERIES = 20_000, 1280, 1_000
FAISS, PYOD = ("faiss-cpu", "1.15.1"), ("pyod", "3.6.7")
PICTURES, SIDE, SIZE, BATCH = 128, 32, 128, 16

# How many times as long a rival must take; a bare matrix product does a part of the work only.
SEARCH_BARS = {
    "matrix product alone": 0.8,  # ours takes at most 1.25 times as long
    "scikit-learn": 2.0,
    "pyod": 2.0,
    "faiss IndexFlatL2": 3.0,
}
FEATURE_BAR = 1.3
MOST_MEMORY = 32 * dn2_costs.MEGABYTE
MOST_EXPONENT = 1.1
MORE_ATTEMPTS = 2

Rivals = dict[str, Callable[[], object]]


def run(*, quick: bool, peers: bool, build: Path) -> Report:
    """Measure everything.

    Parameters
    ----------
    quick : bool
        A smaller base, fewer rounds.
    peers : bool
        Also time torch.cdist and the whole matrix of distances, which have no bar.
    build : Path
        Where rivals' packages are put.
    """
    torch.set_num_threads(1)
    start = time.perf_counter()
    rows = BASE // 4 if quick else BASE
    report = Report(
        lesson="03_dn2",
        command="make bench LESSON=dn2" + (" (quick)" if quick else ""),
        settings={
            "seed": SEED,
            "base": [rows, WIDTH],
            "queries": QUERIES,
            "k": K,
            "pictures": [PICTURES, SIDE, SIDE, 3],
            "size": SIZE,
            "threads": 1,
            "quick": quick,
        },
        sections={"library": library_hash("dn2")},
    )
    _search(report, rows, quick, peers, build)
    _features(report, quick)
    report.sections["memory"] = dn2_costs.memory()
    report.bars += [_memory_bar(one) for one in report.sections["memory"]]
    report.sections["growth"] = dn2_costs.growth(quick)
    report.bars += [
        _growth_bar(name, report.sections["growth"][name]) for name in ("base", "queries")
    ]
    drawn = dn2_costs.draw_growth(report.sections["growth"], build / "dn2_growth.svg")
    report.notes.append(f"growth is drawn in {drawn.name}, beside the record")
    report.settings["seconds"] = round(time.perf_counter() - start)
    return report


def _search(report: Report, rows: int, quick: bool, peers: bool, build: Path) -> None:
    base, queries = dn2_costs.features(rows, WIDTH, 1), dn2_costs.features(QUERIES, WIDTH, 2)
    rivals: Rivals = {
        "ours": lambda: nearest_neighbors(queries, base, K),
        "matrix product alone": _products(queries, base),
    }
    exact: dict[str, Callable[[], np.ndarray]] = {}
    brute = NearestNeighbors(n_neighbors=K, algorithm="brute").fit(base.numpy())
    exact["scikit-learn"] = lambda: brute.kneighbors(queries.numpy())[0] ** 2
    for name, prepare in (("pyod", _pyod), ("faiss IndexFlatL2", _faiss)):
        try:
            exact[name] = prepare(build, base, queries)
        except NoRivalError as error:
            report.notes.append(str(error))
            print(error, file=sys.stderr)
    if peers:
        exact["torch.cdist"] = lambda: (
            torch.cdist(queries, base).topk(K, 1, False)[0] ** 2
        ).numpy()
        exact["whole matrix"] = lambda: _whole_matrix(queries, base).numpy()
    ours = nearest_neighbors(queries, base, K)[0].numpy()
    for name, search in exact.items():
        check_agreement(name, ours, search())
    rivals |= exact
    case = f"search {rows} x {WIDTH}, {QUERIES} queries"
    measured, bars = _measured(rivals, quick, lambda found: list(_search_bars(case, found)))
    report.bars += bars
    report.notes += _limits(measured)
    report.sections["search"] = {name: one.as_data() for name, one in measured.items()}
    _print_times(f"Search: {case}, k = {K}, CPU milliseconds", measured, 1e3)


def _features(report: Report, quick: bool) -> None:
    pixels = np.random.default_rng(SEED).integers(
        0, 256, size=(PICTURES, SIDE, SIDE, 3), dtype=np.uint8
    )
    plain = _lite0(None).eval()  # its normalisations are not folded, its memory is channels first
    made = ImageFeatures("lite0", size=SIZE, batch_size=BATCH)
    one, many = plain_loop(plain, pixels, 1), plain_loop(plain, pixels, BATCH)
    ours = made.transform(pixels)
    for answer in (one(), many()):
        if not np.allclose(ours, answer, rtol=1e-3, atol=1e-4):
            raise RuntimeError("the features of ImageFeatures and of the plain loop differ")
    rivals: Rivals = {
        "ours": lambda: made.transform(pixels),
        f"plain loop, batches of {BATCH}": many,
        "plain loop, one by one": one,
    }
    case = f"features of {PICTURES} pictures, {SIZE} px"

    def bars(found: Mapping[str, Timing]) -> list[Bar]:
        names = [name for name in found if name != "ours"]
        promise = "CPU time of a {}, x ours"
        return [
            Bar(case, promise.format(name), FEATURE_BAR, ratio(found[name], found["ours"]))
            for name in names
        ]

    measured, found = _measured(rivals, quick, bars)
    report.bars += found
    report.sections["features"] = {name: one.as_data() for name, one in measured.items()}
    _print_times(f"Features: {case}, CPU milliseconds a picture", measured, 1e3 / PICTURES)


def plain_loop(model: Any, pixels: np.ndarray, batch: int) -> Callable[[], np.ndarray]:
    """What one writes at first: resize, normalise, call the model, take the mean over all places."""

    @torch.no_grad()
    def loop() -> np.ndarray:
        found = []
        for start in range(0, len(pixels), batch):
            part = torch.from_numpy(pixels[start : start + batch]).permute(0, 3, 1, 2).float() / 255
            part = torch.nn.functional.interpolate(
                part, (SIZE, SIZE), mode="bilinear", align_corners=False, antialias=True
            )
            part = (part - 0.5) / 0.5
            for _, step in model.steps():
                part = step(part)
            found.append(part.mean((2, 3)))
        return torch.cat(found).numpy()

    return loop


def _products(queries: Tensor, base: Tensor) -> Callable[[], object]:
    """All inner products, in tiles that stay in caches, and nothing done with them: the limit."""
    tile = torch.empty(256, 4096)

    def multiply() -> None:
        for first in range(0, len(base), 4096):
            part = base[first : first + 4096].T
            for begin in range(0, len(queries), 256):
                some = queries[begin : begin + 256]
                torch.mm(some, part, out=tile[: len(some), : part.shape[1]])

    return multiply


def _pyod(build: Path, base: Tensor, queries: Tensor) -> Callable[[], np.ndarray]:
    (knn,) = rival(build, *PYOD, ["pyod.models.knn"])
    # fitting would search the whole base for the whole base; only its estimator is needed to score
    detector = knn.KNN(n_neighbors=K, method="mean").fit(base[: K + 8].numpy())
    detector.neigh_.fit(base.numpy())
    # the mean of K distances: what it scores with; squared distances are not to be had
    return lambda: detector.decision_function(queries.numpy())


def _faiss(build: Path, base: Tensor, queries: Tensor) -> Callable[[], np.ndarray]:
    (faiss,) = rival(build, *FAISS, ["faiss"])
    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatL2(base.shape[1])
    index.add(base.numpy())
    return lambda: index.search(queries.numpy(), K)[0]


def _whole_matrix(queries: Tensor, base: Tensor) -> Tensor:
    """What anomalib computed until 2026: all distances at once, then the smallest."""
    squares = queries.square().sum(1, keepdim=True) + base.square().sum(1)
    distances = (squares - 2 * queries @ base.T).clamp_min_(0).sqrt_()
    return distances.topk(K, dim=1, largest=False)[0] ** 2


def check_agreement(name: str, ours: np.ndarray, theirs: np.ndarray) -> None:
    """Refuse to time rivals that find other neighbours."""
    expected = np.sqrt(ours).mean(1) if theirs.ndim == 1 else ours
    if not np.allclose(expected, theirs, rtol=1e-3, atol=1e-5):
        raise RuntimeError(f"{name} finds other distances than nearest_neighbors")


def _search_bars(case: str, measured: Mapping[str, Timing]) -> Iterator[Bar]:
    for name, required in SEARCH_BARS.items():
        found = ratio(measured[name], measured["ours"]) if name in measured else None
        yield Bar(case, f"CPU time of {name}, x ours", required, found)


def _limits(measured: Mapping[str, Timing]) -> Iterator[str]:
    """Bars that no search can meet which takes a matrix product.

    Where there is no AVX-512, the OpenBLAS in other packages' wheels multiplies as fast as PyTorch's library.
    """
    for name, required in SEARCH_BARS.items():
        if name in measured:
            limit = ratio(measured[name], measured["matrix product alone"]).minima
            if limit < required and name != "matrix product alone":
                yield (
                    f"{name} takes {limit:.2f} times as long as a matrix product alone on this machine, so "
                    f"that no exact search by PyTorch's product can be {required:g} times as fast"
                )


def _measured(
    rivals: Rivals, quick: bool, bars: Callable[[Mapping[str, Timing]], list[Bar]]
) -> tuple[dict[str, Timing], list[Bar]]:
    """Timings and bars; a bar that is missed is measured again before it counts."""
    options: dict[str, Any] = {"seconds": 5.0, "minimum_rounds": 3 if quick else 7}
    measured = measure(rivals, **options)
    for _ in range(MORE_ATTEMPTS):
        if all(bar.status != "not met" for bar in bars(measured)):
            break
        measured = merge(measured, measure(rivals, **options))
    return measured, bars(measured)


def _memory_bar(one: dict[str, Any]) -> Bar:
    extra = one["extra_bytes"]
    times = None if extra is None else MOST_MEMORY / max(extra, 1)
    return Bar(
        f"search {one['rows']} x {one['width']}, {one['queries']} queries",
        "32 MB / memory beyond the inputs",
        1.0,
        None if times is None else Ratio(times, times, times),
    )


def _growth_bar(name: str, line: dict[str, Any]) -> Bar:
    times = MOST_EXPONENT / line["exponent"]
    sizes = f"{line['sizes'][0]} to {line['sizes'][-1]}"
    promise = f"{MOST_EXPONENT} / exponent of the growth"
    return Bar(f"{name} {sizes}", promise, 1.0, Ratio(times, times, times))


def _print_times(title: str, measured: Mapping[str, Timing], scale: float) -> None:
    ours = measured["ours"]
    rows = [
        [name, *(f"{number:.2f}" for number in (scale * one.minimum, scale * one.median))]
        for name, one in measured.items()
    ]
    for row, one in zip(rows, measured.values(), strict=True):
        row.append(f"{ratio(one, ours).minima:.2f}")
    print(f"\n{title}")
    print(table(["", "minimum", "median", "x ours"], rows), flush=True)
