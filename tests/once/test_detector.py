"""Adding, updating and forgetting classes moves no box of another one."""

from __future__ import annotations

import pytest
import torch

from paper_lessons.once import (
    OnceDetector,
    decode,
    evaluate,
    glyph_detector,
    glyph_scenes,
    glyph_split,
)

OPTIONS = {"small": {}, "resnet50": {"width": 8, "channels": 32}, "hourglass": {"widths": (16, 16, 24)}}  # fmt: skip


def detector(support_encoder="crop", backbone="small", classes=("cat", "dog", "owl")):
    torch.manual_seed(0)
    made = OnceDetector(list(classes), backbone, support_encoder=support_encoder, options=OPTIONS[backbone])  # fmt: skip
    # codes that fire, so that there is something to move
    made.bank.table[: len(classes), :-1] *= 20
    return made.eval()


@pytest.fixture(scope="module")
def scenes():
    return glyph_scenes(6, "AEK", seed=0)


def shots(scenes, count):
    return list(scenes.images[:count]), scenes.boxes[:count]


def same(before, after, names):
    for one, two in zip(before, after, strict=True):
        old = torch.tensor([name in names for name in two["names"]], dtype=torch.bool)
        for key in ("boxes", "scores", "labels"):
            assert torch.equal(one[key], two[key][old])


@pytest.mark.parametrize("support_encoder", ["crop", "centre"])
@pytest.mark.parametrize("backbone", OPTIONS)
def test_a_new_class_moves_no_box_of_another(scenes, backbone, support_encoder):
    model, images = detector(support_encoder, backbone), list(scenes.images)
    before = model.detect(images, 0.05, None)
    assert sum(len(one["scores"]) for one in before) > 10
    for number in range(70):
        model.register(f"new {number}", *shots(scenes, 1 + number % 3))
    same(before, model.detect(images, 0.05, None), {"cat", "dog", "owl"})
    model.register("new 0", *shots(scenes, 2), mode="update")
    model.register("new 1", *shots(scenes, 2), mode="replace")
    for number in range(0, 70, 2):
        model.forget(f"new {number}")
    same(before, model.detect(images, 0.05, None), {"cat", "dog", "owl"})


def test_nor_does_training_mode_once_it_is_frozen(scenes):
    model = detector()
    images = list(scenes.images)
    before = model.detect(images, 0.05, None)
    model.freeze()
    model.train()
    model(model.prepare(images))  # would move the batch statistics
    model.generator(torch.randn(4, 3, 48, 48))
    assert model.generator.training
    assert not model.backbone.training
    same(before, model.detect(images, 0.05, None), {"cat", "dog", "owl"})
    assert not any(one.requires_grad for one in model.backbone.parameters())
    assert all(one.requires_grad for one in model.generator.parameters())


@pytest.mark.parametrize("support_encoder", ["crop", "centre"])
def test_shots_in_parts_are_all_at_once(scenes, support_encoder):
    one, two = detector(support_encoder), detector(support_encoder)
    one.register("A", *shots(scenes, 5))
    two.register("A", *shots(scenes, 2))
    two.register("A", list(scenes.images[2:5]), scenes.boxes[2:5], mode="update")
    assert one.bank["A"].shots == two.bank["A"].shots == sum(map(len, scenes.boxes[:5]))
    torch.testing.assert_close(one.bank["A"].vector, two.bank["A"].vector, atol=1e-5, rtol=1e-5)


def test_pictures_of_other_sizes_and_channels(scenes):
    model = detector()
    whole = scenes.images[0].float() / 255
    found = model.detect(
        [whole, whole[:, :50, :70], whole[:1], torch.cat([whole, whole[:1]])], 0.05
    )
    assert [len(one["names"]) == len(one["boxes"]) for one in found] == [True] * 4
    assert found[1]["boxes"].canvas_size == (50, 70)
    assert float(found[1]["boxes"][:, 2].max()) <= 70
    with_alpha, bytes_ = found[3], model.detect([scenes.images[0]], 0.05)[0]
    torch.testing.assert_close(with_alpha["scores"], found[0]["scores"], atol=1e-5, rtol=1e-5)
    assert with_alpha["labels"].tolist() == bytes_["labels"].tolist()


