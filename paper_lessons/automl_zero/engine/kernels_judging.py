"""A program's fitness, with the caches that spare running it (section 3.3 and supplement S1 of the paper)."""

from __future__ import annotations

import math

import numpy as np

from paper_lessons.automl_zero.engine.jit import inner_kernel, kernel
from paper_lessons.automl_zero.engine.kernels_programs import seed
from paper_lessons.automl_zero.engine.kernels_running import (
    any_alive,
    mix,
    prepare,
    run_setup,
    train,
    validate,
)
from paper_lessons.automl_zero.engine.llvm_ops import ALIVE, HASH, LOSS, RANDOM
from paper_lessons.automl_zero.engine.parts import (
    ACCURACY,
    BY_ERRORS,
    BY_PROGRAM,
    EPOCHS,
    EVALUATED,
    FAILED,
    FEC_HITS,
    FITNESS,
    FULL_RUNS,
    GROUPS,
    HURDLED,
    OFFSET,
    ORDERED,
    OVER_BUDGET,
    PROGRAM_HITS,
    TASKS,
    TRAIN_ROWS,
    VALID_ROWS,
)

U = np.uint64
WAYS = 4  # places in which a cache looks for a key
PROBE_SEED = 235732282
SAME = 7  # hash of a lane that failed in a probe's training


@inner_kernel
def look_up(caches, which, key, forget_every):
    """The value kept under a key, or -1; forgotten after so many uses, to be measured anew."""
    mask = U(caches.keys.shape[1] - 1)
    for way in range(WAYS):
        place = (key + U(way)) & mask
        if caches.keys[which, place] == key:
            caches.uses[which, place] += 1
            if forget_every > 0 and caches.uses[which, place] >= forget_every:
                caches.keys[which, place] = U(0)
            return caches.values[which, place]
    return -1.0


@inner_kernel
def keep(caches, which, key, value):
    """Put a value in the first free of a key's places, or in the least used one."""
    mask = U(caches.keys.shape[1] - 1)
    chosen = key & mask
    for way in range(WAYS):
        place = (key + U(way)) & mask
        if caches.keys[which, place] == U(0):
            chosen = place
            break
        if caches.uses[which, place] < caches.uses[which, chosen]:
            chosen = place
    caches.keys[which, chosen] = key
    caches.values[which, chosen] = value
    caches.uses[which, chosen] = 1


@inner_kernel
def lane_fitness(lane, count, accuracy, machine):
    """Fitness of one task after validation: 0 if it failed."""
    top = machine.reserved
    if machine.bits[top + ALIVE, lane] == U(0):
        return 0.0
    loss = machine.memory[top + LOSS, lane] / count
    if accuracy:
        return 1.0 - loss
    if not math.isfinite(loss):
        return 0.0
    return max(0.0, 1.0 - (2.0 / math.pi) * math.atan(math.sqrt(loss)))


