"""Drawing and changing programs, without the interpreter (section 3.2 of the paper).

Programs are arrays: rows of ``code`` are (op, in1, in2, out), rows of ``data`` three constants, and
``sizes`` says how many rows of each component count. Component c begins at row ``offset[c]``.
"""

from __future__ import annotations

import math

import numpy as np

from paper_lessons.automl_zero.engine.jit import inner_kernel, kernel
from paper_lessons.automl_zero.engine.parts import (
    ADDRESSES,
    CELL,
    CONST,
    FORM,
    GAUSSIAN,
    IN1_KIND,
    IN2_KIND,
    INDEX,
    LEAST,
    MOST,
    NO_DATA,
    OFFSET,
    OP_COUNT,
    OUT_KIND,
    UNIFORM,
)

U = np.uint64
MATRIX = 3
(
    ALTER,
    RANDOMIZE_INSTRUCTION,
    RANDOMIZE_COMPONENT,
    IDENTITY,
    INSERT,
    REMOVE,
    TRADE,
    RANDOMIZE_PROGRAM,
) = range(8)
FLIP = 0.1  # how often a constant's sign is changed instead of its size
BELOW_ONE = float(np.nextafter(np.float32(1), np.float32(0)))


@kernel
def seed(state, number):
    """Fill a xoshiro256 state by splitmix64."""
    z = U(number)
    for i in range(4):
        z += U(0x9E3779B97F4A7C15)
        x = (z ^ (z >> U(30))) * U(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> U(27))) * U(0x94D049BB133111EB)
        state[i] = x ^ (x >> U(31))


@kernel
def draw(state):
    """Uniform in [0, 1), by xoshiro256+."""
    result = state[0] + state[3]
    shifted = state[1] << U(17)
    state[2] ^= state[0]
    state[3] ^= state[1]
    state[1] ^= state[2]
    state[0] ^= state[3]
    state[2] ^= shifted
    state[3] = (state[3] << U(45)) | (state[3] >> U(19))
    return float(result >> U(11)) * (1.0 / 9007199254740992.0)


@inner_kernel
def below(state, count):
    """Uniform among 0 .. count - 1."""
    return np.int64(draw(state) * count)


@kernel
def gaussian(state):
    """Standard normal, by Box and Muller."""
    radius = math.sqrt(-2.0 * math.log(1.0 - draw(state)))
    return radius * math.cos(2.0 * math.pi * draw(state))


@inner_kernel
def draw_output(kind, table, state):
    """An address that may be written: not the label, not the features."""
    first = 0 if kind == MATRIX else 1
    return first + below(state, table.kinds[kind, ADDRESSES] - first)


@inner_kernel
def draw_index(state):
    return min(float(np.float32(draw(state))), BELOW_ONE)


@inner_kernel
def draw_between(low, state):
    """Uniform in [low, 1), as a float32."""
    return float(np.float32(low + (1.0 - low) * draw(state)))


@inner_kernel
def draw_instruction(code, data, op, table, state):
    """A random instruction with a given op, written into one row."""
    code[:] = 0
    data[:] = 0.0
    code[0] = op
    if op == 0:
        return
    if table.ops[op, IN1_KIND]:
        code[1] = below(state, table.kinds[table.ops[op, IN1_KIND], ADDRESSES])
    if table.ops[op, IN2_KIND]:
        code[2] = below(state, table.kinds[table.ops[op, IN2_KIND], ADDRESSES])
    code[3] = draw_output(table.ops[op, OUT_KIND], table, state)
    form = table.ops[op, FORM]
    if form == CONST:
        data[0] = 2.0 * draw(state) - 1.0
    elif form in (INDEX, CELL):
        indices = form - INDEX + 1
        for i in range(indices):
            data[i] = draw_index(state)
        data[indices] = draw_between(-1.0, state)
    elif form in (GAUSSIAN, UNIFORM):
        data[0] = draw_between(-1.0, state)
        data[1] = draw_between(0.0 if form == GAUSSIAN else -1.0, state)


@kernel
def draw_any(code, data, component, rules, table, state):
    """A random instruction whose op the component may use."""
    op = rules.ops[component, below(state, rules.bounds[component, OP_COUNT])]
    draw_instruction(code, data, op, table, state)


