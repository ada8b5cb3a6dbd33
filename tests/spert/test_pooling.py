"""Running maxima and the sparse table against slices."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from paper_lessons.spert import MaxTable, between, between_maxpool, span_maxpool, word_maxpool


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("words", [1, 2, 7, 30])
def test_every_span_has_its_maximum(words):
    values = random(2, words, 3)
    for width, found in enumerate(span_maxpool(values, 10), start=1):
        for start in range(words - width + 1):
            assert torch.equal(found[:, start], values[:, start : start + width].amax(1))
    assert width == min(words, 10)


def test_every_range_has_its_maximum_and_none_is_zero():
    values = random(2, 21, 3) - 5
    table = MaxTable(values)
    rows = [(b, s, e) for b in range(2) for s in range(21) for e in range(22)]
    at, start, end = (torch.tensor(column) for column in zip(*rows, strict=True))
    found = table.ranges(at, start, end)
    for (b, s, e), one in zip(rows, found, strict=True):
        want = values[b, s:e].amax(0) if e > s else torch.zeros(3)
        assert torch.equal(one, want)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=8))
@settings(max_examples=30, deadline=None)
def test_words_have_the_maximum_of_their_pieces(counts):
    first = [1 + sum(counts[:i]) for i in range(len(counts))]
    states = random(1, 2 + sum(counts) + 4, 3)
    found = word_maxpool(states, torch.tensor([first]), torch.tensor([counts]))
    for i, count in enumerate(counts):
        if count:
            assert torch.equal(found[0, i], states[0, first[i] : first[i] + count].amax(0))


def test_context_does_not_depend_on_the_direction_and_is_zero_without_words():
    values = random(1, 8, 3)
    table, one = MaxTable(values), torch.tensor([0])
    spans = [(0, 2), (1, 4), (2, 3), (4, 7), (5, 6), (7, 8)]
    for a in spans:
        for b in spans:
            there = between_maxpool(table, one, torch.tensor([a]), torch.tensor([b]))
            back = between_maxpool(table, one, torch.tensor([b]), torch.tensor([a]))
            start, end = between(a, b)
            want = values[0, start:end].amax(0) if end > start else torch.zeros(3)
            assert torch.equal(there[0], want)
            assert torch.equal(back[0], want)


def test_gradients_reach_the_largest_word():
    values = random(1, 6, 2).requires_grad_()
    table = MaxTable(values)
    table.ranges(torch.tensor([0]), torch.tensor([1]), torch.tensor([6])).sum().backward()
    want = torch.zeros(6, 2)
    for k in range(2):
        want[1 + int(values[0, 1:, k].argmax()), k] = 1
    assert torch.equal(values.grad[0], want)
