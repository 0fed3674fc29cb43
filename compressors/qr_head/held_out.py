"""Which training rows are held out: whole stretches of text, so that nothing trains on a sentence of them. Pure.

Rows overlap: a sentence of Wikipedia stands in a dozen of them, each a few sentences around another answer. To hold out
single passages would hold out nothing. So a stretch grows from a drawn passage over those that share a long sentence
with it (policies: over those that a row names together), and rows at its edge are left out altogether.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Hashable, Mapping, Sequence

from .examples import Passage, Row, long

STRETCHES: Mapping[str, int] = {"squad": 24, "friends": 16, "qmsum": 40, "policy": 2}
"""How many stretches of each source are held out, but never more than a quarter of its passages."""
MOST_SENTENCES = 40
"""Where a stretch of sentences stops growing: scenes and meetings end before, Wikipedia would go on."""


def split(rows: Sequence[Row], seed: int = 0) -> tuple[list[Row], list[Row]]:
    """(for training, for validation): no long sentence of a validation passage occurs in training, nor as a negative.

    The same for every training seed, so that figures of several seeds compare.
    """
    chance = random.Random(f"held out {seed}")
    held: set[Passage] = set()
    for source, number in STRETCHES.items():
        held |= _drawn([row for row in rows if row.source == source], number, chance)
    sentences = {unit for passage in held for unit in long(passage)}

    def free(passage: Passage) -> bool:
        return passage not in held and sentences.isdisjoint(passage)

    training, validation = [], []
    for row in rows:
        if row.units in held:
            validation.append(row)
        elif free(row.units):
            kept = tuple(each for each in row.negatives if free(each))
            training.append(Row(row.source, row.query, row.units, row.gold, kept))
    return training, validation


def _drawn(rows: Sequence[Row], number: int, chance: random.Random) -> set[Passage]:
    """The passages of *number* stretches of one source's *rows*."""
    marks = _marks(rows)
    marked: dict[Hashable, list[Passage]] = {}
    for passage, own in marks.items():
        for mark in own:
            marked.setdefault(mark, []).append(passage)
    starts = sorted({row.units for row in rows})
    held: set[Passage] = set()
    stretches = 0
    for start in chance.sample(starts, len(starts)):
        if stretches == number or 4 * len(held) >= len(starts):
            break
        if start not in held:
            held |= _stretch(start, marks, marked)
            stretches += 1
    return held


def _marks(rows: Sequence[Row]) -> dict[Passage, Sequence[Hashable]]:
    """What makes two passages neighbours: a sentence in both, or, in policies, a row that names both."""
    marks: dict[Passage, Sequence[Hashable]] = {}
    for number, row in enumerate(rows):
        if row.source == "policy":
            for passage in (row.units, *row.negatives):
                marks[passage] = [*marks.get(passage, ()), number]
        else:
            marks[row.units] = sorted(long(row.units))
    return marks


def _stretch(
    start: Passage, marks: Mapping[Passage, Sequence[Hashable]], marked: Mapping[Hashable, Sequence[Passage]]
) -> set[Passage]:
    """The passages around *start*, the nearest first, until they hold `MOST_SENTENCES`; of a policy, all."""
    found, sentences, waiting = {start}, set(long(start)), deque([start])
    while waiting:
        for mark in marks[waiting.popleft()]:
            whole = not isinstance(mark, str)
            for passage in marked[mark]:
                if passage not in found and (whole or len(sentences | long(passage)) <= MOST_SENTENCES):
                    found.add(passage)
                    sentences |= long(passage)
                    waiting.append(passage)
    return found
