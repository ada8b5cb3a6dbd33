"""What a learner is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from paper_lessons.classroom import Case, compare, explain


def pool_once(values: list[float]) -> list[float]:
    """Merges neighbours once and never looks back."""
    result = [*values]
    for index in range(1, len(result)):
        if result[index] > result[index - 1]:
            result[index - 1] = result[index] = (result[index] + result[index - 1]) / 2
    return result


def pool(values: list[float]) -> list[float]:
    blocks: list[tuple[float, int]] = []
    for value in values:
        total, count = value, 1
        while blocks and blocks[-1][0] * count <= total * blocks[-1][1]:
            previous, size = blocks.pop()
            total, count = total + previous, count + size
        blocks.append((total, count))
    return [total / count for total, count in blocks for _ in range(count)]


HINTS = ("Does your loop look back?", "It must.", "Use while.")


def says(function: Callable[..., Any], reference: Callable[..., Any], *cases: Case) -> str:
    explanation = compare(function, reference, cases, HINTS)
    assert not explanation.passed
    return explanation.text


def test_the_message_has_the_manner_of_the_sample(capsys: pytest.CaptureFixture[str]) -> None:
    cases = [
        Case([2.0, 1.0]),
        Case([3.0, 1.0, 2.0, 0.0, 4.0]),
        Case([1.0, 3.0, 2.0, 5.0, 0.0, 7.0]),
    ]
    explain(pool_once, pool, cases, HINTS)
    assert capsys.readouterr().out == (
        "pool_once: not yet. 1 of 3 cases agrees.\n"
        "  input      [2.0, 1.0]\n"
        "  yours      [2.0, 1.0]\n"
        "  expected   [2.0, 1.0]   ok\n"
        "  input      [3.0, 1.0, 2.0, 0.0, 4.0]\n"
        "  yours      [3.0, 1.5,  1.5,  2.0,  2.0 ]\n"
        "  expected   [3.0, 1.75, 1.75, 1.75, 1.75]\n"
        "                   ^^^^ differs first at position 1\n"
        "  Does your loop look back?   (hint 1 of 3)\n"
    )


def test_all_right(capsys: pytest.CaptureFixture[str]) -> None:
    explain(pool, pool, [Case([1.0]), Case([1.0, 2.0])], HINTS)
    assert capsys.readouterr().out == "pool: all 2 cases agree.\n"


def test_the_smallest_failing_case_is_shown() -> None:
    text = says(lambda v: [0.0] * len(v), pool, Case([1.0] * 9), Case([1.0, 3.0]), Case([2.0] * 5))
    assert "input      [1.0, 3.0]" in text
    assert text.count("input") == 1


def test_not_written_yet() -> None:
    def stub(values: list[float]) -> list[float]:
        raise NotImplementedError

    assert says(stub, pool, Case([1.0])).startswith("stub: not written yet.")


def test_a_not_implemented_error_from_elsewhere_is_an_error() -> None:
    def calls(values: Any) -> Any:
        return torch.ones(2, device="meta").cpu()

    assert "NotImplementedError" in says(calls, pool, Case([1.0]))


def test_an_exception_shows_the_line() -> None:
    def divides(values: list[float]) -> float:
        count = 0
        return sum(values) / count

    line = divides.__code__.co_firstlineno + 2
    text = says(divides, sum, Case([1.0]))
    assert "yours      ZeroDivisionError: " in text
    assert f"at line {line}: return sum(values) / count" in text
    assert "expected   1.0" in text


def test_nothing_returned() -> None:
    text = says(lambda v: None, pool, Case([1.0]))
    assert "yours      nothing" in text
    assert "Does it end with a `return`?" in text


@pytest.mark.parametrize(
    ("yours", "part"),
    [
        ([3.0, 1.5], "The lengths differ: yours 2, expected 3."),
        ([[3.0, 1.5, 1.5]], "The shapes differ: yours (1, 3), expected (3,)."),
        ([3.0, [1.5, 1.5]], "The shapes differ: yours ragged, expected (3,)."),
        (3.0, "The shapes differ: yours (), expected (3,)."),
        ([3.0, float("nan"), 1.5], "differs first at position 1"),
        (object(), "an object of type object"),
        ("text", "The shapes differ"),
    ],
)
def test_wrong_kinds_of_values(yours: Any, part: str) -> None:
    assert part in says(lambda v: yours, pool, Case([3.0, 1.0, 2.0]))


def test_a_wrong_dtype_is_named() -> None:
    def cut(values: torch.Tensor) -> torch.Tensor:
        return (values / 2).long()

    text = says(cut, lambda values: values / 2, Case(torch.tensor([3.0, 1.0])))
    assert "Your values have the dtype int64; float32 is expected." in text
    same = compare(lambda v: v.tolist(), lambda v: v, [Case(np.array([1.0, 2.0]))], HINTS)
    assert same.passed
    assert "Your value is a list; a numpy.ndarray is expected." in same.text


def test_a_changed_input_is_a_mistake() -> None:
    def doubles(values: np.ndarray) -> np.ndarray:
        values *= 2
        return values

    case = Case(np.array([1.0, 2.0]))
    text = says(doubles, lambda values: 2 * values, case)
    assert "Your function changed its input." in text
    assert case.inputs[0].tolist() == [1.0, 2.0]


def test_several_arguments_are_named() -> None:
    def power(base: float, exponent: float, *, scale: float) -> float:
        return scale * base**exponent + 1

    text = says(power, lambda b, e, scale: scale * b**e, Case(2.0, 3.0, scale=5.0))
    assert "  input      base = 2.0\n             exponent = 3.0\n             scale = 5.0" in text


def test_tuples_tables_and_dictionaries() -> None:
    wrong = {"pair": (np.eye(2), 1.0)}
    right = {"pair": (np.array([[1.0, 0.0], [0.5, 1.0]]), 1.0)}
    assert "differs first at ['pair'][0][1][0]" in says(lambda v: wrong, lambda v: right, Case(0))


def test_nan_agrees_with_nan() -> None:
    def gives(value: float) -> list[float]:
        return [value, 1.0]

    assert compare(gives, gives, [Case(float("nan"))], HINTS).passed


@pytest.mark.parametrize(
    ("wrong", "function"),
    [
        ([1.0, 2.0], lambda v: list(v)),
        (IndexError, lambda v: v[7]),
        (lambda yours, expected: yours[0] < expected[0], lambda v: [0.0, 0.0]),
    ],
)
def test_a_diagnosis_replaces_the_hint(wrong: Any, function: Callable[..., Any]) -> None:
    cases = [Case([1.0, 2.0], diagnosis=(wrong, "This is why.")), Case([5.0, 4.0, 6.0])]
    text = compare(function, pool, cases, HINTS).text
    assert text.endswith("  This is why.")
    other = compare(lambda v: [9.0] * len(v), pool, cases, HINTS).text
    assert other.endswith(f"{HINTS[0]}   (hint 1 of 3)")


@pytest.mark.parametrize("odd", [None, 1.5, "text", [[1.0], [2.0, 3.0]], {"a": 1}])
def test_a_predicate_that_fails_on_an_odd_result_does_not_fit(odd: Any) -> None:
    case = Case([1.0, 2.0], diagnosis=(lambda yours, _: yours[0] > 0 and yours.sum() > 0, "Never."))
    explanation = compare(lambda v: odd, pool, [case], HINTS)
    assert not explanation.passed
    assert "Never." not in explanation.text


def test_several_diagnoses_and_the_name_of_an_exercise() -> None:
    case = Case(
        [1.0, 2.0], diagnosis=[([9.0, 9.0], "Nines."), ([2.0, 1.0], "Sorted the other way.")]
    )
    text = compare(lambda v: [2.0, 1.0], pool, [case], "pav").text
    assert text.endswith('  Sorted the other way.   (hint("pav") for more)')
    text = compare(lambda v: [0.0, 1.0], pool, [case], "pav").text
    assert text.endswith('(hint 1 of 3; hint("pav", 2) for more)')


def test_no_cases_is_an_authors_mistake() -> None:
    with pytest.raises(ValueError, match="cases must hold at least one Case"):
        explain(pool, pool, [], HINTS)
