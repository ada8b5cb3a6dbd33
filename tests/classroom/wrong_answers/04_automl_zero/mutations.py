"""Wrong answers to exercise 2."""
# ruff: noqa: F811, F821


# %% nothing is inserted behind the last
# loses: mutations-size mutations-hidden-long
# says: In how many places can it go
def mutate(program: list, kind: str, seed: int, most: int = 4) -> list:
    draw = np.random.default_rng(seed)
    child = [list(component) for component in program]
    component = child[draw.integers(3)]
    if kind == "size":
        if draw.integers(2) == 0:
            if len(component) < most:
                place = draw.integers(max(1, len(component)))
                component.insert(place, draw_instruction(draw))
        elif component:
            del component[draw.integers(len(component))]
    elif kind == "component":
        component[:] = [draw_instruction(draw) for _ in component]
    elif component:
        place = draw.integers(len(component))
        op, inputs, output = component[place]
        number = draw.integers(len(inputs) + 1)
        if number < len(inputs):
            inputs = list(inputs)
            inputs[number] = draw_input(draw, op)
        else:
            output = draw_output(draw, op)
        component[place] = (op, inputs, output)
    return child


# %% the parent is changed
# loses: mutations-size mutations-argument mutations-parent mutations-hidden-component
# says:
def mutate(program: list, kind: str, seed: int, most: int = 4) -> list:
    draw = np.random.default_rng(seed)
    child = list(program)
    component = child[draw.integers(3)]
    if kind == "size":
        if draw.integers(2) == 0:
            if len(component) < most:
                place = draw.integers(len(component) + 1)
                component.insert(place, draw_instruction(draw))
        elif component:
            del component[draw.integers(len(component))]
    elif kind == "component":
        component[:] = [draw_instruction(draw) for _ in component]
    elif component:
        place = draw.integers(len(component))
        op, inputs, output = component[place]
        number = draw.integers(len(inputs) + 1)
        if number < len(inputs):
            inputs = list(inputs)
            inputs[number] = draw_input(draw, op)
        else:
            output = draw_output(draw, op)
        component[place] = (op, inputs, output)
    return child


# %% a component may grow beyond the most
# loses: mutations-size mutations-hidden-long
# says: more than the most it may have
def mutate(program: list, kind: str, seed: int, most: int = 4) -> list:
    draw = np.random.default_rng(seed)
    child = [list(component) for component in program]
    component = child[draw.integers(3)]
    if kind == "size":
        if draw.integers(2) == 0:
            if len(component) <= most:
                place = draw.integers(len(component) + 1)
                component.insert(place, draw_instruction(draw))
        elif component:
            del component[draw.integers(len(component))]
    elif kind == "component":
        component[:] = [draw_instruction(draw) for _ in component]
    elif component:
        place = draw.integers(len(component))
        op, inputs, output = component[place]
        number = draw.integers(len(inputs) + 1)
        if number < len(inputs):
            inputs = list(inputs)
            inputs[number] = draw_input(draw, op)
        else:
            output = draw_output(draw, op)
        component[place] = (op, inputs, output)
    return child


# %% an empty component is not thought of
# loses: mutations-hidden-long
# says: Do you ask whether it is empty?
def mutate(program: list, kind: str, seed: int, most: int = 4) -> list:
    draw = np.random.default_rng(seed)
    child = [list(component) for component in program]
    component = child[draw.integers(3)]
    if kind == "size":
        if draw.integers(2) == 0:
            if len(component) < most:
                place = draw.integers(len(component) + 1)
                component.insert(place, draw_instruction(draw))
        else:
            del component[draw.integers(len(component))]
    elif kind == "component":
        component[:] = [draw_instruction(draw) for _ in component]
    else:
        place = draw.integers(len(component))
        op, inputs, output = component[place]
        number = draw.integers(len(inputs) + 1)
        if number < len(inputs):
            inputs = list(inputs)
            inputs[number] = draw_input(draw, op)
        else:
            output = draw_output(draw, op)
        component[place] = (op, inputs, output)
    return child


# %% the output never changes
# loses: mutations-argument
# says: Which numbers can you draw
def mutate(program: list, kind: str, seed: int, most: int = 4) -> list:
    draw = np.random.default_rng(seed)
    child = [list(component) for component in program]
    component = child[draw.integers(3)]
    if kind == "size":
        if draw.integers(2) == 0:
            if len(component) < most:
                place = draw.integers(len(component) + 1)
                component.insert(place, draw_instruction(draw))
        elif component:
            del component[draw.integers(len(component))]
    elif kind == "component":
        component[:] = [draw_instruction(draw) for _ in component]
    elif component:
        place = draw.integers(len(component))
        op, inputs, output = component[place]
        number = draw.integers(len(inputs))
        if number < len(inputs):
            inputs = list(inputs)
            inputs[number] = draw_input(draw, op)
        else:
            output = draw_output(draw, op)
        component[place] = (op, inputs, output)
    return child


# %% the new component has another size
# loses: mutations-hidden-component
# says: How many instructions had the component before?
def mutate(program: list, kind: str, seed: int, most: int = 4) -> list:
    draw = np.random.default_rng(seed)
    child = [list(component) for component in program]
    component = child[draw.integers(3)]
    if kind == "size":
        if draw.integers(2) == 0:
            if len(component) < most:
                place = draw.integers(len(component) + 1)
                component.insert(place, draw_instruction(draw))
        elif component:
            del component[draw.integers(len(component))]
    elif kind == "component":
        component[:] = [draw_instruction(draw) for _ in range(most)]
    elif component:
        place = draw.integers(len(component))
        op, inputs, output = component[place]
        number = draw.integers(len(inputs) + 1)
        if number < len(inputs):
            inputs = list(inputs)
            inputs[number] = draw_input(draw, op)
        else:
            output = draw_output(draw, op)
        component[place] = (op, inputs, output)
    return child


# %% the inputs of the parent's instruction are changed
# loses: mutations-argument mutations-parent
# says:
def mutate(program: list, kind: str, seed: int, most: int = 4) -> list:
    draw = np.random.default_rng(seed)
    child = [list(component) for component in program]
    component = child[draw.integers(3)]
    if kind == "size":
        if draw.integers(2) == 0:
            if len(component) < most:
                place = draw.integers(len(component) + 1)
                component.insert(place, draw_instruction(draw))
        elif component:
            del component[draw.integers(len(component))]
    elif kind == "component":
        component[:] = [draw_instruction(draw) for _ in component]
    elif component:
        place = draw.integers(len(component))
        op, inputs, output = component[place]
        number = draw.integers(len(inputs) + 1)
        if number < len(inputs):
            inputs[number] = draw_input(draw, op)
        else:
            output = draw_output(draw, op)
        component[place] = (op, inputs, output)
    return child
