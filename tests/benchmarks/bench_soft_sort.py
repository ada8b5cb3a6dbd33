"""Lesson 01 against torchsort and against PyTorch's own, hard, sort."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import soft_sort_costs
import torch
from harness import Bar, Ratio, Report, Timing, measure, merge, ratio
from rival_wheels import NoRivalError, rival
from torch import Tensor
from torchsort_build import CannotBuildError, torchsort_folder

from paper_lessons import soft_sort
from paper_lessons.provenance import library_hash

SEED = 0
STRENGTH = 0.1
SHAPES = ((1, 100), (128, 100), (128, 1000), (128, 5000), (1, 10**5), (1, 10**6))
QUICK_SHAPES = ((128, 100), (128, 1000), (1, 10**5))
# Several inputs in turn: with one, the branch predictor learns the data instead of the algorithm.
INPUT_ELEMENTS, MOST_INPUTS = 200_000, 16

# What forward + backward must reach as a multiple of torchsort's time, by shape. (From n = 1,000 on an l2 rank at this
# strength is one block and nothing is sorted: such rows are printed as that, without a bar.)
L2_FLOAT32 = {
    (128, 100): 3.5,
    (128, 1000): 4.5,
    (128, 5000): 5.0,
    (1, 10**5): 5.0,
    (1, 10**6): 4.5,
}
L2_FLOAT64 = dict.fromkeys(SHAPES[2:], 4.0)
KL = dict.fromkeys(SHAPES[2:], 3.3)
# Ranks as people use them, with many blocks.
MIXED_TORCHSORT, MIXED_TORCH_SORT = 3.5, 1.8
ONE_BLOCK_FROM = 1000
SOFTTORCH = ("softtorch", "0.1.1", ["softtorch"])
SOFTTORCH_NEEDS = ("torchopt==0.7.3", "pot==0.9.7.post1", "graphviz==0.21", "optree==0.20.0")
# ... and of the time of torch.sort alone, from 10^4 elements on.
TORCH_SORT = {torch.float32: 1.8, torch.float64: 1.0}
FEWEST_FOR_TORCH_SORT = 10**4
MASKED = 1 / 1.3  # of an unmasked call's time over a masked one's
AGREEMENT = 1e-6  # relative to the largest entry
MORE_ATTEMPTS = 2
MOST_DIFFERENT = 1e-3  # share of the entries


@dataclass(frozen=True)
class Case:
    """One operator on one kind of input."""

    operator: str
    regularization: str
    dtype: torch.dtype
    rows: int
    n: int
    strength: float = STRENGTH

    @property
    def dtype_name(self) -> str:
        return str(self.dtype).removeprefix("torch.")

    @property
    def shape_name(self) -> str:
        return f"{self.rows}x{self.n}"

    @property
    def name(self) -> str:
        name = f"{self.operator} {self.regularization} {self.dtype_name} {self.shape_name}"
        if self.one_block:
            return f"{name} (one block)"
        return name if self.strength == STRENGTH else f"{name} strength {self.strength:g}"

    @property
    def mixed(self) -> bool:
        """Whether rows have many blocks, singles among them."""
        return self.strength != STRENGTH

    @property
    def one_block(self) -> bool:
        return (
            self.operator == "rank"
            and self.regularization == "l2"
            and self.n >= ONE_BLOCK_FROM
            and not self.mixed
        )

    def inputs(self) -> tuple[list[Tensor], list[Tensor]]:
        """Normal values that want a gradient, and normal gradients of the output."""
        generator = torch.Generator().manual_seed(SEED)
        count = max(1, min(MOST_INPUTS, INPUT_ELEMENTS // (self.rows * self.n)))

        def draw() -> Tensor:
            return torch.randn(self.rows, self.n, generator=generator, dtype=self.dtype)

        return [draw().requires_grad_() for _ in range(count)], [draw() for _ in range(count)]


def cases(quick: bool) -> Iterator[Case]:
    """All cases in the order of the table."""
    dtypes = (torch.float32,) if quick else (torch.float32, torch.float64)
    for dtype, operator, regularization in product(dtypes, ("rank", "sort"), ("l2", "kl")):
        for rows, n in QUICK_SHAPES if quick else SHAPES:
            yield Case(operator, regularization, dtype, rows, n)
    # At 0.1 long rows are one block (rank) or all singletons (sort l2); here they are mixed.
    for operator, n in product(("rank", "sort"), (1000,) if quick else (1000, 10**5)):
        strength = 4 / n if operator == "rank" else n / 4
        rows = 128 if n == 1000 else 1
        yield Case(operator, "l2", torch.float32, rows, n, strength)


def run(*, quick: bool, peers: bool, build: Path) -> Report:
    """Measure everything.

    Parameters
    ----------
    quick : bool
        Fewer cases, fewer rounds.
    peers : bool
        Also time the O(n^2) soft sorts of the chapter.
    build : Path
        Where torchsort is built.
    """
    torch.set_num_threads(1)
    start = time.perf_counter()
    report = Report(
        lesson="01_soft_sort",
        command="make bench LESSON=soft_sort" + (" (quick)" if quick else ""),
        settings={
            "seed": SEED,
            "strength": STRENGTH,
            "values": "normal(0, 1)",
            "threads": 1,
            "quick": quick,
        },
        sections={"library": library_hash("soft_sort")},
        notes=["fast-soft-sort is left out: it is not on the package index"],
    )
    try:
        torchsort = _import_from(torchsort_folder(build), "torchsort")
        report.settings["torchsort"] = torchsort_folder(build).name
    except CannotBuildError as error:
        torchsort = None
        report.notes.append(str(error))
        print(error, file=sys.stderr)
    try:
        (softtorch,) = rival(build, *SOFTTORCH, also=SOFTTORCH_NEEDS)
    except NoRivalError as error:  # its wheels ask for Python 3.12
        softtorch = None
        report.notes.append(str(error))
    report.sections["cases"] = []
    print_heading()
    for case in cases(quick):
        measured = measure_case(case, torchsort, softtorch, quick)
        # On a busy machine a few rounds may all be disturbed. A miss must last, for all rivals alike.
        for _ in range(MORE_ATTEMPTS):
            if all(bar.status != "not met" for bar in bars(case, measured)):
                break
            measured = merge(measured, measure_case(case, torchsort, softtorch, quick))
        report.sections["cases"].append(as_data(case, measured))
        report.bars.extend(bars(case, measured))
        print_row(case, measured)
    report.sections["masks"] = {}
    for name, timings in soft_sort_costs.masks(quick):
        found = ratio(timings["plain"], timings["masked"])
        report.sections["masks"][name] = found and found.as_data()
        report.bars.append(Bar(name, "unmasked call's time, x masked call's", MASKED, found))
        print(f"{name}: {_times(found)} of the masked call's time")
    if peers:
        report.sections["peers"] = soft_sort_costs.peers()
    report.sections["memory"] = soft_sort_costs.memory(quick)
    report.sections["cold_start"] = soft_sort_costs.cold_start(1 if quick else 3)
    report.settings["seconds"] = round(time.perf_counter() - start)
    return report


def measure_case(
    case: Case, torchsort: ModuleType | None, softtorch: ModuleType | None, quick: bool
) -> dict[str, Timing]:
    """Time all rivals on one case, after making sure that they compute the same."""
    values, gradients = case.inputs()
    operators = {"ours": _operator(soft_sort, case)}
    if torchsort is not None:
        operators["torchsort"] = _operator(torchsort, case)
    if (
        softtorch is not None
        and case.operator == "rank"
        and case.regularization == "l2"
        and case.mixed
    ):
        operators["softtorch"] = _softtorch_rank(softtorch, case)
    check_agreement(operators, case)
    plain = [value.detach() for value in values]
    rivals: dict[str, Callable[[], object]] = {"torch.sort": _in_turn(torch.sort, plain)}
    for name, operator in operators.items():
        rivals[f"{name} forward"] = _in_turn(operator, plain)
        rivals[f"{name} both"] = _in_turn(_forward_and_backward(operator), values, gradients)
    return measure(
        rivals,
        seconds=1.5 if quick else 3.0,
        minimum_rounds=5 if quick else 7,
        warm_up=len(values),
    )


def _operator(library: ModuleType, case: Case) -> Callable[[Tensor], Tensor]:
    function = getattr(library, f"soft_{case.operator}")
    regularization, strength = case.regularization, case.strength
    return lambda values: function(values, regularization, strength)


def _softtorch_rank(library: ModuleType, case: Case) -> Callable[[Tensor], Tensor]:
    # it projects onto ranks that are divided by n - 1
    options = {"softness": case.strength * (case.n - 1), "mode": "c0", "method": "fast_soft_sort"}
    return lambda values: library.rank(
        values, dim=-1, descending=False, standardize=False, **options
    )


def _in_turn(function: Callable[..., object], *arguments: list[Tensor]) -> Callable[[], object]:
    tuples = list(zip(*arguments, strict=True))
    place = 0

    def call() -> object:
        nonlocal place
        place = (place + 1) % len(tuples)
        return function(*tuples[place])

    return call


def _forward_and_backward(operator: Callable[[Tensor], Tensor]) -> Callable[..., object]:
    return lambda values, gradient: torch.autograd.grad(operator(values), values, gradient)


def check_agreement(operators: dict[str, Callable[[Tensor], Tensor]], case: Case) -> None:
    """Refuse to time rivals that disagree.

    In float64, whatever is timed: in float32 torchsort is off by ranks, and tied values (there are many
    among 10^5 float32 numbers) share a soft sort's gradient in any way. A few entries may differ all
    the same, because torchsort's backward pass takes blocks for one that lie within 1e-9.
    """
    (values, *_), (gradient, *_) = replace(case, dtype=torch.float64).inputs()
    answers = {}
    for name, operator in operators.items():
        result = operator(values)
        answers[name] = result.detach(), *torch.autograd.grad(result, values, gradient)
    mine = answers.pop("ours")
    for name, answer in answers.items():
        for part, ours, theirs in zip(("values", "gradients"), mine, answer, strict=True):
            off = (ours - theirs).abs() > AGREEMENT * theirs.abs().max()
            share = float(off.double().mean())
            if not share <= MOST_DIFFERENT:
                raise RuntimeError(f"{case.name}: {share:.1%} of {name}'s {part} differ")


def ratios(measured: dict[str, Timing]) -> dict[str, Ratio | None]:
    """Our forward + backward, and our forward alone, against each rival."""
    both, forward = measured["ours both"], measured["ours forward"]
    there = "torchsort both" in measured
    return {
        "torchsort both": ratio(measured["torchsort both"], both) if there else None,
        "torchsort forward": ratio(measured["torchsort forward"], forward) if there else None,
        "softtorch both": (
            ratio(measured["softtorch both"], both) if "softtorch both" in measured else None
        ),
        "torch.sort": ratio(measured["torch.sort"], both),
    }


def bars(case: Case, measured: dict[str, Timing]) -> Iterator[Bar]:
    """The promises that apply to this case."""
    found = ratios(measured)
    shape = case.rows, case.n
    if case.mixed:
        if case.operator == "rank":
            for rival_name, required, key in (
                ("torchsort's", MIXED_TORCHSORT, "torchsort both"),
                ("torch.sort alone", MIXED_TORCH_SORT, "torch.sort"),
            ):
                yield Bar(case.name, f"forward + backward, x {rival_name}", required, found[key])
        return
    if case.regularization == "kl":
        required = KL.get(shape)
    else:
        required = (L2_FLOAT32 if case.dtype == torch.float32 else L2_FLOAT64).get(shape)
        required = None if case.one_block else required
    if required is not None:
        yield Bar(case.name, "forward + backward, x torchsort's", required, found["torchsort both"])
    if case.rows * case.n >= FEWEST_FOR_TORCH_SORT and not case.one_block:
        required = TORCH_SORT[case.dtype]
        yield Bar(
            case.name, "forward + backward, x torch.sort alone", required, found["torch.sort"]
        )


def as_data(case: Case, measured: dict[str, Timing]) -> dict[str, Any]:
    return {
        "operator": case.operator,
        "regularization": case.regularization,
        "dtype": case.dtype_name,
        "rows": case.rows,
        "n": case.n,
        "strength": case.strength,
        "timings": {name: timing.as_data() for name, timing in measured.items()},
        "ratios": {name: one and one.as_data() for name, one in ratios(measured).items()},
    }


_COLUMNS = {
    "torch.sort": "torch.sort",
    "torchsort forward": "torchsort f",
    "torchsort both": "torchsort f+b",
    "ours forward": "ours f",
    "ours both": "ours f+b",
}
_RATIOS = {
    "torchsort forward": "x f",
    "torchsort both": "x f+b",
    "torch.sort": "x torch.sort",
    "softtorch both": "x SoftTorch",
}


def print_heading() -> None:
    print(
        "CPU milliseconds, minimum (median); f = forward, f+b = forward and backward; x f, x f+b: times"
    )
    print(
        "as fast as torchsort; x torch.sort: torch.sort alone against our f+b; x SoftTorch: its fast_soft_sort"
    )
    _print_cells("", [*_COLUMNS.values(), *_RATIOS.values()])


def print_row(case: Case, measured: dict[str, Timing]) -> None:
    """One line of the table, as soon as it is known."""
    found = ratios(measured)
    cells = [_milliseconds(measured.get(name)) for name in _COLUMNS]
    _print_cells(case.name, cells + [_times(found[name]) for name in _RATIOS])


def _print_cells(name: str, cells: list[str]) -> None:
    print(f"{name:<39}" + "".join(f"{cell:>17}" for cell in cells), flush=True)


def _milliseconds(timing: Timing | None) -> str:
    return "-" if timing is None else f"{timing.minimum * 1e3:.3f} ({timing.median * 1e3:.3f})"


def _times(one: Ratio | None) -> str:
    return "-" if one is None else f"{one.minima:.2f} ({one.medians:.2f})"


def _import_from(folder: Path, name: str) -> ModuleType:
    sys.path.insert(0, str(folder))
    try:
        return __import__(name)
    finally:
        sys.path.remove(str(folder))
