"""A small writer of LLVM code, in which the engine's instructions are generated.

One value of the search's memory is a *row*: the same scalar (or element of a vector or matrix) of
several tasks side by side, one per *lane*. An instruction handles all tasks at once, so its
dispatch is paid once. A row is handled in chunks of up to four lanes, the width of an AVX2 register.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

Row = list[str]  # names of the LLVM values that hold the chunks of one row
Carry = list[Row]

UNROLLED = 16  # loops of up to so many turns are written out
DOUBLE = 8  # bytes


def constant(value: float) -> str:
    """A float64 as LLVM writes it: by its bits."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


class Writer:
    """The body of one function; methods append lines and return the names of new values.

    Parameters
    ----------
    lanes : int
        Tasks side by side: 1, 2, or a multiple of 4.
    """

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        self.width = min(4, lanes)
        self.chunks = lanes // self.width
        self.vector = f"<{self.width} x double>"
        self.integers = f"<{self.width} x i64>"
        self.bits = f"<{self.width} x i1>"
        self.row_bytes = lanes * DOUBLE
        self.lines: list[str] = []
        self.block = "entry"
        self._count = 0

    def line(self, text: str) -> None:
        self.lines.append(f"  {text}")

    def value(self, text: str) -> str:
        self._count += 1
        name = f"%t{self._count}"
        self.line(f"{name} = {text}")
        return name

    def start_block(self, stem: str) -> str:
        """Name a block that nothing has begun yet."""
        self._count += 1
        return f"{stem}{self._count}"

    def begin(self, block: str) -> None:
        self.lines.append(f"{block}:")
        self.block = block

    # pointers, scalars -------------------------------------------------------------------------

    def at(self, pointer: str, rows: int) -> str:
        return self.bytes_on(pointer, rows * self.row_bytes)

    def bytes_on(self, pointer: str, count: int | str) -> str:
        if count == 0:
            return pointer
        return self.value(f"getelementptr i8, ptr {pointer}, i64 {count}")

    def field(self, structure: str, index: int, kind: str) -> str:
        """Word ``index`` of a record of eight-byte words."""
        return self.value(f"load {kind}, ptr {self.bytes_on(structure, index * 8)}, align 8")

    def store_field(self, value: str, structure: str, index: int, kind: str) -> None:
        self.line(f"store {kind} {value}, ptr {self.bytes_on(structure, index * 8)}, align 8")

    # rows --------------------------------------------------------------------------------------

    def load(self, pointer: str, rows: int = 0, kind: str | None = None) -> Row:
        return [
            self.value(f"load {kind or self.vector}, ptr {place}, align 8")
            for place in self._places(pointer, rows)
        ]

    def store(self, row: Row, pointer: str, rows: int = 0, kind: str | None = None) -> None:
        for name, place in zip(row, self._places(pointer, rows), strict=True):
            self.line(f"store {kind or self.vector} {name}, ptr {place}, align 8")

    def _places(self, pointer: str, rows: int) -> list[str]:
        step = self.width * DOUBLE
        return [
            self.bytes_on(pointer, rows * self.row_bytes + chunk * step)
            for chunk in range(self.chunks)
        ]

    def splat(self, value: float) -> Row:
        inner = ", ".join([f"double {constant(value)}"] * self.width)
        return [f"<{inner}>"] * self.chunks

    def splat_integer(self, value: int) -> Row:
        return ["<" + ", ".join([f"i64 {value}"] * self.width) + ">"] * self.chunks

    def broadcast(self, scalar: str) -> Row:
        """A row from one double that is known only at run time."""
        one = self.value(f"insertelement {self.vector} poison, double {scalar}, i32 0")
        mask = f"<{self.width} x i32> zeroinitializer"
        all_lanes = self.value(f"shufflevector {self.vector} {one}, {self.vector} poison, {mask}")
        return [all_lanes] * self.chunks

    def binary(self, operation: str, left: Row, right: Row, kind: str | None = None) -> Row:
        return [
            self.value(f"{operation} {kind or self.vector} {a}, {b}")
            for a, b in zip(left, right, strict=True)
        ]

    def where(self, condition: Row, yes: Row, no: Row) -> Row:
        return [
            self.value(f"select {self.bits} {c}, {self.vector} {a}, {self.vector} {b}")
            for c, a, b in zip(condition, yes, no, strict=True)
        ]

    def unary(self, function: str, row: Row) -> Row:
        """An LLVM intrinsic without rounding choices: ``fabs``, ``sqrt``."""
        name = f"@llvm.{function}.v{self.width}f64"
        return [self.value(f"call {self.vector} {name}({self.vector} {x})") for x in row]

    def convert(self, operation: str, row: Row, source: str, target: str) -> Row:
        return [self.value(f"{operation} {source} {x} to {target}") for x in row]

    def any_lane(self, condition: Row) -> str:
        """Whether one lane of any chunk holds, as an i1."""
        joined = condition[0]
        for other in condition[1:]:
            joined = self.value(f"or {self.bits} {joined}, {other}")
        mask = self.value(f"bitcast {self.bits} {joined} to i{self.width}")
        return self.value(f"icmp ne i{self.width} {mask}, 0")

    # loops -------------------------------------------------------------------------------------

    def loop(
        self,
        count: int,
        pointers: Sequence[str],
        strides: Sequence[int],
        body: Callable[[list[str], Carry], Carry | None],
        carry: Carry | None = None,
        *,
        most_unrolled: int = UNROLLED,
        together: int = 5,
    ) -> Carry:
        """Run ``body(pointers, carry) -> carry`` ``count`` times, pointers moving on by ``strides`` rows."""
        carry = carry or []
        if count <= most_unrolled:
            for turn in range(count):
                moved = [self.at(p, turn * s) for p, s in zip(pointers, strides, strict=True)]
                carry = body(moved, carry) or carry
            return carry
        # together: how many turns of a loop are written out between two jumps
        together = next(k for k in range(together, 0, -1) if count % k == 0)
        before, head = self.block, self.start_block("loop")
        index, following = f"%turn_{head}", f"%following_{head}"
        inside = [f"%inside_{head}_{k}" for k in range(sum(map(len, carry)))]
        self.line(f"br label %{head}")
        self.begin(head)
        position = len(self.lines)  # the phis go here once the last block of the body is known
        moved = []
        for pointer, stride in zip(pointers, strides, strict=True):
            offset = self.value(f"mul i64 {index}, {stride * self.row_bytes}")
            moved.append(self.bytes_on(pointer, offset))
        names = iter(inside)
        current: Carry = [[next(names) for _ in row] for row in carry]
        for step in range(together):
            places = [self.at(p, step * s) for p, s in zip(moved, strides, strict=True)]
            current = body(places, current) or current
        self.line(f"{following} = add i64 {index}, {together}")
        finished = self.value(f"icmp eq i64 {following}, {count}")
        after = self.start_block("after")
        last = self.block
        self.line(f"br i1 {finished}, label %{after}, label %{head}")
        phis = [f"  {index} = phi i64 [ 0, %{before} ], [ {following}, %{last} ]"]
        first = [name for row in carry for name in row]
        now = [name for row in current for name in row]
        phis += [
            f"  {name} = phi {self.vector} [ {a}, %{before} ], [ {b}, %{last} ]"
            for name, a, b in zip(inside, first, now, strict=True)
        ]
        self.lines[position:position] = phis
        self.begin(after)
        return current
