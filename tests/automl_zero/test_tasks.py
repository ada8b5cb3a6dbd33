"""Tasks: seeded, of the stated distributions, and refused when they make no sense."""

from __future__ import annotations

import numpy as np
import pytest

from paper_lessons.automl_zero import (
    LinearRegressionTasks,
    ProjectedBinaryTasks,
    Tasks,
    TwoLayerRegressionTasks,
)
from paper_lessons.datasets import digits


def arrays(tasks):
    return tasks.train_x, tasks.train_y, tasks.valid_x, tasks.valid_y


@pytest.fixture(scope="module")
def images():
    data = digits()
    return data.images.numpy(), data.labels.numpy()


@pytest.mark.parametrize(
    "make",
    [
        lambda count, seed: LinearRegressionTasks(count, 4, 20, 10, seed),
        lambda count, seed: TwoLayerRegressionTasks(count, 4, 20, 10, seed),
        lambda count, seed: ProjectedBinaryTasks(
            np.arange(400.0).reshape(100, 4) % 7,
            np.arange(100) % 2,
            [(0, 1)] * count,
            3,
            seed,
            20,
            10,
        ),
    ],
)
def test_the_seed_decides_and_a_task_does_not_depend_on_their_number(make):
    for one, other in zip(arrays(make(5, 3)), arrays(make(2, 3)), strict=True):
        assert np.array_equal(one[:2], other)
    for one, other in zip(arrays(make(2, 3)), arrays(make(2, 4)), strict=True):
        assert one.shape == other.shape
    assert not np.array_equal(make(2, 3).train_x, make(2, 4).train_x)
    assert not np.array_equal(make(2, 3).train_x[0], make(2, 3).train_x[1])
    assert np.array_equal(make(2, [3]).train_x, make(2, 3).train_x)


def test_linear_tasks_are_linear_with_standard_normal_parts():
    tasks = LinearRegressionTasks(200, features=8, train=60, valid=40, seed=1)
    assert len(tasks) == 200
    assert (tasks.kind, tasks.features) == ("rms", 8)
    np.testing.assert_allclose(np.einsum("tnf,tf->tn", tasks.train_x, tasks.weights), tasks.train_y)
    for values in (tasks.weights, tasks.train_x, tasks.valid_x):
        assert values.mean() == pytest.approx(0.0, abs=0.06)
        assert values.std() == pytest.approx(1.0, abs=0.06)


def test_the_two_layer_teacher_lacks_two_units():
    tasks = TwoLayerRegressionTasks(3, features=5, train=10, valid=6, seed=1)
    assert not tasks.hidden[:, [0, 2]].any()
    assert not tasks.weights[:, [0, 2]].any()
    assert tasks.hidden[:, [1, 3, 4]].all()
    for t in range(3):
        expected = [tasks.weights[t] @ np.maximum(tasks.hidden[t] @ x, 0) for x in tasks.valid_x[t]]
        np.testing.assert_allclose(tasks.valid_y[t], expected, atol=1e-12)
    assert TwoLayerRegressionTasks(1, features=2, train=5).weights[0, 0] == 0.0


def test_projected_tasks_are_balanced_standardised_and_made_of_the_two_classes(images):
    x, labels = images
    tasks = ProjectedBinaryTasks(x, labels, [(3, 8), (8, 3)], 16, seed=2, train=201, valid=100)
    assert tasks.kind == "accuracy"
    assert tasks.train_y.sum(axis=1).tolist() == [100, 100]
    assert tasks.valid_y.sum(axis=1).tolist() == [50, 50]
    assert len(set(map(tuple, tasks.train_y[:, :9]))) == 2  # classes are mixed
    np.testing.assert_allclose(tasks.train_x.mean(axis=1), 0.0, atol=1e-10)
    np.testing.assert_allclose(tasks.train_x.std(axis=1), 1.0, atol=1e-10)
    assert 0.8 < tasks.valid_x.std() < 1.2
    # A linear map of the images: the rows span no more than the images do.
    flat = x.reshape(len(x), -1)
    assert np.linalg.matrix_rank(tasks.train_x[0]) == 16
    three, eight = flat[labels == 3].mean(0), flat[labels == 8].mean(0)
    assert np.linalg.norm(three - eight) > 0
    means = [tasks.train_x[0][tasks.train_y[0] == y].mean(0) for y in (0, 1)]
    guess = (tasks.valid_x[0] - np.mean(means, axis=0)) @ (means[1] - means[0]) > 0
    assert (guess == tasks.valid_y[0]).mean() > 0.8


def test_a_row_is_in_training_or_in_validation():
    images, labels = np.arange(40.0)[:, None], np.arange(40) % 2
    tasks = ProjectedBinaryTasks(images, labels, [(0, 1)], 1, seed=0, train=24, valid=16)
    both = np.concatenate([tasks.train_x[0, :, 0], tasks.valid_x[0, :, 0]])
    assert len(np.unique(both.round(9))) == 40


def test_a_feature_that_never_changes_is_zero():
    tasks = ProjectedBinaryTasks(np.ones((20, 3)), np.arange(20) % 2, [(0, 1)], 2, 0, 10, 6)
    np.testing.assert_allclose(tasks.train_x, 0.0, atol=1e-12)


def test_subsets_keep_order_and_kind(images):
    tasks = ProjectedBinaryTasks(*images, [(0, 1), (2, 3), (4, 5)], 4, train=20, valid=10)
    part = tasks.subset([2, 0])
    assert part.kind == "accuracy"
    assert np.array_equal(part.valid_x, tasks.valid_x[[2, 0]])
    assert len(tasks.subset(slice(1, 3))) == 2


X, Y = np.zeros((2, 5, 3)), np.zeros((2, 5))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Tasks(X, Y, X, Y, kind="mse"), "kind must be one of rms, accuracy, got 'mse'"),
        (lambda: Tasks(X[0], Y, X, Y), "train_x and train_y must have shapes"),
        (lambda: Tasks(X, Y, X, Y[:, :4]), r"valid_x and valid_y must .* \(2, 5, 3\) and \(2, 4\)"),
        (lambda: Tasks(X, Y, X[:1], Y[:1]), "valid_x must have as many tasks as train_x, got 1, 2"),
        (lambda: Tasks(X, Y, X[..., :2], Y), "valid_x must have as many features .* got 2, 3"),
        (lambda: Tasks(X, Y + np.nan, X, Y), "train_y must be finite, got nan"),
        (lambda: Tasks(X, Y, X, Y + 2, kind="accuracy"), "valid_y must be 0 or 1 .* got"),
        (lambda: LinearRegressionTasks(0), "count must be a whole number from 1, got 0"),
        (lambda: LinearRegressionTasks(valid=2.5), "valid must be a whole number from 1, got 2.5"),
        (
            lambda: ProjectedBinaryTasks(X[0], np.zeros(4, int), [(0, 1)]),
            r"images and labels must have shapes .* got \(5, 3\) and \(4,\)",
        ),
        (
            lambda: ProjectedBinaryTasks(
                np.ones((9, 2)), np.arange(9) % 2, [(0, 1)], train=6, valid=4
            ),
            "train and valid need 5 images of class 1, got 4",
        ),
        (
            lambda: ProjectedBinaryTasks(X[0], Y[0], []),
            "pairs must be a whole number from 1, got 0",
        ),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
