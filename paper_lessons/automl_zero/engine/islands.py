"""Islands: states as plain arrays, a round as a function of one, migration and checkpoints."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, cpu_count, delayed, hash

from paper_lessons.automl_zero.config import EvolutionConfig
from paper_lessons.automl_zero.engine import kernels_search, parts
from paper_lessons.automl_zero.engine.evaluator import CACHE_BITS, Evaluator, offsets, pack
from paper_lessons.automl_zero.engine.native import announced
from paper_lessons.automl_zero.engine.parts import Population, Rules
from paper_lessons.automl_zero.program import Instruction, Program
from paper_lessons.automl_zero.tasks import Tasks
from paper_lessons.files import write_atomically

FORMAT = 1
RECORDS = 256  # turning points that an island keeps
ATTEMPTS = 4  # at a round whose worker dies
HURDLE_PERCENTILE = 75


def new_population(config: EvolutionConfig, seed: Sequence[int]) -> Population:
    """The state of an island before its first evaluation."""
    count, room = config.population, config.room
    start = config.start
    if not isinstance(start, Program):
        start = Program(*([Instruction(0)] * size for size in config.sizes))
    code, data, sizes = pack([start], room)
    words = np.random.SeedSequence(seed).generate_state(8, np.uint64)
    return Population(
        code=np.repeat(code, count, axis=0),
        data=np.repeat(data, count, axis=0),
        sizes=np.repeat(sizes, count, axis=0),
        fitness=np.zeros(count),
        numbers=np.zeros(4, np.int64),
        random=np.array(words, np.uint64).reshape(2, 4),
        threshold=np.zeros(1),
        best_code=np.repeat(np.zeros_like(code), RECORDS, axis=0),
        best_data=np.repeat(np.zeros_like(data), RECORDS, axis=0),
        best_sizes=np.zeros((RECORDS, 3), np.int64),
        best_fitness=np.zeros(RECORDS),
        best_when=np.zeros(RECORDS, np.int64),
        start_code=code,
        start_data=data,
        start_sizes=sizes,
        counters=np.zeros(parts.COUNTERS, np.int64),
    )


def copied(population: Population) -> Population:
    """The same state in arrays of its own, which may be written to."""
    return Population._make(np.array(array) for array in population)


def make_rules(config: EvolutionConfig) -> Rules:
    """The settings as the kernels want them."""
    ops, bounds = np.zeros((3, 65), np.int64), np.zeros((3, 4), np.int64)
    for c, listed in enumerate(config.op_set):
        ops[c, : len(listed)] = listed
        bounds[c, parts.OP_COUNT] = len(listed)
    bounds[:, parts.OFFSET] = offsets(config.room)
    bounds[:, parts.LEAST], _, bounds[:, parts.MOST] = config.bounds
    return Rules(
        ops=ops,
        bounds=bounds,
        components=np.flatnonzero(bounds[:, parts.OP_COUNT]),
        kinds=np.array(config.mutations, np.int64),
        probability=float(config.mutation_probability),
        tournament=config.tournament,
        restart_every=config.restart_every or 0,
        random_start=config.random_search or config.start == "random",
        random_search=config.random_search,
    )


def compile_search(config: EvolutionConfig, tasks: Tasks, *, quiet: bool) -> None:
    """Compile what a search needs, before processes would each do it, and say so unless quiet."""
    evaluator = make_evaluator(config, tasks, quiet=quiet)
    if getattr(kernels_search.search, "signatures", None):  # this process has them
        return
    # where the engine was on disk, the kernels are too
    with announced("the search", quiet=quiet or not evaluator.engine.compiled):
        kernels_search.search(new_population(config, [0]), 0, *_settings(config, evaluator)[1])


def advance(
    config: EvolutionConfig, tasks: Tasks, population: Population, evaluations: int
) -> Population:
    """One round of an island: the state after so many evaluations, or after reaching the target.

    It depends on the arguments alone: caches begin empty, so a repeated round gives the same state.
    """
    new = copied(population)
    evaluator = make_evaluator(config, tasks, quiet=True)
    machine, settings = _settings(config, evaluator)
    if config.hurdle is None:
        kernels_search.search(new, evaluations, *settings)
    else:
        _search_with_hurdle(new, evaluations, settings)
    new.counters[:] += machine.numbers[: parts.COUNTERS]
    return new


def _settings(config: EvolutionConfig, evaluator: Evaluator) -> tuple[parts.Machine, tuple]:
    """What the search's kernel takes besides a population and a number; its caches are empty."""
    machine = evaluator.machine(sum(config.room))
    target = np.inf if config.target is None else float(config.target)
    judging, layout, table = evaluator.judging, evaluator.layout, evaluator.table
    caches = parts.caches(CACHE_BITS)
    return machine, (target, make_rules(config), judging, layout, machine, caches, table)


