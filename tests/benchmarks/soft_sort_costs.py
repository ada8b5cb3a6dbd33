"""What lesson 01 costs besides the time of a call: memory, the first call, and how slow its peers are."""

from __future__ import annotations

import math
import statistics
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

import torch
from harness import Timing, measure, ratio, run_python, slope, table
from torch import Tensor

from paper_lessons import soft_sort
from paper_lessons.soft_sort import baselines

OPERATORS = tuple((name, how) for name in ("rank", "sort") for how in ("l2", "kl"))
MEMORY_SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000)
LARGE = 100_000  # from here on what is allocated dwarfs what malloc had left over
# one block, and many blocks: a rank of one block needs no sort, and so no memory for it
MEMORY_STRENGTHS = {"rank": (0.1, 1e-5), "sort": (0.1, 1e5)}
PEER_SHAPES = ((128, 100), (8, 1000))
MASK_SHAPES = ((128, 100), (128, 1000))

# Sizes rise, so that the highest memory so far is that of the size at hand. A size that stays below an earlier peak
# (compiling is one) tells nothing, and says None. Linux can forget earlier peaks.
_MEMORY = """
import json, os, sys
import torch
from paper_lessons import soft_sort
torch.set_num_threads(1)

def current():
    import psutil
    return psutil.Process().memory_info().rss

def forget_peak():
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    except OSError:
        pass

def peak():
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) * 1024
    except OSError:
        pass
    if os.name == "nt":
        import psutil
        return psutil.Process().memory_info().peak_wset
    import resource
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else highest * 1024

operator = getattr(soft_sort, "soft_{operator}")

def both(values, gradient):
    torch.autograd.grad(operator(values, "{how}", {strength}), values, gradient)

def draw(n):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, generator=generator).requires_grad_(), torch.randn(n, generator=generator)

both(*draw(1000))
found = []
for n in {sizes}:
    inputs = draw(n)
    before, earlier = current(), peak()
    forget_peak()
    both(*inputs)
    highest = peak()
    found.append(highest - before if highest > earlier or peak() < earlier else None)
print(json.dumps(found))
"""

# What a user waits for, in the order in which it happens.
_COLD_START = """
import json, time

def timed(action):
    wall, cpu = time.perf_counter(), time.process_time()
    action()
    return {"wall_seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}

def import_torch():
    import torch

def import_lesson():
    from paper_lessons import soft_sort

def import_package():
    import paper_lessons

found = {"import paper_lessons": timed(import_package), "import torch": timed(import_torch)}
found["import paper_lessons.soft_sort, after torch"] = timed(import_lesson)

import torch
from paper_lessons import soft_sort
torch.set_num_threads(1)
values, gradient = torch.randn(128, 100, requires_grad=True), torch.randn(128, 100)

def both():
    torch.autograd.grad(soft_sort.soft_rank(values, "l2", 0.1), values, gradient)

found["first call"] = timed(both)
found["second call"] = timed(both)
for _ in range(200):
    both()
steady = timed(lambda: [both() for _ in range(500)])
found["steady call"] = {unit: seconds / 500 for unit, seconds in steady.items()}
print(json.dumps(found))
"""


def memory(quick: bool) -> list[dict[str, Any]]:
    """Peak memory of one forward + backward in float32, above what the process held before.

    Each operator runs in a process of its own, at the usual strength and at one that makes other blocks. Linear memory is a
    straight line through the amounts, and an exponent of n near 1 (a slope between logarithms).
    """
    sizes = MEMORY_SIZES[2:5] if quick else MEMORY_SIZES
    results = []
    for operator, how in OPERATORS[:1] if quick else OPERATORS:
        for strength in MEMORY_STRENGTHS[operator]:
            code = _MEMORY
            for name, value in (
                ("operator", operator),
                ("how", how),
                ("strength", strength),
                ("sizes", sizes),
            ):
                code = code.replace(f"{{{name}}}", str(value))
            extra = run_python(code)
            seen = [(n, amount) for n, amount in zip(sizes, extra, strict=True) if amount]
            large = [(math.log(n), math.log(amount)) for n, amount in seen if n >= LARGE]
            fixed, per_value = slope(*zip(*seen, strict=True))
            _, exponent = slope(*zip(*large, strict=True))
            results.append(
                {
                    "operator": operator,
                    "regularization": how,
                    "strength": strength,
                    "n": list(sizes),
                    "extra_bytes": extra,
                    "fixed_bytes": fixed,
                    "bytes_per_value": per_value,
                    "exponent": exponent,
                }
            )
    print(
        "\nMemory: peak of one forward + backward (float32, one row), MB above what the process held"
    )
    rows = [
        [
            f"{one['operator']} {one['regularization']} strength {one['strength']:g}",
            *("-" if amount is None else f"{amount / 1e6:.1f}" for amount in one["extra_bytes"]),
            f"{one['bytes_per_value']:.1f}",
            f"{one['exponent']:.2f}",
        ]
        for one in results
    ]
    print(
        table(
            ["n =", *(f"{n:.0e}".replace("+0", "") for n in sizes), "bytes/value", "exponent"], rows
        )
    )
    return results


