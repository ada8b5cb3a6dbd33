"""LLVM code of the 65 ops, for a number of features and of lanes.

Every op is a function of its own ``(memory, record, context)`` that ends by jumping to the function
of the next record (threaded code). So an op costs the same however many others there are: nothing
is kept in registers between ops, and each jump has its own place in the branch predictor.

A record is eight words: the function, byte offsets of the output and both inputs in memory, three
constants, one spare. Operands never overlap in part, so that reading a row before writing it
is enough where output and input are the same; products of matrices go through ``scratch``.
"""

from __future__ import annotations

from collections.abc import Callable

from paper_lessons.automl_zero.engine.ir import Carry, Row, Writer, constant
from paper_lessons.automl_zero.ops import Op

RECORD_WORDS = 8
FUNCTION, OUT, IN1, IN2, DATA = 0, 1, 2, 3, 4
# Rows in front of the memory: what the engine itself keeps for each lane.
ALIVE, LOSS, HASH, SCRATCH = -1, -2, -3, -4
# Words of the context: what a run over examples reads and moves.
CONTEXT_WORDS = 12
FEATURES, LABELS, ORDER, ORDER_END, NOW_FEATURES, NOW_LABELS, RANDOM, MAX_ERROR = range(8)

MATH = ("sin", "cos", "tan", "asin", "acos", "atan", "exp", "log")
_ARITHMETIC = {"sum": "fadd", "difference": "fsub", "product": "fmul", "division": "fdiv"}
_LIBRARY = {"arcsin": "asin", "arccos": "acos", "arctan": "atan"}


class OpWriter(Writer):
    """Writes the function of one op."""

    def __init__(self, features: int, lanes: int) -> None:
        super().__init__(lanes)
        self.features = features
        self.sizes = {"s": 1, "v": features, "m": features * features}

    def operand(self, word: int) -> str:
        """Pointer to an operand of the record."""
        return self.bytes_on("%memory", self.field("%record", word, "i64"))

    def scratch(self) -> str:
        """Rows for one matrix, in front of the memory."""
        return self.at("%memory", SCRATCH - self.sizes["m"] + 1)

    def finish(self) -> None:
        """Go on with the next record."""
        self.jump(self.bytes_on("%record", RECORD_WORDS * 8))

    def jump(self, record: str) -> None:
        function = self.field(record, FUNCTION, "ptr")
        self.line(f"musttail call void {function}(ptr %memory, ptr {record}, ptr %context)")
        self.line("ret void")

    # rows of an operand ------------------------------------------------------------------------

    def each_row(self, count: int, function: Callable[..., Row], inputs: int) -> None:
        """``out[r] = function(in1[r], in2[r])``."""
        pointers = [self.operand(OUT), *(self.operand(IN1 + k) for k in range(inputs))]

        def body(places: list[str], _: Carry) -> None:
            self.store(function(*(self.load(place) for place in places[1:])), places[0])

        self.loop(count, pointers, [1] * len(pointers), body)

    def total(
        self, count: int, pointers: list[str], term: Callable[..., Row], stride: int = 1
    ) -> Row:
        """Sum over rows of ``term``, from the first to the last, beginning at zero."""

        def body(places: list[str], carry: Carry) -> Carry:
            return [self.binary("fadd", carry[0], term(*(self.load(place) for place in places)))]

        return self.loop(count, pointers, [stride] * len(pointers), body, [self.splat(0.0)])[0]

    def square(self, row: Row) -> Row:
        return self.binary("fmul", row, row)

    def product(self, left: Row, right: Row) -> Row:
        return self.binary("fmul", left, right)

    def divided(self, row: Row, count: int) -> Row:
        return self.binary("fdiv", row, self.splat(float(count)))

    def norm(self, count: int, pointer: str, stride: int = 1) -> Row:
        return self.unary("sqrt", self.total(count, [pointer], self.square, stride))

    def mean(self, count: int, pointer: str) -> Row:
        return self.divided(self.total(count, [pointer], lambda row: row), count)

    def deviation(self, count: int, pointer: str) -> Row:
        mean = self.mean(count, pointer)
        squares = self.divided(self.total(count, [pointer], self.square), count)
        return self.unary("sqrt", self.binary("fsub", squares, self.square(mean)))

    def chosen(self, comparison: str, left: Row, right: Row, yes: Row, no: Row) -> Row:
        return self.where(self.binary(f"fcmp {comparison}", left, right), yes, no)

    def each_lane(self, source: str, target: str, function: str) -> None:
        """Call a function of the C library for every lane."""

        def body(places: list[str], _: Carry) -> None:
            value = self.value(f"load double, ptr {places[0]}, align 8")
            result = self.value(f"call double @{function}(double {value})")
            self.line(f"store double {result}, ptr {places[1]}, align 8")

        whole, self.row_bytes = self.row_bytes, 8  # the loop moves on by one lane, not by a row
        self.loop(self.lanes, [source, target], [1, 1], body, most_unrolled=0, together=1)
        self.row_bytes = whole


