"""What is told by a log whatever was asked: what went wrong, how it began and how it ended."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .ports import Passage
from .structure.marks import kind_of
from .structure.units import Unit

_TROUBLE = re.compile(
    r"\b(?:ERR|ERROR|FATAL|CRITICAL|SEVERE|Traceback|panic|\w*(?:Error|Exception))\b"
    r"|(?i:\[(?:error|crit|alert|emerg|fatal)\]|\b(?:error|fatal|critical)(?: ?[:!]|\[)"
    r"|\blevel=[\"']?(?:error|fatal|critical|panic)|\bfailed\b)"
)


def telling(passages: Sequence[Passage], found: Sequence[Sequence[Unit]], texts: Sequence[str]) -> list[float]:
    """1 for such a unit of a log, 0 for every other of *texts*: it counts as much as the best match of a query."""
    marks = [0.0] * len(texts)
    first = 0
    for passage, own in zip(passages, found, strict=True):
        if own and kind_of(passage.text, passage.content_type) == "log":
            for place in range(first, first + len(own)):
                if _TROUBLE.search(texts[place]) or place in (first, first + len(own) - 1):
                    marks[place] = 1.0
        first += len(own)
    return marks
