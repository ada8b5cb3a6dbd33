"""Wrong answers to exercise 3."""
# ruff: noqa: F811, F821, F841


# %% the worst dies
# loses: evolution-deaths evolution-progress evolution-hidden-ties evolution-hidden-long
# says: The paper lets the oldest die
def evolve(population: list[str], rounds: int, size: int, seed: int) -> tuple[list[str], list[str]]:
    draw = np.random.default_rng(seed)
    alive, dead = list(population), []
    for _ in range(rounds):
        places = draw.integers(len(alive), size=size)
        parent = max((alive[place] for place in places), key=judge)
        alive.append(mutated(parent, draw))
        dead.append(alive.pop(min(range(len(alive)), key=lambda i: judge(alive[i]))))
    return alive, dead


# %% the youngest dies
# loses: evolution-deaths evolution-progress evolution-hidden-ties evolution-hidden-long
# says: At which end of the list
def evolve(population: list[str], rounds: int, size: int, seed: int) -> tuple[list[str], list[str]]:
    draw = np.random.default_rng(seed)
    alive, dead = list(population), []
    for _ in range(rounds):
        places = draw.integers(len(alive), size=size)
        parent = max((alive[place] for place in places), key=judge)
        child = mutated(parent, draw)
        dead.append(alive.pop())
        alive.append(child)
    return alive, dead


# %% nobody dies
# loses: evolution-deaths evolution-progress evolution-hidden-ties evolution-hidden-long
# says: Who dies?
def evolve(population: list[str], rounds: int, size: int, seed: int) -> tuple[list[str], list[str]]:
    draw = np.random.default_rng(seed)
    alive, dead = list(population), []
    for _ in range(rounds):
        places = draw.integers(len(alive), size=size)
        parent = max((alive[place] for place in places), key=judge)
        alive.append(mutated(parent, draw))
    return alive, dead


# %% the last of equal ones is the parent
# loses: evolution-deaths evolution-progress evolution-hidden-ties evolution-hidden-long
# says:
def evolve(population: list[str], rounds: int, size: int, seed: int) -> tuple[list[str], list[str]]:
    draw = np.random.default_rng(seed)
    alive, dead = list(population), []
    for _ in range(rounds):
        places = draw.integers(len(alive), size=size)
        parent = max(reversed([alive[place] for place in places]), key=judge)
        alive.append(mutated(parent, draw))
        dead.append(alive.pop(0))
    return alive, dead


# %% the best of all is the parent
# loses: evolution-deaths evolution-progress evolution-hidden-ties evolution-hidden-long
# says: and only of those?
def evolve(population: list[str], rounds: int, size: int, seed: int) -> tuple[list[str], list[str]]:
    draw = np.random.default_rng(seed)
    alive, dead = list(population), []
    for _ in range(rounds):
        places = draw.integers(len(alive), size=size)
        parent = max(alive, key=judge)
        alive.append(mutated(parent, draw))
        dead.append(alive.pop(0))
    return alive, dead


# %% the population that came in is changed
# loses: evolution-input
# says:
def evolve(population: list[str], rounds: int, size: int, seed: int) -> tuple[list[str], list[str]]:
    draw = np.random.default_rng(seed)
    alive, dead = population, []
    for _ in range(rounds):
        places = draw.integers(len(alive), size=size)
        parent = max((alive[place] for place in places), key=judge)
        alive.append(mutated(parent, draw))
        dead.append(alive.pop(0))
    return alive, dead