def op_source(op: Op, features: int, lanes: int) -> str:
    """The function of one op, as LLVM text."""
    writer = OpWriter(features, lanes)
    _write(op, writer)
    writer.finish()
    return function_source(op.name, writer)


def function_source(name: str, writer: Writer) -> str:
    body = "\n".join(writer.lines)
    return (
        f"define void @{name}(ptr %memory, ptr %record, ptr %context) #0 {{\nentry:\n{body}\n}}\n"
    )


def _write(op: Op, w: OpWriter) -> None:
    kind, _, rest = op.name.partition("_")
    kind = kind[0]
    if op == Op.no_op:
        return
    if op.name in _STRUCTURED:
        _STRUCTURED[op.name](w)
    elif rest in ("uniform", "gaussian"):
        _draw(w, w.sizes[kind], rest)
    elif rest == "const":
        value = w.broadcast(w.field("%record", DATA, "double"))
        w.store(value, w.operand(OUT))
    elif rest in _ARITHMETIC and len(op.inputs) == 2:
        w.each_row(w.sizes[kind], lambda a, b: w.binary(_ARITHMETIC[rest], a, b), 2)
    elif rest in ("min", "max"):
        w.each_row(w.sizes[kind], _extreme(w, kind, rest), 2)
    elif rest in ("norm", "mean", "std"):
        summary = {"norm": w.norm, "mean": w.mean, "std": w.deviation}[rest]
        w.store(summary(w.sizes[kind], w.operand(IN1)), w.operand(OUT))
    elif rest in ("abs", "reciprocal", "heaviside"):
        w.each_row(w.sizes[kind], _elementwise(w, kind, rest), 1)
    else:
        w.each_lane(w.operand(IN1), w.operand(OUT), _LIBRARY.get(rest, rest))


def _extreme(w: OpWriter, kind: str, name: str) -> Callable[[Row, Row], Row]:
    """Minimum or maximum; which operand a nan or a tie yields differs between matrices and the rest."""
    if kind == "m":
        comparison = "olt" if name == "min" else "ogt"
        return lambda a, b: w.chosen(comparison, a, b, a, b)
    if name == "min":
        return lambda a, b: w.chosen("olt", b, a, b, a)
    return lambda a, b: w.chosen("olt", a, b, b, a)


def _elementwise(w: OpWriter, kind: str, name: str) -> Callable[[Row], Row]:
    if name == "abs":
        return lambda a: w.unary("fabs", a)
    if name == "reciprocal":
        return lambda a: w.binary("fdiv", w.splat(1.0), a)
    comparison = "oge" if kind == "s" else "ogt"
    return lambda a: w.chosen(comparison, a, w.splat(0.0), w.splat(1.0), w.splat(0.0))


def _scaled(w: OpWriter, count: int) -> None:
    scale = w.load(w.operand(IN1))
    pointers = [w.operand(OUT), w.operand(IN2)]

    def body(places: list[str], _: Carry) -> None:
        w.store(w.product(scale, w.load(places[1])), places[0])

    w.loop(count, pointers, [1, 1], body)


