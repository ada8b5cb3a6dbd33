"""What several tests of the lesson share: small tasks, and random programs of any op."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from paper_lessons.automl_zero import Memory, OpSet, Program, Tasks, random_program
from paper_lessons.automl_zero.mutation import random_instruction


@pytest.fixture(scope="session")
def memory() -> Memory:
    """Small enough that random instructions often meet."""
    return Memory(scalars=4, vectors=3, matrices=2, features=3)


@pytest.fixture(scope="session")
def tasks() -> Tasks:
    """Two regressions on three features."""
    return _tasks("rms")


@pytest.fixture(scope="session")
def class_tasks() -> Tasks:
    """Two classifications on three features."""
    return _tasks("accuracy")


@pytest.fixture(scope="session")
def deterministic() -> OpSet:
    """All ops that draw nothing, in every component."""
    ops = [op for op in OpSet.full().ops if not op.random]
    return OpSet(ops, ops, ops)


@pytest.fixture(scope="session")
def draw_program(memory: Memory, deterministic: OpSet) -> Callable[[int], Program]:
    """A random program without random ops, by number.

    Of programs that are left to chance nearly all predict nothing, or end at once. So in three of
    four the last instruction of Predict writes the prediction, and half are made of tame ops.
    """
    to_scalar = [op for op in deterministic.predict if op.output == "s"]
    calm = [op for op in deterministic.predict if op in {*OpSet.demo().ops, *OpSet.baseline().ops}]
    tame = OpSet(calm, calm, calm)

    def draw(number: int) -> Program:
        generator = np.random.default_rng(number)
        sizes = [int(size) for size in generator.integers(0, 10, size=3)]
        op_set = (deterministic, tame)[number // 4 % 2]
        program = random_program(sizes, op_set, memory, generator)
        if number % 4 == 0:
            return program
        last = replace(random_instruction(to_scalar, memory, generator), out=1)
        return replace(program, predict=(*program.predict, last))

    return draw


def _tasks(kind: str) -> Tasks:
    generator = np.random.default_rng(5)
    x = generator.standard_normal((2, 14, 3))
    y = x @ np.array([1.0, -0.5, 0.25])
    if kind == "accuracy":
        y = (y > 0).astype(float)
    return Tasks(x[:, :8], y[:, :8], x[:, 8:], y[:, 8:], kind=kind)
