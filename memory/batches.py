"""Long lists in runs that one call, or one write, carries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")

BATCH_CHARS = 200_000
"""Characters of text that one write carries; a longer text is written alone."""


def batched(ids: Sequence[T], size: int) -> list[tuple[T, ...]]:
    """*ids* in runs of at most *size*."""
    return [tuple(ids[start : start + size]) for start in range(0, len(ids), size)]


def writes(entries: Iterable[T], length: Callable[[T], int], most: int | None = None) -> list[list[T]]:
    """*entries* in runs that one write carries, by the *length* of each (characters), of at most *most* entries."""
    runs: list[list[T]] = []
    size = 0
    for entry in entries:
        more = length(entry)
        if not runs or size + more > BATCH_CHARS or len(runs[-1]) == most:
            runs.append([])
            size = 0
        runs[-1].append(entry)
        size += more
    return runs
