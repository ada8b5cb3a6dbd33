"""Characters to guess: Python's own help texts, which need no download, and WikiText-2."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor
from torchvision.datasets.utils import download_and_extract_archive

WIKITEXT = "https://wikitext.smerity.com/wikitext-2-v1.zip"
WIKITEXT_MD5 = "542ccefacc6c27f945fb54453812b3cd"
RARE = 50  # a character that is seen less often becomes "�"

Text = Int[Tensor, " n"]


@lru_cache(maxsize=1)
def help_texts() -> tuple[Text, str]:
    """Python's help topics, one behind the other.

    Returns
    -------
    Int[Tensor, "n"], str
        Places in the characters, and the characters.

    Examples
    --------
    >>> text, characters = help_texts()
    >>> "import" in "".join(characters[one] for one in text.tolist())
    True
    """
    from pydoc_data.topics import topics

    joined = "\n".join(topics[name] for name in sorted(topics))
    characters = "".join(sorted(set(joined)))
    return _numbers(joined, characters), characters


def wikitext2(root: str | Path, *, download: bool = False) -> tuple[Text, Text, str]:
    """WikiText-2 (Merity, Xiong, Bradbury, Socher 2016, arXiv 1609.07843), read by characters.

    Parameters
    ----------
    root : str or Path
        Folder that holds ``wikitext-2``, or shall hold it.
    download : bool
        Whether to fetch it (4 MB; its MD5 sum is checked).

    Returns
    -------
    Int[Tensor, "n"], Int[Tensor, "k"], str
        The training part and the test part, and the characters. Those that the training part has less than fifty times
        are one.

    Raises
    ------
    FileNotFoundError
        If it is not there and ``download`` is off.
    ConnectionError
        If the download failed.

    Examples
    --------
    >>> wikitext2("nowhere")
    Traceback (most recent call last):
    ...
    FileNotFoundError: WikiText-2 is not in 'nowhere'; ...
    """
    files = [Path(root) / "wikitext-2" / f"wiki.{part}.tokens" for part in ("train", "test")]
    if not all(file.is_file() for file in files):
        if not download:
            raise FileNotFoundError(
                f"WikiText-2 is not in {str(root)!r}; "
                "download=True fetches it (--download on the command line), which needs a connection"
            )
        try:
            download_and_extract_archive(WIKITEXT, str(root), md5=WIKITEXT_MD5)
        except (OSError, RuntimeError) as error:
            raise ConnectionError(
                f"WikiText-2 could not be downloaded ({error}); connect, or copy its folder to {str(root)!r}"
            ) from error
    train, test = (file.read_text(encoding="utf-8") for file in files)
    kept = {one for one in set(train) if train.count(one) >= RARE}
    characters = "".join(sorted(kept | {"\ufffd"}))
    return _numbers(train, characters), _numbers(test, characters), characters


def windows(
    text: Text, context: int
) -> tuple[Int[Tensor, "windows context"], Int[Tensor, " windows"]]:
    """Every row of neighbouring characters, and the character after it.

    Parameters
    ----------
    text : Int[Tensor, "n"]
    context : int

    Returns
    -------
    Int[Tensor, "n-context context"], Int[Tensor, "n-context"]

    Examples
    --------
    >>> windows(torch.arange(4), 2)[1].tolist()
    [2, 3]
    """
    return text[:-1].unfold(0, context, 1), text[context:]


def one_relation(path: str | Path) -> tuple[list[str], list[str]]:
    """Sentences in which one kind of relation stands, from a file of CoNLL04 as SpERT's authors share it.

    Parameters
    ----------
    path : str or Path
        JSON: a list of objects with ``tokens`` and ``relations``.

    Returns
    -------
    list of str, list of str
        Sentences, and the kind of relation in each.

    Raises
    ------
    ValueError
        If the file has something else.
    """
    try:
        found = [
            (" ".join(one["tokens"]), {each["type"] for each in one["relations"]})
            for one in json.loads(Path(path).read_text(encoding="utf-8"))
        ]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{Path(path).name} must be a list of sentences with tokens and relations, as CoNLL04's .json, got {error!r}"
        ) from error
    kept = [(text, *kinds) for text, kinds in found if len(kinds) == 1]
    return [text for text, _ in kept], [kind for _, kind in kept]


def _numbers(text: str, characters: str) -> Text:
    places = {one: place for place, one in enumerate(characters)}
    rare = places.get("\ufffd", 0)
    return torch.tensor([places.get(one, rare) for one in text])
