"""Equal values print equally; what lies near a rounding boundary is seen."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from paper_lessons.classroom import show, values
from paper_lessons.classroom.values import canonical, numbers, plain, room

floats = st.floats(-1e6, 1e6)


@given(st.lists(floats, max_size=6))
def test_one_spelling_for_lists_arrays_and_tensors(items: list[float]) -> None:
    forms = [items, tuple(items), np.array(items), torch.tensor(items, dtype=torch.float64)]
    assert len({canonical(plain(form), decimals=4) for form in forms}) == 1


@given(st.integers(-1000, 1000))
def test_one_spelling_for_equal_numbers(number: int) -> None:
    forms = [number, float(number), np.int32(number), np.float32(number), torch.tensor(number)]
    assert {canonical(plain(form), decimals=3) for form in forms} == {str(number)}


@given(floats, st.integers(0, 6))
def test_printed_numbers_are_within_half_a_unit(number: float, decimals: int) -> None:
    printed = json.loads(canonical(number, decimals=decimals))
    assert abs(printed - number) <= 0.5 * 10.0**-decimals + 1e-9


@given(floats, st.integers(1, 5))
def test_room_is_the_distance_that_keeps_the_spelling(number: float, decimals: int) -> None:
    distance = room(number, decimals)
    for moved in (number - 0.9 * distance, number + 0.9 * distance):
        assert canonical(moved, decimals=decimals) == canonical(number, decimals=decimals) or (
            distance < 1e-9
        )
    beyond = {canonical(number + sign * 1.1 * distance, decimals=decimals) for sign in (-1, 1)}
    assert beyond != {canonical(number, decimals=decimals)} or distance < 1e-9


def test_what_json_cannot_say_is_spelled_out(capsys: pytest.CaptureFixture[str]) -> None:
    show([math.nan, math.inf, -math.inf, -0.0, None, True, "α"])
    assert capsys.readouterr().out == '["NaN", "Infinity", "-Infinity", 0, null, true, "α"]\n'


def test_half_precision_gradients_and_keys(capsys: pytest.CaptureFixture[str]) -> None:
    show({2: torch.tensor([0.5], dtype=torch.bfloat16, requires_grad=True), "1": np.bool_(True)})
    assert capsys.readouterr().out == '{"1": true, "2": [0.5]}\n'


@pytest.mark.parametrize("thing", [object(), {1, 2}, 1j, {(1, 2): 3}])
def test_other_things_are_refused_by_name(thing: object) -> None:
    with pytest.raises(TypeError, match="must be"):
        show(thing)


def test_numbers_are_found_everywhere_but_in_booleans() -> None:
    assert numbers(plain({"a": [1, True, None, "3"], "b": np.ones(2)})) == [1.0, 1.0, 1.0]


def test_values_are_recorded_before_rounding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(values, "recorded", [])
    show([1 / 3], decimals=2)
    assert values.recorded == [{"value": [1 / 3], "decimals": 2, "tolerance": 1e-7}]
    assert capsys.readouterr().out == "[0.33]\n"