def test_an_update_and_a_replacement(scenes):
    model = detector()
    first = model.register("A", *shots(scenes, 1))
    with pytest.raises(ValueError, match="'A' is taken"):
        model.register("A", *shots(scenes, 1))
    again = model.register("A", *shots(scenes, 1), mode="replace")
    assert torch.equal(first.vector, again.vector)
    model.rename("A", "B")
    assert model.classes[-1] == "B"


@pytest.mark.parametrize(
    ("boxes", "options", "sentence"),
    [
        ([[]], {}, "boxes must have at least one"),
        ([], {}, "boxes must be given for each of 1 images, got 0"),
        ([[[10, 10, 14, 60]]], {}, r"boxes\[0\] must have sides of 8 pixels and more"),
        ([[[90, 10, 200, 60]]], {}, r"boxes\[0\] must have sides of 8 pixels .* got \[90.0, 10.0, 96.0, 60.0\]"),
        ([[[40, 40, 20, 20]]], {}, "is it left, top, width, height"),
        ([[[10, 10, 60, 60]]], {"mode": "add"}, "mode must be 'new', 'update' or 'replace'"),
        ([[[10, 10, 60, 60]]], {"mode": "update"}, "name must be one of cat, dog, owl; got 'A'"),
    ],
)  # fmt: skip
def test_what_cannot_be_registered_is_refused(scenes, boxes, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        detector().register("A", [scenes.images[0]], boxes, **options)


def test_other_refusals(scenes):
    model = detector()
    with pytest.raises(ValueError, match=r"images\[0\] must have shape \(3, height, width\)"):
        model.detect([scenes.images[0, 0]])
    with pytest.raises(ValueError, match=r"images\[0\] must be floats in \[0, 1\] or uint8"):
        model.detect([scenes.images[0].long()])
    with pytest.raises(ValueError, match="images must have at least one"):
        model.prepare([])
    with pytest.raises(ValueError, match="classes must be names that differ"):
        OnceDetector(["a", "a"])
    with pytest.raises(ValueError, match="support_encoder must be"):
        OnceDetector(["a"], support_encoder="mean")
    assert model.detect([]) == []


def test_a_saved_detector_comes_back_with_its_classes(scenes, tmp_path):
    model = detector("centre")
    model.register("mug ☕", *shots(scenes, 3))
    model.register("key", *shots(scenes, 1))
    model.forget("key")
    model.save_pretrained(tmp_path)
    assert not [one for one in tmp_path.iterdir() if one.suffix in (".bin", ".pt", ".pkl")]
    again = OnceDetector.from_pretrained(tmp_path).eval()
    assert again.classes == model.classes
    images = list(scenes.images)
    for one, two in zip(model.detect(images, 0.05), again.detect(images, 0.05), strict=True):
        assert one["names"] == two["names"]
        assert torch.equal(one["scores"], two["scores"])
    for one in (model, again):
        one.register("mug ☕", list(scenes.images[3:]), scenes.boxes[3:], mode="update")
    assert torch.equal(model.bank["mug ☕"].vector, again.bank["mug ☕"].vector)
    assert again.bank["cat"].base


def test_codes_travel_in_a_file_of_their_own(scenes, tmp_path):
    model, other = detector(), detector()
    code = model.register("A", *shots(scenes, 3))
    path = model.save_codes(tmp_path / "codes.safetensors")
    assert path.stat().st_size < 4000
    assert other.load_codes(path) == ["A"]
    assert torch.equal(other.bank["A"].vector, code.vector)
    assert other.bank["A"].shots == code.shots
    with pytest.raises(ValueError, match="names must be free, but A stand here already"):
        other.load_codes(path)
    with torch.no_grad():
        next(other.backbone.parameters()).add_(1e-6)
    other.forget("A")
    with pytest.raises(ValueError, match=r"codes of codes.safetensors were made for the features"):
        other.load_codes(path)


def test_sizes_of_a_class_s_own_move_nothing_either(scenes):
    torch.manual_seed(0)
    model = OnceDetector(["cat", "dog"], class_specific_size=True).eval()
    images = list(scenes.images)
    for name in ("cat", "dog"):  # an untrained code's sizes are about 0: boxes that are left out
        entry = model.bank.table[model.bank.names.index(name)]
        entry[64:-1] = 0.5
    before = model.detect(images, 0.05, None)
    assert sum(len(one["scores"]) for one in before) > 10
    for number in range(70):
        model.register(f"new {number}", *shots(scenes, 2))
    same(before, model.detect(images, 0.05, None), {"cat", "dog"})


def test_fitted_sizes_are_those_of_the_shots_and_move_nothing_else(scenes, tmp_path):
    model, images = detector(), list(scenes.images)
    before = model.detect(images, 0.05, None)
    model.register("A", *shots(scenes, 1))
    shared = model.detect(images, 0.05, None)
    model.register("A", *shots(scenes, 1), mode="replace", fit_size=True)
    fitted = model.detect(images, 0.05, None)
    same(before, fitted, {"cat", "dog", "owl"})
    width, height = model.bank["A"].scale
    assert (width, height) != (1, 1)
    assert model.bank["cat"].scale == (1, 1)
    for one, two in zip(shared, fitted, strict=True):
        own = [torch.tensor([n == "A" for n in each["names"]]) for each in (one, two)]
        assert torch.equal(one["scores"][own[0]], two["scores"][own[1]])
    # of one shot, its own box comes out
    model.forget("A")
    box = scenes.boxes[0][:1]
    model.register("A", images[:1], [box], fit_size=True)
    heat = torch.full((1, 4, 24, 24), -9.0)
    centre = ((box[0, :2] + box[0, 2:]) / 8).long()
    heat[0, 3, centre[1], centre[0]] = 9.0
    _, _, sizes, offsets = model(model.prepare(images[:1]))
    (found,) = decode(heat, sizes, offsets, scales=model.bank.scales)
    drawn = found["boxes"][0, 2:] - found["boxes"][0, :2]
    torch.testing.assert_close(drawn, box[0, 2:] - box[0, :2], rtol=0.3, atol=0)
    path = model.save_codes(tmp_path / "codes.safetensors")
    other = detector()
    other.load_codes(path)
    assert other.bank["A"].scale == model.bank["A"].scale


def test_fitted_sizes_in_parts_are_all_at_once(scenes):
    one, two = detector(), detector()
    one.register("A", *shots(scenes, 5), fit_size=True)
    two.register("A", *shots(scenes, 2), fit_size=True)
    two.register("A", list(scenes.images[2:5]), scenes.boxes[2:5], "update", fit_size=True)
    assert one.bank["A"].scale == pytest.approx(two.bank["A"].scale, rel=1e-5)
    own = OnceDetector(["cat"], class_specific_size=True)
    with pytest.raises(ValueError, match="fit_size must be False where codes have weights"):
        own.register("A", *shots(scenes, 1), fit_size=True)


def test_pictures_are_brought_to_the_side_of_training(scenes):
    torch.manual_seed(0)
    model = OnceDetector(["cat"], side=48).eval()
    large = torch.nn.functional.interpolate(scenes.images[:1].float(), scale_factor=2.0)[0].to(
        torch.uint8
    )
    (found,) = model.detect([large], 0.05)
    assert found["boxes"].canvas_size == tuple(large.shape[1:])
    assert model.prepare([large]).shape[2:] == (48, 48)
    # half of a box's pixels count at half of the size
    with pytest.raises(ValueError, match="within the picture brought to 48"):
        model.register("mug", [large], [torch.tensor([[0.0, 0.0, 20.0, 20.0]])])
    assert model.register("mug", [large], [torch.tensor([[0.0, 0.0, 64.0, 64.0]])]).shots == 1


def test_a_frozen_detector_is_frozen_again_once_it_is_loaded(tmp_path):
    model = OnceDetector(["cat"])
    model.freeze()
    model.save_pretrained(tmp_path)
    again = OnceDetector.from_pretrained(tmp_path).train()
    assert again.frozen
    assert not again.backbone.training
    assert not any(one.requires_grad for one in again.backbone.parameters())


def test_the_shipped_detector_finds_glyphs_and_learns_a_new_one_at_once():
    model = glyph_detector()
    base, novel = glyph_split()
    assert model.classes == base
    assert model.frozen
    test = glyph_scenes(60, [*base, *novel], seed=77)
    before = model.detect(list(test.images), 0.01, None)
    assert evaluate(before, test).groups["all"].ap50 > 0.5
    support = glyph_scenes(5, ["♥"], seed=78, objects=(1, 1))
    model.register("♥", list(support.images), support.boxes)
    after = model.detect(list(test.images), 0.01, None)
    same(before, after, set(base))
    assert evaluate(after, test, novel=["♥"]).groups["novel"].ap50 > 0.5
