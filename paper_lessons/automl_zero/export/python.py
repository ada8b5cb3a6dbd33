"""A program as a Python class that needs nothing of ours."""

from __future__ import annotations

import keyword

from paper_lessons.automl_zero.ops import COMPONENTS, Op
from paper_lessons.automl_zero.program import Instruction, Program
from paper_lessons.automl_zero.tasks import TASK_KINDS

STYLES = ("numpy", "torch")

# How an instruction's value is written where NumPy and torch differ in the module's name only; the
# ops that stand in no table are printed the same way in the program itself (a + b, 1 / a).
_SHARED = {
    Op.scalar_abs: "{lib}.abs({a})",
    Op.scalar_sin: "{lib}.sin({a})",
    Op.scalar_cos: "{lib}.cos({a})",
    Op.scalar_tan: "{lib}.tan({a})",
    Op.scalar_arcsin: "{lib}.arcsin({a})",
    Op.scalar_arccos: "{lib}.arccos({a})",
    Op.scalar_arctan: "{lib}.arctan({a})",
    Op.scalar_exp: "{lib}.exp({a})",
    Op.scalar_log: "{lib}.log({a})",
    Op.vector_abs: "{lib}.abs({a})",
    Op.vector_inner_product: "{lib}.dot({a}, {b})",
    Op.vector_outer_product: "{lib}.outer({a}, {b})",
    Op.matrix_vector_product: "{a} @ {b}",
    Op.matrix_abs: "{lib}.abs({a})",
    Op.matrix_matrix_product: "{a} @ {b}",
    Op.scalar_min: "{lib}.where({b} < {a}, {b}, {a})",
    Op.vector_min: "{lib}.where({b} < {a}, {b}, {a})",
    Op.matrix_min: "{lib}.where({a} < {b}, {a}, {b})",
    Op.scalar_max: "{lib}.where({a} < {b}, {b}, {a})",
    Op.vector_max: "{lib}.where({a} < {b}, {b}, {a})",
    Op.matrix_max: "{lib}.where({a} > {b}, {a}, {b})",
    Op.vector_mean: "{lib}.mean({a})",
    Op.matrix_mean: "{lib}.mean({a})",
    Op.vector_std: "{lib}.sqrt({lib}.mean({a} * {a}) - {lib}.mean({a}) ** 2)",
    Op.matrix_std: "{lib}.sqrt({lib}.mean({a} * {a}) - {lib}.mean({a}) ** 2)",
}

_NUMPY = {
    Op.scalar_heaviside: "np.float64({a} >= 0.0)",
    Op.vector_heaviside: "({a} > 0.0).astype(np.float64)",
    Op.matrix_heaviside: "({a} > 0.0).astype(np.float64)",
    Op.scalar_broadcast: "np.full(self.features, {a})",
    Op.vector_norm: "np.linalg.norm({a})",
    Op.vector_column_broadcast: "np.tile({a}[:, None], (1, self.features))",
    Op.vector_row_broadcast: "np.tile({a}, (self.features, 1))",
    Op.matrix_norm: "np.linalg.norm({a})",
    Op.matrix_column_norm: "np.linalg.norm({a}, axis=0)",
    Op.matrix_row_norm: "np.linalg.norm({a}, axis=1)",
    Op.matrix_transpose: "{a}.T.copy()",
    Op.matrix_row_mean: "np.mean({a}, axis=1)",
    Op.matrix_row_std: "np.sqrt(np.mean({a} * {a}, axis=1) - np.mean({a}, axis=1) ** 2)",
    Op.scalar_const: "np.float64({d0})",
    Op.scalar_uniform: "np.float64(self.uniform({d0}, {d1}))",
    Op.vector_uniform: "self.uniform({d0}, {d1}, self.features)",
    Op.matrix_uniform: "self.uniform({d0}, {d1}, (self.features, self.features))",
    Op.scalar_gaussian: "np.float64(self.random.normal({d0}, {d1}))",
    Op.vector_gaussian: "self.random.normal({d0}, {d1}, self.features)",
    Op.matrix_gaussian: "self.random.normal({d0}, {d1}, (self.features, self.features))",
}

