"""A program's training, step by step."""

from __future__ import annotations

import numpy as np
import pytest

from paper_lessons.automl_zero import (
    Instruction,
    LinearRegressionTasks,
    Memory,
    Op,
    OpSet,
    Program,
    Tasks,
    interpret,
    programs,
    random_program,
)
from paper_lessons.automl_zero.export.graph import feeds
from paper_lessons.automl_zero.export.stepper import record_steps, steps_html
from paper_lessons.automl_zero.simplify import liveness


def as_number(text: str) -> np.ndarray:
    return np.array([float(one) for one in text.strip("[]").split()])


@pytest.mark.parametrize("seed", range(20))
def test_the_last_step_leaves_the_memory_of_the_interpreter(seed: int) -> None:
    program = random_program((3, 3, 4), OpSet.demo(), Memory(), np.random.default_rng(seed))
    tasks = LinearRegressionTasks(1, train=5, valid=1, seed=seed)
    trace = interpret(program, tasks, max_error=np.inf)
    steps = record_steps(program, tasks)
    # validation goes on from there, so that only cells which Predict leaves alone are compared
    written = {cell for one in (*program.setup, *program.learn) for cell in one.writes}
    written -= {cell for one in program.predict for cell in one.writes}
    for kind, number in written:
        expected = np.ravel(trace.memory[kind, number])
        np.testing.assert_allclose(
            as_number(steps[-1].memory[f"{kind}{number}"]), expected, rtol=1e-3, atol=1e-12
        )


def test_the_label_is_hidden_while_predicting() -> None:
    tasks = LinearRegressionTasks(1, 1, train=3, seed=1)
    for step in record_steps(programs.linear_model(), tasks):
        if step.component == "predict":
            assert step.memory["s0"] == "0"


def test_a_classifier_learns_from_the_probability() -> None:
    x = np.ones((1, 2, 1))
    tasks = Tasks(x, np.array([[0.0, 1.0]]), x, np.array([[0.0, 1.0]]), kind="accuracy")
    texts = [step.text for step in record_steps(programs.linear_model(), tasks)]
    assert texts.count("s1 becomes a probability") == 2


def test_every_step_has_a_row_of_the_table() -> None:
    model = programs.linear_model()
    steps = record_steps(model, LinearRegressionTasks(1, 2, train=2))
    page = steps_html(model, steps, "a < b")
    assert page.count("<tr data-at=") == len(steps) == 1 + 2 * (2 + 1 + 4)
    assert "a &lt; b" in page
    assert "http" not in page
    assert page == steps_html(model, steps, "a < b")
    with pytest.raises(ValueError, match="steps must hold at least one"):
        steps_html(model, [], "")


@pytest.mark.parametrize("seed", range(30))
def test_what_is_alive_is_what_feeds_a_prediction(seed: int) -> None:
    """Two ways to the same answer: backwards by liveness, and along the arrows."""
    drawn = random_program((4, 3, 6), OpSet.demo(), Memory(), np.random.default_rng(seed))
    # without a writer in Predict the prediction is what Setup or Learn left, which no arrow shows
    writer = Instruction(Op.vector_inner_product, 1, 2, out=1)
    program = Program(drawn.setup, (*drawn.predict, writer), drawn.learn)
    arrows = feeds(program)
    reached = {(1, len(program.predict) - 1)}
    while True:
        more = reached | {writer for writer, reader, _ in arrows if reader in reached}
        if more == reached:
            break
        reached = more
    flags = liveness(program)
    assert reached == {
        (c, i) for c, part in enumerate(flags) for i, live in enumerate(part) if live
    }


def test_nothing_feeds_nothing() -> None:
    assert feeds(Program()) == []
