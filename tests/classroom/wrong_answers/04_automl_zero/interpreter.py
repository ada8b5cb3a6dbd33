"""Wrong answers to exercise 1."""
# ruff: noqa: B905, F811


# %% the label leaks into Predict
# loses: interpreter-label
# says: Predict has seen the labels.
def train(program: list, x: list[list[float]], y: list[float]) -> tuple[list[float], dict]:
    memory = {f"s{i}": 0.0 for i in range(4)}
    memory |= {f"v{i}": [0.0] * len(x[0]) for i in range(3)}

    def run(component):
        for op, inputs, output in component:
            if op == "const":
                memory[output] = inputs[0]
                continue
            a, b = (memory[name] for name in inputs)
            if op == "minus":
                memory[output] = a - b
            elif op == "times":
                memory[output] = a * b
            elif op == "scale":
                memory[output] = [a * one for one in b]
            elif op == "add":
                memory[output] = [p + q for p, q in zip(a, b)]
            elif op == "dot":
                memory[output] = sum(p * q for p, q in zip(a, b))

    setup, predict, learn = program
    run(setup)
    predictions = []
    for row, label in zip(x, y):
        memory["v0"], memory["s0"] = list(row), label
        run(predict)
        predictions.append(memory["s1"])
        memory["s0"] = label
        run(learn)
    return predictions, memory


# %% the label of the last row is still there
# loses: interpreter-label
# says: Who empties s0?
def train(program: list, x: list[list[float]], y: list[float]) -> tuple[list[float], dict]:
    memory = {f"s{i}": 0.0 for i in range(4)}
    memory |= {f"v{i}": [0.0] * len(x[0]) for i in range(3)}

    def run(component):
        for op, inputs, output in component:
            if op == "const":
                memory[output] = inputs[0]
                continue
            a, b = (memory[name] for name in inputs)
            if op == "minus":
                memory[output] = a - b
            elif op == "times":
                memory[output] = a * b
            elif op == "scale":
                memory[output] = [a * one for one in b]
            elif op == "add":
                memory[output] = [p + q for p, q in zip(a, b)]
            elif op == "dot":
                memory[output] = sum(p * q for p, q in zip(a, b))

    setup, predict, learn = program
    run(setup)
    predictions = []
    for row, label in zip(x, y):
        memory["v0"] = list(row)
        run(predict)
        predictions.append(memory["s1"])
        memory["s0"] = label
        run(learn)
    return predictions, memory


# %% one list for all vectors, written in place
# loses: interpreter-five interpreter-memory interpreter-hidden-random
# says: one and the same list
def train(program: list, x: list[list[float]], y: list[float]) -> tuple[list[float], dict]:
    memory = {f"s{i}": 0.0 for i in range(4)}
    zeros = [0.0] * len(x[0])
    memory |= {f"v{i}": zeros for i in range(3)}

    def run(component):
        for op, inputs, output in component:
            if op == "const":
                memory[output] = inputs[0]
                continue
            a, b = (memory[name] for name in inputs)
            if op == "minus":
                memory[output] = a - b
            elif op == "times":
                memory[output] = a * b
            elif op == "scale":
                memory[output][:] = [a * one for one in b]
            elif op == "add":
                memory[output][:] = [p + q for p, q in zip(a, b)]
            elif op == "dot":
                memory[output] = sum(p * q for p, q in zip(a, b))

    setup, predict, learn = program
    run(setup)
    predictions = []
    for row, label in zip(x, y):
        memory["v0"], memory["s0"] = list(row), 0.0
        run(predict)
        predictions.append(memory["s1"])
        memory["s0"] = label
        run(learn)
    return predictions, memory


# %% Setup runs for every row
# loses: interpreter-hidden-setup
# says: How often does Setup run?
def train(program: list, x: list[list[float]], y: list[float]) -> tuple[list[float], dict]:
    memory = {f"s{i}": 0.0 for i in range(4)}
    memory |= {f"v{i}": [0.0] * len(x[0]) for i in range(3)}

    def run(component):
        for op, inputs, output in component:
            if op == "const":
                memory[output] = inputs[0]
                continue
            a, b = (memory[name] for name in inputs)
            if op == "minus":
                memory[output] = a - b
            elif op == "times":
                memory[output] = a * b
            elif op == "scale":
                memory[output] = [a * one for one in b]
            elif op == "add":
                memory[output] = [p + q for p, q in zip(a, b)]
            elif op == "dot":
                memory[output] = sum(p * q for p, q in zip(a, b))

    setup, predict, learn = program
    predictions = []
    for row, label in zip(x, y):
        run(setup)
        memory["v0"], memory["s0"] = list(row), 0.0
        run(predict)
        predictions.append(memory["s1"])
        memory["s0"] = label
        run(learn)
    return predictions, memory


