"""Texts: read by characters, fetched with a checked sum, and refused in a sentence."""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from paper_lessons.maxup import texts


def test_windows_are_followed_by_their_character():
    inputs, targets = texts.windows(torch.arange(14), 10)
    assert inputs[0].tolist() == list(range(10))
    assert targets.tolist() == [10, 11, 12, 13]
    assert len(inputs) == 4


def test_the_help_texts_can_be_read_back():
    text, characters = texts.help_texts()
    assert len(text) > 400_000
    assert len(set(characters)) == len(characters) == int(text.max()) + 1
    begun = "".join(characters[i] for i in text[:100].tolist())
    from pydoc_data.topics import topics

    assert topics[min(topics)].startswith(begun)


class Quiet(SimpleHTTPRequestHandler):
    """A server that does not tell what it was asked."""

    def log_message(self, *given):
        pass


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """A small archive in the form of the real one, at an address of this machine."""
    source = tmp_path / "source" / "wikitext-2"
    source.mkdir(parents=True)
    (source / "wiki.train.tokens").write_text("abab " * 60 + "rare: ü", encoding="utf-8")
    (source / "wiki.test.tokens").write_text("ba z", encoding="utf-8")
    file = shutil.make_archive(
        str(tmp_path / "wikitext-2-v1"), "zip", tmp_path / "source", "wikitext-2"
    )
    served = functools.partial(Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), served) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/{Path(file).name}"
        monkeypatch.setattr(texts, "WIKITEXT", address)
        found = hashlib.md5(Path(file).read_bytes()).hexdigest()
        monkeypatch.setattr(texts, "WIKITEXT_MD5", found)
        yield tmp_path / "kept"
        server.shutdown()


def test_wikitext_is_fetched_once_and_rare_characters_are_one(archive, monkeypatch):
    train, test, characters = texts.wikitext2(archive, download=True)
    assert characters == " ab\ufffd"
    assert len(train) == 307
    assert [characters[i] for i in test.tolist()] == list("ba \ufffd")
    monkeypatch.setattr(texts, "WIKITEXT", "file:///nowhere.zip")
    assert torch.equal(texts.wikitext2(archive, download=True)[0], train)


def test_an_archive_with_another_sum_is_refused(archive, monkeypatch):
    monkeypatch.setattr(texts, "WIKITEXT_MD5", "0" * 32)
    with pytest.raises(ConnectionError, match="WikiText-2 could not be downloaded"):
        texts.wikitext2(archive, download=True)
    assert not (archive / "wikitext-2").exists()


def test_no_connection_is_a_sentence(archive, monkeypatch):
    monkeypatch.setattr(texts, "WIKITEXT", "file:///nowhere.zip")
    with pytest.raises(ConnectionError, match="connect, or copy its folder to"):
        texts.wikitext2(archive, download=True)


def test_sentences_of_one_relation(tmp_path):
    file = tmp_path / "some.json"
    kill, live = {"type": "Kill"}, {"type": "Live_In"}
    rows = [
        {"tokens": ["A", "b"], "relations": [kill, kill]},
        {"tokens": ["c"], "relations": []},
        {"tokens": ["d"], "relations": [kill, live]},
        {"tokens": ["e"], "relations": [live]},
    ]
    file.write_text(json.dumps(rows))
    assert texts.one_relation(file) == (["A b", "e"], ["Kill", "Live_In"])
    for wrong in ("{", '[{"tokens": []}]', "[1]"):
        file.write_text(wrong)
        with pytest.raises(ValueError, match=r"some\.json must be a list of sentences"):
            texts.one_relation(file)
