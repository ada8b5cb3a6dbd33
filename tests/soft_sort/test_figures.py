"""The chapter's drawings show what the operators compute."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from paper_lessons import plotting
from paper_lessons.soft_sort import figures, soft_rank

SCORES = torch.tensor([0.3, -1.2, 0.9, 0.5, 2.0])


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=8))
def test_the_last_pooling_step_is_the_isotonic_fit(values):
    steps = figures.pooling_steps(values)
    fit = [mean for start, stop, mean in steps[-1].blocks for _ in range(stop - start)]
    expected = IsotonicRegression(increasing=False).fit_transform(range(len(values)), values)
    np.testing.assert_allclose(fit, expected, atol=1e-9)
    assert [step.what for step in steps].count("merge") < len(values)


def test_the_chapters_example_is_pooled_as_its_text_says():
    order = SCORES.argsort(descending=True)
    steps = figures.pooling_steps((SCORES[order] / 0.5 - torch.tensor([5.0, 4, 3, 2, 1])).tolist())
    assert [step.what for step in steps] == [
        *("push 1", "push 2", "push 3", "merge", "push 4", "merge", "push 5")
    ]
    assert [(start, stop) for start, stop, _ in steps[-1].blocks] == [(0, 1), (1, 4), (4, 5)]


def test_pooling_has_a_panel_for_each_step():
    figure = figures.draw_pooling([-1.0, -2.2, -2.0, -1.4, -3.4])
    assert sum(panel.get_visible() for panel in figure.axes) == 7


@pytest.mark.parametrize("regularization", ["l2", "kl"])
def test_the_sliding_score_follows_the_operator(regularization):
    _, axes = plotting.figure()
    figures.draw_rank_while_sliding(
        axes, SCORES, index=0, strengths=(0.5,), regularization=regularization
    )
    line = axes.lines[0]
    place = 700
    moved = SCORES.double().clone()
    moved[0] = float(line.get_xdata()[place])
    assert line.get_ydata()[place] == pytest.approx(float(soft_rank(moved, regularization, 0.5)[0]))


def test_the_staircase_jumps_once_at_each_neighbour():
    _, axes = plotting.figure()
    figures.draw_rank_while_sliding(axes, SCORES, index=0, strengths=())
    hard = np.asarray(axes.lines[0].get_ydata(), dtype=float)
    assert np.isnan(hard).sum() == 4
    assert set(hard[~np.isnan(hard)]) == {1.0, 2.0, 3.0, 4.0, 5.0}


@pytest.mark.parametrize(("n", "corners", "edges"), [(3, 6, 6), (4, 24, 36)])
def test_the_permutahedron_has_its_corners_and_edges(n, corners, edges):
    found_corners, found_edges = figures._corners_and_edges(n)
    assert len(found_corners) == corners
    assert len(found_edges) == edges
    assert np.bincount(np.ravel(found_edges)).tolist() == [n - 1] * corners


def test_the_solid_hides_the_edges_behind_it():
    figure = figures.draw_permutahedra(SCORES[:3])
    dotted = [line for line in figure.axes[1].lines if line.get_linestyle() == ":"]
    assert 0 < len(dotted) < 18


def test_permutahedra_take_three_scores():
    with pytest.raises(ValueError, match=r"scores must have shape \(3,\), got \(5,\)"):
        figures.draw_permutahedra(SCORES)


@pytest.mark.parametrize("regularization", ["l2", "kl"])
def test_ranks_over_strengths_run_from_hard_to_the_middle(regularization):
    _, axes = plotting.figure()
    figures.draw_ranks_over_strengths(axes, SCORES, regularization=regularization)
    lines = axes.lines[:5]
    assert [float(line.get_ydata()[0]) for line in lines] == [2.0, 1.0, 4.0, 3.0, 5.0]
    assert all(abs(float(line.get_ydata()[-1]) - 3.0) < 0.3 for line in lines)
