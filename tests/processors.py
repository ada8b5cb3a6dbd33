"""`make test-processors`: what compares numbers, as other processors would compute them.

Libraries choose their code by the processor. Here they are told to take it for another one, and the ops, the
operators, the neighbours, the exercises' checks and the solutions must come out the same.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

TESTS = Path(__file__).resolve().parent
TOP = TESTS.parent
PROCESSORS = {
    "as it is": {},
    "no AVX-512": {
        "NPY_DISABLE_CPU_FEATURES": "X86_V4",
        "ATEN_CPU_CAPABILITY": "avx2",
        "OPENBLAS_CORETYPE": "Haswell",
    },
    "no AVX2": {
        "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4",
        "ATEN_CPU_CAPABILITY": "default",
        "OPENBLAS_CORETYPE": "Nehalem",
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CPU_FEATURES": "",
    },
}
PARTS = [
    *("automl_zero/test_ops.py", "automl_zero/test_interpreter.py"),
    *("automl_zero/test_engine.py", "automl_zero/test_programs.py"),
    *("soft_sort/test_operators.py", "soft_sort/test_isotonic.py", "soft_sort/test_losses.py"),
    *("soft_sort/test_permutahedron.py", "soft_sort/test_strength.py", "soft_sort/test_faults.py"),
    *("dn2/test_neighbors.py", "dn2/test_whitening.py", "dn2/test_thresholds.py"),
    *("spert/test_decoding.py", "spert/test_pooling.py", "spert/test_evaluation.py"),
    *("once/test_targets.py", "once/test_losses.py", "once/test_decoding.py"),
    *("once/test_codes.py", "once/test_detector.py"),
    *("maxup/test_loss.py", "maxup/test_theory.py", "maxup/test_smoothing.py"),
    *("maxup/test_pictures.py", "maxup/test_surface.py"),
    *("classroom/test_lessons.py", "classroom/test_values.py", "classroom/test_comparing.py"),
]
PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-r", "fE"]


def environment(settings: dict[str, str]) -> dict[str, str]:
    """This process's own, with the settings and one thread."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    return {**os.environ, **threads, **settings, "PYTHONPATH": f"{TOP}{os.pathsep}{TESTS}"}


def call(command: list[str], settings: dict[str, str]) -> tuple[int, str]:
    """Exit code, and all that was printed."""
    done = subprocess.run(
        command,
        cwd=TOP,
        env=environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def tell() -> None:
    """Print what the libraries of this process use, to see whether the settings took effect."""
    import numba
    import numpy as np
    import torch
    from threadpoolctl import threadpool_info

    np.ones((2, 2)) @ np.ones((2, 2))
    found = np._core._multiarray_umath.__cpu_features__
    wide = [name for name in ("AVX2", "AVX512F", "X86_V3", "X86_V4") if found.get(name)]
    blas = {
        one.get("architecture") for one in threadpool_info() if one["internal_api"] == "openblas"
    }
    if not os.environ.get("NPY_DISABLE_CPU_FEATURES") and not found.get("AVX512F"):
        print("this processor has no AVX-512: the moved last bits stand in for it", end="; ")
    print(
        f"NumPy {'+'.join(wide) or 'neither AVX2 nor AVX-512'}, "
        f"PyTorch {torch.backends.cpu.get_cpu_capability()}, OpenBLAS {', '.join(sorted(map(str, blas)))}, "
        f"numba {numba.config.CPU_NAME or 'the processor itself'}"
    )


def write_references(path: Path) -> None:
    """What every check of every solution shows, before it is rounded."""
    import torch

    from paper_lessons.classroom import values
    from paper_lessons.classroom.notebooks import read_cells

    shown = {}
    for solution in sorted((TOP / "solutions").glob("*.ipynb")):
        space: dict = {"__name__": "__main__"}
        torch.set_default_dtype(torch.float32)  # a notebook may set it
        for cell in read_cells(solution)[0]:
            claims = cell.claims
            if cell.kind != "code" or claims.get("role") == "feedback":
                continue
            values.recorded = []
            exec(compile(cell.source, solution.stem, "exec"), space)
            if values.recorded:
                shown[f"{solution.stem}: {claims['cell']}"] = values.recorded
    path.write_text(json.dumps(shown), encoding="utf-8")


def compare_references(folder: Path) -> list[str]:
    """References that differ between processors by more than their tolerance.

    The notebooks are only made when each keeps ten tolerances from where its last decimal changes.
    """
    from paper_lessons.classroom.values import numbers

    every = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    faults, largest, count = [], 0.0, 0
    for one, other in pairwise(every):
        for name, entries in one.items():
            for here, there in zip(entries, other[name], strict=True):
                pairs = zip(numbers(here["value"]), numbers(there["value"]), strict=True)
                gap = max((abs(a - b) for a, b in pairs), default=0.0)
                largest, count = max(largest, gap), count + 1
                if not gap <= here["tolerance"]:
                    faults.append(
                        f"{name} differs by {gap:.1e}, its tolerance is {here['tolerance']:g}"
                    )
    print(f"references of exercises: {count} comparisons, largest difference {largest:.1e}")
    return faults


def references() -> int:
    """Make all references as each processor would, and compare them."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        command = [sys.executable, str(TESTS / "processors.py"), "--write"]
        runs = [
            pool.submit(call, [*command, str(Path(folder, f"{number}.json"))], settings)
            for number, settings in enumerate(PROCESSORS.values())
        ]
        for run in runs:
            code, printed = run.result()
            if code:
                print(printed)
                return 1
        faults = compare_references(Path(folder))
    for fault in faults:
        print(fault)
    return len(faults)


def tests() -> int:
    """Run the parts as each processor would, and once with the last bits moved."""
    parts = [str(Path("tests") / part) for part in PARTS]
    jobs = []
    for name, settings in PROCESSORS.items():
        jobs.append((name, "tests", [*PYTEST, "-m", "not slow", *parts], settings))
        jobs.append((name, "solutions", [*PYTEST, "--nbval", "solutions"], settings))
    jobs.append(
        ("last bits moved", "tests", [*PYTEST, "-p", "rounding", "-m", "not slow", *parts], {})
    )
    for name, settings in PROCESSORS.items():
        _, printed = call([sys.executable, str(TESTS / "processors.py"), "--tell"], settings)
        print(f"{name}: {printed.strip().splitlines()[-1]}", flush=True)
    failed = 0
    with ThreadPoolExecutor(2) as pool:
        for (name, what, _, _), (code, printed) in zip(
            jobs, pool.map(lambda job: call(job[2], job[3]), jobs), strict=True
        ):
            print(f"{name}, {what}: {printed.strip().splitlines()[-1]}", flush=True)
            if code:
                failed += 1
                print(printed)
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tell", action="store_true", help="what the libraries use")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the references here")
    parser.add_argument("--references", action="store_true", help="compare the references only")
    options = parser.parse_args()
    if options.tell:
        tell()
        return 0
    if options.write:
        write_references(options.write)
        return 0
    failed = references()
    return failed if options.references else failed + tests()


if __name__ == "__main__":
    sys.exit(min(main(), 1))
