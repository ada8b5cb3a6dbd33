"""The benchmarks' harness, tested on rivals that a fake clock makes exactly as slow as they say."""

from __future__ import annotations

import gc
import importlib
import json
import os
import shutil
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module", name="benchmarks")
def _benchmarks(repository):
    """Loads modules of tests/benchmarks, which is a folder of scripts and no package."""
    folder = str(repository / "tests" / "benchmarks")
    before = set(sys.modules)
    sys.path.insert(0, folder)
    try:
        yield importlib.import_module
    finally:
        sys.path.remove(folder)
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(folder):
                del sys.modules[name]


@pytest.fixture(name="harness")
def _harness(benchmarks):
    return benchmarks("harness")


class Stage:
    """A clock that moves only when a rival works."""

    def __init__(self):
        self.now = 0.0
        self.calls = []

    def clock(self):
        return self.now

    def rival(self, name, *seconds):
        turns = iter(())

        def work():
            nonlocal turns
            step = next(turns, None)
            if step is None:
                turns = iter(seconds)
                step = next(turns)
            self.calls.append(name)
            self.now += step

        return work


def test_times_are_per_call_and_ratios_follow(harness):
    stage = Stage()
    rivals = {"slow": stage.rival("slow", 0.06), "fast": stage.rival("fast", 0.02)}
    timings = harness.measure(rivals, seconds=1.0, clock=stage.clock)
    assert timings["slow"].minimum == pytest.approx(0.06)
    assert timings["fast"].median == pytest.approx(0.02)
    found = harness.ratio(timings["slow"], timings["fast"])
    assert (found.minima, found.medians, found.paired) == pytest.approx((3.0, 3.0, 3.0))


def test_minimum_median_and_paired_ratio_differ_when_rounds_do(harness):
    slow = harness.Timing((4.0, 9.0, 30.0), 1)
    fast = harness.Timing((2.0, 3.0, 3.0), 1)
    found = harness.ratio(slow, fast)
    assert (found.minima, found.medians, found.paired) == (2.0, 3.0, 3.0)
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        harness.ratio(slow, harness.Timing((1.0,), 1))


def test_merged_measurements_keep_all_rounds_in_pairs(harness):
    first = {"a": harness.Timing((2.0, 4.0), 3), "b": harness.Timing((1.0, 1.0), 8)}
    second = {"a": harness.Timing((8.0,), 2), "b": harness.Timing((0.5,), 9)}
    merged = harness.merge(first, second)
    assert merged["a"].seconds == (2.0, 4.0, 8.0)
    assert harness.ratio(merged["a"], merged["b"]) == harness.Ratio(4.0, 4.0, 4.0)
    with pytest.raises(ValueError, match=r"second must time \['a', 'b'\], got \['a'\]"):
        harness.merge(first, {"a": second["a"]})


def test_rivals_take_turns_and_the_order_rotates(harness):
    stage = Stage()
    rivals = {name: stage.rival(name, 1.0) for name in "abc"}
    harness.measure(rivals, seconds=0.0, minimum_rounds=3, clock=stage.clock)
    assert "".join(stage.calls[-9:]) == "abc" + "bca" + "cab"


def test_fast_calls_are_repeated_within_a_turn_and_the_first_call_is_not_timed(harness):
    stage = Stage()
    # the first call is a thousand times as slow, as a call that compiles is
    durations = [1.0] + [0.001] * 100_000
    rivals = {"quick": stage.rival("quick", *durations), "long": stage.rival("long", 0.5)}
    timings = harness.measure(
        rivals, seconds=0.0, minimum_rounds=2, seconds_per_turn=0.1, clock=stage.clock
    )
    resolution = harness.time.get_clock_info("process_time").resolution
    assert timings["quick"].calls_per_round == pytest.approx(
        max(0.1, 20 * resolution) / 0.001, rel=0.01
    )
    assert timings["quick"].median == pytest.approx(0.001)
    assert timings["long"].calls_per_round == 1


@pytest.mark.parametrize(("seconds", "rounds"), [(0.0, 4), (20.0, 10), (1e9, 25)])
def test_rounds_end_with_the_budget_and_its_bounds(harness, seconds, rounds):
    stage = Stage()
    timings = harness.measure(
        {"only": stage.rival("only", 2.0)},
        seconds=seconds,
        minimum_rounds=4,
        maximum_rounds=25,
        clock=stage.clock,
    )
    assert len(timings["only"].seconds) == rounds