# %% Learn runs before Predict
# loses: interpreter-five interpreter-memory interpreter-hidden-setup interpreter-hidden-random
# says: Which comes first?
def train(program: list, x: list[list[float]], y: list[float]) -> tuple[list[float], dict]:
    memory = {f"s{i}": 0.0 for i in range(4)}
    memory |= {f"v{i}": [0.0] * len(x[0]) for i in range(3)}

    def run(component):
        for op, inputs, output in component:
            if op == "const":
                memory[output] = inputs[0]
                continue
            a, b = (memory[name] for name in inputs)
            if op == "minus":
                memory[output] = a - b
            elif op == "times":
                memory[output] = a * b
            elif op == "scale":
                memory[output] = [a * one for one in b]
            elif op == "add":
                memory[output] = [p + q for p, q in zip(a, b)]
            elif op == "dot":
                memory[output] = sum(p * q for p, q in zip(a, b))

    setup, predict, learn = program
    run(setup)
    predictions = []
    for row, label in zip(x, y):
        memory["v0"], memory["s0"] = list(row), 0.0
        memory["s0"] = label
        run(learn)
        memory["s0"] = 0.0
        run(predict)
        predictions.append(memory["s1"])
    return predictions, memory


# %% the memory is emptied for every row
# loses: interpreter-five interpreter-memory interpreter-hidden-random
# says: Is the memory made anew for every row?
def train(program: list, x: list[list[float]], y: list[float]) -> tuple[list[float], dict]:
    memory = {f"s{i}": 0.0 for i in range(4)}
    memory |= {f"v{i}": [0.0] * len(x[0]) for i in range(3)}

    def run(component):
        for op, inputs, output in component:
            if op == "const":
                memory[output] = inputs[0]
                continue
            a, b = (memory[name] for name in inputs)
            if op == "minus":
                memory[output] = a - b
            elif op == "times":
                memory[output] = a * b
            elif op == "scale":
                memory[output] = [a * one for one in b]
            elif op == "add":
                memory[output] = [p + q for p, q in zip(a, b)]
            elif op == "dot":
                memory[output] = sum(p * q for p, q in zip(a, b))

    setup, predict, learn = program
    run(setup)
    predictions = []
    for row, label in zip(x, y):
        memory.update({f"v{i}": [0.0] * len(row) for i in range(3)})
        memory["v0"], memory["s0"] = list(row), 0.0
        run(predict)
        predictions.append(memory["s1"])
        memory["s0"] = label
        run(learn)
    return predictions, memory


# %% the sum of an outer product for a dot product
# loses: interpreter-memory interpreter-hidden-random
# says:
def train(program: list, x: list[list[float]], y: list[float]) -> tuple[list[float], dict]:
    memory = {f"s{i}": 0.0 for i in range(4)}
    memory |= {f"v{i}": [0.0] * len(x[0]) for i in range(3)}

    def run(component):
        for op, inputs, output in component:
            if op == "const":
                memory[output] = inputs[0]
                continue
            a, b = (memory[name] for name in inputs)
            if op == "minus":
                memory[output] = a - b
            elif op == "times":
                memory[output] = a * b
            elif op == "scale":
                memory[output] = [a * one for one in b]
            elif op == "add":
                memory[output] = [p + q for p, q in zip(a, b)]
            elif op == "dot":
                memory[output] = sum(p * q for p in a for q in b)

    setup, predict, learn = program
    run(setup)
    predictions = []
    for row, label in zip(x, y):
        memory["v0"], memory["s0"] = list(row), 0.0
        run(predict)
        predictions.append(memory["s1"])
        memory["s0"] = label
        run(learn)
    return predictions, memory
