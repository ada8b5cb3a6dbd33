"""Words of raw text with their characters, sentences, and windows over texts that are too long for an encoder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import regex

WordSplitter = Callable[[str], Iterable]

# A grapheme keeps together what a reader sees as one sign: a letter and its accents, an emoji of several parts.
_WORD = regex.compile(r"(?:\p{L}\.){2,}|\w+(?:[-'’.,]\w+)*|(?![\s\x1c-\x1f])\X")
_END = regex.compile(r"[.!?…。！？]+[\"'”’)\]]*$")


def split_words(text: str) -> list[tuple[int, int]]:
    """Characters of each word: letters and digits, with hyphens, apostrophes and points inside; other signs alone.

    Parameters
    ----------
    text : str
        Any Unicode.

    Returns
    -------
    list of (int, int)
        In order, without overlap; what lies between them is white space.

    Examples
    --------
    >>> [("Ann's U.S. office, 1.5 km"[a:b]) for a, b in split_words("Ann's U.S. office, 1.5 km")]
    ["Ann's", 'U.S.', 'office', ',', '1.5', 'km']
    """
    return [found.span() for found in _WORD.finditer(text)]


def find_words(text: str, words: str | WordSplitter = "basic") -> list[tuple[int, int]]:
    """Words of a text by :func:`split_words` or by a splitter of your own.

    Parameters
    ----------
    text : str
    words : "basic" or callable
        A callable gives the words as text, in order, or as (start, end) in characters.

    Returns
    -------
    list of (int, int)

    Raises
    ------
    ValueError
        If ``words`` is neither, or gives a word that does not stand in the text after the one before it.

    Examples
    --------
    >>> find_words("a  b", str.split)
    [(0, 1), (3, 4)]
    """
    if words == "basic":
        return split_words(text)
    if not callable(words):
        raise ValueError(f"words must be 'basic' or a callable, got {words!r}")
    found, place = [], 0
    for one in words(text):
        start, end = one if not isinstance(one, str) else _place_of(one, text, place)
        if not place <= start < end <= len(text):
            raise ValueError(
                f"words must give non-empty words in the text's order, got {one!r} after character {place}"
            )
        found.append((int(start), int(end)))
        place = end
    return found


def word_spans(
    text: str,
    words: Sequence[tuple[int, int]],
    marks: Iterable[tuple[int, int]],
    name: str = "entities",
) -> list[tuple[int, int]]:
    """Spans of characters as spans of words.

    Parameters
    ----------
    text : str
    words : sequence of (int, int)
        Characters of each word.
    marks : iterable of (start, end)
        Characters, the end not included.
    name : str
        What an error calls the marks.

    Returns
    -------
    list of (first word, word after the last)

    Raises
    ------
    ValueError
        If a mark does not begin and end with words.

    Examples
    --------
    >>> word_spans("Ann left Oslo.", split_words("Ann left Oslo."), [(0, 3), (9, 13)])
    [(0, 1), (2, 3)]
    """
    begins = {start: place for place, (start, _) in enumerate(words)}
    ends = {end: place + 1 for place, (_, end) in enumerate(words)}
    found = []
    for number, (start, end) in enumerate(marks):
        if start not in begins or end not in ends or begins[start] >= ends[end]:
            raise ValueError(
                f"{name}[{number}] must begin and end with words, got ({start}, {end}): "
                f"{text[start:end]!r}; words='...' takes a splitter of your own"
            )
        found.append((begins[start], ends[end]))
    return found


def _place_of(word: str, text: str, place: int) -> tuple[int, int]:
    start = text.find(word, place)
    return start, start + len(word)


def sentence_starts(text: str, words: Sequence[tuple[int, int]]) -> list[int]:
    """The words with which sentences begin: after a full stop, question or exclamation mark, or an empty line.

    Parameters
    ----------
    text : str
    words : sequence of (int, int)

    Returns
    -------
    list of int
        Begins with 0, unless there are no words.

    Examples
    --------
    >>> text = "Dr. Lee left. She lives in Oslo."
    >>> sentence_starts(text, split_words(text))
    [0, 5]
    """
    starts = [0] if words else []
    for place in range(1, len(words)):
        _start, end = words[place - 1]
        between = text[end : words[place][0]]
        before = text[words[starts[-1]][0] : end]
        if between.count("\n") > 1 or (
            between and _END.search(before) and _opens(text, words, place)
        ):
            starts.append(place)
    return starts


_TITLES = {
    "dr",
    "mr",
    "mrs",
    "ms",
    "prof",
    "st",
    "gen",
    "col",
    "sen",
    "rep",
    "gov",
    "lt",
    "sgt",
    "jr",
    "vs",
    "no",
}


def _opens(text: str, words: Sequence[tuple[int, int]], place: int) -> bool:
    """Whether a word after a full stop begins a sentence: not in small letters, and not after a title or an initial."""
    start, end = words[place - 1]
    before = text[start:end].rstrip(".").lower()
    if text[start:end] == "." and place > 1 and words[place - 2][1] == start:
        before = text[slice(*words[place - 2])].lower()
    title = before in _TITLES or (len(before) == 1 and before.isalpha())
    return not (title or text[words[place][0]].islower())


def windows(
    costs: Sequence[int], room: int, starts: Sequence[int], overlap: int
) -> list[tuple[int, int]]:
    """Parts of a text, each of which an encoder can take: whole sentences, and parts of what is too long for one.

    Neighbouring windows share their last sentence, or ``overlap`` words where that sentence is too long, so that
    whatever lies near a border is seen whole by one of them.

    Parameters
    ----------
    costs : sequence of int
        Pieces of each word, at most ``room`` of one word.
    room : int
        Pieces that fit.
    starts : sequence of int
        Words with which sentences begin.
    overlap : int
        Words that windows inside a sentence share.

    Returns
    -------
    list of (int, int)
        First word, and the word after the last.

    Examples
    --------
    >>> windows([1] * 9, 6, [0, 3, 6], 2), windows([1] * 9, 4, [0], 2)
    ([(0, 6), (3, 9)], [(0, 4), (2, 6), (4, 8), (6, 9)])
    """
    n, found, begin = len(costs), [], 0
    total = [0]
    for one in costs:
        total.append(total[-1] + one)
    while begin < n:
        end = begin
        while end < n and total[end + 1] - total[begin] <= room:
            end += 1
        if end < n:
            whole = [one for one in starts if begin < one <= end]
            end = whole[-1] if whole else end
        found.append((begin, end))
        if end == n:
            break
        # the last sentence again, if that leaves room to go on; else some words
        again = [one for one in starts if begin < one < end]
        if end in starts and again and total[_after(starts, end, n)] - total[again[-1]] <= room:
            begin = again[-1]
        elif end in starts:
            begin = end
        else:
            begin = max(begin + 1, end - overlap)
            while total[end + 1] - total[begin] > room:  # there must be room for what comes
                begin += 1
    return found


def _after(starts: Sequence[int], place: int, n: int) -> int:
    return next((one for one in starts if one > place), n)
