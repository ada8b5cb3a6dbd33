"""Real sets are read to their counts; what is wrong is said with file and number."""

from __future__ import annotations

import json

import pytest
import torch
from PIL import Image

from paper_lessons.once import (
    base_novel_split,
    decode,
    evaluate,
    read_coco,
    read_voc,
    splat_targets,
)
from paper_lessons.once.data.readers import COCO_NOVEL


@pytest.fixture
def bccd(test_data):
    with pytest.warns(UserWarning, match="are left out, the first: .*its picture"):
        return read_voc(test_data / "bccd/BCCD/Annotations", test_data / "bccd/BCCD/JPEGImages")


def test_blood_cells(bccd):
    assert bccd.names == ["Platelets", "RBC", "WBC"]
    assert len(bccd) == 122
    assert sum("is not there" in one for one in bccd.problems) == 364 - 122
    no_area = [one for one in bccd.problems if "no area" in one]
    assert all(".xml: object" in one for one in no_area)
    one = bccd[0]
    assert one["image"].shape == (3, 480, 640)
    assert one["boxes"].format.name == "XYXY"
    assert one["boxes"][0].tolist() == [259.0, 176.0, 491.0, 376.0]
    base, novel = base_novel_split(bccd, ["WBC"])
    assert (base.names, novel.names) == (["Platelets", "RBC"], ["WBC"])
    count = [sum(len(one.boxes) for one in part.annotations) for part in (base, novel, bccd)]
    assert count[0] + count[1] == count[2]
    assert len(bccd[3:7]) == 4


def oracle_ap(detections):
    """Average precision of what is read back from perfect maps, in percent."""
    found = []
    for one in detections.annotations:
        rows, columns = -(-one.height // 4), -(-one.width // 4)
        own = ~one.crowd
        targets = splat_targets(
            [one.boxes[own]], [one.labels[own]],
            classes=len(detections.names), height=rows, width=columns,
        )  # fmt: skip
        sizes, offsets = torch.zeros(1, 2, rows, columns), torch.zeros(1, 2, rows, columns)
        at = targets.picture, slice(None), targets.row, targets.column
        sizes[at], offsets[at] = targets.sizes, targets.offsets
        heat = torch.where(targets.dense() == 1, 10.0, -10.0)
        back = decode(heat, sizes, offsets, threshold=0.5)[0]
        found.append(back | {"names": [detections.names[k] for k in back["labels"].tolist()]})
    return 100 * evaluate(found, detections).groups["all"].ap


def test_boxes_survive_encoding(bccd, test_data):
    assert oracle_ap(bccd) >= 99.5
    coco = read_coco(test_data / "coco_fewshot/novel_val2017_400img_boxes.json")
    assert sum(int(one.crowd.sum()) for one in coco.annotations) == 30
    assert sum(len(one.boxes) for one in coco.annotations) == 2018
    assert oracle_ap(coco) >= 99.2
    for path in sorted((test_data / "coco_fewshot/shots_10").glob("*.json")):
        assert oracle_ap(read_coco(path)) >= 99.9


def test_raccoons(test_data):
    found = read_coco(test_data / "raccoon/raccoon256.json", test_data / "raccoon/images256")
    assert (len(found), found.names, found.problems) == (50, ["raccoon"], [])
    assert sum(len(one.boxes) for one in found.annotations) == 53
    assert found[0]["image"].shape[1:] == found[0]["boxes"].canvas_size


@pytest.mark.parametrize("k", [1, 5, 10])
def test_the_authors_shots_are_exactly_k_boxes(test_data, k):
    for path in sorted((test_data / f"coco_fewshot/shots_{k}").glob("*.json")):
        number = int(path.stem.split("_c")[1])
        assert number in COCO_NOVEL
        found = read_coco(path)
        assert sum(len(one.boxes) for one in found.annotations) == k


def coco(tmp_path, **changes):
    Image.new("RGB", (60, 40)).save(tmp_path / "a.png")
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 60, "height": 40}],
        "categories": [{"id": 7, "name": "cup"}],
        "annotations": [{"id": 5, "image_id": 1, "category_id": 7, "bbox": [10, 10, 20, 10]}],
    } | changes
    path = tmp_path / "some.json"
    path.write_text(json.dumps(content))
    return path


def mark(number, box, **more):
    return {"id": number, "image_id": 1, "category_id": 7, "bbox": box} | more


def test_a_box_at_the_border_is_cut_and_bad_ones_are_named(tmp_path):
    marks = [
        mark(1, [50, 30, 20, 20]),
        mark(2, [10, 10, 0, 5]),
        mark(3, [70, 10, 5, 5]),
        mark(4, [1, 1, 5, 5], image_id=9),
        mark(5, [0, 0, 60, 40], iscrowd=1),
    ]
    with pytest.warns(UserWarning, match=r"some.json: 3 annotations or pictures are left out"):
        found = read_coco(coco(tmp_path, annotations=marks), tmp_path)
    assert found.annotations[0].boxes.tolist() == [[50, 30, 60, 40], [0, 0, 60, 40]]
    assert found.annotations[0].crowd.tolist() == [False, True]
    for sentence, problem in zip(("annotation 2: its box has no area", "annotation 3: its box lies outside", "annotation 4: its picture or category"), found.problems, strict=True):  # fmt: skip
        assert sentence in problem


def test_corners_are_not_taken_for_sides(tmp_path):
    corners = [mark(i, [30 + i, 20, 55, 38]) for i in range(4)]
    with pytest.raises(ValueError, match=r"4 of 4 boxes leave their picture; they look like left, top, right, bottom"):  # fmt: skip
        read_coco(coco(tmp_path, annotations=corners))


def test_other_refusals(tmp_path):
    twice = [{"id": 1, "name": "cup"}, {"id": 7, "name": "cup"}]
    with pytest.raises(ValueError, match="categories must have names that differ"):
        read_coco(coco(tmp_path, categories=twice))
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(ValueError, match=r"bad.json: must be JSON with images, annotations"):
        read_coco(tmp_path / "bad.json")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"annotations must be a folder with \.xml files"):
        read_voc(tmp_path / "empty", tmp_path)
    (tmp_path / "empty/a.xml").write_text("<annotation><size>")
    with pytest.raises(ValueError, match=r"a.xml: must be a VOC file with a size"):
        read_voc(tmp_path / "empty", tmp_path)
    with pytest.raises(ValueError, match="names must be among cup; got pot"):
        read_coco(coco(tmp_path)).only(["pot"])
    with pytest.warns(UserWarning, match=r"picture 1: a.png is not there"):
        assert len(read_coco(coco(tmp_path), tmp_path / "empty")) == 0
