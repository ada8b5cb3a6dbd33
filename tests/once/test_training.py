"""Both stages: losses fall, what is frozen stays, a killed run goes on to the same numbers, what is wrong is said."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from paper_lessons.once import (
    Augmenting,
    OnceDetector,
    Scenes,
    augmented,
    evaluate,
    glyph_scenes,
)
from paper_lessons.once.training.augmenting import turned

NAMES = ["A", "B", "♥", "■"]


@pytest.fixture(scope="module")
def scenes() -> Scenes:
    return glyph_scenes(48, NAMES, seed=3, size=64, glyph=(18, 30))


def fresh(**options: object) -> OnceDetector:
    torch.manual_seed(0)
    return OnceDetector(NAMES, **options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"support_encoder": "centre"},
        {"class_specific_size": True},
        {"codes": "linear"},
        {"support_encoder": "centre", "codes": "linear"},
    ],
    ids=["crop", "centre", "own sizes", "crop, linear", "centre, linear"],
)
def test_both_stages_learn_and_keep_what_is_frozen(options, scenes):
    detector = fresh(**options)
    first = detector.fit_base(scenes, steps=60, keep_every=20)
    assert first[-1]["heat"] < 0.9 * first[0]["heat"]
    assert detector.frozen
    before = detector.detect(list(scenes.images[:8]), 0.05)
    state = {name: one.clone() for name, one in detector.backbone.state_dict().items()}
    second = detector.fit_generator(scenes, steps=60, keep_every=20, ways=4, shots=(1, 2))
    assert second[-1]["heat"] < 0.95 * second[0]["heat"]
    assert ("size" in second[0]) == detector.bank.rows // 3
    detector.train()
    after = detector.detect(list(scenes.images[:8]), 0.05)
    for one, two in zip(before, after, strict=True):
        assert torch.equal(one["boxes"], two["boxes"])
        assert torch.equal(one["scores"], two["scores"])
    assert all(
        torch.equal(state[name], one) for name, one in detector.backbone.state_dict().items()
    )


def test_the_crop_generator_starts_with_the_trained_encoder(scenes):
    detector = fresh()
    detector.fit_base(scenes, steps=3)
    copied, own = detector.generator.encoder.state_dict(), detector.backbone.encoder.state_dict()
    assert all(torch.equal(copied[name], own[name]) for name in own)


@pytest.mark.parametrize("stage", ["base", "generator"])
def test_a_killed_run_goes_on_to_the_same_numbers(stage, scenes, tmp_path):
    def run(checkpoint=None, on_step=None):
        detector = fresh()
        if stage == "generator":
            detector.fit_base(scenes, steps=4)
        fit = detector.fit_base if stage == "base" else detector.fit_generator
        history = fit(scenes, steps=12, keep_every=4, checkpoint=checkpoint, on_step=on_step)
        return detector, history

    whole, expected = run()

    def die(step: int, _: object) -> None:
        if step == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, die)
    steps: list[int] = []
    again, history = run(tmp_path, lambda step, _: steps.append(step))
    assert steps == [12]
    assert history == expected
    for (name, one), two in zip(
        whole.state_dict().items(), again.state_dict().values(), strict=True
    ):
        assert torch.equal(one, two), name
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_of_other_settings_is_refused(scenes, tmp_path):
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fresh().fit_base(scenes, steps=4, keep_every=2, checkpoint=tmp_path, on_step=die)
    with pytest.raises(ValueError, match="other lr; take another folder"):
        fresh().fit_base(scenes, steps=4, keep_every=2, lr=1e-3, checkpoint=tmp_path)


def test_l1_makes_the_map_empty_and_its_balanced_form_does_not(scenes):
    found = {}
    for loss in ("focal", "l1", "balanced l1"):
        detector = fresh(support_encoder="centre", codes="linear")
        detector.fit_base(scenes, steps=80)
        detector.fit_generator(scenes, steps=300, ways=4, loss=loss)
        code = detector.register(
            "A again",
            [scenes.images[0]] * len(scenes.boxes[0]),
            [one[None] for one in scenes.boxes[0]],
        )
        features = detector.backbone(detector.prepare(list(scenes.images[:8])))
        heat = torch.einsum("bfhw,f->bhw", features, code.vector[:-1]) + code.vector[-1]
        found[loss] = heat.sigmoid().amax().item()
    assert found["l1"] < 0.02 < 0.2 < min(found["focal"], found["balanced l1"])


def test_what_is_wrong_is_said(scenes):
    detector = fresh()
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        detector.fit_base(scenes, steps=0)
    with pytest.raises(ValueError, match="loss must be"):
        detector.fit_generator(scenes, loss="l2")
    with pytest.raises(ValueError, match="it has none"):
        OnceDetector(["Z"]).fit_base(scenes, steps=1)
    broken = fresh()
    with torch.no_grad():
        broken.boxes[1].bias.fill_(torch.inf)
    with pytest.raises(FloatingPointError, match="not finite at step"):
        broken.fit_base(scenes, steps=1)
    detector.register("mug", [scenes.images[0]], [scenes.boxes[0][:1]])
    with pytest.raises(ValueError, match="forget mug first"):
        detector.fit_base(scenes, steps=1)
    with pytest.raises(ValueError, match="two base classes"):
        fresh().fit_generator(glyph_scenes(3, ["A"], size=64, glyph=(18, 30)), steps=1)


def test_pictures_without_objects_and_classes_out_of_order(scenes):
    empty = Scenes(
        scenes.images[:4], [torch.zeros(0, 4)] * 3 + scenes.boxes[3:4],
        [torch.zeros(0, dtype=torch.long)] * 3 + scenes.labels[3:4], scenes.names,
    )  # fmt: skip
    turned = OnceDetector(["■", "other", "A", "B", "♥"])
    assert np.isfinite(turned.fit_base(empty, steps=2)[0]["heat"])


@given(
    shift=st.integers(0, 9), flip=st.booleans(), recolor=st.booleans(), seed=st.integers(0, 2**32)
)
@settings(max_examples=25, deadline=None)
def test_boxes_move_with_what_is_in_them(shift, flip, recolor, seed):
    draw = np.random.default_rng(seed)
    image = torch.full((1, 3, 40, 48), 60, dtype=torch.uint8)
    x, y = draw.integers(10, 24, 2).tolist()
    image[..., y : y + 6, x : x + 9] = 250
    box = torch.tensor([[x, y, x + 9, y + 6]], dtype=torch.float32)
    how = Augmenting(shift=shift, flip=flip, recolor=recolor)
    changed, (moved,), (hidden,) = augmented(image, [box], how, draw)
    plane = changed[0].sum(0)
    rows, columns = (plane - plane[0, 0]).abs().gt(0.1).nonzero().T
    seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert moved[0].tolist() == [float(one) for one in seen]
    assert not hidden.any()


@pytest.mark.parametrize("way", range(8))
def test_boxes_turn_with_the_pictures(way):
    image = torch.zeros(1, 3, 20, 30)
    image[..., 4:9, 17:28] = 1
    changed, (moved,) = turned(image, [torch.tensor([[17.0, 4.0, 28.0, 9.0]])], way)
    rows, columns = changed[0, 0].nonzero().T
    seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert moved[0].tolist() == [float(one) for one in seen]


def test_a_box_of_which_less_than_half_is_left_is_neither_one_nor_none():
    image = torch.zeros(64, 3, 32, 32, dtype=torch.uint8)
    boxes = [torch.tensor([[0.0, 0.0, 8.0, 8.0]])] * 64
    _, moved, hidden = augmented(image, boxes, Augmenting(shift=6), np.random.default_rng(0))
    areas = torch.stack([(one[0, 2] - one[0, 0]) * (one[0, 3] - one[0, 1]) for one in moved])
    assert torch.equal(torch.cat(hidden), areas < 32)
    assert 0 < torch.cat(hidden).sum() < 64


@pytest.mark.slow
def test_a_short_training_finds_glyphs():
    names = [*NAMES, "@", "◆"]
    data, test = (glyph_scenes(n, names, seed=seed) for n, seed in ((600, 1), (100, 2)))
    torch.manual_seed(0)
    detector = OnceDetector(names[:4])
    detector.fit_base(data, steps=500)
    detector.fit_generator(data, steps=300, ways=4)
    for name in names[4:]:
        some = [i for i in range(200) if names.index(name) in data.labels[i].tolist()][:5]
        own = [data.boxes[i][data.labels[i] == names.index(name)][:1] for i in some]
        detector.register(name, [data.images[i] for i in some], own)
    scores = evaluate(detector.detect(list(test.images), 0.01), test, novel=names[4:]).groups
    assert scores["base"].ap50 > 0.5


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no graphics processor")
def test_both_stages_on_a_graphics_card(scenes):
    detector = fresh().to("cuda")
    history = detector.fit_base(scenes, steps=40, keep_every=20)
    assert history[-1]["heat"] < history[0]["heat"]
    detector.fit_generator(scenes, steps=10, ways=4)
    found = detector.detect(list(scenes.images[:2]), 0.01)
    assert found[0]["boxes"].device.type == "cuda"