def cold_start(repetitions: int) -> dict[str, Any]:
    """Imports and the first calls, with an empty and with a filled cache of compiled kernels.

    Medians over fresh processes; each pair of processes has a cache folder of its own.
    """
    runs: dict[str, list[dict]] = {"empty cache": [], "filled cache": []}
    run_python("import paper_lessons.soft_sort; print(0)")  # compiled .py files, warm file cache
    for _ in range(repetitions):
        with tempfile.TemporaryDirectory() as folder:
            for state in runs:
                runs[state].append(run_python(_COLD_START, environment={"NUMBA_CACHE_DIR": folder}))
    result = {
        state: {
            what: {
                unit: statistics.median(run[what][unit] for run in found) for unit in found[0][what]
            }
            for what in found[0]
        }
        for state, found in runs.items()
    }
    print(
        "\nCold start: wall (CPU) seconds; calls are soft_rank forward + backward, 128x100 float32"
    )
    rows = [
        [what, *(_seconds(result[state][what]) for state in result)]
        for what in result["empty cache"]
    ]
    print(table(["", *result], rows))
    return result


def _seconds(one: dict[str, float]) -> str:
    return f"{one['wall_seconds']:.4f} ({one['cpu_seconds']:.4f})"


def peers() -> list[dict[str, Any]]:
    """Our rank beside the O(n^2) soft ranks of the chapter: forward + backward, float32."""
    rivals: dict[str, Callable[[Tensor], Tensor]] = {
        "ours": lambda x: soft_sort.soft_rank(x, regularization_strength=0.1),
        "all pairs": lambda x: baselines.all_pairs_rank(x, 0.1),
        "SoftSort": lambda x: baselines.matrix_rank(baselines.softsort_matrix(x, 0.1)),
        "NeuralSort": lambda x: baselines.matrix_rank(baselines.neuralsort_matrix(x, 0.1)),
        "Sinkhorn": lambda x: baselines.matrix_rank(baselines.sinkhorn_matrix(x, 0.1)),
    }
    results = []
    for rows, n in PEER_SHAPES:
        generator = torch.Generator().manual_seed(0)
        values = torch.randn(rows, n, generator=generator).requires_grad_()
        gradient = torch.randn(rows, n, generator=generator)

        def both(
            function: Callable[[Tensor], Tensor], x=values, g=gradient
        ) -> Callable[[], object]:
            return lambda: torch.autograd.grad(function(x), x, g)

        timings = measure(
            {name: both(function) for name, function in rivals.items()},
            seconds=5.0,
            minimum_rounds=3,
        )
        for name, timing in timings.items():
            times = ratio(timing, timings["ours"])
            results.append(
                {
                    "peer": name,
                    "rows": rows,
                    "n": n,
                    "timing": timing.as_data(),
                    "ratio": times.as_data(),
                }
            )
    print("\nPeers: forward + backward of a soft rank (float32)")
    lines = [
        [
            f"{one['rows']}x{one['n']} {one['peer']}",
            f"{one['timing']['minimum_seconds'] * 1e3:.2f}",
            f"{one['ratio']['minima']:.0f}",
        ]
        for one in results
    ]
    print(table(["", "ms", "x ours"], lines))
    return results


def masks(quick: bool) -> Iterator[tuple[str, dict[str, Timing]]]:
    """Forward and backward of padded rows, half full to full, against the same call without a mask."""
    generator = torch.Generator().manual_seed(0)
    for (rows, n), (name, how) in product(MASK_SHAPES[: 1 if quick else 2], OPERATORS):
        values = torch.randn(rows, n, generator=generator).requires_grad_()
        g = torch.randn(rows, n, generator=generator)
        lengths = torch.randint(n // 2, n + 1, (rows, 1), generator=generator)
        operator, strength = getattr(soft_sort, f"soft_{name}"), 4 / n if name == "rank" else n / 4
        for kind, mask in (
            ("half full to full", torch.arange(n) < lengths),
            ("all real", torch.ones(rows, n, dtype=torch.bool)),
        ):

            def call(operator=operator, how=how, strength=strength, values=values, g=g, **given):
                torch.autograd.grad(operator(values, how, strength, **given), values, g)

            timings = measure(
                {"plain": call, "masked": partial(call, mask=mask)},
                seconds=1.0 if quick else 2.0,
                minimum_rounds=7,
                warm_up=2,
            )
            yield f"mask, {kind}: {name} {how} float32 {rows}x{n}", timings
