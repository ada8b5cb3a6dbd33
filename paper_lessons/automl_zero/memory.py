"""The memory that programs work on: scalars, vectors and matrices, at numbered addresses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from paper_lessons.automl_zero.ops import KINDS

# The addresses that the loop of training and validation writes and reads.
LABEL = ("s", 0)
PREDICTION = ("s", 1)
FEATURES = ("v", 0)


@dataclass(frozen=True)
class Memory:
    """How many scalars, vectors and matrices a program may address, and how long they are.

    s0 is the label, s1 the prediction and v0 the features. No instruction may write s0 or v0.

    Parameters
    ----------
    scalars, vectors, matrices : int
        Numbers of addresses: at least 2, 1 and 0.
    features : int
        Length F of a vector; matrices are F x F.

    Raises
    ------
    ValueError
        If a number is too small.

    Examples
    --------
    >>> Memory(features=8).addresses("v")
    3
    """

    scalars: int = 4
    vectors: int = 3
    matrices: int = 1
    features: int = 4

    def __post_init__(self) -> None:
        for name, least in (("scalars", 2), ("vectors", 1), ("matrices", 0), ("features", 1)):
            value = getattr(self, name)
            if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
                raise ValueError(f"{name} must be a whole number from {least}, got {value!r}")

    def addresses(self, kind: str) -> int:
        """Number of addresses of a kind ("s", "v" or "m")."""
        return {"s": self.scalars, "v": self.vectors, "m": self.matrices}[kind]

    @staticmethod
    def first_output(kind: str) -> int:
        """The lowest address of a kind that an instruction may write."""
        return 0 if kind == "m" else 1

    @classmethod
    def holding(cls, program: Iterable[Any], features: int) -> Memory:
        """The smallest memory that has all addresses of a program, which is an iterable of instructions.

        Examples
        --------
        >>> from paper_lessons.automl_zero.ops import Op
        >>> from paper_lessons.automl_zero.program import Instruction, Program
        >>> Memory.holding(Program(learn=[Instruction(Op.scalar_abs, 0, out=6)]), features=4)
        Memory(scalars=7, vectors=1, matrices=0, features=4)
        """
        most = {"s": 1, "v": 0, "m": -1}
        for instruction in program:
            for kind, address in (*instruction.reads, *instruction.writes):
                most[kind] = max(most[kind], address)
        return cls(most["s"] + 1, most["v"] + 1, most["m"] + 1, features)

    def check(self, where: str, verb: str, kind: str, address: int) -> None:
        """Raise ValueError, which begins with ``where``, if a cell cannot be read or written."""
        first = self.first_output(kind) if verb == "write" else 0
        last = self.addresses(kind) - 1
        if first <= address <= last:
            return
        allowed = f"one of {kind}{first} to {kind}{last}"
        if last < first:
            allowed = f"no {KINDS[kind]} at all"
        raise ValueError(f"{where} must {verb} {allowed}, got {kind}{address}")
