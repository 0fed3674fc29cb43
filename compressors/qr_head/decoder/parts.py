"""Contexts that are longer than a window: cut into slices, packed into overlapping parts, and merged again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .prompt import Places

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Slice:
    """Characters *start* to *end* of the document number *document*, about *tokens* tokens in a prompt."""

    document: int
    start: int
    end: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of a slice: *scores* (heads × tokens), where its tokens are in the document, and *label*, the
    scores (heads × tokens) of its number."""

    slice: Slice
    starts: Places
    ends: Places
    scores: Floats
    label: Floats


def sliced(document: int, length: int, starts: Places, cost: int, room: int, overlap: int) -> list[Slice]:
    """A document of *length* characters whole, if its *cost* is within *room* tokens, else as overlapping slices.

    *starts*: the characters at which its tokens start.
    """
    if cost <= room:
        return [Slice(document, 0, length, cost)]
    label = cost - len(starts)
    size = max(1, room - label)
    step = max(1, size - min(overlap, size // 2))
    found = []
    for first in range(0, len(starts), step):
        last = min(first + size, len(starts))
        start = int(starts[first]) if first else 0
        end = int(starts[last]) if last < len(starts) else length
        found.append(Slice(document, start, end, last - first + label))
        if last == len(starts):
            break
    return found


def packed(slices: Sequence[Slice], room: int, overlap: int) -> list[list[Slice]]:
    """*slices* in order, in parts of at most *room* tokens and of about equal size.

    Each part begins with the last slices of the one before it that fit in *overlap* tokens.
    """
    total = sum(each.tokens for each in slices)
    count = max(1, math.ceil((total - overlap) / max(1, room - overlap))) if total > room else 1
    parts: list[list[Slice]] = []
    part: list[Slice] = []
    used = fresh = done = 0
    for each in slices:
        beyond = done + each.tokens / 2 > total * (len(parts) + 1) / count
        if fresh and (beyond or used + each.tokens > room):
            parts.append(part)
            part = _tail(part, min(overlap, room - each.tokens))
            used, fresh = sum(old.tokens for old in part), 0
        part.append(each)
        used += each.tokens
        done += each.tokens
        fresh += 1
    return [*parts, part] if part else parts


def merged(reads: Sequence[Read]) -> Read:
    """What was read of one document's slices, as one: the same slice in two parts by its mean, overlaps of different
    slices up to their middle from the one and from there on from the other."""
    by_place: dict[tuple[int, int], list[Read]] = {}
    for read in reads:
        by_place.setdefault((read.slice.start, read.slice.end), []).append(read)
    once = [_mean(same) for _, same in sorted(by_place.items())]
    if len(once) == 1:
        return once[0]
    cuts = [0, *((left.slice.end + right.slice.start) // 2 for left, right in pairwise(once)), once[-1].slice.end + 1]
    keep = [(low <= read.starts) & (read.starts < high) for read, (low, high) in zip(once, pairwise(cuts), strict=True)]
    chosen = list(zip(once, keep, strict=True))
    whole = Slice(once[0].slice.document, 0, once[-1].slice.end, sum(int(mask.sum()) for mask in keep))
    return Read(
        whole,
        np.concatenate([read.starts[mask] for read, mask in chosen]),
        np.concatenate([read.ends[mask] for read, mask in chosen]),
        np.concatenate([read.scores[:, mask] for read, mask in chosen], axis=1),
        once[0].label,
    )


def _mean(same: Sequence[Read]) -> Read:
    first = same[0]
    alike = [each for each in same if np.array_equal(each.starts, first.starts)]
    scores: Floats = np.stack([each.scores for each in alike]).mean(axis=0, dtype=np.float32)
    return Read(first.slice, first.starts, first.ends, scores, first.label)


def _tail(part: Sequence[Slice], room: int) -> list[Slice]:
    found: list[Slice] = []
    for each in reversed(part):
        room -= each.tokens
        if room < 0:
            break
        found.append(each)
    return list(reversed(found))
