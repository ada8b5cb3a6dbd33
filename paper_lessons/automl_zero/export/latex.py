"""A program as LaTeX."""

from __future__ import annotations

from paper_lessons.automl_zero.ops import COMPONENTS, Op
from paper_lessons.automl_zero.program import Instruction, Program

# How a value is written; what is not listed is told by the last word of the op's name.
_LATEX = {
    Op.scalar_heaviside: r"[{a} \geq 0]",
    Op.scalar_broadcast: r"{a}\,\mathbf{{1}}",
    Op.scalar_product: r"{a}\,{b}",
    Op.scalar_vector_product: r"{a}\,{b}",
    Op.scalar_matrix_product: r"{a}\,{b}",
    Op.vector_inner_product: r"{a}^\top {b}",
    Op.vector_outer_product: r"{a}\,{b}^\top",
    Op.matrix_vector_product: r"{a}\,{b}",
    Op.matrix_matrix_product: r"{a}\,{b}",
    Op.matrix_transpose: r"{a}^\top",
    Op.vector_column_broadcast: r"{a}\,\mathbf{{1}}^\top",
    Op.vector_row_broadcast: r"\mathbf{{1}}\,{a}^\top",
    Op.vector_product: r"{a} \odot {b}",
    Op.matrix_product: r"{a} \odot {b}",
    Op.vector_division: r"{a} \oslash {b}",
    Op.matrix_division: r"{a} \oslash {b}",
    Op.vector_reciprocal: r"\mathbf{{1}} \oslash {a}",
    Op.matrix_reciprocal: r"\mathbf{{1}} \oslash {a}",
    Op.matrix_norm: r"\lVert {a} \rVert_F",
    Op.matrix_column_norm: r"\operatorname{{norm}}_\mathrm{{columns}}({a})",
    Op.matrix_row_norm: r"\operatorname{{norm}}_\mathrm{{rows}}({a})",
    Op.matrix_row_mean: r"\operatorname{{mean}}_\mathrm{{rows}}({a})",
    Op.matrix_row_std: r"\operatorname{{std}}_\mathrm{{rows}}({a})",
}

_WORDS = {
    "sum": "{a} + {b}",
    "difference": "{a} - {b}",
    "division": "{a} / {b}",
    "reciprocal": "1 / {a}",
    "abs": r"\lvert {a} \rvert",
    "norm": r"\lVert {a} \rVert",
    "sin": r"\sin {a}",
    "cos": r"\cos {a}",
    "tan": r"\tan {a}",
    "arcsin": r"\arcsin {a}",
    "arccos": r"\arccos {a}",
    "arctan": r"\arctan {a}",
    "exp": r"\exp {a}",
    "log": r"\log {a}",
    "heaviside": "[{a} > 0]",
    "min": r"\min({a}, {b})",
    "max": r"\max({a}, {b})",
    "mean": r"\operatorname{{mean}}({a})",
    "std": r"\operatorname{{std}}({a})",
    "uniform": r"\sim \mathcal{{U}}({d0}, {d1})",
    "gaussian": r"\sim \mathcal{{N}}({d0}, {d1}^2)",
    "const": "{last}",
}


def to_latex(program: Program) -> str:
    r"""A program as an ``aligned`` block, to stand between dollar signs.

    Parameters
    ----------
    program : Program
        The algorithm.

    Returns
    -------
    str
        One line for each instruction. The label s0 is y, the prediction s1 is y with a hat, the
        features v0 are x; vectors and matrices are bold. [condition] is 1 if it holds, else 0.

    Examples
    --------
    >>> from paper_lessons.automl_zero.programs import linear_model
    >>> print(to_latex(linear_model()).splitlines()[4])
    &\hat{y} \leftarrow \mathbf{v}_{1}^\top \mathbf{x} \\
    """
    lines = []
    for name, instructions in zip(COMPONENTS, program.components, strict=True):
        lines.append(rf"&\textbf{{{name.capitalize()}}} \\")
        lines += [rf"&{_line(instruction)} \\" for instruction in instructions]
    return "\n".join([r"\begin{aligned}", *lines, r"\end{aligned}"])


def _line(instruction: Instruction) -> str:
    op = instruction.op
    if op.output is None:
        return r"\text{no operation}"
    names = [_cell(kind, address) for kind, address in instruction.reads]
    numbers = [_number(value) for value in instruction.data[: len(op.data)]]
    text = (_LATEX.get(op) or _WORDS[op.name.rpartition("_")[2]]).format(
        a=names[0] if names else "",
        b=names[-1] if names else "",
        last=numbers[-1] if numbers else "",
        **{f"d{i}": number for i, number in enumerate(numbers)},
    )
    target = _cell(op.output, instruction.out)
    if op.partial:
        places = ", ".join(rf"\lfloor {number} F \rfloor" for number in numbers[:-1])
        target = rf"({target})_{{{places}}}"
    return f"{target} {text}" if op.random else rf"{target} \leftarrow {text}"


def _cell(kind: str, address: int) -> str:
    special = {("s", 0): "y", ("s", 1): r"\hat{y}", ("v", 0): r"\mathbf{x}"}
    letter = {"s": "s", "v": r"\mathbf{v}", "m": r"\mathbf{M}"}[kind]
    return special.get((kind, address), rf"{letter}_{{{address}}}")


def _number(value: float) -> str:
    mantissa, _, exponent = f"{value:.4g}".partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa
