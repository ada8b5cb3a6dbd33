"""Wrong answers to exercise 5."""
# ruff: noqa: F811, F821


# %% no cache at all
# loses: functional-hash-same functional-hash-saved functional-hash-nan functional-hash-hidden-bits
# says: What do they have in common?
def judge_all(programs: list) -> tuple[list[float], int]:
    known: dict[str, float] = {}
    fitness = []
    for program in programs:
        key = str(errors_of(program))
        known[key] = fitness_of(program)
        fitness.append(known[key])
    return fitness, len(fitness)


# %% the program's text is the key
# loses: functional-hash-same functional-hash-saved functional-hash-nan
# says: What do they have in common?
def judge_all(programs: list) -> tuple[list[float], int]:
    known: dict[str, float] = {}
    fitness = []
    for program in programs:
        key = str(program)
        if key not in known:
            known[key] = fitness_of(program)
        fitness.append(known[key])
    return fitness, len(known)


# %% errors are rounded
# loses: functional-hash-hidden-bits
# says: Did you round?
def judge_all(programs: list) -> tuple[list[float], int]:
    known: dict[str, float] = {}
    fitness = []
    for program in programs:
        key = str([round(one, 6) for one in errors_of(program)])
        if key not in known:
            known[key] = fitness_of(program)
        fitness.append(known[key])
    return fitness, len(known)


# %% nan is not thought of
# loses: functional-hash-nan
# says: nan is not equal to nan
def judge_all(programs: list) -> tuple[list[float], int]:
    known: dict[str, float] = {}
    fitness = []
    for program in programs:
        key = tuple(float(one) for one in errors_of(program))
        if key not in known:
            known[key] = fitness_of(program)
        fitness.append(known[key])
    return fitness, len(known)


# %% the order of the errors is lost
# loses: functional-hash-hidden-order
# says:
def judge_all(programs: list) -> tuple[list[float], int]:
    known: dict[str, float] = {}
    fitness = []
    for program in programs:
        key = str(sorted(errors_of(program)))
        if key not in known:
            known[key] = fitness_of(program)
        fitness.append(known[key])
    return fitness, len(known)


# %% one fitness for each kind
# loses: functional-hash-same functional-hash-saved functional-hash-nan
# says: A fitness for each program
def judge_all(programs: list) -> tuple[list[float], int]:
    known: dict[str, float] = {}
    fitness = []
    for program in programs:
        key = str(errors_of(program))
        if key not in known:
            known[key] = fitness_of(program)
            fitness.append(known[key])
    return fitness, len(known)
