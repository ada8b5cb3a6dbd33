"""The experiments, small: same seed, same numbers; what they return can be drawn."""

from __future__ import annotations

import json

import pytest

from paper_lessons import plotting
from paper_lessons.spert.experiments import ablations, conll04, names


def test_names_are_learnt_by_heart_by_a_small_random_encoder():
    given = {"seeds": (0,), "sentences": 200, "arms": ["small random"]}
    found = names.run(**given)
    scores = found["arms"]["small random"]
    assert scores["seen"]["entities"]["mean"] > 60
    assert scores["new"]["entities"]["mean"] < 30
    _figure, axis = plotting.figure()
    names.plot(found, axis)
    json.dumps(found, allow_nan=False)


def test_ablations_give_the_same_numbers_twice(monkeypatch):
    arms = ["as the paper", "no negative spans", "context: [CLS]"]
    given = {"seeds": (0, 1), "sentences": 8, "test": 20, "arms": arms, "epochs": 1}
    found = ablations.run(**given)
    again = ablations.run(**given)
    for arm in arms:
        assert found["arms"][arm]["new"] == again["arms"][arm]["new"]
    assert found["arms"]["as the paper"]["strict_difference"]["mean"] == 0
    _figure, axis = plotting.figure()
    ablations.plot(found, axis)


def test_every_arm_runs_one_step():
    for arm in ablations.ARMS:
        small = {"sentences": 2, "test": 6, "training": {"epochs": 1, "batch_size": 2}}
        found = ablations.one_run(arm, 0, **small)
        assert set(found) == {"cpu_seconds", "errors", "new", *ablations.LENGTHS}, arm
        assert all(0 <= score <= 100 for score in found["new"].values()), arm


def test_conll04_wants_its_files(tmp_path):
    with pytest.raises(ValueError, match=r"folder must have conll04_train\.json"):
        conll04.run(tmp_path)


@pytest.mark.slow
def test_conll04_reaches_the_bars_of_one_seed(test_data):
    found = conll04.run(test_data / "conll04", seeds=(0,))
    _figure, axis = plotting.figure()
    conll04.plot(found, axis)
    scores = found["arms"]["as the paper"]["runs"][0]["test"]
    assert scores["entities"] >= 80
    assert scores["strict"] >= 54


@pytest.mark.slow
@pytest.mark.parametrize("name", ["scierc", "ade"])
def test_an_epoch_of_the_other_sets_trains(test_data, name):
    from paper_lessons.spert import SpanRelationExtractor, read_spert_json, read_types

    folder = test_data / name
    part = {"scierc": ("train", "dev"), "ade": ("split_0_train", "split_0_test")}[name]
    types = read_types(folder / f"{name}_types.json")
    train, test = (read_spert_json(folder / f"{name}_{one}.json", types) for one in part)
    extractor = SpanRelationExtractor.from_encoder(types)
    extractor.fit(train, epochs=1, batch_size=8, lr=3e-4, head_lr=1e-3, freeze_embeddings=True)
    assert extractor.evaluate(test).entities.micro.f1 > 20
