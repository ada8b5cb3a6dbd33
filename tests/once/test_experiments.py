"""The experiments, small: same seed, same numbers; what they return can be drawn; real pictures."""

from __future__ import annotations

import json

import pytest

from paper_lessons import plotting
from paper_lessons.once import OnceDetector, glyph_detector, glyph_split
from paper_lessons.once.experiments import glyphs, real, trial

SMALL = {"scenes": 60, "test": 6, "classes": 10, "steps": 8, "episodes": 4, "tuning": 2}


def test_the_ways_to_add_classes_give_the_same_numbers_twice():
    given = {"seeds": (0,), "draws": 1, "shots": (1,), "size": SMALL}
    found = glyphs.run(**given, arms=glyphs.ARMS)
    again = glyphs.run(**given, arms=[glyphs.CROP, glyphs.CENTRE])
    for arm in (glyphs.CROP, glyphs.CENTRE):
        assert found["arms"][arm] == again["arms"][arm]
    alone = found["runs"][0]["alone"]
    for arm in set(glyphs.ARMS) - {glyphs.HEADS}:
        assert found["arms"][arm]["1"]["base_ap"]["mean"] == alone["ap"], arm
    assert {row["base_ap"] for row in found["one_by_one"]} == {alone["ap"]}
    assert [row["classes"] for row in found["one_by_one"]] == list(range(21))
    _figure, axes = plotting.figure(ncols=2)
    glyphs.plot(found, axes)
    json.dumps(found, allow_nan=False)


def test_blood_cells_stay_where_they_are(test_data):
    found = real.cells(test_data / "bccd/BCCD", novel=["WBC"], steps=6, draws=1)
    (run,) = found["runs"]
    assert run["unmoved"]
    for sizes in real.SIZES:
        assert set(run[sizes]) == {"1", "5", "10"}
    json.dumps(found, allow_nan=False)


def test_omniglot_is_read_and_added(test_data):
    masks = real.read_omniglot(test_data / "omniglot_small")
    assert len(masks) == 242
    assert all(len(one) == real.DRAWERS for one in masks.values())
    detector = OnceDetector(glyph_split()[0]).eval()
    found = real.omniglot(test_data / "omniglot_small", detector, characters=4, test=8, draws=1)
    assert len(found["generator"]["10"]) == 1
    json.dumps(found, allow_nan=False)


def test_omniglot_wants_its_files(tmp_path):
    with pytest.raises(ValueError, match=r"must have Omniglot's \.zip files"):
        real.read_omniglot(tmp_path)


@pytest.mark.slow
def test_the_shipped_detector_keeps_the_spec_s_bars():
    detector = glyph_detector()
    _, novel = glyph_split()
    study, pool = trial.glyph_trial(detector, novel)
    found = {}
    for shots in (1, 5, 10):
        supports = [trial.draw_supports(pool, novel, shots, draw) for draw in range(5)]
        scores = [study.score(trial.generated(study, one)).groups for one in supports]
        assert {one["base"].ap for one in scores} == {scores[0]["base"].ap}
        found[shots] = sum(one["novel"].ap50 for one in scores) / len(scores)
    assert scores[0]["base"].ap50 >= 0.60
    assert found[1] >= 0.30
    assert found[5] >= 0.38
    assert found[10] >= found[1]
    chance = study.score(trial.random_codes(study, 0), cosine=False).groups["novel"].ap50
    assert found[1] >= chance + 0.2
    tuned = trial.tuned_heads(study, supports[0], steps=100)
    after = study.score(**tuned, cosine=False).groups["base"].ap
    assert after <= 0.7 * scores[0]["base"].ap  # tuning the heads forgets
