"""LLVM code of the records around a program: loading an example, taking its error, going on.

A run over examples is a chain of records like any other: load the features, the instructions of
predict, take the error, set the label, the instructions of learn, and back to the start.
"""

from __future__ import annotations

import math

from paper_lessons.automl_zero.engine.ir import Row
from paper_lessons.automl_zero.engine.llvm_ops import (
    ALIVE,
    FEATURES,
    HASH,
    IN1,
    LABELS,
    LOSS,
    MATH,
    MAX_ERROR,
    NOW_FEATURES,
    NOW_LABELS,
    ORDER,
    ORDER_END,
    OUT,
    RANDOM_SOURCE,
    OpWriter,
    function_source,
    op_source,
)
from paper_lessons.automl_zero.ops import Op

PREDICTION = 1  # row of s1
MULTIPLIER = -7046029254386353131  # 0x9E3779B97F4A7C15, the golden ratio in 64 bits
SHIFT = 29

# In the order of the engine's table, after the 65 ops.
STEPS = (
    "stop",
    "load_features",
    "clear_label",
    "set_label",
    "next_example",
    "train_rms",
    "train_rms_hashed",
    "train_accuracy",
    "train_accuracy_hashed",
    "valid_rms",
    "valid_rms_hashed",
    "valid_accuracy",
    "valid_accuracy_hashed",
)


def engine_source(features: int, lanes: int) -> str:
    """LLVM text of the whole engine: the ops, the steps, and the table of their addresses."""
    names = [op.name for op in Op] + list(STEPS)
    width = min(4, lanes)
    vector = f"<{width} x double>"
    declared = [f"declare double @{name}(double)" for name in MATH]
    declared += [
        f"declare {vector} @llvm.{name}.v{width}f64({vector})" for name in ("fabs", "sqrt")
    ]
    declared.append("declare double @llvm.sqrt.f64(double)")
    parts = [
        *declared,
        RANDOM_SOURCE,
        *(op_source(op, features, lanes) for op in Op),
        *(_step_source(name, features, lanes) for name in STEPS),
        f"@table = constant [{len(names)} x ptr] [{', '.join(f'ptr @{name}' for name in names)}]",
        "attributes #0 = { nounwind }",
        '!0 = !{!"branch_weights", i32 1, i32 1000}',
    ]
    return "\n".join(parts)


def _step_source(name: str, features: int, lanes: int) -> str:
    writer = OpWriter(features, lanes)
    if name == "stop":
        writer.line("ret void")
    elif name == "next_example":
        _next_example(writer)
    else:
        if name == "load_features":
            _load_features(writer)
        elif name == "clear_label":
            writer.store(writer.splat(0.0), "%memory")
        elif name == "set_label":
            writer.store(writer.load(writer.field("%context", NOW_LABELS, "ptr")), "%memory")
        else:
            phase, kind, *hashed = name.split("_")
            _take_error(writer, phase, kind, bool(hashed))
        writer.finish()
    return function_source(name, writer)


def _load_features(w: OpWriter) -> None:
    source, target = w.field("%context", NOW_FEATURES, "ptr"), w.operand(OUT)
    w.loop(w.features, [source, target], [1, 1], lambda p, _: w.store(w.load(p[0]), p[1]))


def _next_example(w: OpWriter) -> None:
    """Point at the next example and go back to the record whose distance the record holds."""
    order = w.bytes_on(w.field("%context", ORDER, "ptr"), 8)
    finished = w.value(f"icmp eq ptr {order}, {w.field('%context', ORDER_END, 'ptr')}")
    more, done = w.start_block("more"), w.start_block("done")
    w.line(f"br i1 {finished}, label %{done}, label %{more}")
    w.begin(done)
    w.finish()
    w.begin(more)
    w.store_field(order, "%context", ORDER, "ptr")
    example = w.field(order, 0, "i64")
    for base, now, rows in ((FEATURES, NOW_FEATURES, w.features), (LABELS, NOW_LABELS, 1)):
        offset = w.value(f"mul i64 {example}, {rows * w.row_bytes}")
        start = w.field("%context", base, "ptr")
        w.store_field(w.bytes_on(start, offset), "%context", now, "ptr")
    w.jump(w.bytes_on("%record", w.field("%record", IN1, "i64")))


