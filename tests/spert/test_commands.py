"""The command line from a file of sentences to a page of errors."""

from __future__ import annotations

import csv
import json

import pytest

from paper_lessons.cli import main
from paper_lessons.spert import small_encoder, write_spert_json


def run(*arguments: object) -> None:
    try:
        main(["run", "spert", *map(str, arguments)])
    except SystemExit as stop:
        if stop.code:
            raise


@pytest.fixture(scope="module")
def trained(tmp_path_factory, corpus):
    folder = tmp_path_factory.mktemp("spert")
    encoder, tokenizer = small_encoder([one.tokens for one in corpus.train], hidden=64)
    encoder.save_pretrained(folder / "encoder")
    tokenizer.save_pretrained(folder / "encoder")
    write_spert_json(folder / "train.json", corpus.train)
    write_spert_json(folder / "dev.json", corpus.seen)
    types = corpus.types
    (folder / "types.json").write_text(
        json.dumps(
            {
                "entities": {key: {} for key in types.entities},
                "relations": {n: {"symmetric": n in types.symmetric} for n in types.relations},
            }
        )
    )
    run(
        *("train", "--train", folder / "train.json", "--types", folder / "types.json"),
        *(
            "--dev",
            folder / "dev.json",
            "--encoder",
            folder / "encoder",
            "--model",
            folder / "model",
        ),
        *(
            "--epochs",
            8,
            "--batch-size",
            8,
            "--lr",
            2e-3,
            "--checkpoint",
            folder / "kept",
            "--quiet",
        ),
    )
    return folder


def test_training_says_what_it_does(trained, capsys):
    run(
        *("train", "--train", trained / "train.json", "--encoder", trained / "encoder"),
        *("--model", trained / "other", "--epochs", 1, "--batch-size", 8, "--quiet"),
    )
    said = capsys.readouterr()
    assert "epoch 1: entities" in said.err
    assert "written:" in said.out


def test_prediction_writes_lines_rows_and_a_page(trained, tmp_path, capsys, corpus):
    texts = tmp_path / "texts"
    (texts / "below").mkdir(parents=True)
    text = corpus.train[0].text
    (texts / "a.txt").write_text(text, encoding="utf-8")
    (texts / "below" / "b.txt").write_text("\ufeff" + text, encoding="utf-8")
    out = [tmp_path / name for name in ("found.jsonl", "found.csv", "found.html")]
    run(
        *("predict", texts, "--model", trained / "model"),
        *("--out", out[0], "--csv", out[1], "--html", out[2]),
    )
    lines = [json.loads(line) for line in out[0].read_text(encoding="utf-8").splitlines()]
    assert [one["file"] for one in lines] == ["a.txt", "below/b.txt"]
    assert lines[0]["entities"] == lines[1]["entities"]
    for one in lines[0]["entities"]:
        assert text[one["start"] : one["end"]] == one["text"]
    rows = list(csv.DictReader(out[1].open(encoding="utf-8")))
    assert len(rows) == 2 * len(lines[0]["entities"] + lines[0]["relations"])
    assert "below/b.txt" in out[2].read_text(encoding="utf-8")
    capsys.readouterr()
    run("predict", "--model", trained / "model", "--text", text)
    assert "text 1" in capsys.readouterr().out


def test_evaluation_prints_scores_and_shows_the_worst_first(trained, tmp_path, capsys):
    page = tmp_path / "errors.html"
    run("evaluate", trained / "dev.json", "--model", trained / "model", "--html", page)
    said = capsys.readouterr().out
    assert "strict, micro" in said
    shown = page.read_text(encoding="utf-8")
    numbers = [int(part.split(" ")[0]) if part[0].isdigit() else 0 for part in shown.split(": ")[1:] if " errors" in part[:12]]  # fmt: skip
    assert numbers == sorted(numbers, reverse=True)
    run("evaluate", trained / "dev.json", "--model", trained / "model", "--drop-overlapping")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["predict", "--model", "MODEL"], "give a FILE, a DIR or --text"),
        (["predict", "none.txt", "--model", "MODEL"], "there is no file 'none.txt'"),
        (["predict", "--text", "a", "--model", "none"], "model must be a folder that save_pretrained wrote"),
        (["predict", "--text", "a", "--model", "MODEL", "--overlap", "x"], "overlap must be"),
        (["evaluate", "none.json", "--model", "MODEL"], "there is no file 'none.json'"),
        (["train", "--train", "none.json", "--model", "m"], "there is no file 'none.json'"),
        (["train", "--train", "TRAIN", "--model", "m", "--encoder", "no/such"], "could not be downloaded"),
    ],
)  # fmt: skip
def test_errors_are_one_line(trained, capsys, arguments, sentence):
    places = {"MODEL": trained / "model", "TRAIN": trained / "train.json"}
    with pytest.raises(SystemExit) as stop:
        run(*(places.get(one, one) for one in arguments))
    assert stop.value.code == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert sentence in error[-1]
