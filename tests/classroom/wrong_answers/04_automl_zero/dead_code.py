"""Wrong answers to exercise 4."""
# ruff: noqa: F811, RUF059


# %% Learn is looked at alone
# loses: dead-code-small dead-code-rounds dead-code-overwritten dead-code-hidden-random dead-code-hidden-predict
# says: What is wanted after Learn?
def simplify(program: list) -> list:
    given = {"s0", "v0"}

    def backwards(component, wanted):
        wanted, alive = set(wanted), []
        for op, inputs, output in reversed(component):
            if output in wanted:
                alive.insert(0, (op, inputs, output))
                wanted.discard(output)
                if op != "const":
                    wanted.update(inputs)
        return alive, wanted - given

    setup, predict, learn = program
    before_predict = set()
    while True:
        alive_learn, before_learn = backwards(learn, {"s1"})
        alive_predict, wanted = backwards(predict, {"s1"} | before_learn | before_predict)
        if wanted == before_predict:
            break
        before_predict = wanted
    return [backwards(setup, before_predict)[0], alive_predict, alive_learn]


# %% Predict is gone through once
# loses: dead-code-small dead-code-rounds dead-code-hidden-random dead-code-hidden-predict
# says:
def simplify(program: list) -> list:
    given = {"s0", "v0"}

    def backwards(component, wanted):
        wanted, alive = set(wanted), []
        for op, inputs, output in reversed(component):
            if output in wanted:
                alive.insert(0, (op, inputs, output))
                wanted.discard(output)
                if op != "const":
                    wanted.update(inputs)
        return alive, wanted - given

    setup, predict, learn = program
    before_predict = set()
    while True:
        alive_learn, before_learn = backwards(learn, before_predict)
        alive_predict, wanted = backwards(predict, {"s1"} | before_learn | before_predict)
        before_predict = wanted
        alive_learn, before_learn = backwards(learn, before_predict)
        break
    return [backwards(setup, before_predict)[0], alive_predict, alive_learn]


# %% what is overwritten stays wanted
# loses: dead-code-small dead-code-rounds dead-code-overwritten dead-code-hidden-random
# says: Does an address stay wanted when it is written?
def simplify(program: list) -> list:
    given = {"s0", "v0"}

    def backwards(component, wanted):
        wanted, alive = set(wanted), []
        for op, inputs, output in reversed(component):
            if output in wanted:
                alive.insert(0, (op, inputs, output))
                if op != "const":
                    wanted.update(inputs)
        return alive, wanted - given

    setup, predict, learn = program
    before_predict = set()
    while True:
        alive_learn, before_learn = backwards(learn, before_predict)
        alive_predict, wanted = backwards(predict, {"s1"} | before_learn | before_predict)
        if wanted == before_predict:
            break
        before_predict = wanted
    return [backwards(setup, before_predict)[0], alive_predict, alive_learn]


# %% nothing is taken out
# loses: dead-code-small dead-code-rounds dead-code-overwritten dead-code-hidden-random
# says: What is wanted after Predict?
def simplify(program: list) -> list:
    given = {"s0", "v0"}

    def backwards(component, wanted):
        wanted, alive = set(wanted), []
        for op, inputs, output in reversed(component):
            if True:
                alive.insert(0, (op, inputs, output))
                wanted.discard(output)
                if op != "const":
                    wanted.update(inputs)
        return alive, wanted - given

    setup, predict, learn = program
    before_predict = set()
    while True:
        alive_learn, before_learn = backwards(learn, before_predict)
        alive_predict, wanted = backwards(predict, {"s1"} | before_learn | before_predict)
        if wanted == before_predict:
            break
        before_predict = wanted
    return [backwards(setup, before_predict)[0], alive_predict, alive_learn]


# %% only what Predict reads at once is kept
# loses: dead-code-small dead-code-rounds dead-code-hidden-random dead-code-hidden-predict
# says:
def simplify(program: list) -> list:
    given = {"s0", "v0"}

    def backwards(component, wanted):
        wanted, alive = set(wanted), []
        for op, inputs, output in reversed(component):
            if output in wanted:
                alive.insert(0, (op, inputs, output))
                wanted.discard(output)
                if op != "const":
                    wanted.update(inputs)
        return alive, wanted - given

    setup, predict, learn = program
    before_predict = set()
    while True:
        alive_learn, before_learn = backwards(learn, before_predict)
        alive_predict, wanted = backwards(predict, {"s1"})
        if wanted == before_predict:
            break
        before_predict = wanted
    return [backwards(setup, before_predict)[0], alive_predict, alive_learn]


# %% Setup is kept whole
# loses: dead-code-small dead-code-overwritten dead-code-hidden-random
# says:
def simplify(program: list) -> list:
    given = {"s0", "v0"}

    def backwards(component, wanted):
        wanted, alive = set(wanted), []
        for op, inputs, output in reversed(component):
            if output in wanted:
                alive.insert(0, (op, inputs, output))
                wanted.discard(output)
                if op != "const":
                    wanted.update(inputs)
        return alive, wanted - given

    setup, predict, learn = program
    before_predict = set()
    while True:
        alive_learn, before_learn = backwards(learn, before_predict)
        alive_predict, wanted = backwards(predict, {"s1"} | before_learn | before_predict)
        if wanted == before_predict:
            break
        before_predict = wanted
    return [list(setup), alive_predict, alive_learn]


# %% s1 is taken for something that Predict must write
# loses: dead-code-hidden-random
# says:
def simplify(program: list) -> list:
    given = {"s0", "v0"}

    def backwards(component, wanted):
        wanted, alive = set(wanted), []
        for op, inputs, output in reversed(component):
            if output in wanted:
                alive.insert(0, (op, inputs, output))
                wanted.discard(output)
                if op != "const":
                    wanted.update(inputs)
        return alive, wanted - given - {"s1"}

    setup, predict, learn = program
    before_predict = set()
    while True:
        alive_learn, before_learn = backwards(learn, before_predict)
        alive_predict, wanted = backwards(predict, {"s1"} | before_learn | before_predict)
        if wanted == before_predict:
            break
        before_predict = wanted
    return [backwards(setup, before_predict)[0], alive_predict, alive_learn]
