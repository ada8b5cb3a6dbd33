"""Instructions, and programs of three components: Setup, Predict and Learn."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int16

from paper_lessons.automl_zero.memory import Memory
from paper_lessons.automl_zero.ops import COMPONENTS, Op
from paper_lessons.files import write_atomically

FORMAT = "paper_lessons.automl_zero.program"

_BELOW_ONE = float(np.nextafter(np.float32(1), np.float32(0)))

ComponentArrays = tuple[Int16[np.ndarray, "n 4"], Float[np.ndarray, "n 3"]]


@dataclass(frozen=True)
class Instruction:
    """One op with the addresses that it reads and writes, and its constants.

    Parameters
    ----------
    op : Op or int
        The operation.
    in1, in2, out : int
        Addresses within the kinds of memory that the op names.
    data : sequence of up to 3 floats
        The constants, in the order of ``op.data``. The constant of scalar_const is kept as float64,
        all others are rounded to float32, as in the reference. Indices are fractions of F in [0, 1),
        so that a program fits any number of features.

    Raises
    ------
    ValueError
        If an address or a standard deviation is negative, a constant is not finite, or an index is
        outside [0, 1).

    Notes
    -----
    What the op does not use is set to zero, so that equal instructions compare equal.

    Examples
    --------
    >>> print(Instruction(Op.scalar_difference, 0, 1, 3))
    s3 = s0 - s1
    """

    op: Op
    in1: int = 0
    in2: int = 0
    out: int = 0
    data: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __init__(
        self, op: Op | int, in1: int = 0, in2: int = 0, out: int = 0, data: Sequence[float] = ()
    ) -> None:
        try:
            op = Op(op)
        except ValueError:
            raise ValueError(f"op must be an Op or a number from 0 to 64, got {op!r}") from None
        object.__setattr__(self, "op", op)
        used = (len(op.inputs) > 0, len(op.inputs) > 1, op.output is not None)
        for name, address, is_used in zip(
            ("in1", "in2", "out"), (in1, in2, out), used, strict=True
        ):
            if not isinstance(address, Integral) or address < 0:
                raise ValueError(f"{name} must be an address from 0, got {address!r}")
            object.__setattr__(self, name, int(address) if is_used else 0)
        object.__setattr__(self, "data", _rounded(op, data))

    @cached_property
    def reads(self) -> tuple[tuple[str, int], ...]:
        """(kind, address) of each input."""
        return tuple(zip(self.op.inputs, (self.in1, self.in2), strict=False))

    @cached_property
    def writes(self) -> tuple[tuple[str, int], ...]:
        """(kind, address) of the output; empty for no_op."""
        return () if self.op.output is None else ((self.op.output, self.out),)

    def __str__(self) -> str:
        names = [f"{kind}{address}" for kind, address in self.reads]
        numbers = [f"{value:.6g}" for value in self.data]
        text = self.op.text.format(
            a=names[0] if names else "",
            b=names[-1] if names else "",
            **{f"d{i}": number for i, number in enumerate(numbers)},
        )
        if self.op.output is None:
            return text
        target = f"{self.op.output}{self.out}"
        if self.op.partial:  # the fractions that the indices are made of
            places = numbers[: len(self.op.data) - 1]
            target += "[" + ", ".join(f"int({place} * F)" for place in places) + "]"
        return f"{target} = {text}"


@dataclass(frozen=True)
class Program:
    """A machine-learning algorithm: Setup runs once, Predict and Learn once for each example.

    Parameters
    ----------
    setup, predict, learn : iterable of Instruction
        The three components (the paper's "component functions").

    Raises
    ------
    ValueError
        If a component holds something that is no instruction.

    Examples
    --------
    >>> print(Program(predict=[Instruction(Op.vector_inner_product, 0, 1, out=1)]))
    def Setup():
      pass
    def Predict():
      s1 = dot(v0, v1)
    def Learn():
      pass
    """

    setup: tuple[Instruction, ...]
    predict: tuple[Instruction, ...]
    learn: tuple[Instruction, ...]

    def __init__(
        self,
        setup: Iterable[Instruction] = (),
        predict: Iterable[Instruction] = (),
        learn: Iterable[Instruction] = (),
    ) -> None:
        for name, instructions in zip(COMPONENTS, (setup, predict, learn), strict=True):
            listed = tuple(instructions)
            for entry in listed:
                if not isinstance(entry, Instruction):
                    raise ValueError(f"{name} must hold instructions, got {entry!r}")
            object.__setattr__(self, name, listed)

    def __iter__(self) -> Iterator[Instruction]:
        return iter((*self.setup, *self.predict, *self.learn))

    @property
    def components(self) -> tuple[tuple[Instruction, ...], ...]:
        """Setup, Predict and Learn."""
        return self.setup, self.predict, self.learn

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Numbers of instructions of the components."""
        return len(self.setup), len(self.predict), len(self.learn)

    def cost(self, steps: int) -> float:
        """Sum of the ops' costs over Setup and a number of training steps, in the authors' unit.

        Examples
        --------
        >>> Program(learn=[Instruction(Op.no_op)]).cost(100)
        301.0
        """
        once, predict, learn = (sum(i.op.cost for i in part) for part in self.components)
        return once + steps * (predict + learn)

    def check(self, memory: Memory) -> None:
        """Raise ValueError if an instruction reads or writes what the memory does not have.

        Examples
        --------
        >>> Program(learn=[Instruction(Op.scalar_abs, 0, out=0)]).check(Memory(scalars=4))
        Traceback (most recent call last):
        ValueError: learn[0] (s0 = abs(s0)) must write one of s1 to s3, got s0
        """
        for name, instructions in zip(COMPONENTS, self.components, strict=True):
            for place, instruction in enumerate(instructions):
                where = f"{name}[{place}] ({instruction})"
                for kind, address in instruction.reads:
                    memory.check(where, "read", kind, address)
                for kind, address in instruction.writes:
                    memory.check(where, "write", kind, address)

    def to_arrays(self, sizes: Sequence[int] | None = None) -> tuple[ComponentArrays, ...]:
        """The components as arrays of numbers.

        Parameters
        ----------
        sizes : three ints, optional
            Rows of each component's arrays; those after its last instruction are no_ops. By default
            as many as there are instructions.

        Returns
        -------
        tuple of three (code, data)
            code : int16 array of shape (n, 4), columns op, in1, in2, out;
            data : float64 array of shape (n, 3).

        Raises
        ------
        ValueError
            If a component has more instructions than rows.

        Examples
        --------
        >>> Program(learn=[Instruction(Op.scalar_sum, 2, 3, 1)]).to_arrays()[2][0].tolist()
        [[1, 2, 3, 1]]
        """
        arrays = []
        rows = self.sizes if sizes is None else sizes
        for name, instructions, n in zip(COMPONENTS, self.components, rows, strict=True):
            if len(instructions) > n:
                raise ValueError(
                    f"sizes must leave room for {len(instructions)} {name} instructions, got {n}"
                )
            code, data = np.zeros((n, 4), np.int16), np.zeros((n, 3))
            for row, i in enumerate(instructions):
                code[row] = i.op, i.in1, i.in2, i.out
                data[row] = i.data
            arrays.append((code, data))
        return tuple(arrays)

    @classmethod
    def from_arrays(
        cls, arrays: Sequence[ComponentArrays], sizes: Sequence[int] | None = None
    ) -> Program:
        """The program that `to_arrays` wrote.

        Parameters
        ----------
        arrays : three (code, data)
            As `to_arrays` returns them.
        sizes : three ints, optional
            How many leading rows of each component count; by default all.

        Examples
        --------
        >>> program = Program(learn=[Instruction(Op.scalar_sum, 2, 3, 1)])
        >>> Program.from_arrays(program.to_arrays((1, 1, 5)), program.sizes) == program
        True
        """
        rows = [len(code) for code, _ in arrays] if sizes is None else sizes
        return cls(
            *(
                [
                    Instruction(op, in1, in2, out, constants)
                    for (op, in1, in2, out), constants in zip(
                        code[:n].tolist(), data[:n].tolist(), strict=True
                    )
                ]
                for (code, data), n in zip(arrays, rows, strict=True)
            )
        )

    def to_dict(self) -> dict[str, Any]:
        """The program as plain data, op names spelled out; `from_dict` reads it back."""
        parts: dict[str, Any] = {"format": FORMAT, "version": 1}
        for name, instructions in zip(COMPONENTS, self.components, strict=True):
            parts[name] = [_to_entry(instruction) for instruction in instructions]
        return parts

    @classmethod
    def from_dict(cls, parts: dict[str, Any]) -> Program:
        """The program that `to_dict` wrote.

        Raises
        ------
        ValueError
            If the data are something else, with the place that is wrong.

        Examples
        --------
        >>> program = Program(learn=[Instruction(Op.scalar_sum, 2, 3, 1)])
        >>> Program.from_dict(program.to_dict()) == program
        True
        """
        if not isinstance(parts, dict) or parts.get("format") != FORMAT:
            raise ValueError(f"parts must be a program (format {FORMAT!r}), got {str(parts)[:80]}")
        if parts.get("version") != 1:
            raise ValueError(f"version must be 1, got {parts.get('version')!r}")
        return cls(
            *([_from_entry(e, f"{c}[{i}]") for i, e in enumerate(parts[c])] for c in COMPONENTS)
        )

    def save(self, path: str | Path) -> Path:
        """Write the program as JSON, exactly; the file appears whole or not at all."""
        return write_atomically(path, json.dumps(self.to_dict(), indent=1) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> Program:
        """Read a program that `save` wrote.

        Raises
        ------
        ValueError
            If the file holds something else.

        Examples
        --------
        >>> import tempfile
        >>> program = Program(learn=[Instruction(Op.scalar_sum, 2, 3, 1)])
        >>> Program.load(program.save(Path(tempfile.mkdtemp()) / "program.json")) == program
        True
        """
        try:
            return cls.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{Path(path).name} must hold a saved program: {error}") from error

    def __str__(self) -> str:
        lines = []
        for name, instructions in zip(COMPONENTS, self.components, strict=True):
            lines.append(f"def {name.capitalize()}():")
            lines += [f"  {instruction}" for instruction in instructions] or ["  pass"]
        return "\n".join(lines)


def _rounded(op: Op, data: Sequence[float]) -> tuple[float, float, float]:
    values = [float(value) for value in data][: len(op.data)]
    values += [0.0] * (len(op.data) - len(values))
    if op is not Op.scalar_const:
        with np.errstate(over="ignore"):
            values = [float(np.float32(value)) for value in values]
    for place, (name, value) in enumerate(zip(op.data, values, strict=True)):
        if not np.isfinite(value):
            raise ValueError(f"{name} of {op.name} must be finite, got {data[place]!r}")
        if name == "std" and value < 0.0:
            raise ValueError(f"std of {op.name} must not be negative, got {data[place]!r}")
        if name in ("index", "row", "column"):
            if not 0.0 <= data[place] < 1.0:
                raise ValueError(f"{name} of {op.name} must lie in [0, 1), got {data[place]!r}")
            values[place] = min(value, _BELOW_ONE)  # float32 has nothing between this and 1
    first, second, third = [*values, 0.0, 0.0, 0.0][:3]
    return first, second, third


def _to_entry(instruction: Instruction) -> dict[str, Any]:
    op = instruction.op
    entry: dict[str, Any] = {"op": op.name}
    entry |= {"in": [address for _, address in instruction.reads]} if op.inputs else {}
    entry |= {"out": instruction.out} if op.output else {}
    return entry | dict(zip(op.data, instruction.data, strict=False))


def _from_entry(entry: dict[str, Any], where: str) -> Instruction:
    try:
        op = Op[entry["op"]]
        in1, in2 = [*entry.get("in", []), 0, 0][:2]
        return Instruction(op, in1, in2, entry.get("out", 0), [entry[name] for name in op.data])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{where} is no instruction: {entry!r} ({error})") from error
