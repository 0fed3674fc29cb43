"""Tokens of texts that are counted again and again: a conversation is counted whole before each call of a model."""

from __future__ import annotations

from hashlib import blake2b

from ..compressors import tokens

MOST = 50_000
"""How many counts are kept: about 5 MB. Then all are forgotten, which costs one count of each text that is left."""
SHORT = 24
"""Characters of a text that is counted as fast as it is looked up."""

_known: dict[bytes, int] = {}


def count(text: str) -> int:
    """`tokens.count`, remembered by a digest: no text is held."""
    if len(text) <= SHORT:
        return tokens.count(text)
    key = blake2b(f"{tokens.name()}\0{text}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
    found = _known.get(key)
    if found is None:
        found = tokens.count(text)
        if len(_known) >= MOST:
            _known.clear()
        _known[key] = found
    return found