def _search_with_hurdle(population: Population, evaluations: int, settings: tuple) -> None:
    """Renew the hurdle whenever the whole population has been replaced."""
    end = population.numbers[parts.TOTAL] + evaluations
    size = len(population.fitness)
    while population.numbers[parts.TOTAL] < end:
        if population.numbers[parts.AGE] < size:
            population.threshold[0] = 0.0
        elif population.numbers[parts.SLOT] == 0:
            different = np.unique(population.fitness)
            population.threshold[0] = np.percentile(different, HURDLE_PERCENTILE)
        count = size - population.numbers[parts.SLOT]
        count = min(count, end - population.numbers[parts.TOTAL])
        if kernels_search.search(population, int(count), *settings) >= settings[0]:
            return


def make_evaluator(config: EvolutionConfig, tasks: Tasks, *, quiet: bool = False) -> Evaluator:
    """An evaluator with the settings of a search."""
    names = ("epochs", "max_error", "combine", "max_cost", "prune", "program_cache", "probe")
    options: dict[str, Any] = {name: getattr(config, name) for name in names}
    return Evaluator(
        config.op_set,
        tasks,
        memory=config.memory,
        forget_every=config.forget_every,
        hurdle=config.hurdle,
        quiet=quiet,
        **options,
    )


def advance_all(
    config: EvolutionConfig,
    tasks: Tasks,
    populations: Sequence[Population],
    evaluations: Sequence[int],
    jobs: int | None,
) -> list[Population]:
    """A round of every island, in parallel; repeated from the same states when a worker dies."""
    if len(populations) == 1:
        return [advance(config, tasks, populations[0], evaluations[0])]
    jobs = min(len(populations), cpu_count()) if jobs is None else jobs
    attempt = 0
    while True:
        attempt += 1
        try:
            return Parallel(n_jobs=jobs)(
                delayed(advance)(config, tasks, population, count)
                for population, count in zip(populations, evaluations, strict=True)
            )
        except Exception as error:
            if not _worker_died(error) or attempt == ATTEMPTS:
                raise


def _worker_died(error: Exception) -> bool:
    """Whether a process was lost, by the names that loky and Dask give to it."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"TerminatedWorkerError", "BrokenProcessPool", "KilledWorker"})


def migrate(
    populations: Sequence[Population], share: float, seed: Sequence[int]
) -> list[Population]:
    """Every island sends a share of its programs, chosen at random; all are shuffled and handed out.

    Notes
    -----
    Source: section 4.2 and supplement S1 of the paper: half the population, by a server.
    """
    generator = np.random.default_rng([*seed, 1])
    new = [copied(p) for p in populations]
    count = int(share * len(new[0].fitness))
    slots = [generator.permutation(len(p.fitness))[:count] for p in new]
    for name in ("code", "data", "sizes", "fitness"):
        pool = np.concatenate(
            [getattr(p, name)[s] for p, s in zip(populations, slots, strict=True)]
        )
        # the same shuffle for each of the arrays
        order = np.random.default_rng([*seed, 2]).permutation(len(pool))
        for island, (p, s) in enumerate(zip(new, slots, strict=True)):
            getattr(p, name)[s] = pool[order[island * count : (island + 1) * count]]
    return new


def save_checkpoint(
    path: str | Path | None,
    settings: dict[str, Any],
    populations: Sequence[Population],
    history: list[dict[str, float]],
) -> None:
    """Write all states and the history to one file, whole or not at all."""
    if path is None:
        return
    arrays: dict[str, Any] = {
        f"{island}.{name}": getattr(population, name)
        for island, population in enumerate(populations)
        for name in Population._fields
    }
    header = {"format": FORMAT, "run": _digest(settings), "history": history}
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    write_atomically(path, buffer.getvalue())


def load_checkpoint(
    path: str | Path | None, settings: dict[str, Any]
) -> tuple[list[Population], list[dict[str, float]]]:
    """States and history of the same run; empty lists if there is no file.

    Raises
    ------
    ValueError
        If the file is none of ours, or of a run with other settings.
    """
    if path is None or not Path(path).is_file():
        return [], []
    name = Path(path).name
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
        header = json.loads(arrays["header"].tobytes().decode())
        known = header["format"] == FORMAT
    except (KeyError, OSError, EOFError, ValueError) as error:
        raise ValueError(f"checkpoint must be a file of evolve, got {name}: {error}") from error
    if not known or header["run"] != _digest(settings):
        raise ValueError(
            "checkpoint must be of this run (settings, tasks, seed, islands), "
            f"got {name} of another one"
        )
    populations = [
        Population._make(arrays[f"{island}.{field}"] for field in Population._fields)
        for island in range(settings["islands"])
    ]
    return populations, header["history"]


def _digest(settings: dict[str, Any]) -> str:
    tasks = settings["tasks"]
    data = [tasks.train_x, tasks.train_y, tasks.valid_x, tasks.valid_y]
    others = {name: repr(value) for name, value in settings.items() if name != "tasks"}
    return str(hash([data, tasks.kind, sorted(others.items())]))
