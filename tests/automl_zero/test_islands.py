"""Islands: rounds as functions of states, migration, checkpoints, and processes that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from joblib import parallel_config

from paper_lessons.automl_zero import LinearRegressionTasks, Op, OpSet
from paper_lessons.automl_zero.config import EvolutionConfig
from paper_lessons.automl_zero.engine import islands as islands_module
from paper_lessons.automl_zero.engine.islands import advance, advance_all, migrate, new_population
from paper_lessons.automl_zero.evolution import evolve

TASKS = LinearRegressionTasks(4, train=30, valid=20)
CONFIG = EvolutionConfig(population=40, round_evaluations=500, start="random")
# Programs that draw numbers: what caches hold would show in their fitness.
NOISY = OpSet(
    (*OpSet.demo().setup, Op.scalar_gaussian),
    (*OpSet.demo().predict, Op.vector_uniform),
    OpSet.demo().learn,
)


def found(config=CONFIG, **options):
    settings = {"seed": 1, "budget": 4000, "islands": 2, "progress": False, "jobs": 1}
    return evolve(config, TASKS, **{**settings, **options})


def same_population(one, other) -> bool:
    return all((a == b).all() for a, b in zip(one, other, strict=True))


def same(one, other) -> bool:
    pairs = zip(one.populations, other.populations, strict=True)
    return one.history == other.history and all(same_population(a, b) for a, b in pairs)


def test_a_round_depends_on_its_state_alone_and_leaves_it_as_it_was():
    config = replace(CONFIG, op_set=NOISY)
    before = advance(config, TASKS, new_population(config, [0]), 300)
    kept = islands_module.copied(before)
    once = advance(config, TASKS, before, 700)
    advance(config, TASKS, new_population(config, [9]), 200)  # other work in between
    again = advance(config, TASKS, before, 700)
    assert same_population(once, again)
    assert same_population(before, kept)
    assert not same_population(before, once)


def test_migration_moves_programs_with_their_fitness_and_loses_none():
    populations = [advance(CONFIG, TASKS, new_population(CONFIG, [s]), 40) for s in range(3)]
    moved = migrate(populations, 0.5, (0, 1))

    def everybody(several):
        return sorted(
            (p.code[i].tobytes(), p.data[i].tobytes(), p.fitness[i])
            for p in several
            for i in range(40)
        )

    assert everybody(moved) == everybody(populations)
    changed = [
        int((a.code != b.code).any(axis=(1, 2)).sum())
        for a, b in zip(populations, moved, strict=True)
    ]
    assert all(5 <= count <= 20 for count in changed)
    assert same_population(migrate(populations, 0.5, (0, 1))[0], moved[0])
    assert same_population(migrate(populations, 0.0, (0, 1))[0], populations[0])


def test_islands_differ_and_together_use_the_budget():
    one = found(budget=3001)
    assert [int(p.numbers[2]) for p in one.populations] == [1501, 1500]
    assert not same_population(*one.populations)


def test_processes_change_nothing():
    assert same(found(), found(jobs=2))


@pytest.mark.parametrize("op_set", [OpSet.demo(), NOISY], ids=["deterministic", "noisy"])
def test_a_resumed_run_is_the_uninterrupted_run_bit_for_bit(op_set, tmp_path, monkeypatch):
    config = replace(CONFIG, op_set=op_set)
    whole = found(config)
    file = tmp_path / "run.npz"
    rounds = 0

    def interrupted(*arguments, **options):
        nonlocal rounds
        rounds += 1
        if rounds == 3:
            raise KeyboardInterrupt
        return advance_all(*arguments, **options)

    monkeypatch.setattr("paper_lessons.automl_zero.evolution.advance_all", interrupted)
    with pytest.raises(KeyboardInterrupt):
        found(config, checkpoint=file)
    assert file.is_file()
    resumed = found(config, checkpoint=file)
    assert same(whole, resumed)
    assert rounds == 3 + 2  # two rounds were not run again


def test_a_finished_run_is_not_run_again(tmp_path, monkeypatch):
    file = tmp_path / "run.npz"
    whole = found(checkpoint=file)
    monkeypatch.setattr("paper_lessons.automl_zero.evolution.advance_all", None)
    assert same(found(checkpoint=file), whole)


@pytest.mark.parametrize(
    "change", [{"seed": 2}, {"islands": 3}, {"config": replace(CONFIG, tournament=3)}], ids=str
)
def test_a_checkpoint_of_another_run_is_refused(change, tmp_path):
    file = tmp_path / "run.npz"
    found(checkpoint=file, budget=100)
    with pytest.raises(ValueError, match=r"checkpoint must be of this run .*, got run.npz"):
        found(**change, checkpoint=file, budget=100)


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    file = tmp_path / "run.npz"
    np.savez(file, a=np.zeros(3))
    with pytest.raises(ValueError, match=r"checkpoint must be a file of evolve, got run.npz"):
        found(checkpoint=file)
    file.write_text("text", encoding="utf-8")
    with pytest.raises(ValueError, match="checkpoint must be"):
        found(checkpoint=file)


def _die_once(file, config, tasks, population, evaluations):
    """As `advance`, but the first process that comes here is killed."""
    try:
        Path(file).unlink()
    except FileNotFoundError:
        return advance(config, tasks, population, evaluations)
    os.kill(os.getpid(), signal.SIGKILL)
    return None


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_worker_costs_one_round_at_most(tmp_path, monkeypatch):
    whole = found()
    file = tmp_path / "kill"
    file.write_text("", encoding="utf-8")
    monkeypatch.setattr(islands_module, "advance", partial(_die_once, str(file)))
    survived = found(jobs=2)
    assert not file.exists()
    assert same(whole, survived)


DRIVER = """
import sys
from paper_lessons.automl_zero import LinearRegressionTasks
from paper_lessons.automl_zero.config import EvolutionConfig
from paper_lessons.automl_zero.evolution import evolve
config = EvolutionConfig(population=40, round_evaluations=20_000, start="random")
tasks = LinearRegressionTasks(4, train=30, valid=20)
evolve(config, tasks, seed=1, budget=int(sys.argv[2]), islands=2, progress=False, jobs=1,
       checkpoint=sys.argv[1])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_driver_costs_one_round_at_most(tmp_path):
    file = tmp_path / "run.npz"
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, str(file), str(10**9)])
    try:
        deadline = time.monotonic() + 120
        while not file.is_file() and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        driver.kill()
        driver.wait()
    assert file.is_file()
    with np.load(file) as kept:
        done = int(kept["0.numbers"][2])
    assert done % 20_000 == 0
    config = replace(CONFIG, round_evaluations=20_000)
    budget = 2 * (done + 20_000)
    resumed = found(config, checkpoint=file, budget=budget)
    assert resumed.evaluations == budget
    assert same(resumed, found(config, budget=budget))


@pytest.mark.slow
def test_a_dask_cluster_runs_the_same_search():
    distributed = pytest.importorskip("distributed")
    whole = found()
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
        parallel_config(backend="dask"),
    ):
        assert same(whole, found(jobs=None))
