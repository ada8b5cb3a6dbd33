"""Pruning, running and judging programs, without the interpreter (sections 3.1 and 3.3 of the paper)."""

from __future__ import annotations

import numpy as np

from paper_lessons.automl_zero.engine.jit import inner_kernel, run_records
from paper_lessons.automl_zero.engine.llvm_ops import (
    ALIVE,
    DATA,
    FEATURES,
    FUNCTION,
    HASH,
    IN1,
    IN2,
    LABELS,
    LOSS,
    ORDER,
    ORDER_END,
    OUT,
    RECORD_WORDS,
)
from paper_lessons.automl_zero.engine.parts import (
    ADDRESSES,
    CELL,
    CLEAR,
    ENDS,
    FIRST_BIT,
    FIRST_ROW,
    FORM,
    GAUSSIAN,
    IN1_KIND,
    IN2_KIND,
    INDEX,
    LOAD,
    NEXT,
    NO_DATA,
    OFFSET,
    OUT_KIND,
    ROWS,
    SET,
    STEPS,
    STOP,
    TRAIN,
    TRAIN_ERROR,
    TRAIN_HASHED,
    TRAIN_ORDER,
    TRAIN_ROWS,
    TRAIN_STEP,
    TRAIN_X,
    TRAIN_Y,
    VALID,
    VALID_ERROR,
    VALID_HASHED,
    VALID_ORDER,
    VALID_ROWS,
    VALID_STEP,
    VALID_X,
    VALID_Y,
)

U = np.uint64
RECORD_BYTES = 8 * RECORD_WORDS
SETUP_SALT = 77


@inner_kernel
def mix(state, value):
    """Fold 64 bits into a hash."""
    state = (state ^ value) * U(0x9E3779B97F4A7C15)
    state ^= state >> U(32)
    state *= U(0xD6E8FEB86659FD93)
    return state ^ (state >> U(29))


@inner_kernel
def bit(kind, address, table):
    return U(1) << U(table.kinds[kind, FIRST_BIT] + address)


@inner_kernel
def sweep(code, dead, low, high, live, table):
    """Backwards through a component: mark what nobody reads; return what is live before it."""
    for i in range(high - 1, low - 1, -1):
        op = code[i, 0]
        dead[i] = op == 0 or live & bit(table.ops[op, OUT_KIND], code[i, 3], table) == U(0)
        if dead[i]:
            continue
        if (
            table.ops[op, FORM] != INDEX and table.ops[op, FORM] != CELL
        ):  # these keep the other elements
            live &= ~bit(table.ops[op, OUT_KIND], code[i, 3], table)
        if table.ops[op, IN1_KIND]:
            live |= bit(table.ops[op, IN1_KIND], code[i, 1], table)
        if table.ops[op, IN2_KIND]:
            live |= bit(table.ops[op, IN2_KIND], code[i, 2], table)
    return live


@inner_kernel
def mark_dead(code, dead, ends, prune, table):
    """Mark the instructions that cannot change the fitness: dead-code elimination over the loop.

    After Predict come the error, which reads s1, and Learn, or the next Predict (in validation).
    """
    if not prune:
        for i in range(ends[5]):
            dead[i] = code[i, 0] == 0
        return
    given = bit(1, 0, table) | bit(2, 0, table)  # label and features are set before each component
    prediction = bit(1, 1, table)
    live_predict = U(0)
    while True:
        live_learn = sweep(code, dead, ends[4], ends[5], live_predict, table) & ~given
        after_predict = prediction | live_learn | live_predict
        before = sweep(code, dead, ends[2], ends[3], after_predict, table) & ~given
        if before | live_predict == live_predict:
            break
        live_predict |= before
    sweep(code, dead, ends[0], ends[1], live_predict, table)


