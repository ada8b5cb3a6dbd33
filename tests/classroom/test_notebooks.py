"""Any file can be handed in; what cannot be read gets a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_lessons.classroom import notebooks
from paper_lessons.classroom.notebooks import (
    code_cell,
    markdown_cell,
    notebook,
    read_cells,
    write_notebook,
)

anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["cells", "cell_type", "source", "metadata", "id", "paper_lessons"]),
            inner | st.just("code"),
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(anything)
def test_any_json_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: Any
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.ipynb"
    path.write_text(json.dumps(content), encoding="utf-8")
    readable = isinstance(content, dict) and isinstance(content.get("cells"), list)
    if readable and not isinstance(content.get("worksheets"), list):
        cells, own = read_cells(path)
        assert isinstance(own, dict)
        assert all(isinstance(cell.source, str) for cell in cells)
    else:
        with pytest.raises(ValueError, match=r"any\.ipynb must be"):
            read_cells(path)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "breaks off at line 1"),
        (b'{"cells": [', "breaks off at line 1"),
        (b"\xff\xfe\x00", "must be a notebook in UTF-8"),
        (b"[" * 100_000, "its JSON cannot be read"),
        (b'{"cells": 9' + b"9" * 5000 + b"}", "its JSON cannot be read"),
        (b"[]", "it holds something else"),
        (b"{}", "it has no list of cells"),
        (b'{"worksheets": [], "nbformat": 3}', "must be in notebook format 4"),
    ],
)
def test_broken_files_get_a_sentence(tmp_path: Path, data: bytes, sentence: str) -> None:
    path = tmp_path / "broken.ipynb"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"broken\.ipynb") as error:
        read_cells(path)
    assert sentence in str(error.value)


def test_absent_and_large_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="there is no such file"):
        read_cells(tmp_path / "none.ipynb")
    with pytest.raises(ValueError, match="there is no such file"):
        read_cells(tmp_path)
    path = tmp_path / "large.ipynb"
    path.write_text(" " * 2_000_000, encoding="utf-8")
    monkeypatch.setattr(notebooks, "LARGEST", 1_000_000)
    with pytest.raises(ValueError, match="must be smaller than 1 MB, got 2 MB"):
        read_cells(path)


def test_odd_cells_are_left_out(tmp_path: Path) -> None:
    good = {"cell_type": "code", "source": ["a = 1\r\n", "b = 2"], "id": 7, "metadata": []}
    odd = [None, 3, {}, {"cell_type": "raw", "source": "x"}, {"cell_type": "code", "source": 5}]
    path = tmp_path / "odd.ipynb"
    path.write_text(json.dumps({"cells": [*odd, good], "metadata": None}), encoding="utf-8")
    cells, own = read_cells(path)
    assert [(cell.source, cell.id, cell.claims) for cell in cells] == [("a = 1\nb = 2", "", {})]
    assert own == {}


def test_a_byte_order_mark_and_lone_surrogates(tmp_path: Path) -> None:
    path = tmp_path / "odd.ipynb"
    text = '{"cells": [{"cell_type": "code", "source": "x = \\"\\ud800\\""}]}'
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    (cell,), _ = read_cells(path)
    assert cell.source == 'x = "?"'


def test_what_is_written_is_a_valid_notebook(tmp_path: Path) -> None:
    output = {"output_type": "stream", "name": "stdout", "text": ["1\n"]}
    cells = [
        markdown_cell("# α\n\ntext", id="lesson-text"),
        code_cell("a = 1\nprint(a)", id="lesson-code", outputs=[output], execution_count=1),
    ]
    path = write_notebook(tmp_path / "new.ipynb", notebook(cells, {"lesson": "x"}))
    nbformat.validate(nbformat.read(path, as_version=4))
    assert read_cells(path)[0][1].source == "a = 1\nprint(a)"
