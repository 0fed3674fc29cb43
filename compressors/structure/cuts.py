"""Where a stretch of text is best cut when its structure gives no place: levels from blank lines to letters.

A level is a function of the content and a range; it answers with a position in the range (a passage may end
before it), or -1.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator


def _last(pattern: re.Pattern[str], content: str, low: int, stop: int) -> int:
    """The last end of a match in *low* to *stop* where a cut harms nothing; -1 without one."""
    ends = [found.end() for found in pattern.finditer(content, max(0, low - 2), stop)]
    return next((end for end in reversed(ends) if end >= low and may_cut(content, end)), -1)


def _at(pattern: str) -> Callable[[str, int, int], int]:
    compiled = re.compile(pattern)
    return lambda content, low, stop: _last(compiled, content, low, stop)


_SENTENCE = re.compile(r"(?<=[.!?…])[\"'”’»)\]*_]*\s+|[。！？｡．][」』”’）】]*\s*|[।॥؟۔։።။།]\s*")
_ABBREVIATION = re.compile(r"(?:\b[^\W\d_]|\b(?:Mrs?|Ms|Dr|Prof|St|vs|etc|cf|No|Fig|Jr|Sr|al|approx))\.$")


def _sentence(content: str, low: int, stop: int) -> int:
    found = list(_SENTENCE.finditer(content, max(0, low - 2), stop))
    return next((each.end() for each in reversed(found) if each.end() >= low and _is_end(content, each)), -1)


def sentence_ends(content: str, start: int, stop: int) -> Iterator[int]:
    """Where the sentences from *start* to *stop* end and the next ones begin."""
    return (found.end() for found in _SENTENCE.finditer(content, start, stop) if _is_end(content, found))


def _is_end(content: str, found: re.Match[str]) -> bool:
    """Whether this full stop ends a sentence and no abbreviation, and a cut harms nothing."""
    begin, end = found.span()
    if not may_cut(content, end) or content[end : end + 1].islower():
        return False
    return not _ABBREVIATION.search(content[max(0, begin - 8) : begin])


_LINE = re.compile(r"\n([ \t]*)(\S)")


def _dedent(content: str, low: int, stop: int) -> int:
    """The last of the line starts with the least indentation; blank lines count, closers do not."""
    best, cut = 1 << 30, -1
    for found in _LINE.finditer(content, max(0, low - 2), stop + 80):
        at = found.start() + 1
        if not low <= at <= stop:
            continue
        after_blank = content[found.start() - 1] in "\r\n" and "\n" in content[max(0, at - 3) : at - 1]
        cost = 2 * len(found[1].expandtabs(4)) + (9 if found[2] in ")]}" else 0) - after_blank
        if cost <= best:
            best, cut = cost, at
    return cut


_blank = _at(r"\n[ \t\r]*\n")
_item = _at(r"\n(?=[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t])")
last_blank = _at(r"\s+")
_newline = _at(r"\n")
_clause = _at(r"(?<=[,;:])\s|[，；：、،؛]\s?")
_statement = _at(r"[;}]")
_member = _at(r"[,{(\[]")
_CODE_LEVELS = (_dedent, _sentence, _statement, _member)
LEVELS: dict[str, tuple[Callable[[str, int, int], int], ...]] = {
    "prose": (_blank, _item, _sentence, _newline, _clause),
    "chat": (_blank, _item, _sentence, _newline, _clause),
    "code": _CODE_LEVELS,
    "json": _CODE_LEVELS,
    "log": (_newline, _sentence, _statement, _member),
    "diff": (_newline, _statement, _member),
}


def hard(content: str, text: int, reach: int) -> int:
    for at in range(reach, text, -1):
        if may_cut(content, at, text):
            return at
    return reach


def may_cut(content: str, at: int, text: int = 0) -> bool:
    """Whether the characters before and after *at* are not one to the eye; *text* bounds the look back."""
    if at >= len(content):
        return True
    before, after = content[at - 1], content[at]
    if after < "\u0300":
        return not (before == "\r" and after == "\n")
    if before in "\r\n":
        return True
    if before == "\u200d" or after == "\u200d" or "\U0001f3fb" <= after <= "\U0001f3ff":
        return False
    if "\U000e0020" <= after <= "\U000e007f" or "\u1160" <= after <= "\u11ff":
        return False
    if "\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff":
        return False
    if "\U0001f1e6" <= after <= "\U0001f1ff":
        run = at
        while run > text and "\U0001f1e6" <= content[run - 1] <= "\U0001f1ff":
            run -= 1
        return (at - run) % 2 == 0
    return unicodedata.category(after) not in ("Mn", "Mc", "Me")
