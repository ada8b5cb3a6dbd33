"""Programs: what they refuse, how they are printed, stored and turned into arrays."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paper_lessons.automl_zero import (
    Instruction,
    Memory,
    Op,
    OpSet,
    Program,
    programs,
    random_program,
)

FRACTIONS = ("index", "row", "column")


@st.composite
def instructions(draw):
    op = draw(st.sampled_from(list(Op)))
    finite = st.floats(-3e38, 3e38, allow_subnormal=False)
    number = {name: st.floats(0, 1, exclude_max=True) for name in FRACTIONS}
    number["std"] = st.floats(0, 3e38)
    data = [draw(number.get(name, finite)) for name in op.data]
    return Instruction(op, *(draw(st.integers(0, 19)) for _ in range(3)), data=data)


def any_program():
    return st.builds(Program, *([st.lists(instructions(), max_size=6)] * 3))


@settings(max_examples=150, deadline=None)
@given(program=any_program())
def test_json_arrays_and_dictionaries_bring_a_program_back(program, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "program.json"
    again = Program.load(program.save(path))
    assert again == program
    assert hash(again) == hash(program)
    assert Program.from_arrays(program.to_arrays()) == program
    padded = program.to_arrays((6, 7, 8))
    assert [code.shape for code, _ in padded] == [(6, 4), (7, 4), (8, 4)]
    assert all(code.dtype == np.int16 and data.dtype == np.float64 for code, data in padded)
    assert Program.from_arrays(padded, program.sizes) == program
    for instruction in program:
        if instruction.op is not Op.scalar_const:
            assert all(np.float32(x) == x for x in instruction.data)
        for name, value in zip(instruction.op.data, instruction.data, strict=False):
            assert name not in FRACTIONS or 0.0 <= value < 1.0


@settings(max_examples=100, deadline=None)
@given(program=any_program())
def test_a_program_prints_one_line_for_each_instruction(program):
    lines = str(program).splitlines()
    assert len(lines) == 3 + sum(max(1, size) for size in program.sizes)
    for instruction in program:
        assert f"  {instruction}" in lines
        for kind, address in (*instruction.reads, *instruction.writes):
            assert f"{kind}{address}" in str(instruction)


def test_how_instructions_look():
    looks = {
        "s3 = s0 - s1": Instruction(Op.scalar_difference, 0, 1, 3),
        "v2 = s3 * v0": Instruction(Op.scalar_vector_product, 3, 0, 2),
        "m0 = outer(v7, v0)": Instruction(Op.vector_outer_product, 7, 0, 0),
        "s4 = 1 / s2": Instruction(Op.scalar_reciprocal, 2, out=4),
        "v1 = norm(m0, axis=1)": Instruction(Op.matrix_row_norm, 0, out=1),
        "s2 = -0.25": Instruction(Op.scalar_const, out=2, data=[-0.25]),
        "v1[int(0.5 * F)] = 2": Instruction(Op.vector_const, out=1, data=[0.5, 2.0]),
        "m1[int(0.5 * F), int(0.25 * F)] = 1": Instruction(
            Op.matrix_const, out=1, data=[0.5, 0.25, 1.0]
        ),
        "v5 = uniform(0.25, 0.5)": Instruction(Op.vector_uniform, out=5, data=[0.25, 0.5]),
        "pass": Instruction(Op.no_op, 1, 2, 3),
    }
    assert {str(instruction): instruction for instruction in looks.values()} == looks


def test_what_an_op_does_not_use_is_zero():
    assert Instruction(Op.scalar_abs, 1, 9, 2, [5.0]) == Instruction(Op.scalar_abs, 1, out=2)
    assert Instruction(Op.no_op, 1, 2, 3) == Instruction(0)
    const = Instruction(Op.scalar_const, 4, 5, 2, [0.1, 7.0])
    assert (const.in1, const.in2, const.data) == (0, 0, (0.1, 0.0, 0.0))


def test_constants_have_the_references_precision():
    assert Instruction(Op.scalar_const, data=[0.1]).data[0] == 0.1
    assert Instruction(Op.vector_gaussian, data=[0.0, 0.1]).data[1] == float(np.float32(0.1))
    largest = Instruction(Op.vector_const, data=[0.9999999999, 1.0]).data[0]
    assert largest == 1 - 2**-24


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Instruction(65), "op must be an Op or a number from 0 to 64, got 65"),
        (lambda: Instruction(Op.scalar_abs, -1), "in1 must be an address from 0, got -1"),
        (lambda: Instruction(Op.scalar_abs, 1, out=1.5), "out must be an address from 0, got 1.5"),
        (
            lambda: Instruction(Op.scalar_const, data=[np.nan]),
            "const of .* must be finite, got nan",
        ),
        (lambda: Instruction(Op.scalar_uniform, data=[1e39]), "low of .* must be finite, got 1e"),
        (lambda: Instruction(Op.vector_const, data=[1.0, 0]), r"index .* lie in \[0, 1\), got 1.0"),
        (lambda: Instruction(Op.matrix_const, data=[0, -0.1, 0]), r"column .* \[0, 1\), got -0.1"),
        (lambda: Instruction(Op.scalar_gaussian, data=[0, -1.0]), "std of .* negative, got -1.0"),
        (lambda: Program([], [3], []), "predict must hold instructions, got 3"),
        (lambda: Memory(scalars=1), "scalars must be a whole number from 2, got 1"),
        (lambda: Memory(features=2.0), "features must be a whole number from 1, got 2.0"),
        (
            lambda: programs.linear_model().to_arrays((1, 1, 3)),
            "sizes must leave room for 4 learn instructions, got 3",
        ),
    ],
)
def test_bad_parts_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("instruction", "message"),
    [
        (Instruction(Op.scalar_abs, 0, out=0), "must write one of s1 to s3, got s0"),
        (Instruction(Op.vector_abs, 0, out=0), "must write one of v1 to v2, got v0"),
        (Instruction(Op.scalar_abs, 4, out=1), "must read one of s0 to s3, got s4"),
        (Instruction(Op.scalar_vector_product, 3, 3, 1), "must read one of v0 to v2, got v3"),
        (Instruction(Op.matrix_norm, 0, out=1), "must read no matrix at all, got m0"),
    ],
)
def test_addresses_outside_the_memory_are_refused(instruction, message):
    memory = Memory(scalars=4, vectors=3, matrices=0)
    with pytest.raises(ValueError, match=rf"^learn\[1\] \(.*\) {message}$"):
        Program(learn=[Instruction(Op.no_op), instruction]).check(memory)
    Program(learn=[Instruction(Op.no_op)]).check(memory)


def test_random_programs_and_those_by_hand_fit_their_memory():
    memory = Memory(5, 9, 2, 4)
    for seed in range(20):
        generator = np.random.default_rng(seed)
        program = random_program((3, 5, 9), OpSet.full(), memory, generator)
        program.check(memory)
        Memory.holding(program, 4)
        program.check(Memory.holding(program, 4))
    programs.linear_model().check(Memory(4, 3, 0))
    programs.neural_network().check(memory)
    assert Memory.holding(programs.neural_network(), 4) == Memory(5, 9, 2, 4)


def test_files_with_something_else_are_refused(tmp_path):
    path = tmp_path / "program.json"
    good = programs.linear_model().to_dict()
    for change, message in (
        ({"format": "x"}, "parts must be a program"),
        ({"version": 2}, "version must be 1, got 2"),
        ({"learn": [{"op": "plus"}]}, r"learn\[0\] is no instruction: .*plus"),
        ({"setup": [{"op": "scalar_const", "out": 2}]}, r"setup\[0\] is no instruction"),
        ({"predict": None}, "predict|NoneType"),
    ):
        path.write_text(json.dumps(good | change))
        with pytest.raises(
            ValueError, match=rf"program\.json must hold a saved program: .*{message}"
        ):
            Program.load(path)
    path.write_text("{")
    with pytest.raises(ValueError, match=r"program\.json must hold a saved program"):
        Program.load(path)
    assert "Infinity" not in json.dumps(good)
