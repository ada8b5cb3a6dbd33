"""Wrong answers to exercise 1."""
# ruff: noqa: F811


# %% the end is part of the span
# loses: enumeration-seven enumeration-limits enumeration-hidden
# says: What is the end of the first word alone?
def all_spans(n: int, widest: int) -> list[tuple[int, int]]:
    return [
        (start, start + width - 1)
        for width in range(1, min(widest, n) + 1)
        for start in range(n - width + 1)
    ]


# %% spans go beyond the sentence
# loses: enumeration-seven enumeration-limits enumeration-hidden
# says: Where does the last span of a width begin?
def all_spans(n: int, widest: int) -> list[tuple[int, int]]:
    return [(start, start + width) for width in range(1, min(widest, n) + 1) for start in range(n)]


# %% by start and then by width
# loses: enumeration-seven enumeration-limits enumeration-hidden
# says: Which loop is outside?
def all_spans(n: int, widest: int) -> list[tuple[int, int]]:
    return [
        (start, end) for start in range(n) for end in range(start + 1, min(start + widest, n) + 1)
    ]


# %% the last word is never reached
# loses: enumeration-seven enumeration-limits enumeration-hidden
# says: No span holds the last word.
def all_spans(n: int, widest: int) -> list[tuple[int, int]]:
    return [
        (start, start + width)
        for width in range(1, min(widest, n) + 1)
        for start in range(n - width)
    ]


# %% the widest spans are missing
# loses: enumeration-seven enumeration-limits enumeration-hidden
# says: The widest spans are missing.
def all_spans(n: int, widest: int) -> list[tuple[int, int]]:
    return [
        (start, start + width)
        for width in range(1, min(widest, n))
        for start in range(n - width + 1)
    ]


# %% wider than the sentence
# loses: enumeration-seven enumeration-limits enumeration-hidden
# says: What is the widest that it has?
def all_spans(n: int, widest: int) -> list[tuple[int, int]]:
    found = []
    for width in range(1, widest + 1):
        for start in range(max(n - width + 1, 1)):
            found.append((start, min(start + width, n)))
    return found


# %% the width is not bounded
# loses: enumeration-limits enumeration-hidden
# says:
def all_spans(n: int, widest: int) -> list[tuple[int, int]]:
    return [(start, start + width) for width in range(1, n + 1) for start in range(n - width + 1)]
