"""From passages to pieces: their whole units, what each costs, and what it is worth once its place is known.

Shared by the compressors that score units; each of them brings its own worths.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import tokens
from .ports import Passage
from .select import Piece
from .structure.units import LONGEST, Unit, units

FRAME = 0.5
"""How much of the worth of its heading, signature or speaker a unit gets."""
REPEATED = 0.05
"""What of its worth a unit keeps that stands word for word in an earlier place, too."""
SHORTEST_BLOCK = 160
"""Characters up to which a block stays whole however small the budget is."""


def cut(passages: Sequence[Passage], budget: int) -> list[list[Unit]]:
    """The units of each of *passages*, small enough that several of them fit in *budget* tokens."""
    longest = min(LONGEST, max(SHORTEST_BLOCK, 2 * budget))
    return [units(passage.text, passage.content_type, longest) for passage in passages]


def texts_of(passages: Sequence[Passage], found: Sequence[Sequence[Unit]]) -> list[str]:
    """The text of every unit, in order."""
    return [p.text[u.start : u.end] for p, own in zip(passages, found, strict=True) for u in own]


def pieces(passages: Sequence[Passage], found: Sequence[Sequence[Unit]], worths: Sequence[float]) -> list[Piece]:
    """What `select.select` chooses from: the units *found* in each of *passages*, with a worth for each, in order.

    What frames others (headings, signatures, brackets) lends them `FRAME` of its worth and has none alone; what was
    said before keeps `REPEATED` of it.
    """
    texts = texts_of(passages, found)
    needs: list[tuple[int, ...]] = []
    for own in found:
        first = len(needs)
        needs.extend(tuple(first + each for each in unit.needs) for unit in own)
    owners = [(number, unit) for number, own in enumerate(found) for unit in own]
    return [
        Piece(number, unit, tokens.count(text), worth, needed)
        for (number, unit), text, worth, needed in zip(
            owners, texts, _settled(texts, needs, worths), needs, strict=True
        )
    ]


def _settled(texts: Sequence[str], needs: Sequence[tuple[int, ...]], worths: Sequence[float]) -> list[float]:
    frames = {each for needed in needs for each in needed}
    settled = []
    seen: set[str] = set()
    for place, needed in enumerate(needs):
        worth = worths[place] + FRAME * max((worths[each] for each in needed), default=0.0)
        if place in frames:
            worth = 0.0
        elif texts[place] in seen:
            worth *= REPEATED
        seen.add(texts[place])
        settled.append(worth)
    return settled
