"""Lesson 04: the engine against the readable interpreter, and what caches, ops, islands and size cost."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from harness import Bar, Ratio, Report, Timing, measure, ratio, run_python

from paper_lessons.automl_zero import (
    LinearRegressionTasks,
    Memory,
    OpSet,
    Program,
    TwoLayerRegressionTasks,
    fitness,
    programs,
)
from paper_lessons.automl_zero.config import EvolutionConfig
from paper_lessons.automl_zero.engine.evaluator import Evaluator
from paper_lessons.automl_zero.engine.islands import advance, new_population
from paper_lessons.automl_zero.engine.parts import Population
from paper_lessons.automl_zero.evolution import evolve
from paper_lessons.automl_zero.experiments import linear, mnist

SEED = 0
BARE: dict[str, Any] = {"prune": False, "program_cache": False, "probe": 0}
VARIANTS: dict[str, dict[str, Any]] = {
    "bare": BARE,
    "pruning": {"program_cache": False, "probe": 0},
    "FEC": {"prune": False, "program_cache": False},
    "FEC, pruning": {"program_cache": False},
    "FEC, pruning, program cache": {},
}
EVERYTHING = "FEC, pruning, program cache"
TRAINING_STEPS = {4: 25e6, 16: 5e6}  # a second, summed over tasks
POPULATIONS = (100, 1000, 10_000, 100_000)


def run(*, quick: bool, peers: bool, build: Path) -> Report:
    """Measure everything.

    Parameters
    ----------
    quick : bool
        Fewer evaluations.
    peers : bool
        Not used: nobody else's engine can be installed.
    build : Path
        Not used: nothing is built.
    """
    report = Report(
        lesson="automl_zero",
        command="make bench LESSON=automl_zero" + (" (quick)" if quick else ""),
        settings={"quick": quick, "seed": SEED, "evaluations": evaluations(quick)},
    )
    sections = (demonstration, network, op_sets, populations, islands, cold_start)
    for section in sections if quick else (*sections, linear_searches, digit_searches):
        name = section.__name__
        report.sections[name], bars = section(quick)
        report.bars += bars
        print(f"{name}: {report.sections[name]}", flush=True)
    report.notes.append(
        "programs per CPU-second, and what a second process saves, are the machine's too"
    )
    return report


def evaluations(quick: bool) -> int:
    return 20_000 if quick else 100_000


def per_program(timing: Timing, count: int) -> Timing:
    return Timing(tuple(one / count for one in timing.seconds), timing.calls_per_round)


def demonstration(quick: bool) -> tuple[dict[str, Any], list[Bar]]:
    """The authors' demonstration: 10 tasks of 100 + 100 rows, P = 1000, up to 10 / 2 / 8 instructions.

    All variants go on from the same population; the interpreter runs programs of that population.
    """
    tasks, config, count = LinearRegressionTasks(10), EvolutionConfig(), evaluations(quick)
    evolved = evolve(config, tasks, seed=SEED, budget=count, progress=False)
    (state,) = evolved.populations
    sample = evolved.programs(config)[0][:: 250 if quick else 100]

    def interpreter() -> None:
        for program in sample:
            fitness(program, tasks, memory=config.memory)

    rivals: dict[str, Callable[[], object]] = {"interpreter": interpreter}
    for name, options in VARIANTS.items():
        rivals[name] = _advance(replace(config, **options), tasks, state, count)
    timings = measure(rivals, seconds=1.0, minimum_rounds=3 if quick else 5)
    counts = {"interpreter": len(sample)}
    each = {name: per_program(one, counts.get(name, count)) for name, one in timings.items()}
    bars = [
        Bar(
            name,
            "programs per CPU-second, x the interpreter's",
            required,
            ratio(each["interpreter"], each[name]),
        )
        for name, required in (("bare", 100.0), (EVERYTHING, 500.0))
    ]
    speeds = {name: round(1.0 / one.minimum) for name, one in each.items()}
    thousands = 1e-3 / each[EVERYTHING].minimum
    usual = 1e-3 / each[EVERYTHING].median
    absolute = Ratio(thousands, usual, usual)
    bars.append(Bar(EVERYTHING, "thousand programs per CPU-second", 150.0, absolute))
    return {"programs_per_second": speeds}, bars


def _advance(
    config: EvolutionConfig, tasks: LinearRegressionTasks, state: Population, count: int
) -> Callable[[], object]:
    return lambda: advance(config, tasks, state, count)


def network(quick: bool) -> tuple[dict[str, Any], list[Bar]]:
    """Training steps a second of the hand-written network, on 10 tasks of 1,000 + 100 rows."""
    speeds, bars = {}, []
    for features, required in TRAINING_STEPS.items():
        tasks = TwoLayerRegressionTasks(10, features, train=1000, valid=100)
        memory = Memory(5, 9, 2, features)
        evaluator = Evaluator(OpSet.full(), tasks, memory=memory, quiet=True, **BARE)
        several = [programs.neural_network()] * (10 if quick else 50)
        call = {"network": lambda one=evaluator, them=several: one.fitness(them)}
        timing = per_program(measure(call, seconds=1.0)["network"], len(several))
        steps = 10 * 1000
        speeds[f"F={features}"] = round(steps / timing.minimum)
        reached = Ratio(
            *(
                steps / 1e6 / timing.minimum,
                steps / 1e6 / timing.median,
                steps / 1e6 / timing.median,
            )
        )
        bars.append(
            Bar(
                f"network F={features}",
                "million training steps a CPU-second",
                required / 1e6,
                reached,
            )
        )
    return {"steps_per_second": speeds}, bars


def op_sets(quick: bool) -> tuple[dict[str, Any], list[Bar]]:
    """The same programs with all 65 ops allowed and with six: one engine, so nothing to lose."""
    tasks, config = LinearRegressionTasks(10), EvolutionConfig(start="random")
    evolved = evolve(config, tasks, seed=SEED, budget=5000, progress=False)
    several: list[Program] = evolved.programs(config)[0]
    evaluators = {
        name: Evaluator(ops, tasks, quiet=True, **BARE)
        for name, ops in (("six", OpSet.demo()), ("all", OpSet.full()))
    }
    timings = measure(
        {name: (lambda one=one: one.fitness(several)) for name, one in evaluators.items()},
        seconds=2.0,
    )
    found = ratio(timings["six"], timings["all"])
    return {"ratio": found.as_data()}, [
        Bar("all 65 ops", "speed, x that of a search with six", 0.7, found)
    ]


def populations(quick: bool) -> tuple[dict[str, Any], list[Bar]]:
    """CPU time per evaluation, and bytes, as the population grows."""
    tasks, count = LinearRegressionTasks(10), evaluations(quick)
    rivals, sizes = {}, {}
    for size in POPULATIONS[:3] if quick else POPULATIONS:
        # Without caches: what they find depends on how alike the programs of a population are.
        config = EvolutionConfig(population=size, start="random", **BARE)
        state = advance(config, tasks, new_population(config, [SEED]), size)
        rivals[str(size)] = _advance(config, tasks, state, count)
        sizes[str(size)] = sum(array.nbytes for array in state)
    timings = measure(rivals, seconds=1.0, minimum_rounds=3)
    smallest, *_, largest = rivals
    found = ratio(timings[smallest], timings[largest])
    microseconds = {name: round(1e6 * one.minimum / count, 2) for name, one in timings.items()}
    return {"microseconds_per_evaluation": microseconds, "bytes": sizes}, [
        Bar(f"population {largest}", f"speed, x that of a population of {smallest}", 0.7, found)
    ]


def islands(quick: bool) -> tuple[dict[str, Any], list[Bar]]:
    """The same two islands in one process and in two: seconds on the wall, since that is what is saved."""
    tasks = LinearRegressionTasks(10)
    count = 5 * evaluations(quick)
    config = EvolutionConfig(round_evaluations=count)
    options: dict[str, Any] = {"seed": SEED, "islands": 2, "progress": False}
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for jobs in seconds:
        evolve(config, tasks, budget=200, jobs=jobs, **options)
    for _ in range(3):
        for jobs, taken in seconds.items():
            start = time.perf_counter()
            evolve(config, tasks, budget=2 * count, jobs=jobs, **options)
            taken.append(time.perf_counter() - start)
    one, two = (Timing(tuple(taken), 1) for taken in seconds.values())
    found = ratio(one, two)
    return {"speed": found.as_data()}, [
        Bar("two islands", "programs a second by two processes, x one's", 1.8, found)
    ]


def linear_searches(quick: bool) -> tuple[dict[str, Any], list[Bar]]:
    """How many searches find linear regression, and after how many programs."""
    found = linear.run(seed=SEED, rates=(0.1,), learn_searches=5, full_searches=3)
    groups = {"Learn only": found["learn_only"][0]["searches"], "whole programs": found["full"]}
    bars = []
    for (name, searches), required in zip(groups.items(), (5, 2), strict=True):
        solved = float(sum(one["solved"] for one in searches))
        promise = f"of {len(searches)} searches solved"
        bars.append(Bar(f"linear, {name}", promise, required, Ratio(solved, solved, solved)))
    return {
        name: [(one["solved"], one["evaluations"], one["cpu_seconds"]) for one in searches]
        for name, searches in groups.items()
    }, bars


def digit_searches(quick: bool) -> tuple[dict[str, Any], list[Bar]]:
    """What three searches gain over the tuned network, on pairs that nothing was chosen on."""
    found = mnist.run(seed=SEED)
    gain = 100 * found["gain"]["network"]["mean"]
    bar = Bar(
        "digits, evolved from the network",
        "points above the tuned network, mean of 3 searches",
        0.4,
        Ratio(gain, gain, gain),
    )
    each = [one["gain"]["network"] for one in found["searches"]]
    return {"gains": each, "cpu_seconds": [one["cpu_seconds"] for one in found["searches"]]}, [bar]


FIRST_USE = """
import json, time
start = time.process_time()
from paper_lessons.automl_zero import LinearRegressionTasks
from paper_lessons.automl_zero.config import EvolutionConfig
from paper_lessons.automl_zero.evolution import evolve
imported = time.process_time()
evolve(EvolutionConfig(), LinearRegressionTasks(10), seed=0, budget=1000, progress=False)
print(json.dumps([imported - start, time.process_time() - imported]))
"""


def cold_start(quick: bool) -> tuple[dict[str, Any], list[Bar]]:
    """CPU seconds of the first search on a machine, and of the first in a later process."""
    found: dict[str, list[float]] = {"first": [], "later": []}
    for _ in range(1 if quick else 3):
        with tempfile.TemporaryDirectory() as folder:
            places = {"NUMBA_CACHE_DIR": folder, "PAPER_LESSONS_CACHE": folder}
            for name in found:
                found[name].append(run_python(FIRST_USE, environment=places)[1])
    seconds = {name: round(float(np.min(values)), 3) for name, values in found.items()}
    return {"cpu_seconds_without_import": seconds}, [
        Bar(
            "second use",
            "times a second that it starts",
            1.0,
            Ratio(*(1.0 / seconds["later"],) * 3),
        )
    ]
