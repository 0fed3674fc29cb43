"""From the worth of units to those that are kept: greedy under a budget, with what each of them needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from . import tokens
from .ports import Kept, Passage, Span
from .render import GAP_TOKENS, keep
from .structure.calls import is_untouched
from .structure.units import Unit


@dataclass(frozen=True, slots=True)
class Piece:
    """A unit of the passage number *passage*: what it costs (tokens) and what it is worth (0 and less: nothing).

    A *cost* below 0 is not known yet; `lead`, which reads but the beginning, counts it where it comes by.
    """

    passage: int
    unit: Unit
    cost: int
    worth: float
    needs: tuple[int, ...] = ()
    """Which pieces are kept with it, by their place among all pieces."""


def select(
    passages: Sequence[Passage],
    pieces: Sequence[Piece],
    budget: int,
    compressor: str,
    *,
    before: int | None = None,
) -> Kept:
    """Keep the *pieces* of most worth until the *budget* is used; they are in the order of the text.

    What a piece needs is paid with it. One that does not fit is passed over for smaller ones. Worth is not divided by
    cost: dividing by its square root lost 4 to 5 points at 10 % kept on the selection sets (BM25 sees to the length).
    *before*: the tokens of *passages*, where they are known.
    """
    chosen = _greedy(pieces, budget)
    return _fitted(passages, pieces, chosen, budget, compressor, before)


def lead(
    passages: Sequence[Passage],
    pieces: Sequence[Piece],
    budget: int,
    compressor: str,
    *,
    before: int | None = None,
) -> Kept:
    """Keep *pieces* of some worth from the first on, with what they need, until one does not fit the *budget*.

    A tool call or schema that does not fit is passed over. *before*: the tokens of *passages*, where they are known.
    """
    counted = list(pieces)
    chosen: dict[int, None] = {}
    room = budget
    for number, piece in enumerate(pieces):
        if piece.worth <= 0 or number in chosen:
            continue
        coming = _with_needs(pieces, number, chosen)
        for each in coming:
            counted[each] = _costed(passages, counted[each])
        cost = sum(counted[each].cost for each in coming)
        if cost <= room:
            room -= cost
            chosen.update(dict.fromkeys(coming))
        elif not is_untouched(passages[piece.passage].content_type):
            break
    return _fitted(passages, counted, chosen, budget, compressor, before)


def _costed(passages: Sequence[Passage], piece: Piece) -> Piece:
    text = passages[piece.passage].text[piece.unit.start : piece.unit.end]
    return piece if piece.cost >= 0 else replace(piece, cost=tokens.count(text))


def _fitted(
    passages: Sequence[Passage],
    pieces: Sequence[Piece],
    chosen: dict[int, None],
    budget: int,
    compressor: str,
    before: int | None,
) -> Kept:
    """The *chosen* pieces as they are rendered, without the last ones where they take more than they cost apart."""
    kept = keep(passages, _spans(pieces, chosen), compressor, before=before)
    while kept.tokens_after > budget and chosen:
        # Cut ends can cost a token more beside each other than apart, and long texts are counted by samples.
        _drop(pieces, chosen, max(1, kept.tokens_after - budget))
        kept = keep(passages, _spans(pieces, chosen), compressor, before=kept.tokens_before)
    return kept


def _greedy(pieces: Sequence[Piece], budget: int) -> dict[int, None]:
    """Which pieces are kept, in the order in which they were chosen."""
    order = [number for number, piece in enumerate(pieces) if piece.worth > 0]
    order.sort(key=lambda number: (-pieces[number].worth, number))
    chosen: dict[int, None] = {}
    room = budget
    smallest = min((pieces[number].cost for number in order), default=0)
    for number in order:
        if room < smallest:
            break
        if number in chosen or pieces[number].cost > room:
            continue
        coming = _with_needs(pieces, number, chosen)
        cost = sum(pieces[each].cost for each in coming) + _gaps(pieces, chosen, coming) * GAP_TOKENS
        if cost <= room:
            room -= cost
            chosen.update(dict.fromkeys(coming))
    return chosen


def _with_needs(pieces: Sequence[Piece], number: int, chosen: dict[int, None]) -> list[int]:
    """*number* behind all that it needs and that is not kept yet."""
    coming: dict[int, None] = {}
    ahead = [number]
    while ahead:
        each = ahead.pop()
        if each not in chosen and each not in coming:
            coming[each] = None
            ahead.extend(pieces[each].needs)
    return list(reversed(coming))


def _gaps(pieces: Sequence[Piece], chosen: dict[int, None], coming: Sequence[int]) -> int:
    """How many gap marks more there are once *coming* is kept, at most."""
    more = 0
    added: set[int] = set()
    for number in coming:
        beside = sum(
            1
            for other in (number - 1, number + 1)
            if (other in chosen or other in added) and pieces[other].passage == pieces[number].passage
        )
        more += 1 - beside
        added.add(number)
    return more


def _drop(pieces: Sequence[Piece], chosen: dict[int, None], excess: int) -> None:
    """Let go of the pieces chosen last, and of what goes with them, until *excess* tokens are freed."""
    freed = 0
    while chosen and freed < excess:
        gone = {next(reversed(chosen))}
        while more := _going_with(pieces, chosen, gone):
            gone |= more
        for each in gone:
            freed += pieces[each].cost
            del chosen[each]


def _going_with(pieces: Sequence[Piece], chosen: dict[int, None], gone: set[int]) -> set[int]:
    """Of the *chosen*: what needs one of *gone*, and what only they needed (a bracket, a fence, a heading)."""
    staying = [each for each in chosen if each not in gone]
    needed = {need for each in staying for need in pieces[each].needs}
    idle = {need for each in gone for need in pieces[each].needs} - needed
    return {each for each in staying if each in idle or gone.intersection(pieces[each].needs)}


def _spans(pieces: Sequence[Piece], chosen: dict[int, None]) -> list[Span]:
    spans = []
    for number in sorted(chosen):
        piece = pieces[number]
        spans.append(Span(piece.passage, piece.unit.start, piece.unit.end, round(piece.worth, 6)))
    return spans