_TORCH = {
    Op.scalar_heaviside: "({a} >= 0.0).double()",
    Op.vector_heaviside: "({a} > 0.0).double()",
    Op.matrix_heaviside: "({a} > 0.0).double()",
    Op.scalar_broadcast: "{a}.repeat(self.features)",
    Op.vector_norm: "torch.linalg.vector_norm({a})",
    Op.vector_column_broadcast: "{a}[:, None].repeat(1, self.features)",
    Op.vector_row_broadcast: "{a}.repeat(self.features, 1)",
    Op.matrix_norm: "torch.linalg.vector_norm({a})",
    Op.matrix_column_norm: "torch.linalg.vector_norm({a}, dim=0)",
    Op.matrix_row_norm: "torch.linalg.vector_norm({a}, dim=1)",
    Op.matrix_transpose: "{a}.T.clone()",
    Op.matrix_row_mean: "torch.mean({a}, dim=1)",
    Op.matrix_row_std: "torch.sqrt(torch.mean({a} * {a}, dim=1) - torch.mean({a}, dim=1) ** 2)",
    Op.scalar_const: "torch.tensor({d0}, dtype=torch.float64)",
    Op.scalar_uniform: "self.uniform({d0}, {d1}, ())",
    Op.vector_uniform: "self.uniform({d0}, {d1}, (self.features,))",
    Op.matrix_uniform: "self.uniform({d0}, {d1}, (self.features, self.features))",
    Op.scalar_gaussian: "self.gaussian({d0}, {d1}, ())",
    Op.vector_gaussian: "self.gaussian({d0}, {d1}, (self.features,))",
    Op.matrix_gaussian: "self.gaussian({d0}, {d1}, (self.features, self.features))",
}


_NUMPY_CLASS = '''"""A machine-learning algorithm in three parts, found by search."""

import numpy as np


class {name}:
    """Learn row by row with fit, then predict. Calling fit again goes on from there.

    s0 is the target, s1 the prediction, v0 the features.
    """

    def __init__(self, features, seed=0):
        self.features = features
        self.random = np.random.default_rng(seed)
{memory}
        with np.errstate(all="ignore"):
            self.setup()

    def setup(self):
{setup}

    def predict_row(self):
{predict}

    def learn_row(self):
{learn}

    def fit(self, x, y):
        """Train on each row of x (n, features) with its target in y (n,), in this order."""
        x, y = self.rows(x), np.asarray(y, dtype=np.float64)
        if y.shape != x.shape[:1]:
            raise ValueError(f"y must have shape ({{len(x)}},), got {{y.shape}}")
        with np.errstate(all="ignore"):
            for row, target in zip(x, y):
                self.v0, self.s0 = row, np.float64(0.0)
                self.predict_row()
{squash}                self.s0 = target
                self.learn_row()
        return self

    def predict(self, x):
        """{returns} of each row of x (n, features), in this order."""
        predictions = []
        with np.errstate(all="ignore"):
            for row in self.rows(x):
                self.v0, self.s0 = row, np.float64(0.0)
                self.predict_row()
                predictions.append({prediction})
        return np.array(predictions, dtype=np.float64)

    def rows(self, x):
        x = np.asarray(x, dtype=np.float64)
        if x.ndim != 2 or x.shape[1] != self.features:
            raise ValueError(f"x must have shape (n, {{self.features}}), got {{x.shape}}")
        return x
{helpers}'''

_TORCH_CLASS = '''"""A machine-learning algorithm in three parts, found by search."""

import torch


class {name}:
    """Learn row by row with fit, then predict. Calling fit again goes on from there.

    s0 is the target, s1 the prediction, v0 the features.
    """

    def __init__(self, features, seed=0):
        self.features = features
        self.random = torch.Generator().manual_seed(seed)
{memory}
        self.setup()

    def setup(self):
{setup}

    def predict_row(self):
{predict}

    def learn_row(self):
{learn}

    @torch.no_grad()
    def fit(self, x, y):
        """Train on each row of x (n, features) with its target in y (n,), in this order."""
        x, y = self.rows(x), torch.as_tensor(y, dtype=torch.float64)
        if y.shape != x.shape[:1]:
            raise ValueError(f"y must have shape ({{len(x)}},), got {{tuple(y.shape)}}")
        for row, target in zip(x, y):
            self.v0, self.s0 = row, torch.zeros((), dtype=torch.float64)
            self.predict_row()
{squash}            self.s0 = target
            self.learn_row()
        return self

    @torch.no_grad()
    def predict(self, x):
        """{returns} of each row of x (n, features), in this order."""
        predictions = []
        for row in self.rows(x):
            self.v0, self.s0 = row, torch.zeros((), dtype=torch.float64)
            self.predict_row()
            predictions.append({prediction})
        return torch.stack(predictions) if predictions else torch.empty(0, dtype=torch.float64)

    def rows(self, x):
        x = torch.as_tensor(x, dtype=torch.float64)
        if x.ndim != 2 or x.shape[1] != self.features:
            raise ValueError(f"x must have shape (n, {{self.features}}), got {{tuple(x.shape)}}")
        return x
{helpers}'''

_NUMPY_UNIFORM = """
    def uniform(self, low, high, shape=None):
        return low + (high - low) * self.random.random(shape)
"""

_TORCH_UNIFORM = """
    def uniform(self, low, high, shape):
        drawn = torch.rand(shape, generator=self.random, dtype=torch.float64)
        return low + (high - low) * drawn
"""

