"""Programs as Python and as LaTeX: the text, run, predicts what the interpreter predicts."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from paper_lessons.automl_zero import (
    Instruction,
    Memory,
    Op,
    OpSet,
    Program,
    TwoLayerRegressionTasks,
    interpret,
    programs,
    random_program,
    simplify,
    to_latex,
    to_python,
)

I = Instruction  # noqa: E741
STYLES = pytest.mark.parametrize("style", ["numpy", "torch"])


def run(program, tasks, task, style, seed=0, **options):
    """Predictions of the exported class for a task's validation rows, after training."""
    space: dict = {}
    exec(to_python(program, style, kind=tasks.kind, **options), space)
    algorithm = space[options.get("name", "Algorithm")](tasks.features, seed=seed)
    assert algorithm.fit(tasks.train_x[task], tasks.train_y[task]) is algorithm
    return np.asarray(algorithm.predict(tasks.valid_x[task]))


@STYLES
@pytest.mark.parametrize("kind", ["rms", "accuracy"])
def test_random_programs_predict_the_same(style, kind, draw_program, tasks, class_tasks):
    chosen = tasks if kind == "rms" else class_tasks
    compared, ops = 0, set()
    for number in range(120 if style == "numpy" else 60):
        program = draw_program(number)
        trace = interpret(program, chosen, max_error=np.inf)
        if trace.stopped or max(trace.train_errors) > 1e6 or not trace.valid_predictions:
            continue  # such a program amplifies the last digit, in which sums may differ
        found = run(program, chosen, 0, style)
        np.testing.assert_allclose(found, trace.valid_predictions[0], rtol=1e-6, atol=1e-9)
        compared += 1
        ops |= {instruction.op for instruction in program}
    assert compared > 25
    assert len(ops) > 50


@STYLES
def test_each_op_predicts_the_same(style, tasks):
    """Each op once, on memory that the row filled, and all of its result in the prediction."""
    fill = [
        I(Op.vector_inner_product, 0, 0, 2),
        I(Op.vector_mean, 0, out=3),
        I(Op.scalar_vector_product, 3, 0, 1),
        I(Op.vector_outer_product, 0, 0, 0),
        I(Op.vector_column_broadcast, 1, out=1),
    ]
    for op in Op:
        if op is Op.no_op or op.random:
            continue
        data = [0.4, 0.7, 0.9]
        target = {"s": 1, "v": 2, "m": 1}[op.output]
        inputs = [{"s": 3, "v": 0, "m": 0}, {"s": 2, "v": 1, "m": 1}]
        addresses = [inputs[i][kind] for i, kind in enumerate(op.inputs)]
        predict = [*fill, I(op, *[*addresses, 0, 0][:2], out=target, data=data)]
        if op.output == "m":
            predict.append(I(Op.matrix_vector_product, 1, 0, 2))
        if op.output in "vm":
            predict.append(I(Op.vector_inner_product, 2, 0, 1))
        program = Program(predict=predict)
        expected = interpret(program, tasks, max_error=np.inf).valid_predictions
        with np.errstate(all="ignore"):
            found = run(program, tasks, 0, style)
        if expected:
            np.testing.assert_allclose(
                found[: len(expected[0])], expected[0], 1e-9, 1e-7, True, op.name
            )
        else:  # nan in training
            assert np.isnan(found).any(), op.name


@STYLES
@pytest.mark.parametrize(
    "op", ["matrix_transpose", "vector_column_broadcast", "vector_row_broadcast"]
)
def test_no_result_shares_memory_with_its_input(op, style, tasks):
    set_input = {"m": Op.matrix_const, "v": Op.vector_const}[Op[op].inputs[0]]
    predict = [
        I(Op[op], 1, out=0),
        I(set_input, out=1, data=[0.0, 0.5, 7.0]),
        I(Op.matrix_mean, 0, out=1),
    ]
    program = Program(predict=predict)
    space: dict = {}
    exec(to_python(program, style), space)
    # The result was taken before the constant was set; the second row sees the constant.
    first, second = space["Algorithm"](tasks.features).predict(tasks.valid_x[0, :2])
    assert first == 0.0
    assert second > 0.0


