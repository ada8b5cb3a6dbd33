"""The experiments: same seed, same numbers; nothing is chosen on what is tested; the plots draw."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.naive_bayes import GaussianNB

from paper_lessons import plotting
from paper_lessons.datasets import ImageSet, digits
from paper_lessons.soft_sort import soft_rank
from paper_lessons.soft_sort.experiments import label_ranking, robust, runtime, topk
from paper_lessons.soft_sort.experiments.classifier import (
    small_cnn,
    topk_accuracy,
    train_classifier,
)
from paper_lessons.soft_sort.experiments.rankings import RankingTable, load_rankings

matplotlib.use("agg")


@pytest.fixture
def axes() -> Any:
    figure, axes = plotting.figure()
    yield axes
    matplotlib.pyplot.close(figure)


def plain(result: Any) -> Any:
    """The result itself if JSON can hold it without a change."""
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    return result


# -- top k

SMALL: dict[str, Any] = {"splits": 2, "samples": 160, "epochs": 2}
SMALL_RANKING: dict[str, Any] = {
    "tables": ("iris", "wine"),
    "seed": 1,
    "repeats": 1,
    "folds": 3,
    "inner_folds": 2,
    "samples": 80,
    "strengths": (0.3, 3.0),
}
SMALL_ROBUST: dict[str, Any] = {
    "seed": 2,
    "splits": 2,
    "shares": (0.0, 0.4),
    "trims": (0.2, 0.45),
    "strengths": (0.0, 10.0),
    "sweep": (0.0, 10.0, 1e6),
    "inner_folds": 2,
}


@pytest.fixture(scope="module")
def small_topk() -> dict[str, Any]:
    return topk.run(seed=3, losses=("cross-entropy", "soft rank l2"), **SMALL)


def test_topk_gives_the_same_numbers_twice(small_topk: dict[str, Any]) -> None:
    options: dict[str, Any] = {"losses": ("cross-entropy", "soft rank l2"), **SMALL}
    torch.manual_seed(99)  # whatever was drawn before
    assert plain(topk.run(seed=3, **options)) == small_topk
    assert topk.run(seed=4, **options)["losses"] != small_topk["losses"]


@pytest.mark.slow
def test_processes_give_the_numbers_that_one_gives(
    small_topk: dict[str, Any], small_ranking: dict[str, Any], small_robust: dict[str, Any]
) -> None:
    losses = ("cross-entropy", "soft rank l2")
    assert topk.run(seed=3, losses=losses, jobs=2, **SMALL) == small_topk
    assert label_ranking.run(jobs=2, **SMALL_RANKING) == small_ranking
    assert robust.run(jobs=2, **SMALL_ROBUST) == small_robust


def test_topk_result_holds_every_split_and_strength(small_topk: dict[str, Any]) -> None:
    found = small_topk["losses"]["soft rank l2"]
    assert [one["strength"] for one in found["validation"]] == [0.05, 0.1, 0.2]
    assert all(len(one["top1"]) == 2 for one in found["validation"])
    assert len(found["top1"]) == len(found["topk"]) == len(found["strengths"]) == 2
    for split, strength in enumerate(found["strengths"]):
        best = max(found["validation"], key=lambda one, split=split: one["top1"][split])
        assert strength == best["strength"]
    assert all(a <= b for a, b in zip(found["top1"], found["topk"], strict=True))


def test_untuned_topk_takes_one_strength() -> None:
    options: dict[str, Any] = {"samples": 100, "epochs": 1, "splits": 1}
    result = topk.run(losses=tuple(topk.LOSSES), tune=False, **options)
    strengths = {name: found["strengths"] for name, found in result["losses"].items()}
    assert strengths["soft rank l2"] == [0.2]
    assert strengths["soft rank kl"] == pytest.approx([1 / np.log(6)])
    assert all(found["validation"] == [] for found in result["losses"].values())


@pytest.mark.parametrize("test_from", [None, 80])
def test_test_images_take_no_part_in_training_or_choice(test_from: int | None) -> None:
    generator = np.random.default_rng(0)
    images = generator.random((120, 1, 8, 8)).astype(np.float32)
    labels = np.arange(120) % 4
    _, test = topk._split(labels, test_from, None, 1000 * 5 + 1)
    assert len(test) == (30 if test_from is None else 40)
    shared: dict[str, Any] = {
        "labels": labels,
        "classes": 4,
        "test_from": test_from,
        "settings": {
            "k": 1,
            "report_k": 2,
            "epochs": 2,
            "filters": 4,
            "seed": 5,
            "samples": None,
        },
    }
    spoiled = images.copy()
    spoiled[test] = np.nan
    arguments = ("soft rank l2", 0.2, 1, True)
    before = topk.train_and_score(*arguments, images=images, **shared)
    assert topk.train_and_score(*arguments, images=spoiled, **shared) == before


@pytest.mark.parametrize("name", topk.LOSSES)
def test_every_topk_loss_prefers_the_true_class(name: str) -> None:
    strength = topk.strengths_to_try(name, 5, tune=False)[0]
    labels = torch.tensor([2, 4])
    good = 3 * torch.nn.functional.one_hot(labels, 5).double()
    right, wrong = (topk.LOSSES[name](sign * good, labels, 1, strength) for sign in (1, -1))
    assert right < wrong
    logits = torch.zeros(2, 5, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(topk.LOSSES[name](logits, labels, 1, strength), logits)
    assert (slope.argmin(1) == labels).all()


@pytest.mark.parametrize("name", ["cross-entropy", "soft rank l2", "soft rank kl"])
def test_the_small_network_learns(name: str) -> None:
    pictures = digits()
    loss, strength = topk.LOSSES[name], topk.strengths_to_try(name, 10, tune=False)[0]
    model = train_classifier(
        pictures.images[:500],
        pictures.labels[:500],
        classes=10,
        loss=lambda logits, labels: loss(logits, labels, 1, strength),
        seed=0,
        epochs=8,
    )
    with torch.no_grad():
        logits = model(pictures.images[1000:])
    assert topk_accuracy(logits, pictures.labels[1000:], 1) > 0.8


def test_the_small_network_has_the_papers_layers() -> None:
    kinds = [type(layer).__name__ for layer in small_cnn(3, 32, 32, 10)]
    assert {kind: kinds.count(kind) for kind in ("Conv2d", "MaxPool2d", "Linear")} == {
        "Conv2d": 4,
        "MaxPool2d": 2,
        "Linear": 2,
    }
    assert "BatchNorm1d" in kinds
    with pytest.raises(ValueError, match="sides of 4 pixels or more, got 3 x 9"):
        small_cnn(1, 3, 9, 2)


def test_training_leaves_the_callers_random_numbers_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    images, labels = digits().images[:20], digits().labels[:20]
    loss = torch.nn.functional.cross_entropy
    train_classifier(images, labels, classes=10, loss=loss, seed=0, epochs=1)
    assert torch.rand(1) == expected


def test_topk_accuracy_counts() -> None:
    logits = torch.tensor([[0.1, 0.9, 0.5], [0.8, 0.1, 0.3]])
    assert [topk_accuracy(logits, torch.tensor([2, 1]), k) for k in (1, 2, 3)] == [0, 0.5, 1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data": "imagenet"}, "name must be one of"),
        ({"losses": ("hinge",)}, "losses must be some of cross-entropy"),
        ({"losses": ()}, "losses must be some of"),
        ({"k": 11}, "k must be from 1 to 10"),
        ({"report_k": 0}, "report_k must be from 1 to 10"),
        ({"splits": 0}, "splits must be at least 1"),
        ({"epochs": 0}, "epochs must be at least 1"),
    ],
)
def test_topk_refuses(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        topk.run(**options)


def test_topk_plots(small_topk: dict[str, Any], axes: Any) -> None:
    topk.plot_accuracies(small_topk, axes)
    assert [label.get_text() for label in axes.get_yticklabels()] == list(small_topk["losses"])
    dots = axes.lines[0].get_xdata()
    np.testing.assert_allclose(dots, 100 * np.array(small_topk["losses"]["cross-entropy"]["top1"]))
    axes.clear()
    topk.plot_strengths(small_topk, axes)
    assert [line.get_label() for line in axes.lines] == ["soft rank l2"]


@pytest.mark.slow
def test_topk_on_real_photographs(test_data: Path) -> None:
    file = test_data / "cifar10_subset" / "cifar10_500x10_200x10.npz"
    if not file.is_file():
        pytest.skip("the CIFAR-10 sample is absent")
    arrays = np.load(file)
    train, test = (torch.tensor(arrays[f"x_{part}"]) for part in ("train", "test"))
    images = torch.cat([train, test]).permute(0, 3, 1, 2).float() / 255
    labels = torch.tensor(np.concatenate([arrays["y_train"], arrays["y_test"]])).long()
    names = tuple(f"class {index}" for index in range(10))
    pictures = ImageSet("CIFAR-10 sample", images, labels, names, test_from=len(train))
    options: dict[str, Any] = {"splits": 1, "samples": 2000, "epochs": 8, "tune": False}
    result = topk.run(pictures, losses=("soft rank l2",), **options)
    assert result["losses"]["soft rank l2"]["top1"][0] > 0.25
    assert result["losses"]["soft rank l2"]["topk"][0] > 0.5


# -- label ranking


@pytest.fixture(scope="module")
def small_ranking() -> dict[str, Any]:
    return label_ranking.run(**SMALL_RANKING)


def test_label_ranking_gives_the_same_numbers_twice(small_ranking: dict[str, Any]) -> None:
    wine = SMALL_RANKING | {"tables": ("wine",)}
    again = plain(label_ranking.run(**wine))["tables"]["wine"]
    assert again == small_ranking["tables"]["wine"]
    assert label_ranking.run(**wine | {"seed": 2})["tables"]["wine"] != again


def test_label_ranking_learns_what_naive_bayes_says(small_ranking: dict[str, Any]) -> None:
    for found in small_ranking["tables"].values():
        for model in found["models"].values():
            assert len(model["scores"]) == len(model["strengths"]) == 3
            assert set(model["strengths"]) <= {0.3, 3.0}
            assert np.mean(model["scores"]) > 0.8
        gains = np.array(found["models"]["soft rank kl"]["scores"])
        gains -= found["models"]["no projection"]["scores"]
        assert found["gain"]["soft rank kl"]["mean"] == pytest.approx(gains.mean())


SLOW_MODEL = pytest.param("soft rank kl", marks=pytest.mark.slow)


@pytest.mark.parametrize("model", ["no projection", "soft rank l2", SLOW_MODEL])
def test_label_ranking_chooses_without_the_test_part(model: str) -> None:
    table = load_rankings("wine")
    settings: dict[str, Any] = {
        "seed": 0,
        "folds": 4,
        "inner_folds": 3,
        "strengths": (0.1, 1.0, 30.0),
    }

    def chosen(ranks: np.ndarray) -> tuple[float, float]:
        found = label_ranking.tune_and_score(
            "wine", model, 0, 2, tables={"wine": (table.X, ranks)}, **settings
        )
        return found["strength"], found["score"]

    from sklearn.model_selection import KFold

    test = list(KFold(4, shuffle=True, random_state=0).split(table.X))[2][1]
    spoiled = table.ranks.copy()
    spoiled[test] = 4 - spoiled[test]
    strength, score = chosen(table.ranks)
    assert chosen(spoiled) == (strength, pytest.approx(-score))


def test_label_ranking_takes_a_table_at_hand() -> None:
    generator = np.random.default_rng(0)
    X = generator.normal(size=(60, 2))
    ranks = np.where(X[:, :1] > 0, [[1.0, 2.0, 3.0]], [[3.0, 2.0, 1.0]])
    table = RankingTable("own", X, ranks, ("a", "b", "c"), "file")
    options: dict[str, Any] = {"repeats": 1, "folds": 3, "strengths": (1.0,)}
    found = label_ranking.run([table], **options)["tables"]["own"]
    assert np.mean(found["models"]["soft rank l2"]["scores"]) > 0.7


def test_verdicts() -> None:
    steady, noisy = np.array([0.02, 0.03, 0.02, 0.03]), np.array([0.2, -0.2, 0.2, -0.1])
    assert label_ranking.compare(steady, test_share=0.25)["verdict"] == "better"
    assert label_ranking.compare(-steady, test_share=0.25)["verdict"] == "worse"
    assert label_ranking.compare(noisy, test_share=0.25)["verdict"] == "equal"
    error = label_ranking.compare(noisy, test_share=0.25)["error"]
    assert error == pytest.approx(np.sqrt(noisy.var(ddof=1) * (1 / 4 + 1 / 3)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tables": ["heat"]}, "name must be one of iris"),
        ({"tables": []}, "tables must be one or more"),
        ({"tables": ["iris", "iris"]}, "of different names"),
        ({"folds": 1}, "folds must be at least 2, got 1"),
        ({"repeats": 0}, "repeats must be at least 1"),
        ({"tables": ["iris"], "samples": 12}, "iris has 12 samples, too few for 5 folds"),
    ],
)
def test_label_ranking_refuses(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        label_ranking.run(**options)


def test_label_ranking_plot(small_ranking: dict[str, Any], axes: Any) -> None:
    label_ranking.plot(small_ranking, axes)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["iris", "wine"]
    assert len(axes.containers) == 2


# -- robust regression


@pytest.fixture(scope="module")
def small_robust() -> dict[str, Any]:
    return robust.run(**SMALL_ROBUST)


def test_robust_gives_the_same_numbers_twice(small_robust: dict[str, Any]) -> None:
    again = plain(robust.run(**SMALL_ROBUST | {"splits": 1}))
    for method, rows in again["methods"].items():
        for row, before in zip(rows, small_robust["methods"][method], strict=True):
            assert row["scores"] == before["scores"][:1]
    assert again["sweep"][1]["scores"] == small_robust["sweep"][1]["scores"][:1]


def test_outliers_hurt_least_squares_and_not_the_trimmed(small_robust: dict[str, Any]) -> None:
    def mean(method: str, place: int) -> float:
        return float(np.mean(small_robust["methods"][method][place]["scores"]))

    assert mean("least squares", 1) < mean("least squares", 0) - 0.1
    for method in ("Huber", "hard trimmed", "soft trimmed"):
        assert mean(method, 1) > mean("least squares", 1)


def test_the_sweep_ends_at_least_squares(small_robust: dict[str, Any]) -> None:
    for place, row in enumerate(small_robust["sweep"]):
        plain_scores = small_robust["methods"]["least squares"][place]["scores"]
        np.testing.assert_allclose(np.array(row["scores"])[:, -1], plain_scores, atol=1e-6)
        assert np.array(row["scores"]).shape == (2, 3)


def test_contamination_leaves_the_test_part_alone() -> None:
    X, y = load_diabetes(return_X_y=True)
    targets = {tuple(row): value for row, value in zip(X, y, strict=True)}
    clean = robust.contaminated_diabetes(0, 3, 0.0)
    few, many = (robust.contaminated_diabetes(0, 3, share) for share in (0.1, 0.3))
    assert all(targets[tuple(row)] == value for row, value in zip(*clean[:2], strict=True))
    for dirty, count in ((few, 33), (many, 99)):
        np.testing.assert_array_equal(dirty[0], clean[0])
        assert (dirty[1] != clean[1]).sum() == count
        assert all(targets[tuple(row)] == value for row, value in zip(*dirty[2:], strict=True))
    assert set(np.flatnonzero(few[1] != clean[1])) < set(np.flatnonzero(many[1] != clean[1]))
    noise = (many[1] - clean[1])[many[1] != clean[1]]
    assert noise.std() == pytest.approx(5 * clean[1].std(), rel=0.3)


def test_least_squares_of_the_experiment_is_plain(small_robust: dict[str, Any]) -> None:
    X, y, X_test, y_test = robust.contaminated_diabetes(2, 1, 0.4)
    expected = r2_score(y_test, LinearRegression().fit(X, y).predict(X_test))
    found = small_robust["methods"]["least squares"][1]["scores"][1]
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"methods": ("lasso",)}, "methods must be some of least squares"),
        ({"shares": (0.5,)}, "shares must lie in"),
        ({"splits": 0}, "splits must be at least 1"),
    ],
)
def test_robust_refuses(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        robust.run(**options)


def test_robust_plots(small_robust: dict[str, Any], axes: Any) -> None:
    robust.plot_methods(small_robust, axes)
    assert [line.get_label() for line in axes.lines] == list(robust.METHODS)
    np.testing.assert_allclose(axes.lines[0].get_xdata(), [0, 40])
    axes.clear()
    robust.plot_sweep(small_robust, axes)
    assert [line.get_label() for line in axes.lines] == ["0 %", "40 %"]


# -- time and memory


@pytest.fixture(scope="module")
def small_runtime() -> dict[str, Any]:
    return runtime.run(sizes=(30, 100, 300, 1000), largest_square=300, rounds=1, shortest=0.0)


def test_runtime_measures_every_size_it_can(small_runtime: dict[str, Any]) -> None:
    plain(small_runtime)
    for name, found in small_runtime["methods"].items():
        quadratic = runtime.METHODS[name].quadratic
        assert found["sizes"] == [30, 100, 300] + ([] if quadratic else [1000])
        for column in ("forward", "both", "kept"):
            assert len(found[column]) == len(found["sizes"])
            assert min(found[column]) >= 0


def test_memory_is_linear_in_n_for_ours_and_quadratic_for_matrices(
    small_runtime: dict[str, Any],
) -> None:
    for name, found in small_runtime["methods"].items():
        expected = 2 if runtime.METHODS[name].quadratic else 1
        assert found["slopes"]["kept"] == pytest.approx(expected, abs=0.1), name


@pytest.mark.parametrize("regularization", ["l2", "kl"])
def test_soft_ranks_keep_at_most_five_numbers_for_each(regularization: str) -> None:
    values = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    kept = runtime.bytes_kept(lambda x: soft_rank(x, regularization, 0.01), values)
    assert 0 < kept <= 5 * 8 * 1000


def test_bytes_kept_counts_each_storage_once() -> None:
    values = torch.zeros(10)
    assert runtime.bytes_kept(lambda x: x + 1, values) == 0
    assert runtime.bytes_kept(lambda x: x.square(), values) == 0  # keeps its input only
    assert runtime.bytes_kept(lambda x: x.exp().sin(), values) == 40
    assert runtime.bytes_kept(lambda x: (x.exp().sin() * x.exp()).cos(), values) == 160


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"methods": ("bubble sort",)}, "methods must be some of soft rank l2"),
        ({"sizes": ()}, "sizes at least 2"),
        ({"rounds": 0}, "rounds must be at least 1"),
    ],
)
def test_runtime_refuses(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        runtime.run(**options)


def test_runtime_plots(small_runtime: dict[str, Any], axes: Any) -> None:
    runtime.plot_time(small_runtime, axes)
    assert [line.get_label() for line in axes.lines] == list(runtime.METHODS)
    axes.clear()
    runtime.plot_memory(small_runtime, axes)
    assert len(axes.lines) == len(runtime.METHODS)


# -- the recipe behind type A, by hand


def test_type_a_ranks_classes_by_their_log_probability() -> None:
    X, y = load_iris(return_X_y=True)
    teacher = GaussianNB().fit(X, y)
    table = load_rankings("iris")
    for row, logs in zip(table.ranks[::7], teacher.predict_log_proba(X)[::7], strict=True):
        assert spearmanr(row, -logs).statistic == pytest.approx(1)
    assert (table.ranks.argmin(1) == teacher.predict(X)).all()
