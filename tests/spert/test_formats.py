"""Files: the counts of the real data, round trips, errors named by file, sentence and field."""

from __future__ import annotations

import json

import pytest

from paper_lessons.spert import read_dygie_jsonl, read_spert_json, read_types, write_spert_json


@pytest.mark.parametrize(
    ("folder", "file", "counts"),
    [
        ("conll04", "conll04_train", (922, 3377, 1283)),
        ("conll04", "conll04_dev", (231, 893, 343)),
        ("conll04", "conll04_test", (288, 1079, 422)),
        ("scierc", "scierc_train", (1861, 5598, 3219)),
        ("scierc", "scierc_dev", (275, 811, 455)),
        ("scierc", "scierc_test", (551, 1685, 974)),
    ],
)
def test_counts_of_the_real_data(test_data, folder, file, counts):
    types = read_types(test_data / folder / f"{folder}_types.json")
    found = read_spert_json(test_data / folder / f"{file}.json", types)
    assert counted(found) == counts


def test_ade_has_nested_entities(test_data):
    types = read_types(test_data / "ade" / "ade_types.json")
    train, test = (
        read_spert_json(test_data / "ade" / f"ade_split_0_{part}.json", types)
        for part in ("train", "test")
    )
    assert (len(train), len(test)) == (3845, 427)
    sizes = counted([*train, *test])
    assert sizes == (4272, 10839, 6821)


def counted(documents):
    entities = sum(len(one.entities) for one in documents)
    return len(documents), entities, sum(len(one.relations) for one in documents)


@pytest.mark.parametrize("part", ["train", "dev", "test"])
def test_dygie_lines_give_the_same_sentences(test_data, part):
    lines = read_dygie_jsonl(test_data / "scierc" / f"raw_{part}.json")
    spert = read_spert_json(test_data / "scierc" / f"scierc_{part}.json")
    assert [one.tokens for one in lines] == [one.tokens for one in spert]
    for one, two in zip(lines, spert, strict=True):
        assert {e.words for e in one.entities} == {e.words for e in two.entities}
        # the two files spell the types differently: USED-FOR and Used-for
        triples = [{(h, kind.lower(), t) for h, kind, t in each.triples()} for each in (one, two)]
        assert triples[0] == triples[1]


def test_round_trip(tmp_path, corpus):
    path = write_spert_json(tmp_path / "a.json", corpus.train)
    assert read_spert_json(path, corpus.types) == corpus.train


GOOD = {
    "tokens": ["a", "b"],
    "entities": [{"type": "A", "start": 0, "end": 1}, {"type": "A", "start": 1, "end": 2}],
    "relations": [{"type": "r", "head": 0, "tail": 1}],
}


def changed(field, number, key, value):
    rows = [dict(one) for one in GOOD[field]]
    rows[number][key] = value
    if value is None:
        del rows[number][key]
    return {**GOOD, field: rows}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", r"a\.json: must be JSON"),
        ("{}", r"a\.json: must be a list of sentences, it is an object"),
        ([5], "sentence 0: must be an object with 'tokens', it is 5"),
        ([{}], "sentence 0: 'tokens' must be a list of words, it is absent"),
        ([GOOD, {"tokens": [1]}], "sentence 1: 'tokens' must be a list of words"),
        ([{**GOOD, "entities": 3}], "'entities' must be a list, it is 3"),
        (
            [changed("entities", 1, "start", 2)],
            r"sentence 0: entities\[1\] must have 0 <= start < end",
        ),
        ([changed("entities", 1, "end", 3)], r"sentence 0: entities\[1\] must have .* <= 2 words"),
        (
            [changed("entities", 0, "start", None)],
            r"entities\[0\]\.start must be a whole number, it is absent",
        ),
        (
            [changed("entities", 0, "start", "0")],
            r"entities\[0\]\.start must be a whole number, it is a text",
        ),
        ([changed("entities", 0, "type", "B")], r"entities\[0\]\.type must be one of A; it is 'B'"),
        (
            [changed("relations", 0, "tail", 2)],
            r"relations\[0\]\.tail must be a place among 2 entities, got 2",
        ),
        ([changed("relations", 0, "tail", 0)], r"relations\[0\] must link two entities"),
        (
            [changed("relations", 0, "type", None)],
            r"relations\[0\]\.type must be a name, it is absent",
        ),
        ([{**GOOD, "relations": [3]}], r"relations\[0\] must be an object, it is 3"),
    ],
)
def test_errors_name_the_place(tmp_path, content, sentence):
    path = tmp_path / "a.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    (tmp_path / "t.json").write_text('{"entities": {"A": {}}, "relations": {"r": {}}}')
    with pytest.raises(ValueError, match=sentence):
        read_spert_json(path, read_types(tmp_path / "t.json"))


def test_types_and_encodings(tmp_path):
    path = tmp_path / "t.json"
    path.write_text('{"entities": {"None": {}}}')
    with pytest.raises(
        ValueError, match=r"t\.json: entities must be names that differ, without 'None'"
    ):
        read_types(path)
    path.write_text("[]")
    with pytest.raises(ValueError, match="'entities' must be an object"):
        read_types(path)
    path.write_bytes("é".encode("latin-1"))
    with pytest.raises(ValueError, match=r"t\.json: must be UTF-8, byte 0 is not"):
        read_types(path)
    path.write_text('{"sentences": [["a"]], "ner": [[[0, 5, "A"]]]}\n')
    with pytest.raises(ValueError, match="line 1: sentence 0: entities"):
        read_dygie_jsonl(path)