@STYLES
def test_programs_by_hand_predict_the_same(style, class_tasks):
    regression = TwoLayerRegressionTasks(1, train=60, valid=20)
    cases = [(programs.linear_model(0.02), regression), (programs.linear_model(), class_tasks)]
    options = [(a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)]
    cases += [
        (
            programs.bilinear_fig6(
                noise=0.0, bilinear=bool(a), normalize=bool(b), accumulate=bool(c)
            ),
            class_tasks,
        )
        for a, b, c in options
    ]
    for program, chosen in cases:
        expected = interpret(program, chosen).valid_predictions[0]
        np.testing.assert_allclose(run(program, chosen, 0, style), expected, rtol=1e-9)


def test_the_numpy_style_draws_what_the_interpreter_draws(class_tasks):
    regression = TwoLayerRegressionTasks(2, train=100, valid=20)
    noisy = programs.bilinear_fig6()
    for program, chosen in ((programs.neural_network(), regression), (noisy, class_tasks)):
        for task in (0, 1):
            expected = interpret(program, chosen, task, seed=3).valid_predictions[0]
            found = run(program, chosen, task, "numpy", seed=[3, task])
            np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_the_torch_style_draws_by_its_seed_from_the_distributions():
    tasks = TwoLayerRegressionTasks(1, train=5, valid=3)
    for op, low, high in ((Op.vector_uniform, 0.25, 0.5), (Op.scalar_uniform, 0.25, 0.5)):
        predict = [I(op, out=1, data=[low, high])]
        predict += [I(Op.vector_mean, 1, out=1)] if op.output == "v" else []
        found = run(Program(predict=predict), tasks, 0, "torch", seed=1)
        assert ((found > low) & (found < high)).all()
        assert len(set(found)) == 3
        assert np.array_equal(found, run(Program(predict=predict), tasks, 0, "torch", seed=1))
        assert not np.array_equal(found, run(Program(predict=predict), tasks, 0, "torch", seed=2))
    for name in ("scalar", "vector", "matrix"):
        predict = [I(Op[f"{name}_gaussian"], out=1, data=[2.0, 0.0])]
        predict += [I(Op[f"{name}_mean"], 1, out=1)] if name != "scalar" else []
        assert run(Program(predict=predict), tasks, 0, "torch").tolist() == [2.0] * 3
    everything = OpSet([op for op in Op if op.random], Op, Op)
    random = random_program((6, 9, 9), everything, Memory(5, 9, 2, 4), np.random.default_rng(0))
    assert run(random, tasks, 0, "torch").shape == (3,)


def test_the_class_goes_on_where_it_was_and_names_what_is_wrong():
    tasks = TwoLayerRegressionTasks(1, train=60, valid=5)
    x, y = tasks.train_x[0], tasks.train_y[0]
    for style in ("numpy", "torch"):
        space: dict = {}
        exec(to_python(programs.linear_model(), style, name="Line"), space)
        once, twice = space["Line"](4).fit(x, y), space["Line"](4).fit(x[:20], y[:20])
        twice.fit(x[20:], y[20:])
        assert np.array_equal(once.predict(x[:3]), twice.predict(x[:3]))
        assert once.predict(x[:0]).shape == (0,)
        with pytest.raises(ValueError, match=r"x must have shape \(n, 4\), got \(60, 3\)"):
            once.fit(x[:, :3], y)
        with pytest.raises(ValueError, match=r"y must have shape \(60,\), got \(59,\)"):
            once.fit(x, y[:-1])
        with pytest.raises(ValueError, match=r"x must have shape \(n, 4\), got \(4,\)"):
            once.predict(x[0])