@inner_kernel
def write_records(code, data, dead, low, high, machine, place, key, table):
    """Turn live instructions into records; return the next place, the key and the addresses used."""
    lanes = machine.memory.shape[1]
    touches, random = U(0), False
    record, constants = machine.records, machine.constants
    row_bytes = 8 * lanes
    for i in range(low, high):
        if dead[i]:
            continue
        op, out, form = code[i, 0], table.ops[code[i, 0], OUT_KIND], table.ops[code[i, 0], FORM]
        for k in range(4):
            key = mix(key, U(code[i, k]))
        record[place, FUNCTION] = machine.functions[op]
        row = table.kinds[out, FIRST_ROW] + code[i, 3] * table.kinds[out, ROWS]
        touches |= bit(out, code[i, 3], table)
        if table.ops[op, IN1_KIND]:
            kind = table.ops[op, IN1_KIND]
            record[place, IN1] = row_bytes * (
                table.kinds[kind, FIRST_ROW] + code[i, 1] * table.kinds[kind, ROWS]
            )
            touches |= bit(kind, code[i, 1], table)
        if table.ops[op, IN2_KIND]:
            kind = table.ops[op, IN2_KIND]
            record[place, IN2] = row_bytes * (
                table.kinds[kind, FIRST_ROW] + code[i, 2] * table.kinds[kind, ROWS]
            )
            touches |= bit(kind, code[i, 2], table)
        if form != NO_DATA:
            for k in range(3):
                constants[place, DATA + k] = data[i, k]
                key = mix(key, U(record[place, DATA + k]))
            if form in (INDEX, CELL):
                element = 0
                for k in range(form - INDEX + 1):
                    index = min(
                        np.int64(table.kinds[2, ROWS] * data[i, k]), table.kinds[2, ROWS] - 1
                    )
                    element = element * table.kinds[2, ROWS] + index
                row += element
                constants[place, DATA] = data[i, form - INDEX + 1]
            random = random or form >= GAUSSIAN
        record[place, OUT] = row_bytes * row
        place += 1
    return place, key, touches, random


@inner_kernel
def prepare(code, data, sizes, bounds, judging, machine, table):
    """Prune a program and write its records: Setup, the training loop, the validation loop.

    Returns the hash of what is left, the addresses that it uses and whether it draws numbers.
    """
    ends = machine.numbers[ENDS:]
    for c in range(3):
        ends[2 * c] = bounds[c, OFFSET]
        ends[2 * c + 1] = bounds[c, OFFSET] + sizes[c]
    dead, records, steps = machine.dead, machine.records, machine.functions
    mark_dead(code, dead, ends, judging.prune, table)
    label, features = bit(1, 0, table), bit(2, 0, table)
    v0 = 8 * machine.memory.shape[1] * table.kinds[2, FIRST_ROW]
    n, key, used, random = write_records(
        code, data, dead, ends[0], ends[1], machine, np.int64(0), U(SETUP_SALT), table
    )
    records[n, FUNCTION] = steps[STOP]
    train = n + 1
    # Where Learn begins depends on what Predict needs before it; so first see what both read.
    predict_reads = reads_of(code, dead, ends[2], ends[3], table)
    learn_reads = reads_of(code, dead, ends[4], ends[5], table)
    n = train
    for valid in range(2):
        start = n
        if (predict_reads | (U(0) if valid else learn_reads)) & features:
            records[n, FUNCTION], records[n, OUT] = steps[LOAD], v0
            n += 1
        if not valid and predict_reads & label:
            records[n, FUNCTION] = steps[CLEAR]
            n += 1
        n, predict_key, touched, drawn = write_records(
            code, data, dead, ends[2], ends[3], machine, n, mix(key, U(1)), table
        )
        used |= touched
        random = random or drawn
        machine.numbers[VALID_ERROR if valid else TRAIN_ERROR] = n
        n += 1
        if not valid:
            if learn_reads & label:
                records[n, FUNCTION] = steps[SET]
                n += 1
            n, learn_key, touched, drawn = write_records(
                code, data, dead, ends[4], ends[5], machine, n, U(2), table
            )
            used |= touched
            random = random or drawn
        machine.numbers[VALID if valid else TRAIN] = n
        records[n, FUNCTION] = steps[NEXT]
        records[n, IN1] = RECORD_BYTES * (start - n)
        records[n + 1, FUNCTION] = steps[STOP]
        n += 2
    return mix(predict_key, learn_key), used, random