def _broadcast(w: OpWriter) -> None:
    value = w.load(w.operand(IN1))
    w.loop(w.features, [w.operand(OUT)], [1], lambda places, _: w.store(value, places[0]))


def _cells(w: OpWriter, inputs: list[tuple[str, int]], cell: Callable[..., Row]) -> None:
    """Fill a matrix row by row; ``inputs`` are pointers with "r" or "c", what they move along."""
    size = w.features

    def line(places: list[str], _: Carry) -> None:
        fixed = [
            w.load(p) if along == 0 else None
            for p, (_, along) in zip(places[1:], inputs, strict=True)
        ]
        moving = [p for p, (_, along) in zip(places[1:], inputs, strict=True) if along]

        def one(inner: list[str], _: Carry) -> None:
            loaded = iter(w.load(place) for place in inner[1:])
            w.store(cell(*(next(loaded) if row is None else row for row in fixed)), inner[0])

        w.loop(size, [places[0], *moving], [1] * (1 + len(moving)), one)

    strides = [size, *(0 if along else 1 for _, along in inputs)]
    w.loop(size, [w.operand(OUT), *(p for p, _ in inputs)], strides, line, together=1)


def _each_matrix_row(w: OpWriter, summary: Callable[[str], Row], stride: int, step: int) -> None:
    """``out[r] = summary(row or column r)``, in order."""

    def body(places: list[str], _: Carry) -> None:
        w.store(summary(places[1]), places[0])

    w.loop(w.features, [w.operand(OUT), w.operand(IN1)], [1, stride], body, together=step)


def _copy(w: OpWriter, count: int, source: str, target: str) -> None:
    w.loop(count, [source, target], [1, 1], lambda p, _: w.store(w.load(p[0]), p[1]))


def _matrix_vector(w: OpWriter) -> None:
    vector, size = w.operand(IN2), w.features

    def body(places: list[str], _: Carry) -> None:
        w.store(w.total(size, [places[1], vector], w.product), places[0])

    scratch = w.scratch()
    w.loop(size, [scratch, w.operand(IN1)], [1, size], body, together=1)
    _copy(w, size, scratch, w.operand(OUT))


def _matrix_matrix(w: OpWriter) -> None:
    size, second, scratch = w.features, w.operand(IN2), w.scratch()

    def line(places: list[str], _: Carry) -> None:
        def cell(inner: list[str], _: Carry) -> None:
            def term(inside: list[str], carry: Carry) -> Carry:
                product = w.product(w.load(inside[0]), w.load(inside[1]))
                return [w.binary("fadd", carry[0], product)]

            total = w.loop(size, [places[1], inner[1]], [1, size], term, [w.splat(0.0)])[0]
            w.store(total, inner[0])

        w.loop(size, [places[0], second], [1, 1], cell, most_unrolled=2, together=1)

    w.loop(size, [scratch, w.operand(IN1)], [size, size], line, most_unrolled=2, together=1)
    _copy(w, size * size, scratch, w.operand(OUT))


def _transpose(w: OpWriter) -> None:
    size, scratch = w.features, w.scratch()

    def line(places: list[str], _: Carry) -> None:
        w.loop(size, places, [1, size], lambda p, _: w.store(w.load(p[1]), p[0]))

    w.loop(size, [scratch, w.operand(IN1)], [size, 1], line, together=1)
    _copy(w, size * size, scratch, w.operand(OUT))


def _column_norms(w: OpWriter) -> None:
    # One column after another; the output is a vector, so it cannot overlap the matrix.
    _each_matrix_row(w, lambda place: w.norm(w.features, place, w.features), 1, 1)