@inner_kernel
def combine(scores, count, median):
    """Mean of the first fitnesses, or their upper middle one."""
    total = 0.0
    for i in range(count):
        total += scores[FITNESS, i]
    if not median:
        return total / count
    for i in range(count):  # few enough for insertion sort
        k = i
        while k > 0 and scores[ORDERED, k - 1] > scores[FITNESS, i]:
            scores[ORDERED, k] = scores[ORDERED, k - 1]
            k -= 1
        scores[ORDERED, k] = scores[FITNESS, i]
    return scores[ORDERED, count // 2]


@inner_kernel
def run_all(used, judging, examples, threshold, machine, table):
    """Train and judge on every task; stop at the hurdle if the first tasks say it is not worth it."""
    lanes, scores = machine.memory.shape[1], machine.scores
    tasks, rows = examples[TASKS], examples[VALID_ROWS]
    for group in range(examples[GROUPS]):
        run_setup(used, machine, table)
        first = group * lanes
        last = min(first + lanes, tasks)
        for task in range(first, last):
            scores[FITNESS, task] = 0.0
        for epoch in range(examples[EPOCHS]):
            train(group, epoch, examples[TRAIN_ROWS], examples, machine, table, False)
            if not any_alive(machine):
                break
            validate(group, rows, examples, machine, table, False)
            for task in range(first, last):
                new = lane_fitness(task - first, rows, examples[ACCURACY], machine)
                scores[FITNESS, task] = max(scores[FITNESS, task], new)
        if group + 1 == judging.hurdle_groups and last < tasks:
            so_far = combine(scores, last, judging.median)
            if so_far < threshold:
                machine.numbers[HURDLED] += 1
                return so_far
    return combine(scores, tasks, judging.median)


@inner_kernel
def probe(used, random, judging, examples, machine, table):
    """Hash of all errors on the first few training and validation rows, with fixed random numbers."""
    lanes, top = machine.memory.shape[1], machine.reserved
    key = U(judging.probe)
    seed(machine.noise, PROBE_SEED)
    machine.context[RANDOM] = machine.noise.ctypes.data
    for group in range(examples[GROUPS]):
        run_setup(used, machine, table)
        rows = min(judging.probe, examples[TRAIN_ROWS])
        train(group, 0, rows, examples, machine, table, True)
        for lane in range(lanes):
            machine.scores[FAILED, lane] = machine.bits[top + ALIVE, lane] == U(0)
        if any_alive(machine):
            rows = min(judging.probe, examples[VALID_ROWS])
            validate(group, rows, examples, machine, table, True)
        for lane in range(lanes):
            # A lane that fails this early fails in the full run as well, unless it has other luck there.
            alike = machine.scores[FAILED, lane] > 0.0 and not random
            key = mix(key, U(SAME) if alike else machine.bits[top + HASH, lane])
    return key


@inner_kernel
def cost(code, sizes, bounds, rows, table):
    total = 0.0
    for c in range(3):
        for i in range(bounds[c, OFFSET], bounds[c, OFFSET] + sizes[c]):
            total += table.costs[code[i, 0]] * (1 if c == 0 else rows)
    return total


@inner_kernel
def judge(code, data, sizes, bounds, noise, threshold, judging, examples, machine, caches, table):
    """Fitness of one program."""
    counters = machine.numbers
    counters[EVALUATED] += 1
    if judging.most_cost > 0.0:
        rows = examples[TRAIN_ROWS]
        if cost(code, sizes, bounds, rows, table) > judging.most_cost:
            counters[OVER_BUDGET] += 1
            return 0.0
    key, used, random = prepare(code, data, sizes, bounds, judging, machine, table)
    if judging.use_programs:
        known = look_up(caches, BY_PROGRAM, key, judging.forget_every)
        if known >= 0.0:
            counters[PROGRAM_HITS] += 1
            return known
    errors_key = U(0)
    fitness = -1.0
    if judging.probe > 0:
        errors_key = probe(used, random, judging, examples, machine, table)
        fitness = look_up(caches, BY_ERRORS, errors_key, judging.forget_every)
        if fitness >= 0.0:
            counters[FEC_HITS] += 1
    if fitness < 0.0:
        machine.context[RANDOM] = noise.ctypes.data
        counters[FULL_RUNS] += 1
        fitness = run_all(used, judging, examples, threshold, machine, table)
        if judging.probe > 0:
            keep(caches, BY_ERRORS, errors_key, fitness)
    if judging.use_programs:
        keep(caches, BY_PROGRAM, key, fitness)
    return fitness


@kernel
def judge_all(
    code, data, sizes, bounds, noise, fitness, each, judging, examples, machine, caches, table
):
    """Fitness of many programs, and of each on each task where it was run."""
    for p in range(len(code)):
        fitness[p] = judge(
            code[p],
            data[p],
            sizes[p],
            bounds,
            noise,
            0.0,
            judging,
            examples,
            machine,
            caches,
            table,
        )
        for task in range(examples[TASKS]):
            each[p, task] = machine.scores[FITNESS, task]