@inner_kernel
def reads_of(code, dead, low, high, table):
    reads = U(0)
    for i in range(low, high):
        if not dead[i]:
            op = code[i, 0]
            if table.ops[op, IN1_KIND]:
                reads |= bit(table.ops[op, IN1_KIND], code[i, 1], table)
            if table.ops[op, IN2_KIND]:
                reads |= bit(table.ops[op, IN2_KIND], code[i, 2], table)
    return reads


@inner_kernel
def run_setup(used, machine, table):
    """Clear the addresses that the program uses, and the lanes' accounts; run Setup."""
    memory, top = machine.memory, machine.reserved
    lanes = memory.shape[1]
    for kind in range(1, 4):
        for address in range(table.kinds[kind, ADDRESSES]):
            if used & bit(kind, address, table) or (kind == 1 and address < 2):
                first = top + table.kinds[kind, FIRST_ROW] + address * table.kinds[kind, ROWS]
                for row in range(first, first + table.kinds[kind, ROWS]):
                    for lane in range(lanes):
                        memory[row, lane] = 0.0
    for lane in range(lanes):
        machine.bits[top + ALIVE, lane] = ~U(0)
        machine.bits[top + HASH, lane] = U(0)
    run_records(memory[top:].ctypes.data, machine.records.ctypes.data, machine.context.ctypes.data)


@inner_kernel
def run_examples(x, y, order, count, place, machine):
    """Run a loop over examples, from the record that goes on to the next one."""
    context = machine.context
    context[FEATURES] = x
    context[LABELS] = y
    context[ORDER] = order - 8
    context[ORDER_END] = order + 8 * count
    run_records(
        machine.memory[machine.reserved :].ctypes.data,
        machine.records.ctypes.data + RECORD_BYTES * place,
        context.ctypes.data,
    )
    machine.numbers[STEPS] += (context[ORDER] - order) // 8 + 1


@inner_kernel
def any_alive(machine):
    for lane in range(machine.memory.shape[1]):
        if machine.bits[machine.reserved + ALIVE, lane] != U(0):
            return True
    return False


@inner_kernel
def group_bytes(rows, machine):
    return 8 * rows * machine.memory.shape[1]


@inner_kernel
def train(group, epoch, count, examples, machine, table, hashed):
    """Train one group of tasks for one epoch, or for its first rows."""
    step = machine.functions[TRAIN_HASHED if hashed else TRAIN_STEP]
    machine.records[machine.numbers[TRAIN_ERROR], FUNCTION] = step
    y = group * group_bytes(examples[TRAIN_ROWS], machine)
    x = y * table.kinds[2, ROWS]
    order = examples[TRAIN_ORDER] + 8 * epoch * examples[TRAIN_ROWS]
    run_examples(
        examples[TRAIN_X] + x, examples[TRAIN_Y] + y, order, count, machine.numbers[TRAIN], machine
    )


@inner_kernel
def validate(group, count, examples, machine, table, hashed):
    """Sum up the loss of one group of tasks on validation rows."""
    top = machine.reserved
    for lane in range(machine.memory.shape[1]):
        machine.memory[top + LOSS, lane] = 0.0
        machine.memory[top, lane] = 0.0  # the label stays hidden; nothing writes it in this loop
    step = machine.functions[VALID_HASHED if hashed else VALID_STEP]
    machine.records[machine.numbers[VALID_ERROR], FUNCTION] = step
    y = group * group_bytes(examples[VALID_ROWS], machine)
    x = y * table.kinds[2, ROWS]
    order = examples[VALID_ORDER]
    run_examples(
        examples[VALID_X] + x, examples[VALID_Y] + y, order, count, machine.numbers[VALID], machine
    )
