"""Regularised evolution, and random search, without the interpreter (section 3.2 of the paper)."""

from __future__ import annotations

from paper_lessons.automl_zero.engine.jit import inner_kernel, kernel
from paper_lessons.automl_zero.engine.kernels_judging import judge
from paper_lessons.automl_zero.engine.kernels_programs import below, mutate, randomize_component
from paper_lessons.automl_zero.engine.parts import AGE, RECORDED, SLOT, TOTAL


@inner_kernel
def copy_program(from_code, from_data, from_sizes, code, data, sizes):
    for i in range(len(code)):
        for k in range(4):
            code[i, k] = from_code[i, k]
        for k in range(3):
            data[i, k] = from_data[i, k]
    for c in range(3):
        sizes[c] = from_sizes[c]


@inner_kernel
def begin_program(population, slot, rules, table):
    """One of the programs that a population begins with."""
    code, data, sizes = population.code[slot], population.data[slot], population.sizes[slot]
    copy_program(
        population.start_code[0],
        population.start_data[0],
        population.start_sizes[0],
        code,
        data,
        sizes,
    )
    if rules.random_start:
        for i in range(len(rules.components)):
            c = rules.components[i]
            randomize_component(code, data, sizes[c], c, rules, table, population.random[0])


@inner_kernel
def breed(population, slot, rules, table):
    """Replace the oldest program by a mutated copy of the best of a few, drawn with replacement."""
    state = population.random[0]
    count = len(population.fitness)
    best = below(state, count)
    for _ in range(rules.tournament - 1):
        other = below(state, count)
        if population.fitness[other] > population.fitness[best]:
            best = other
    code, data, sizes = population.code[slot], population.data[slot], population.sizes[slot]
    if best != slot:
        copy_program(
            population.code[best], population.data[best], population.sizes[best], code, data, sizes
        )
    mutate(code, data, sizes, rules, table, state)


@inner_kernel
def record(population, slot):
    """Remember a program that is better than all before it; when there is no room, instead of the last."""
    numbers = population.numbers
    place = min(numbers[RECORDED], len(population.best_fitness) - 1)
    copy_program(
        population.code[slot],
        population.data[slot],
        population.sizes[slot],
        population.best_code[place],
        population.best_data[place],
        population.best_sizes[place],
    )
    population.best_fitness[place] = population.fitness[slot]
    population.best_when[place] = numbers[TOTAL]
    numbers[RECORDED] = place + 1


@kernel
def search(population, count, target, rules, judging, examples, machine, caches, table):
    """Evaluate so many programs, or until one reaches the target; return the best fitness so far."""
    numbers = population.numbers
    best = -1.0
    if numbers[RECORDED] > 0:
        best = population.best_fitness[numbers[RECORDED] - 1]
    for _ in range(count):
        slot = numbers[SLOT]
        if numbers[AGE] < len(population.fitness) or rules.random_search:
            begin_program(population, slot, rules, table)
        else:
            breed(population, slot, rules, table)
        fitness = judge(
            population.code[slot],
            population.data[slot],
            population.sizes[slot],
            rules.bounds,
            population.random[1],
            population.threshold[0],
            judging,
            examples,
            machine,
            caches,
            table,
        )
        population.fitness[slot] = fitness
        numbers[TOTAL] += 1
        numbers[AGE] += 1
        numbers[SLOT] = slot + 1 if slot + 1 < len(population.fitness) else 0
        if fitness > best:
            best = fitness
            record(population, slot)
        if numbers[AGE] == rules.restart_every:
            numbers[AGE] = numbers[SLOT] = 0
        if best >= target:
            break
    return best
