"""Cutting a passage into the windows that the model reads: whole units together, as many as fit. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WINDOW_TOKENS = 126
"""Word pieces of a window beside its start and end tokens; the head was trained on windows of this length."""

Span = tuple[int, int]
Ints = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of one passage.

    *ids*: the word pieces of each window. *owner*: for every word piece of all windows in order, the number of the
    unit that it belongs to; -1 for one that stands between units.
    """

    ids: Sequence[Sequence[int]]
    owner: Ints


def windows(ids: Sequence[int], offsets: Sequence[Span], units: Sequence[Span], size: int = WINDOW_TOKENS) -> Windows:
    """The word pieces *ids* (at the characters *offsets*) in windows of at most *size*.

    *units*: character spans in order, without overlap. A window ends where a unit ends; a unit that is longer than a
    window starts one and is cut.
    """
    owner = owners(offsets, units)
    cuts = [0]
    for start, end in _runs(owner):
        if end - cuts[-1] > size:
            if start > cuts[-1]:
                cuts.append(start)
            cuts.extend(range(cuts[-1] + size, end, size))
    cuts.append(len(ids))
    return Windows([ids[a:b] for a, b in itertools.pairwise(cuts) if b > a], owner)


def owners(offsets: Sequence[Span], units: Sequence[Span]) -> Ints:
    """The unit that each word piece starts in, -1 where there is none."""
    if not offsets or not units:
        return np.full(len(offsets), -1, np.intp)
    starts = np.array([start for start, _ in units])
    ends = np.array([end for _, end in units])
    first = np.array([start for start, _ in offsets])
    unit = np.searchsorted(starts, first, side="right") - 1
    inside = (unit >= 0) & (first < ends[np.maximum(unit, 0)])
    return np.where(inside, unit, -1).astype(np.intp)


def _runs(owner: Ints) -> list[Span]:
    """Where runs of one unit begin and end; what stands between units goes with the unit before it."""
    if not len(owner):
        return []
    filled = np.maximum.accumulate(owner)
    changes = np.flatnonzero(np.diff(filled)) + 1
    edges = [0, *changes.tolist(), len(owner)]
    return list(itertools.pairwise(edges))
