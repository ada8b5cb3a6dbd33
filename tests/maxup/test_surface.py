"""The figure to move: what it shows without scripts is what its numbers say."""

from __future__ import annotations

import json
import re

import pytest
import torch
import torch.nn.functional as F

from paper_lessons.maxup import expected_max_of_normals
from paper_lessons.maxup.page.surface import FIRST_COPIES, FIRST_STEP, surface_html

SLOPE = torch.tensor([3.0, 4.0])


def losses(points):
    return F.softplus(-(points @ SLOPE))


@pytest.fixture
def page():
    return surface_html(losses, torch.tensor([0.4, 0.2]), "What to <see>")


def numbers(page):
    return json.loads(re.search(r"data=(\{.*?\}),group", page)[1])


def test_its_numbers_are_those_of_the_losses(page):
    data = numbers(page)
    assert data["own"] == pytest.approx(losses(torch.tensor([[0.4, 0.2]])).item(), abs=1e-4)
    assert data["losses"][0] == [data["own"]] * 10  # no noise
    place = torch.tensor([0.4, 0.2]) + data["sizes"][5] * torch.tensor(data["noise"][3])
    assert data["losses"][5][3] == pytest.approx(losses(place[None]).item(), abs=1e-4)
    assert data["slope"] == pytest.approx(5 * torch.sigmoid(torch.tensor(-2.0)).item(), rel=1e-4)
    assert data["kappa"][3] == pytest.approx(expected_max_of_normals(4))


def test_the_still_figure_marks_the_worst_copy(page):
    data = numbers(page)
    some = data["losses"][FIRST_STEP][:FIRST_COPIES]
    circles = re.findall(r"<circle([^>]*)/>", page)
    assert len(circles) == FIRST_COPIES
    assert ["worst" in one for one in circles] == [one == max(some) for one in some]
    assert f"{max(some):.3f} the worst" in page


def test_it_loads_nothing_and_escapes(page):
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "What to &lt;see&gt;" in page
    assert page == surface_html(losses, torch.tensor([0.4, 0.2]), "What to <see>")