@STYLES
def test_the_text_stands_alone(style, tmp_path):
    """Another process, which cannot see this package, runs it."""
    path = tmp_path / "found.py"
    path.write_text(to_python(programs.neural_network(), style, kind="accuracy"))
    assert "paper_lessons" not in path.read_text()
    code = (
        "from found import Algorithm; print(len(Algorithm(2).fit([[1, 2]], [1]).predict([[0, 1]])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "1\n"


@STYLES
def test_the_text_is_short_and_as_the_program_reads(style):
    text = to_python(programs.linear_model(), style)
    library = "np" if style == "numpy" else "torch"
    assert f"        self.s1 = {library}.dot(self.v1, self.v0)\n" in text
    assert "        self.s3 = self.s0 - self.s1\n" in text
    assert "exp" not in text
    assert "exp" in to_python(programs.linear_model(), style, kind="accuracy")
    assert text.count("\n") < 70


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="style must be one of numpy, torch, got 'jax'"):
        to_python(Program(), "jax")
    with pytest.raises(ValueError, match="kind must be one of rms, accuracy, got 'mse'"):
        to_python(Program(), kind="mse")
    for name in ("a b", "class", ""):
        with pytest.raises(ValueError, match="name must be a Python name, got"):
            to_python(Program(), name=name)


def test_latex_of_the_linear_model():
    assert to_latex(programs.linear_model()).splitlines() == [
        r"\begin{aligned}",
        r"&\textbf{Setup} \\",
        r"&s_{2} \leftarrow 0.01 \\",
        r"&\textbf{Predict} \\",
        r"&\hat{y} \leftarrow \mathbf{v}_{1}^\top \mathbf{x} \\",
        r"&\textbf{Learn} \\",
        r"&s_{3} \leftarrow y - \hat{y} \\",
        r"&s_{3} \leftarrow s_{2}\,s_{3} \\",
        r"&\mathbf{v}_{2} \leftarrow s_{3}\,\mathbf{x} \\",
        r"&\mathbf{v}_{1} \leftarrow \mathbf{v}_{1} + \mathbf{v}_{2} \\",
        r"\end{aligned}",
    ]


def test_latex_of_numbers_indices_and_draws():
    one = Program(
        [
            I(Op.vector_const, out=1, data=[0.5, 2.0]),
            I(Op.matrix_gaussian, out=0, data=[0.0, 0.5]),
            I(Op.scalar_const, out=2, data=[1.5e-8]),
            I(Op.no_op),
        ]
    )
    lines = to_latex(one).splitlines()
    assert lines[2] == r"&(\mathbf{v}_{1})_{\lfloor 0.5 F \rfloor} \leftarrow 2 \\"
    assert lines[3] == r"&\mathbf{M}_{0} \sim \mathcal{N}(0, 0.5^2) \\"
    assert lines[4] == r"&s_{2} \leftarrow 1.5 \cdot 10^{-8} \\"
    assert lines[5] == r"&\text{no operation} \\"


def test_latex_of_every_op_can_be_typeset():
    """By matplotlib's own reader of formulas; it knows no \\oslash, \\lvert and no \\text."""
    mathtext = pytest.importorskip("matplotlib.mathtext").MathTextParser("path")
    known = {r"\lvert": "|", r"\rvert": "|", r"\lVert": r"\|", r"\rVert": r"\|", r"\oslash": "/"}
    seen = set()
    for op in Op:
        program = Program(learn=[I(op, 2, 3, 4, [0.25, 0.5, 0.75])])
        line = to_latex(program).splitlines()[4].removeprefix("&").removesuffix(r" \\")
        assert "{a}" not in line
        seen.add(line)
        for ours, theirs in known.items():
            line = line.replace(ours, theirs)
        mathtext.parse(f"${line.replace('text', 'mathrm')}$")
    assert len(seen) == 65  # no two ops look alike


def test_a_simplified_program_exports_to_the_same_predictions(draw_program, tasks):
    for number in range(30):
        program = draw_program(number)
        with np.errstate(all="ignore"):
            long, short = (run(p, tasks, 0, "numpy") for p in (program, simplify(program)))
        assert np.array_equal(long, short, equal_nan=True)