@inner_kernel
def change_number(x, flips, state):
    """Change the sign, or multiply by a log-normal factor; zero stays zero."""
    if flips and draw(state) < FLIP:
        return -x
    changed = x * math.exp(gaussian(state))
    return changed if math.isfinite(changed) else x


@inner_kernel
def change_data(data, form, state):
    """Change one constant of an instruction."""
    if form == CONST:
        data[0] = change_number(data[0], True, state)
        return
    if form in (INDEX, CELL):
        value = form - INDEX + 1
        chosen = below(state, value + 1)
        if chosen < value:
            data[chosen] = draw_index(state)
            return
    else:
        chosen = below(state, 2)
    flips = not (form == GAUSSIAN and chosen == 1)
    changed = float(np.float32(change_number(data[chosen], flips, state)))
    if math.isfinite(changed):
        data[chosen] = changed
    if form == UNIFORM and data[0] > data[1]:
        data[0], data[1] = data[1], data[0]


@inner_kernel
def alter(code, data, table, state):
    """Draw one address anew, or change one constant."""
    op = code[0]
    if op == 0:
        return
    form = table.ops[op, FORM]
    if form != NO_DATA:
        if below(state, 2) == 0:
            code[3] = draw_output(table.ops[op, OUT_KIND], table, state)
        else:
            change_data(data, form, state)
        return
    inputs = 2 if table.ops[op, IN2_KIND] else 1
    chosen = below(state, inputs + 1)
    if chosen == inputs:
        code[3] = draw_output(table.ops[op, OUT_KIND], table, state)
    else:
        kind = table.ops[op, IN1_KIND] if chosen == 0 else table.ops[op, IN2_KIND]
        code[1 + chosen] = below(state, table.kinds[kind, ADDRESSES])


@inner_kernel
def randomize_component(code, data, size, component, rules, table, state):
    for i in range(rules.bounds[component, OFFSET], rules.bounds[component, OFFSET] + size):
        draw_any(code[i], data[i], component, rules, table, state)


@inner_kernel
def copy_instruction(code, data, source, target):
    for k in range(4):  # assignments of rows would compile for seconds
        code[target, k] = code[source, k]
    for k in range(3):
        data[target, k] = data[source, k]


@inner_kernel
def insert(code, data, size, component, rules, table, state):
    base = rules.bounds[component, OFFSET]
    place = base + below(state, size + 1)
    for i in range(base + size, place, -1):
        copy_instruction(code, data, i - 1, i)
    draw_any(code[place], data[place], component, rules, table, state)


@inner_kernel
def remove(code, data, size, component, rules, state):
    base = rules.bounds[component, OFFSET]
    for i in range(base + below(state, size), base + size - 1):
        copy_instruction(code, data, i + 1, i)


@kernel
def mutate(code, data, sizes, rules, table, state):
    """Change a program by one mutation, with the rules' probability."""
    if draw(state) >= rules.probability or len(rules.components) == 0:
        return
    kind = rules.kinds[below(state, len(rules.kinds))]
    component = rules.components[below(state, len(rules.components))]
    size = sizes[component]
    row = rules.bounds[component, OFFSET]
    if kind == RANDOMIZE_PROGRAM:
        for i in range(len(rules.components)):
            c = rules.components[i]
            randomize_component(code, data, sizes[c], c, rules, table, state)
    elif kind == RANDOMIZE_COMPONENT:
        randomize_component(code, data, size, component, rules, table, state)
    elif kind == INSERT:
        if size < rules.bounds[component, MOST] - 1:
            insert(code, data, size, component, rules, table, state)
            sizes[component] = size + 1
    elif kind == REMOVE:
        if size > rules.bounds[component, LEAST]:
            remove(code, data, size, component, rules, state)
            sizes[component] = size - 1
    elif kind == TRADE:
        insert(code, data, size, component, rules, table, state)
        remove(code, data, size + 1, component, rules, state)
    elif size > 0 and kind != IDENTITY:
        row += below(state, size)
        if kind == ALTER:
            alter(code[row], data[row], table, state)
        else:
            draw_any(code[row], data[row], component, rules, table, state)