_TORCH_GAUSSIAN = """
    def gaussian(self, mean, std, shape):
        return mean + std * torch.randn(shape, generator=self.random, dtype=torch.float64)
"""


def to_python(
    program: Program, style: str = "numpy", *, kind: str = "rms", name: str = "Algorithm"
) -> str:
    """Python source of a class that trains and predicts as the program does.

    Parameters
    ----------
    program : Program
        The algorithm; `simplify` it first for a shorter text.
    style : {"numpy", "torch"}
        The only library that the text imports. Both compute in float64.
    kind : {"rms", "accuracy"}
        Of the tasks: with "accuracy" Learn sees the sigmoid of s1, and the class predicts it, the
        probability of class 1.
    name : str
        Name of the class.

    Returns
    -------
    str
        Source of a module with one class: ``Algorithm(features, seed=0)``, ``fit(x, y)``,
        ``predict(x)``.

    Raises
    ------
    ValueError
        If style or kind is unknown or the name is no name.

    Notes
    -----
    Nothing ends early here: an error that a search would have punished becomes a prediction. Sums run in
    the libraries' order, so the last digits can differ from the interpreter's. In the numpy style
    random ops draw what the interpreter draws for a task if ``seed`` is ``[seed, task]``.

    Examples
    --------
    >>> from paper_lessons.automl_zero.programs import linear_model
    >>> space = {}
    >>> exec(to_python(linear_model(0.1)), space)
    >>> space["Algorithm"](features=1).fit([[1.0]] * 50, [3.0] * 50).predict([[2.0]]).round(1)
    array([6.])
    """
    if style not in STYLES:
        raise ValueError(f"style must be one of {', '.join(STYLES)}, got {style!r}")
    if kind not in TASK_KINDS:
        raise ValueError(f"kind must be one of {', '.join(TASK_KINDS)}, got {kind!r}")
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ValueError(f"name must be a Python name, got {name!r}")
    library = "np" if style == "numpy" else "torch"
    bodies = {
        part: "\n".join(f"        {_statement(i, style)}" for i in instructions) or "        pass"
        for part, instructions in zip(COMPONENTS, program.components, strict=True)
    }
    used = {i.op for i in program}
    helpers = ""
    if any(op.data == ("low", "high") for op in used):
        helpers += _NUMPY_UNIFORM if style == "numpy" else _TORCH_UNIFORM
    if style == "torch" and any(op.data == ("mean", "std") for op in used):
        helpers += _TORCH_GAUSSIAN
    sigmoid = f"1.0 / (1.0 + {library}.exp(-self.s1))"
    indent = " " * (16 if style == "numpy" else 12)
    template = _NUMPY_CLASS if style == "numpy" else _TORCH_CLASS
    return template.format(
        name=name,
        memory=_memory_lines(program, library),
        squash=f"{indent}self.s1 = {sigmoid}\n" if kind == "accuracy" else "",
        prediction=sigmoid if kind == "accuracy" else "self.s1",
        returns="The probability of class 1" if kind == "accuracy" else "The prediction",
        helpers=helpers,
        **bodies,
    )


def _statement(instruction: Instruction, style: str) -> str:
    op = instruction.op
    if op.output is None:
        return "pass"
    target = f"self.{op.output}{instruction.out}"
    if op.partial:
        *fractions, value = instruction.data[: len(op.data)]
        place = ", ".join(f"int({fraction!r} * self.features)" for fraction in fractions)
        return f"{target}[{place}] = {value!r}"
    table = _NUMPY if style == "numpy" else _TORCH
    names = [f"self.{kind}{address}" for kind, address in instruction.reads]
    value_text = (table.get(op) or _SHARED.get(op) or op.text).format(
        lib="np" if style == "numpy" else "torch",
        a=names[0] if names else "",
        b=names[-1] if names else "",
        d0=repr(instruction.data[0]),
        d1=repr(instruction.data[1]),
    )
    return f"{target} = {value_text}"


def _memory_lines(program: Program, library: str) -> str:
    cells = {("s", 0), ("s", 1), ("v", 0)}
    for instruction in program:
        cells.update(instruction.reads, instruction.writes)
    shapes = {"s": "()", "v": "features", "m": "(features, features)"}
    dtype = ", dtype=torch.float64" if library == "torch" else ""
    zero = {kind: f"{library}.zeros({shape}{dtype})" for kind, shape in shapes.items()}
    if library == "np":
        zero["s"] = "np.float64(0.0)"
    ordered = sorted(cells, key=lambda cell: ("svm".index(cell[0]), cell[1]))
    return "\n".join(f"        self.{kind}{address} = {zero[kind]}" for kind, address in ordered)