def _draw(w: OpWriter, count: int, name: str) -> None:
    """Fresh numbers for every element and every lane: ``first + scale * draw``."""
    random = w.field("%context", RANDOM, "ptr")
    first = w.field("%record", DATA, "double")
    scale = w.field("%record", DATA + 1, "double")
    if name == "uniform":
        scale = w.value(f"fsub double {scale}, {first}")

    def body(places: list[str], _: Carry) -> None:
        drawn = w.value(f"call double @draw_{name}(ptr {random})")
        scaled = w.value(f"fmul double {scale}, {drawn}")
        result = w.value(f"fadd double {first}, {scaled}")
        w.line(f"store double {result}, ptr {places[0]}, align 8")

    whole, w.row_bytes = w.row_bytes, 8
    target = w.operand(OUT)
    w.loop(count * w.lanes, [target], [1], body, most_unrolled=0, together=1)
    w.row_bytes = whole


_STRUCTURED: dict[str, Callable[[OpWriter], None]] = {
    "scalar_vector_product": lambda w: _scaled(w, w.sizes["v"]),
    "scalar_matrix_product": lambda w: _scaled(w, w.sizes["m"]),
    "scalar_broadcast": _broadcast,
    "vector_inner_product": lambda w: w.store(
        w.total(w.features, [w.operand(IN1), w.operand(IN2)], w.product), w.operand(OUT)
    ),
    "vector_outer_product": lambda w: _cells(
        w, [(w.operand(IN1), 0), (w.operand(IN2), 1)], w.product
    ),
    "vector_column_broadcast": lambda w: _cells(w, [(w.operand(IN1), 0)], lambda row: row),
    "vector_row_broadcast": lambda w: _cells(w, [(w.operand(IN1), 1)], lambda row: row),
    "matrix_vector_product": _matrix_vector,
    "matrix_matrix_product": _matrix_matrix,
    "matrix_transpose": _transpose,
    "matrix_column_norm": _column_norms,
    "matrix_row_norm": lambda w: _each_matrix_row(
        w, lambda place: w.norm(w.features, place), w.features, 1
    ),
    "matrix_row_mean": lambda w: _each_matrix_row(
        w, lambda place: w.mean(w.features, place), w.features, 1
    ),
    "matrix_row_std": lambda w: _each_matrix_row(
        w, lambda place: w.deviation(w.features, place), w.features, 1
    ),
}

RANDOM_SOURCE = f"""
define internal i64 @draw_bits(ptr %state) #0 {{
entry:
  %p1 = getelementptr i8, ptr %state, i64 8
  %p2 = getelementptr i8, ptr %state, i64 16
  %p3 = getelementptr i8, ptr %state, i64 24
  %s0 = load i64, ptr %state, align 8
  %s1 = load i64, ptr %p1, align 8
  %s2 = load i64, ptr %p2, align 8
  %s3 = load i64, ptr %p3, align 8
  %result = add i64 %s0, %s3
  %shifted = shl i64 %s1, 17
  %a2 = xor i64 %s2, %s0
  %a3 = xor i64 %s3, %s1
  %b1 = xor i64 %s1, %a2
  %b0 = xor i64 %s0, %a3
  %b2 = xor i64 %a2, %shifted
  %left = shl i64 %a3, 45
  %right = lshr i64 %a3, 19
  %b3 = or i64 %left, %right
  store i64 %b0, ptr %state, align 8
  store i64 %b1, ptr %p1, align 8
  store i64 %b2, ptr %p2, align 8
  store i64 %b3, ptr %p3, align 8
  ret i64 %result
}}
define internal double @draw_uniform(ptr %state) #0 {{
entry:
  %bits = call i64 @draw_bits(ptr %state)
  %high = lshr i64 %bits, 12
  %whole = uitofp i64 %high to double
  %middle = fadd double %whole, {constant(0.5)}
  %result = fmul double %middle, {constant(2.0**-52)}
  ret double %result
}}
define internal double @draw_gaussian(ptr %state) #0 {{
entry:
  %u = call double @draw_uniform(ptr %state)
  %v = call double @draw_uniform(ptr %state)
  %log = call double @log(double %u)
  %square = fmul double %log, {constant(-2.0)}
  %radius = call double @llvm.sqrt.f64(double %square)
  %angle = fmul double %v, {constant(6.283185307179586)}
  %cosine = call double @cos(double %angle)
  %result = fmul double %radius, %cosine
  ret double %result
}}
"""