def _take_error(w: OpWriter, phase: str, kind: str, hashed: bool) -> None:
    """The error of one example; training stops when it is too large in every lane."""
    label = w.load(w.field("%context", NOW_LABELS, "ptr"))
    prediction = w.at("%memory", PREDICTION)
    checked = True
    if phase == "train" and kind == "accuracy":
        _sigmoid(w, prediction)
    if phase == "valid" and kind == "accuracy":
        wrong = _is_wrong(w, label, w.load(prediction))
        error, loss, checked = wrong, wrong, False
    else:
        difference = w.binary("fsub", label, w.load(prediction))
        error, loss = w.unary("fabs", difference), w.square(difference)
    if phase == "valid":
        w.store(w.binary("fadd", w.load("%memory", LOSS), loss), "%memory", LOSS)
    if hashed:
        _mix(w, error)
    if checked:
        # The probe's validation must see all examples: a lane that fails there is told apart
        # by its errors, not by where it failed.
        _stop_if_all_failed(w, error, stops=not (phase == "valid" and hashed))


def _sigmoid(w: OpWriter, prediction: str) -> None:
    """Replace s1 by 1 / (1 + exp(-s1))."""
    w.store([w.value(f"fneg {w.vector} {logit}") for logit in w.load(prediction)], prediction)
    w.each_lane(prediction, prediction, "exp")
    w.store(
        w.binary("fdiv", w.splat(1.0), w.binary("fadd", w.splat(1.0), w.load(prediction))),
        prediction,
    )


def _is_wrong(w: OpWriter, label: Row, logit: Row) -> Row:
    """1 where (label > 0.5) differs from (sigmoid(logit) > 0.5); nan counts as the class 0."""
    truth = w.binary("fcmp ogt", label, w.splat(0.5))
    said = w.binary("fcmp oge", logit, w.splat(least_positive_logit()))
    differ = w.binary("xor", truth, said, w.bits)
    return w.where(differ, w.splat(1.0), w.splat(0.0))


def least_positive_logit() -> float:
    """The smallest number whose sigmoid, as computed, is above one half."""
    low, high = 0.0, 1.0
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return high
        if 1.0 / (1.0 + math.exp(-middle)) > 0.5:
            high = middle
        else:
            low = middle


def _mix(w: OpWriter, error: Row) -> None:
    """Fold the bits of the errors into each lane's hash."""
    bits = w.convert("bitcast", error, w.vector, w.integers)
    state = w.binary("xor", w.load("%memory", HASH, w.integers), bits, w.integers)
    state = w.binary("mul", state, w.splat_integer(MULTIPLIER), w.integers)
    shifted = w.binary("lshr", state, w.splat_integer(SHIFT), w.integers)
    w.store(w.binary("xor", state, shifted, w.integers), "%memory", HASH, w.integers)


def _stop_if_all_failed(w: OpWriter, error: Row, stops: bool) -> None:
    """Mark lanes whose error is above the maximum, or nan; return when none is left."""
    most = w.broadcast(w.field("%context", MAX_ERROR, "double"))
    failed = w.binary("fcmp ugt", error, most)
    some, fine = w.start_block("some"), w.start_block("fine")
    w.line(f"br i1 {w.any_lane(failed)}, label %{some}, label %{fine}, !prof !0")
    w.begin(some)
    alive = w.load("%memory", ALIVE, w.integers)
    left = [
        w.value(f"select {w.bits} {f}, {w.integers} zeroinitializer, {w.integers} {a}")
        for f, a in zip(failed, alive, strict=True)
    ]
    w.store(left, "%memory", ALIVE, w.integers)
    if stops:
        nonzero = w.any_lane([w.value(f"icmp ne {w.integers} {a}, zeroinitializer") for a in left])
        none = w.start_block("none")
        w.line(f"br i1 {nonzero}, label %{fine}, label %{none}")
        w.begin(none)
        w.line("ret void")
    else:
        w.line(f"br label %{fine}")
    w.begin(fine)
