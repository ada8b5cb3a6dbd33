"""The figure to move: all of it is in the page, and nothing of it is taken for code."""

from __future__ import annotations

import json
import re

import pytest
import torch

from paper_lessons.once import glyph_scenes
from paper_lessons.once.page.shots import shots_html


def found(names, scores):
    boxes = torch.tensor([[1.0, 2.0, 30.0, 40.0]]) + torch.arange(len(names))[:, None] // 2
    return {"boxes": boxes, "names": names, "scores": torch.tensor(scores)}


def test_the_page_has_every_box_and_shows_those_of_the_most_shots():
    image = glyph_scenes(1, "AB").images[0]
    choices = {
        0: found(["A", "B"], [0.9, 0.2]),
        5: found(["A", "</script>", "C"], [0.9, 0.4, 0.01]),
    }
    page = shots_html(image, choices, "</script>", "What & why")
    assert page.count("<script>") == page.count("</script>") == 1
    still = page.split("<details>")[0]
    assert still.count("<rect") == 1  # two names at one place
    assert "A 0.90  &lt;/script&gt; 0.40</text>" in still
    assert 'class="new"' in still
    assert "Found: A 0.90, &lt;/script&gt; 0.40." in still
    assert "What &amp; why" in page
    data = json.loads(re.search(r"data=(\{.*?\}),group", page).group(1).replace("<\\/", "</"))
    assert [len(one["boxes"]) for one in data["choices"]] == [2, 2]
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_nothing_to_choose_from_is_refused():
    with pytest.raises(ValueError, match="found must have at least one number of shots"):
        shots_html(torch.zeros(3, 8, 8, dtype=torch.uint8), {}, "A", "")
