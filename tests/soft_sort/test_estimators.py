"""Both estimators: scikit-learn's own checks, limits, equivariances, and what users do with them."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import rankdata
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import shuffle
from sklearn.utils.estimator_checks import parametrize_with_checks

from paper_lessons.soft_sort import LabelRanker, SoftTrimmedRegressor, spearman_loss

# All pass every check, none is exempt.
CHECKED = [
    SoftTrimmedRegressor(),
    LabelRanker(),
    SoftTrimmedRegressor(trim=0.4, regularization_strength=0.0, n_init=2, random_state=0),
    SoftTrimmedRegressor(alpha=0.01, fit_intercept=False),
    LabelRanker("kl", regularization_strength=0.3),
    LabelRanker(None, fit_intercept=False),
]


@parametrize_with_checks(CHECKED)
def test_scikit_learn_checks(estimator: Any, check: Any) -> None:
    check(estimator)


# -- the regressor


@pytest.fixture(scope="module")
def line() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """200 samples of a noisy plane, the true coefficients, and 30 % of the targets far off."""
    generator = np.random.default_rng(0)
    X = generator.normal(size=(200, 4)) * [1, 10, 0.1, 3] + [0, 5, 0, -2]
    coefficients = np.array([1.0, -0.2, 30.0, 0.5])
    y = X @ coefficients + 7 + 0.1 * generator.normal(size=200)
    y[:60] += 50 * generator.normal(size=60)
    return X, y, coefficients


def test_hard_trimming_withstands_outliers(line: Any) -> None:
    X, y, coefficients = line
    model = SoftTrimmedRegressor(trim=0.35, regularization_strength=0).fit(X, y)
    np.testing.assert_allclose(model.coef_, coefficients, rtol=0.05)
    assert np.abs(LinearRegression().fit(X, y).coef_ - coefficients).max() > 10 * (
        np.abs(model.coef_ - coefficients).max()
    )


def test_large_strength_is_least_squares(line: Any) -> None:
    X, y, _ = line
    soft = SoftTrimmedRegressor(trim=0.4, regularization_strength=1e8).fit(X, y)
    plain = LinearRegression().fit(X, y)
    np.testing.assert_allclose(soft.coef_, plain.coef_, rtol=1e-6)
    assert soft.intercept_ == pytest.approx(plain.intercept_)
    np.testing.assert_allclose(soft.weights_, 1 / len(y), rtol=1e-6)


@pytest.mark.parametrize("strength", [0.0, 1.0, 1e8])
def test_no_trim_is_ridge_on_standardised_features(line: Any, strength: float) -> None:
    X, y, _ = line
    model = SoftTrimmedRegressor(trim=0, alpha=0.3, regularization_strength=strength).fit(X, y)
    ridge = make_pipeline(StandardScaler(), Ridge(alpha=0.3 * len(y))).fit(X, y)
    np.testing.assert_allclose(model.predict(X), ridge.predict(X), rtol=1e-5)


def test_hard_trimming_ends_at_a_fit_of_its_own_best_samples(line: Any) -> None:
    X, y, _ = line
    model = SoftTrimmedRegressor(trim=0.3, regularization_strength=0).fit(X, y)
    kept = model.weights_ > 0
    assert kept.sum() == 140
    np.testing.assert_allclose(model.weights_[kept], 1 / 140)
    residuals = np.abs(y - model.predict(X))
    assert residuals[kept].max() <= residuals[~kept].min()
    refit = LinearRegression().fit(X[kept], y[kept])
    np.testing.assert_allclose(model.coef_, refit.coef_, rtol=1e-4)


@pytest.mark.parametrize("strength", [0.0, 10.0, 100.0])
def test_the_end_is_a_least_squares_fit_with_its_own_weights(line: Any, strength: float) -> None:
    X, y, _ = line
    model = SoftTrimmedRegressor(trim=0.35, regularization_strength=strength).fit(X, y)
    assert model.weights_.sum() == pytest.approx(1)
    assert model.weights_.min() >= -1e-12
    weighted = LinearRegression().fit(X, y, sample_weight=np.clip(model.weights_, 0, None))
    np.testing.assert_allclose(model.predict(X), weighted.predict(X), atol=2e-3 * y.std())


@pytest.mark.parametrize("strength", [0.0, 20.0])
def test_units_and_origins_do_not_matter(line: Any, strength: float) -> None:
    X, y, _ = line
    model = SoftTrimmedRegressor(trim=0.3, alpha=0.01, regularization_strength=strength)
    before = model.fit(X, y).predict(X)
    after = model.fit(X * [1000, 0.01, -3, 1] + [5, 6, 7, 8], 1e4 * y - 123).predict(
        X * [1000, 0.01, -3, 1] + [5, 6, 7, 8]
    )
    np.testing.assert_allclose((after + 123) / 1e4, before, atol=1e-4 * y.std())


def test_without_an_intercept_the_plane_goes_through_the_origin(line: Any) -> None:
    X, y, _ = line
    model = SoftTrimmedRegressor(trim=0, regularization_strength=0, fit_intercept=False).fit(X, y)
    assert model.intercept_ == 0
    assert model.predict(np.zeros((1, 4))) == 0
    plain = LinearRegression(fit_intercept=False).fit(X, y)
    np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-6)


def test_more_starts_find_the_line_when_outliers_agree() -> None:
    generator = np.random.default_rng(0)
    x = generator.uniform(0, 1, size=100)
    y = 2 * x + 0.01 * generator.normal(size=100)
    x[:40], y[:40] = 10 + 0.1 * generator.normal(size=40), -20 + 0.01 * generator.normal(size=40)
    options: dict[str, Any] = {"trim": 0.45, "regularization_strength": 0.0}
    once = SoftTrimmedRegressor(**options).fit(x[:, None], y)
    often = SoftTrimmedRegressor(**options, n_init=20, random_state=0).fit(x[:, None], y)
    assert once.coef_[0] < 0
    assert often.coef_[0] == pytest.approx(2, abs=0.05)
    assert often.loss_ < once.loss_
    again = SoftTrimmedRegressor(**options, n_init=20, random_state=0).fit(x[:, None], y)
    assert (again.coef_ == often.coef_).all()


@pytest.mark.parametrize("target", ["constant", "mostly equal"])
def test_targets_without_spread(target: str) -> None:
    X = np.random.default_rng(0).normal(size=(30, 2))
    y = np.full(30, 3.0)
    if target == "mostly equal":
        y[:5] = 100.0
    model = SoftTrimmedRegressor(regularization_strength=0).fit(X, y)
    np.testing.assert_allclose(model.predict(X), 3.0, atol=1e-3)


def test_constant_feature_gets_no_weight(line: Any) -> None:
    X, y, _ = line
    with_constant = np.column_stack([X, np.full(len(X), 1e6 / 3)])
    model = SoftTrimmedRegressor().fit(with_constant, y)
    np.testing.assert_allclose(
        model.predict(with_constant), SoftTrimmedRegressor().fit(X, y).predict(X), atol=1e-5
    )


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"trim": 1.0}, "trim must be a whole number from 0 to 9 or a share"),
        ({"trim": 10}, "trim must be a whole number from 0 to 9 or a share"),
        ({"regularization_strength": -1.0}, "regularization_strength must be a non-negative"),
        ({"regularization_strength": float("nan")}, "regularization_strength must be"),
        ({"regularization_strength": "soft"}, "regularization_strength must be"),
        ({"alpha": -0.1}, "alpha must be a non-negative number, got -0.1"),
        ({"tol": float("inf")}, "tol must be a non-negative number"),
        ({"max_iter": 0}, "max_iter must be a whole number from 1, got 0"),
        ({"n_init": 0}, "n_init must be a whole number from 1, got 0"),
    ],
)
def test_regressor_refuses(parameters: dict, message: str) -> None:
    X = np.arange(20.0).reshape(10, 2)
    with pytest.raises(ValueError, match=message):
        SoftTrimmedRegressor(**parameters).fit(X, X[:, 0])


def test_too_few_steps_are_told() -> None:
    X, y = load_diabetes(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match="raise max_iter"):
        SoftTrimmedRegressor(regularization_strength=0, max_iter=1).fit(X, y)


# -- the ranker


@pytest.fixture(scope="module")
def rankings() -> tuple[np.ndarray, np.ndarray]:
    """150 samples whose five labels are ranked by a linear model with noise."""
    generator = np.random.default_rng(1)
    X = generator.normal(size=(150, 4))
    scores = X @ generator.normal(size=(4, 5)) + generator.normal(size=5)
    return X, rankdata(-(scores + 0.3 * generator.normal(size=scores.shape)), axis=1)


@pytest.mark.parametrize("regularization", ["l2", "kl", None])
def test_ranker_learns_linear_rankings(rankings: Any, regularization: str | None) -> None:
    X, ranks = rankings
    model = LabelRanker(regularization).fit(X[:100], ranks[:100])
    assert model.score(X[100:], ranks[100:]) > 0.85
    assert model.score(X[100:], 6 - ranks[100:]) < -0.85
    assert model.coef_.shape == (5, 4)
    assert model.predict(X).shape == (150, 5)
    np.testing.assert_array_equal(model.predict(X), rankdata(-model.predict_scores(X), axis=1))


@pytest.mark.parametrize("regularization", ["l2", "kl"])
def test_strength_acts_through_the_penalty_alone(rankings: Any, regularization: str) -> None:
    X, ranks = rankings
    first = LabelRanker(regularization, regularization_strength=0.5, alpha=0.04).fit(X, ranks)
    second = LabelRanker(regularization, regularization_strength=5.0, alpha=0.0004).fit(X, ranks)
    np.testing.assert_allclose(10 * first.coef_, second.coef_, rtol=1e-6)
    other = LabelRanker(regularization, regularization_strength=5.0, alpha=0.04).fit(X, ranks)
    assert np.abs(other.coef_ / 10 - first.coef_).max() > 0.01


@pytest.mark.parametrize("regularization", ["l2", "kl"])
@pytest.mark.parametrize("strength", [0.3, 4.0])
def test_ranker_minimises_the_loss_it_says(
    rankings: Any, regularization: str, strength: float
) -> None:
    X, ranks = rankings
    model = LabelRanker(regularization, regularization_strength=strength, alpha=0.01).fit(X, ranks)

    def objective(weights: torch.Tensor) -> torch.Tensor:
        loss = spearman_loss(
            torch.tensor(X) @ weights.T + torch.tensor(model.intercept_),
            torch.tensor(ranks),
            regularization=regularization,
            regularization_strength=strength,
            descending=True,
        )
        return loss + 0.01 / 2 * weights.square().sum()

    weights = torch.tensor(model.coef_, requires_grad=True)
    value = objective(weights)
    assert value.item() == pytest.approx(model.loss_)
    for seed in range(20):
        noise = torch.randn(5, 4, generator=torch.Generator().manual_seed(seed))
        assert objective(weights.detach() + 0.1 * strength * noise.double()) > value


def test_training_starts_no_worse_than_regression(rankings: Any) -> None:
    # Projecting the regressed ranks onto the permutahedron brings them nearer to every ranking.
    X, ranks = rankings
    plain = LabelRanker(None, alpha=0).fit(X, ranks)
    assert LabelRanker("l2", alpha=0).fit(X, ranks).loss_ < plain.loss_


def test_no_projection_is_ridge_regression(rankings: Any) -> None:
    X, ranks = rankings
    model = LabelRanker(None, alpha=0.2).fit(X, ranks)
    ridge = Ridge(alpha=0.2 * len(X)).fit(X, ranks)
    np.testing.assert_allclose(3 - model.predict_scores(X), ridge.predict(X))
    residuals = ridge.predict(X) - ranks
    expected = (residuals**2).sum() / 2 / len(X) + 0.1 * (ridge.coef_**2).sum()
    assert model.loss_ == pytest.approx(expected)


def test_without_an_intercept_a_zero_sample_ties_all_labels(rankings: Any) -> None:
    X, ranks = rankings
    model = LabelRanker(fit_intercept=False).fit(X, ranks)
    assert (model.intercept_ == 0).all()
    np.testing.assert_array_equal(model.predict(np.zeros((1, 4))), np.full((1, 5), 3.0))


def test_only_the_order_in_a_row_counts(rankings: Any) -> None:
    X, ranks = rankings
    stretched = np.exp(ranks)
    np.testing.assert_array_equal(
        LabelRanker().fit(X, ranks).coef_, LabelRanker().fit(X, stretched).coef_
    )


def test_tied_labels_share_their_rank(rankings: Any) -> None:
    X, ranks = rankings
    tied = np.minimum(ranks, 3)  # the last three places are one
    model = LabelRanker(alpha=0.0).fit(X, tied)
    averaged = LabelRanker(alpha=0.0).fit(X, np.where(ranks >= 3, 4.0, ranks))
    np.testing.assert_array_equal(model.coef_, averaged.coef_)
    assert model.score(X, tied) > 0.7


def test_score_leaves_out_what_says_nothing(rankings: Any) -> None:
    X, ranks = rankings
    model = LabelRanker().fit(X, ranks)
    mixed = ranks.copy()
    mixed[:50] = 3.0
    assert model.score(X, mixed) == pytest.approx(model.score(X[50:], ranks[50:]))
    assert np.isnan(model.score(X[:2], np.ones((2, 5))))
    undecided = clone(model).fit(X, ranks)
    undecided.coef_ = np.zeros_like(model.coef_)
    undecided.intercept_ = np.zeros(5)
    assert undecided.score(X, ranks) == 0


def test_ranker_in_pipeline_search_clone_and_pickle() -> None:
    iris = shuffle(*load_iris(return_X_y=True), random_state=0)
    X, ranks = iris[0], rankdata(-np.eye(3)[iris[1]], axis=1)
    pipeline = make_pipeline(StandardScaler(), LabelRanker())
    search = GridSearchCV(
        pipeline, {"labelranker__regularization_strength": [0.3, 3.0]}, cv=3, error_score="raise"
    ).fit(X, ranks)
    assert search.best_score_ > 0.5
    assert len(cross_val_score(clone(pipeline), X, ranks, cv=3)) == 3
    copy = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(copy.predict(X), search.predict(X))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"regularization": "l1"}, "regularization must be 'l2', 'kl' or None, got 'l1'"),
        ({"regularization_strength": 0}, "must be a positive number, got 0 .hard ranks"),
        ({"regularization_strength": float("nan")}, "regularization_strength must be a positive"),
        ({"alpha": -1}, "alpha must be a non-negative number, got -1"),
        ({"max_iter": 1.5}, "max_iter must be a whole number from 1, got 1.5"),
    ],
)
def test_ranker_refuses(rankings: Any, parameters: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LabelRanker(**parameters).fit(*rankings)


def test_ranker_refuses_missing_ranks(rankings: Any) -> None:
    X, ranks = rankings
    holes = ranks.copy()
    holes[3, 2] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        LabelRanker().fit(X, holes)
