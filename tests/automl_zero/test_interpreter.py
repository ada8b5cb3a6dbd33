"""The loop of training and validation: what is hidden, what is kept, what ends it, what counts."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from paper_lessons.automl_zero import (
    Instruction,
    LinearRegressionTasks,
    Memory,
    Op,
    Program,
    Tasks,
    TwoLayerRegressionTasks,
    fitness,
    interpret,
    programs,
)
from paper_lessons.automl_zero.interpreter import rms_fitness, sigmoid
from paper_lessons.automl_zero.tasks import epoch_orders, stream

I = Instruction  # noqa: E741

# Addresses start at zero: adding one of them copies.
COPY_LABEL = I(Op.scalar_sum, 0, 3, out=1)  # s1 = s0 + s3, s3 being zero
COUNT = [I(Op.scalar_const, out=2, data=[1.0]), I(Op.scalar_sum, 1, 2, out=1)]  # s1 = s1 + 1


def one_task(train_y, valid_y, kind="rms", x=None):
    """One task with one feature; features are 1 unless given."""
    n, k = len(train_y), len(valid_y)
    x = np.ones(n + k) if x is None else np.array(x, float)
    return Tasks(
        x[None, :n, None], np.array([train_y]), x[None, n:, None], np.array([valid_y]), kind=kind
    )


def closed_form(y):
    return 1 - 2 / math.pi * math.atan(math.sqrt(np.mean(np.square(y))))


def test_the_label_is_hidden_from_predict():
    for program in (Program(predict=[COPY_LABEL]), Program(predict=[I(Op.scalar_abs, 0, out=1)])):
        trace = interpret(program, one_task([1.0, 2.0, 3.0], [3.0, 1.0]))
        assert trace.train_errors == [1.0, 2.0, 3.0]
        assert trace.valid_predictions == [[0.0, 0.0]]
        assert trace.fitness == pytest.approx(closed_form([3.0, 1.0]))


def test_the_label_is_seen_by_learn_and_hidden_again_afterwards():
    program = Program(
        predict=[I(Op.scalar_sum, 0, 2, out=1)], learn=[I(Op.scalar_sum, 0, 3, out=2)]
    )
    trace = interpret(program, one_task([1.0, 5.0, 2.0], [0.0]))  # predicts the label before
    assert trace.train_errors == [1.0, 4.0, 3.0]
    assert trace.valid_predictions == [[2.0]]


@pytest.mark.parametrize("value", [0.0, 0.5, -2.0, 90.0])
def test_a_constant_has_the_fitness_of_the_closed_form(value):
    tasks = LinearRegressionTasks(6, features=4, train=5, valid=200, seed=2)
    program = Program(setup=[I(Op.scalar_const, out=1, data=[value])])
    expected = [closed_form(y - value) for y in tasks.valid_y]
    assert fitness(program, tasks) == pytest.approx(np.mean(expected), rel=1e-13)
    assert fitness(program, tasks, combine="median") == pytest.approx(sorted(expected)[3], 1e-13)
    assert fitness(program, tasks.subset([0, 2, 4]), combine="median") == pytest.approx(
        np.median(expected[0:5:2]), rel=1e-13
    )


def test_memory_starts_at_zero_and_setup_runs_once():
    setup = [I(Op.scalar_const, out=2, data=[1.0]), I(Op.scalar_sum, 3, 2, out=3)]
    trace = interpret(Program(setup=setup), one_task([0.0] * 4, [0.0] * 3), epochs=3)
    assert trace.memory.scalars.tolist() == [0.0, 0.0, 1.0, 1.0]
    assert trace.memory.vectors.tolist() == [[1.0]]


def test_s1_carries_over_from_row_to_row_and_through_validation():
    trace = interpret(Program(predict=COUNT), one_task([1.0, 2.0, 4.0], [4.0, 5.0, 8.0]))
    assert trace.train_errors == [0.0, 0.0, 1.0]
    assert trace.valid_predictions == [[4.0, 5.0, 6.0]]  # the counter goes on
    assert trace.fitness == pytest.approx(closed_form([0.0, 0.0, 2.0]))


def test_learn_may_overwrite_the_prediction():
    program = Program(
        predict=[I(Op.scalar_sum, 1, 2, out=1)], learn=[I(Op.scalar_const, out=1, data=[7.0])]
    )
    trace = interpret(program, one_task([0.0, 7.0], [7.0, 7.0]))
    assert trace.train_errors == [0.0, 0.0]
    assert trace.valid_predictions == [[7.0, 7.0]]


def test_features_are_those_of_the_row_in_predict_and_in_learn():
    add_up = [I(Op.vector_sum, 1, 0, out=1), I(Op.vector_mean, 1, out=1)]
    tasks = one_task([1.0, 3.0, 6.0], [10.0, 15.0], x=[1, 2, 3, 4, 5])
    assert interpret(Program(predict=add_up), tasks).fitness == 1.0
    both = Program(predict=add_up, learn=add_up)  # twice in training, once in validation
    assert interpret(both, tasks).train_errors == [0.0, 1.0, 3.0]
    assert interpret(both, tasks).valid_predictions == [[16.0, 21.0]]


def test_the_loop_writes_the_features_back_before_learn():
    # No instruction may write v0, so this is shown below the check that programs go through.
    program = Program(
        predict=[I(Op.vector_const, out=0, data=[0.0, 50.0])],
        learn=[I(Op.vector_mean, 0, out=2)],
    )
    memory = Memory(scalars=3, vectors=1, matrices=0, features=1)
    with pytest.raises(ValueError, match=r"predict\[0\] .* must write no vector at all, got v0"):
        interpret(program, one_task([1.0], [1.0]), memory=memory)
    unchecked = _Unchecked(program.setup, program.predict, program.learn)
    trace = interpret(unchecked, one_task([1.0, 2.0], [1.0], x=[3.0, 4.0, 5.0]), memory=memory)
    assert trace.memory.scalars[2] == 4.0


class _Unchecked(Program):
    def check(self, memory):
        pass


def test_the_sigmoid_is_written_back_in_training_only():
    # s1 stays as it is in Predict; Learn sees the probability and adds 1 to it.
    add_one = Program(
        setup=[I(Op.scalar_const, out=2, data=[1.0])], learn=[I(Op.scalar_sum, 1, 2, out=1)]
    )
    trace = interpret(add_one, one_task([1.0, 1.0], [1.0, 1.0, 0.0], kind="accuracy"))
    first = sigmoid(0.0)
    second = sigmoid(first + 1.0)
    assert trace.train_errors == pytest.approx([1 - first, 1 - second], rel=1e-15)
    assert trace.memory.scalars[1] == pytest.approx(second + 1.0, rel=1e-15)
    # In validation s1 is not touched, so each row has the same probability.
    assert trace.valid_predictions[0] == pytest.approx([sigmoid(second + 1.0)] * 3, rel=1e-15)
    assert trace.valid_errors == [[0.0, 0.0, 1.0]]
    assert trace.fitness == pytest.approx(2 / 3)


def test_an_error_of_100_passes_and_a_little_more_ends_it():
    for kind_of_row in ("train", "valid"):
        for error, passes in ((100.0, True), (100.0001, False), (-100.0, True), (-100.0001, False)):
            ys = ([error], [0.0]) if kind_of_row == "train" else ([0.0], [error, 0.0])
            trace = interpret(Program(), one_task(*ys))
            assert (trace.fitness > 0.0) == passes
            assert bool(trace.stopped) == (not passes)
            if not passes:
                where = "training step 1" if kind_of_row == "train" else "validation row 1"
                assert trace.stopped == f"{where}: error 100"
                assert len(trace.valid_errors) == (kind_of_row == "valid")
    assert interpret(Program(), one_task([3.0], [0.0]), max_error=2.0).fitness == 0.0


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_nan_and_inf_end_training(value):
    infinite = [I(Op.scalar_reciprocal, 0, out=1)]  # the hidden label is zero
    signs = {"nan": [I(Op.scalar_difference, 1, 1, out=1)], "inf": []}
    signs["-inf"] = [I(Op.scalar_difference, 0, 1, out=1)]
    program = Program(predict=infinite + signs[value])
    for kind in ("rms", "accuracy"):
        trace = interpret(program, one_task([0.0, 1.0], [1.0], kind=kind))
        if kind == "accuracy" and value != "nan":
            # A logit of inf is a probability of 0 or 1, which is no reason to stop.
            assert trace.fitness == (1.0 if value == "inf" else 0.0)
            assert trace.stopped == ""
        else:
            assert trace.fitness == 0.0
            assert len(trace.train_errors) == 1
            assert trace.stopped.startswith("training step 1: error")


def test_nan_in_validation_counts_as_class_0_and_does_not_stop():
    # Learn puts 0/0 where Predict reads it only after the one training step.
    program = Program(
        predict=[I(Op.scalar_sum, 2, 3, out=1)], learn=[I(Op.scalar_division, 3, 3, out=2)]
    )
    trace = interpret(program, one_task([1.0], [0.0, 1.0, 0.0, 0.0], kind="accuracy"))
    assert np.isnan(trace.valid_predictions[0]).all()
    assert trace.valid_errors == [[0.0, 1.0, 0.0, 0.0]]
    assert trace.fitness == 0.75
    assert trace.stopped == ""
    assert interpret(program, one_task([0.0], [0.0])).stopped == "validation row 1: error nan"


def test_half_is_class_0():
    zero = Program(predict=[I(Op.scalar_const, out=1, data=[0.0])])
    trace = interpret(zero, one_task([1.0], [0.0, 0.0, 1.0], kind="accuracy"))
    assert trace.valid_predictions == [[0.5, 0.5, 0.5]]
    assert trace.fitness == pytest.approx(2 / 3)


# Predicts the number of training steps so far.
STEPS = Program(
    setup=[I(Op.scalar_const, out=3, data=[1.0])],
    predict=[I(Op.scalar_sum, 2, 4, out=1)],
    learn=[I(Op.scalar_sum, 2, 3, out=2)],
)


def test_the_best_epoch_counts():
    tasks = one_task([0.0, 0.0], [4.0])
    trace = interpret(STEPS, tasks, epochs=4)
    assert trace.valid_predictions == [[2.0], [4.0], [6.0], [8.0]]
    assert trace.fitness == 1.0
    assert trace.epoch_fitness == pytest.approx([closed_form([x]) for x in (2, 0, 2, 4)])
    assert interpret(STEPS, tasks, epochs=1).fitness == pytest.approx(closed_form([2]))


def test_death_in_a_later_epoch_keeps_the_best_and_in_the_first_leaves_nothing():
    tasks = one_task([0.0, 0.0], [2.0])
    trace = interpret(STEPS, tasks, epochs=5, max_error=3.5)
    assert trace.stopped == "training step 5: error 4"
    assert trace.epoch_fitness == pytest.approx([1.0, closed_form([2])])
    assert trace.fitness == 1.0
    trace = interpret(STEPS, tasks, epochs=5, max_error=0.5)
    assert trace.stopped == "training step 2: error 1"
    assert trace.epoch_fitness == []
    assert trace.fitness == 0.0


def test_a_validation_that_ends_early_is_worth_nothing_and_ends_the_run():
    tasks = one_task([0.0, 0.0], [-1.0])
    trace = interpret(STEPS, tasks, epochs=3, max_error=4.5)
    assert trace.epoch_fitness == [pytest.approx(closed_form([3])), 0.0]
    assert trace.stopped == "validation row 1: error 5"
    assert trace.fitness == pytest.approx(closed_form([3]))
    # a later epoch would have been right: it is not reached
    trace = interpret(STEPS, one_task([0.0, 0.0], [8.0]), epochs=4, max_error=5.0)
    assert trace.epoch_fitness == [0.0]
    assert trace.fitness == 0.0


def test_epochs_after_the_first_are_shuffled_by_the_seed():
    x = np.arange(6.0)
    echo = Program(predict=[I(Op.vector_mean, 0, out=1)])
    tasks = one_task(np.zeros(6), [0.0], x=[*x, 0.0])
    for seed in (0, 7, [3, 1]):
        seen = interpret(echo, tasks, epochs=3, seed=seed).train_errors
        assert seen == x[epoch_orders(6, 3, seed).ravel()].tolist()
        assert seen[:6] == x.tolist()
    orders = epoch_orders(50, 3, 1)
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3
    assert np.array_equal(orders[:2], epoch_orders(50, 2, 1))
    assert not np.array_equal(orders[1], epoch_orders(50, 2, 2)[1])


def test_the_linear_model_is_ten_lines_of_numpy():
    tasks = LinearRegressionTasks(3, features=4, train=100, valid=50, seed=1)
    for task in range(3):
        weights, errors = np.zeros(4), []
        for x, y in zip(tasks.train_x[task], tasks.train_y[task], strict=True):
            difference = y - weights @ x
            errors.append(abs(difference))
            weights += 0.03 * difference * x
        rms = math.sqrt(np.mean((tasks.valid_y[task] - tasks.valid_x[task] @ weights) ** 2))
        trace = interpret(programs.linear_model(0.03), tasks, task)
        np.testing.assert_allclose(trace.train_errors, errors, atol=1e-12)
        np.testing.assert_allclose(trace.memory.vectors[1], weights, atol=1e-12)
        assert trace.fitness == pytest.approx(1 - 2 / math.pi * math.atan(rms), abs=1e-12)


class Network(torch.nn.Module):
    """One hidden layer of ReLU units; what comes out of them is kept apart for the backward pass."""

    def __init__(self, first, last):
        super().__init__()
        f = len(last)
        self.first, self.last = torch.nn.Linear(f, f).double(), torch.nn.Linear(f, 1).double()
        with torch.no_grad():
            self.first.weight.copy_(torch.tensor(first))
            self.last.weight.copy_(torch.tensor(last)[None])
            self.first.bias.zero_()
            self.last.bias.zero_()

    def forward(self, x):
        return self.last(torch.relu(self.first(x)))[..., 0]


def step(layer, rate):
    with torch.no_grad():
        for weights in layer.parameters():
            weights -= rate * weights.grad


def train_one_row(network, x, y, kind, rate):
    """A step of SGD in two halves: the last layer first, then the hidden one through the new weights."""
    out = network(x)
    if kind == "rms":
        loss, error = (y - out).square() / 2, (y - out).abs()
    else:
        loss = torch.nn.functional.binary_cross_entropy_with_logits(out, y)
        error = (y - torch.sigmoid(out)).abs()
    slope = torch.autograd.grad(loss, out, retain_graph=True)[0]  # prediction - target
    loss.backward()
    step(network.last, rate)
    network.zero_grad()
    network(x).backward(slope)
    step(network.first, rate)
    network.zero_grad()
    return float(error.detach())


@pytest.mark.parametrize("kind", ["rms", "accuracy"])
def test_the_network_is_what_torch_trains(kind, class_tasks):
    tasks = class_tasks if kind == "accuracy" else TwoLayerRegressionTasks(2, train=150, valid=50)
    f, rate, std = tasks.features, 0.01, float(np.float32(0.1))
    for task in range(2):
        trace = interpret(programs.neural_network(rate), tasks, task, seed=4)
        generator = stream(4, task)
        last, first = std * generator.standard_normal(f), std * generator.standard_normal((f, f))
        network = Network(first, last)
        rows = zip(
            torch.tensor(tasks.train_x[task]), torch.tensor(tasks.train_y[task]), strict=True
        )
        errors = [train_one_row(network, x, y, kind, rate) for x, y in rows]
        np.testing.assert_allclose(trace.train_errors, errors, rtol=0, atol=1e-9)
        for ours, theirs in (
            (trace.memory.matrices[0], network.first.weight),
            (trace.memory.vectors[1], network.first.bias),
            (trace.memory.vectors[2], network.last.weight[0]),
            (trace.memory.scalars[2], network.last.bias[0]),
        ):
            np.testing.assert_allclose(ours, theirs.detach(), rtol=0, atol=1e-9)
        out = network(torch.tensor(tasks.valid_x[task])).detach()
        out = torch.sigmoid(out) if kind == "accuracy" else out
        np.testing.assert_allclose(trace.valid_predictions[0], out, rtol=0, atol=1e-9)


def test_the_size_of_the_memory_changes_nothing(draw_program, tasks):
    for number in range(40):
        program = draw_program(number)
        small = fitness(program, tasks)
        assert small == fitness(program, tasks, memory=Memory(20, 20, 20, features=3))
        assert 0.0 <= small <= 1.0


def test_random_ops_follow_the_seed_and_differ_between_tasks():
    tasks = LinearRegressionTasks(2, train=5, valid=5)
    program = Program(setup=[I(Op.scalar_gaussian, out=1, data=[0.0, 1.0])])
    drawn = [interpret(program, tasks, t, seed=s).memory.scalars[1] for t in (0, 1) for s in (0, 1)]
    assert len(set(drawn)) == 4
    assert drawn[0] == interpret(program, tasks, 0, seed=0).memory.scalars[1]
    assert drawn[1] == stream(1, 0).standard_normal()


def test_a_program_that_costs_too_much_is_not_run():
    tasks = LinearRegressionTasks(1, train=10, valid=5)
    program = programs.linear_model()
    cost = 3.69 + 10 * (4.29 + 5.10 + 4.42 + 3.71 + 4.70)
    assert program.cost(10) == pytest.approx(cost)
    assert fitness(program, tasks, max_cost=cost + 0.01) > 0
    assert fitness(program, tasks, max_cost=cost - 0.01) == 0


def test_fitness_falls_from_one_to_zero():
    assert rms_fitness(0.0) == 1.0
    assert rms_fitness(float("nan")) == rms_fitness(float("inf")) == 0.0
    assert 0.0 <= rms_fitness(1e300) < rms_fitness(10.0) < rms_fitness(0.1) < 1.0


def test_bad_arguments_are_named(tasks):
    with pytest.raises(ValueError, match="memory must have the tasks' 3 features, got 4"):
        interpret(Program(), tasks, memory=Memory(features=4))
    with pytest.raises(ValueError, match="task must be from 0 to 1, got 2"):
        interpret(Program(), tasks, 2)
    with pytest.raises(ValueError, match="combine must be one of mean, median, got 'max'"):
        fitness(Program(), tasks, combine="max")
    with pytest.raises(ValueError, match="epochs must be a whole number from 1, got 0"):
        interpret(Program(), tasks, epochs=0)
    with pytest.raises(ValueError, match=r"predict\[0\] \(s1 = abs\(s9\)\) must read .* to s3"):
        interpret(Program(predict=[I(Op.scalar_abs, 9, out=1)]), tasks, memory=Memory(features=3))
