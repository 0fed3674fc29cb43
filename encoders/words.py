"""Which words a text holds, for keyword search: prose, identifiers, paths, and scripts without spaces."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

RULES = "words-1"
"""Changes whenever `words` gives another result."""

LONGEST = 128
"""Longer words are cut into pieces of this many characters, on both sides of a search alike."""

# Scripts whose words are not set apart by spaces: Thai, Lao, Tibetan, Myanmar, Khmer, kana, Han, Hangul.
UNSPACED = (
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
# Vowel signs and accents that Python's \w leaves out, and the joiners that spell words in Indic and Persian.
MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    "\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff\u200c\u200d"
)
SYMBOLS = "\u2190-\u21ff\u2600-\u27bf\U0001f000-\U0001faff"

_RUN = rf"[\w{UNSPACED}][\w{MARKS}{UNSPACED}]*(?:'[\w{MARKS}]+)*"
_COMPOUND = re.compile(rf"[A-Za-z](?:\+\+|#)(?!\w)|{_RUN}(?:(?:::|->|[.\-/\\:@#]){_RUN})*|[{SYMBOLS}]")
_PLAIN = re.compile(r"[A-Za-z]?[a-z]+")
_UNSPACED_RUN = re.compile(rf"([{UNSPACED}]+)")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=[0-9]+$)")
_SPLITS = tuple(re.compile(pattern) for pattern in (r"::|->|[/\\:@#]", r"[.\-]", r"_+"))


def words(text: str) -> list[str]:
    """The words of *text* in order, case kept: what is written together comes whole **and** by part.

    ``foo.get_userName`` gives itself, ``foo``, ``get_userName``, ``get``, ``userName``, ``user``, ``Name``;
    runs of a script without spaces give single characters and pairs; an emoji is a word. A text of nothing
    but punctuation gives its whitespace-separated pieces; only one without a printable character gives none.
    Time is linear.
    """
    found: list[str] = []
    for match in _COMPOUND.finditer(unicodedata.normalize("NFKC", text).replace("\u2019", "'")):
        word = match.group()
        if len(word) > LONGEST:
            found.extend(_long(word))
        elif _PLAIN.fullmatch(word):
            found.append(word)
        else:
            found.extend(_parts(word))
    return found or _pieces(text)


@lru_cache(maxsize=8192)
def _parts(word: str) -> tuple[str, ...]:
    return tuple(_expand(word, 0))


def _expand(word: str, level: int) -> Iterator[str]:
    """*word*, unless it mixes scripts, then what it consists of."""
    unspaced = not word.isascii() and _UNSPACED_RUN.search(word)
    if not unspaced:
        yield word
    for depth in range(level, len(_SPLITS)):
        parts = [part for part in _SPLITS[depth].split(word) if part]
        if parts and parts != [word]:
            for part in parts:
                yield from _expand(part, depth + 1)
            return
    yield from _by_script(word) if unspaced else _by_case(word)


def _by_case(word: str) -> list[str]:
    parts = _CAMEL.split(word)
    return [part for part in parts if len(part) > 1] if len(parts) > 1 else []


def _by_script(word: str) -> Iterator[str]:
    for i, run in enumerate(_UNSPACED_RUN.split(word)):
        if i % 2:
            yield from run
            yield from (run[j : j + 2] for j in range(len(run) - 1))
        elif run:
            yield from _expand(run, len(_SPLITS))


def _long(word: str) -> Iterator[str]:
    """A path or a blob: its parts where it has some, else pieces of `LONGEST` characters."""
    parts = [part for part in re.split(r"[^\w']+|_+", word) if part]
    for part in parts:
        for start in range(0, len(part), LONGEST):
            yield from _parts(part[start : start + LONGEST])


def _pieces(text: str) -> list[str]:
    readable = [word for word in text.encode("utf-8", "replace").decode().split() if word.isprintable()]
    return [word[start : start + LONGEST] for word in readable for start in range(0, len(word), LONGEST)]
