"""How much of a text an embedder can read at once, estimated without its tokenizer.

A limit in characters alone would cut off code, logs and most scripts. Measured with the tokenizer of
all-MiniLM-L6-v2 (which reads 256 pieces and ignores the rest): English prose has 3.7-5.2 characters per
piece, Python 3.6, C 2.6, minified JavaScript 2.5, log lines 2.2, Russian and Arabic 1.2, Chinese 1.0, Korean
0.6. The weights were fitted by non-negative least squares over windows of 600 characters of prose, code, JSON
and logs; a window's true count was at most 1.49 times the estimate (95th percentile 1.1-1.2 on prose, 1.3 on
code).
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from itertools import accumulate


def weight(text: str) -> float:
    """Estimate how many MiniLM word pieces *text* has, from its characters alone."""
    weights = _Weights()
    return sum(weights[char] for char in text) / 100


class _Weights(dict[str, int]):
    """Hundredths of a word piece per character, worked out on first sight."""

    def __missing__(self, char: str) -> int:
        self[char] = found = _weigh(char)
        return found


def _weigh(char: str) -> int:
    code = ord(char)
    if char.isspace():
        return 0
    if code < 0x80:
        return 21 if char.islower() else 100 if char.isupper() else 64 if char.isdigit() else 94
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    if code < 0x250 or 0x1E00 <= code < 0x1F00:
        return 50
    # The tokenizer decomposes a Hangul syllable into its two or three letters.
    return 260 if 0xAC00 <= code <= 0xD7A3 else 100


_ASCII_WEIGHTS = bytes(_weigh(chr(code)) if code < 0x80 else 0 for code in range(256))


class Ruler:
    """How far a passage may reach; holds running sums for a moving part of the content."""

    def __init__(self, content: str, size: int, max_chars: int, max_weight: int) -> None:
        self._content, self._size = content, size
        self.max_chars, self._max_weight = max_chars, max_weight
        self._weights = _Weights()
        self._origin, self._sums = 0, [0]

    def reach(self, start: int) -> int:
        """The farthest end of a passage that begins at *start*; at least one character on."""
        end = min(start + self.max_chars, self._size)
        self._cover(start, end)
        low = start - self._origin
        limit = self._sums[low] + self._max_weight
        found = bisect_right(self._sums, limit, low, end - self._origin + 1) - 1 + self._origin
        return max(found, start + 1)

    def filled(self, start: int, end: int) -> float:
        """The share of the limits that *start* to *end* takes, for an *end* within reach."""
        self._cover(start, end)
        used = self._sums[end - self._origin] - self._sums[start - self._origin]
        return max(used / self._max_weight, (end - start) / self.max_chars)

    def _cover(self, start: int, end: int) -> None:
        if self._origin <= start and end - self._origin < len(self._sums):
            return
        self._origin = max(0, start - self.max_chars)
        chunk = self._content[self._origin : self._origin + max(65_536, 4 * self.max_chars)]
        if chunk.isascii():
            self._sums = list(accumulate(chunk.encode().translate(_ASCII_WEIGHTS), initial=0))
        else:
            self._sums = list(accumulate(map(self._weights.__getitem__, chunk), initial=0))