def test_the_garbage_collector_is_given_back(harness):
    def breaks():
        raise RuntimeError("broken rival")

    calls = iter([None] * 5)

    def breaks_later():
        if next(calls, breaks) is breaks:
            breaks()

    with pytest.raises(RuntimeError, match="broken rival"):
        harness.measure({"a": breaks_later}, seconds=1.0)
    assert gc.isenabled()


def test_bad_arguments_are_named(harness):
    with pytest.raises(ValueError, match="rivals must name at least one"):
        harness.measure({}, seconds=1.0)
    with pytest.raises(
        ValueError, match="minimum_rounds must lie between 1 and maximum_rounds, got 5"
    ):
        harness.measure({"a": int}, seconds=1.0, minimum_rounds=5, maximum_rounds=4)
    with pytest.raises(ValueError, match="at least two different"):
        harness.slope([3, 3], [1.0, 2.0])


def test_a_missed_bar_fails_the_run_and_an_absent_rival_does_not(harness, tmp_path):
    def report(*bars):
        return harness.Report(
            "01_soft_sort", "make bench", {"seed": 0}, {"cases": []}, list(bars), []
        )

    met = harness.Bar("a", "x b", 2.0, harness.Ratio(2.0, 1.5, 1.6))
    missed = harness.Bar("a", "x b", 2.0, harness.Ratio(1.99, 2.5, 2.6))
    absent = harness.Bar("a", "x b", 2.0, None)
    assert [bar.status for bar in (met, missed, absent)] == ["met", "not met", "not measured"]
    assert report(met, absent).exit_code == 0
    assert report(met, missed).exit_code == 1

    path = report(missed, absent).write(tmp_path / "new" / "out.json")
    text = path.read_text(encoding="utf-8")
    data = json.loads(text)
    assert data["bars"][0]["measured"] == {"minima": 1.99, "medians": 2.5, "paired": 2.6}
    assert data["bars"][1]["status"] == "not measured"
    assert data["machine"]["cores"] == os.cpu_count()
    assert {"python", "numpy", "torch", "numba"} <= set(data["versions"])
    assert str(tmp_path) not in text
    assert str(Path.home()) not in text
    shown = harness.bar_table(report(met, missed, absent).bars)
    assert [line.split()[-1] for line in shown.splitlines()[2:]] == ["met", "MET", "measured"]
    assert "NOT MET" in shown


def test_tables_align(harness):
    assert harness.table(
        ["", "ms"], [["short", "1.5"], ["a longer name", "10.25"]]
    ).splitlines() == [
        "                  ms",
        "-------------  -----",
        "short            1.5",
        "a longer name  10.25",
    ]


def test_a_straight_line_is_found(harness):
    assert harness.slope([1, 2, 4], [13.0, 16.0, 22.0]) == pytest.approx((10.0, 3.0))


def test_children_speak_json_and_their_failures_are_told(harness):
    code = "import os, json; print('noise'); print(json.dumps(os.environ['PAPER']))"
    assert harness.run_python(code, environment={"PAPER": "soft"}) == "soft"
    with pytest.raises(RuntimeError, match=r"(?s)a child process failed: .*ZeroDivisionError"):
        harness.run_python("1 / 0")


@pytest.mark.parametrize("lesson", ["06", "hidt", "eight"])
def test_a_lesson_without_a_benchmark_is_said_to_have_none(benchmarks, capsys, lesson):
    run = benchmarks("run")
    assert run.main([lesson]) == 2
    said = capsys.readouterr().err
    assert "no benchmark yet" in said or "lesson must be one of" in said


def test_the_compiler_stays_on_the_path_when_nvcc_leaves_it(benchmarks, tmp_path):
    build = benchmarks("torchsort_build")
    names = {"tools": ("nvcc", "c++"), "plain": ("make",)}
    for folder, tools in names.items():
        (tmp_path / folder).mkdir()
        for tool in tools:
            (tmp_path / folder / tool).write_text("#!/bin/sh\n", encoding="utf-8")
            (tmp_path / folder / tool).chmod(0o755)
    before = os.pathsep.join(str(tmp_path / folder) for folder in names)
    after = build.path_without_nvcc(before, tmp_path / "substitute")

    assert shutil.which("nvcc", path=before)
    assert shutil.which("nvcc", path=after) is None
    assert shutil.which("make", path=after)
    if os.name != "nt":
        assert shutil.which("c++", path=after)


def test_without_a_compiler_the_reason_is_one_sentence(benchmarks, tmp_path, monkeypatch):
    build = benchmarks("torchsort_build")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(
        build.CannotBuildError, match=r"needs a C\+\+ compiler, and none of .* was found"
    ):
        build.torchsort_folder(tmp_path / "build")
    assert list((tmp_path / "build").iterdir()) == []
