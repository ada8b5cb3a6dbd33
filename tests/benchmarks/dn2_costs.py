"""What lesson 03 costs besides the time of one search: memory, and growth with base and queries."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from harness import measure, run_python, slope, table
from torch import Tensor

from paper_lessons.dn2 import nearest_neighbors

MEGABYTE = 2**20
# Rows times dimensions; the last two are a large base and many queries.
MEMORY_SHAPES = ((20_000, 1280, 1_000), (200_000, 320, 1_000), (20_000, 320, 20_000))
WIDTH, K = 320, 2
BASES, QUERIES = (10_000, 20_000, 50_000, 100_000, 200_000), (500, 1_000, 2_000, 4_000, 8_000)
QUERIES_OF_BASES, BASE_OF_QUERIES = 1_000, 20_000

# The highest memory since a call began, above what the process held before it. Only Linux can forget the peak of
# earlier calls; elsewhere nothing is measured.
_MEMORY = """
import json
import torch
from paper_lessons.dn2 import nearest_neighbors
torch.set_num_threads(1)

def status(key):
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(key)) * 1024

generator = torch.Generator().manual_seed(0)
base = torch.rand({rows}, {width}, generator=generator)
queries = torch.rand({queries}, {width}, generator=generator)
nearest_neighbors(queries[:300], base[:5000], 2)  # code is loaded, buffers of the matrix product exist
before = status("VmRSS")
with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
    file.write("5")
found = nearest_neighbors(queries, base, 2)
print(json.dumps(status("VmHWM") - before))
"""


def features(rows: int, width: int, seed: int) -> Tensor:
    """Rows of length 1 that lie as a network's features do: not negative, around a hundred centres."""
    centres = torch.randn(100, width, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randint(100, (rows,), generator=generator)
    drawn = torch.randn(rows, width, generator=generator)
    drawn.mul_(0.7).add_(centres[chosen]).clamp_(min=0)
    return drawn.div_(drawn.norm(dim=1, keepdim=True))


def memory() -> list[dict[str, Any]]:
    """Bytes beyond the inputs, at most, in processes of their own; None where it cannot be seen."""
    results = []
    for rows, width, queries in MEMORY_SHAPES:
        code = _MEMORY
        for name, value in (("rows", rows), ("width", width), ("queries", queries)):
            code = code.replace(f"{{{name}}}", str(value))
        extra = run_python(code) if Path("/proc/self/clear_refs").exists() else None
        results.append({"rows": rows, "width": width, "queries": queries, "extra_bytes": extra})
    print("\nMemory beyond the inputs (k = 2, float32), results included")
    lines = [
        [
            f"base {one['rows']} x {one['width']}, {one['queries']} queries",
            "-" if one["extra_bytes"] is None else f"{one['extra_bytes'] / MEGABYTE:.1f} MB",
        ]
        for one in results
    ]
    print(table(["", "peak"], lines))
    return results


def growth(quick: bool) -> dict[str, Any]:
    """CPU seconds as the base grows and as the queries grow, with the slope between logarithms."""
    bases = BASES[:3] if quick else BASES
    queries = QUERIES[:3] if quick else QUERIES
    base, asked = features(max(bases), WIDTH, 1), features(max(queries), WIDTH, 2)

    def of_base(rows: int) -> Callable[[], object]:
        return lambda: nearest_neighbors(asked[:QUERIES_OF_BASES], base[:rows], K)

    def of_queries(count: int) -> Callable[[], object]:
        return lambda: nearest_neighbors(asked[:count], base[:BASE_OF_QUERIES], K)

    found = {
        "base": _line(bases, of_base),
        "queries": _line(queries, of_queries),
        "width": WIDTH,
        "k": K,
    }
    print(f"\nGrowth: CPU seconds, base x {WIDTH}, k = {K}")
    for name in ("base", "queries"):
        line = found[name]
        sizes = [str(size) for size in line["sizes"]]
        seconds = [f"{one:.3f}" for one in line["seconds"]]
        print(table([name, *sizes, "exponent"], [["seconds", *seconds, f"{line['exponent']:.2f}"]]))
    return found


def _line(sizes: Sequence[int], call: Callable[[int], Callable[[], object]]) -> dict[str, Any]:
    timings = measure(
        {str(size): call(size) for size in sizes}, seconds=8.0, minimum_rounds=5, maximum_rounds=9
    )
    seconds = [timings[str(size)].minimum for size in sizes]
    _, exponent = slope([math.log(size) for size in sizes], [math.log(one) for one in seconds])
    return {"sizes": list(sizes), "seconds": seconds, "exponent": exponent}


def draw_growth(found: dict[str, Any], path: Path) -> Path:
    """A picture of :func:`growth`, with straight lines through the origin for comparison."""
    import io

    import matplotlib

    from paper_lessons import plotting
    from paper_lessons.files import write_atomically

    matplotlib.use("agg")
    plotting.use_style()
    figure, panels = plotting.figure(ncols=2, width=9.0, height=3.6)
    for panel, name, color in zip(panels, ("base", "queries"), ("blue", "orange"), strict=True):
        sizes, seconds = found[name]["sizes"], found[name]["seconds"]
        panel.loglog(sizes, seconds, "o-", color=plotting.COLORS[color])
        linear = [seconds[-1] * size / sizes[-1] for size in sizes]
        panel.loglog(sizes, linear, color=plotting.COLORS["ink"], linestyle=(0, (4, 3)))
        panel.set_xlabel(f"rows of the {name}" if name == "base" else name)
        panel.set_ylabel("CPU seconds of one search")
        panel.set_title(f"slope {found[name]['exponent']:.2f} (dashed: 1)")
    drawn = io.BytesIO()
    figure.savefig(drawn, format="svg", facecolor="white", transparent=False)
    matplotlib.pyplot.close(figure)
    return write_atomically(path, drawn.getvalue())
