"""The last resort: the beginning, as far as there is room."""

from __future__ import annotations

from collections.abc import Sequence

from .. import tokens
from ..ports import Kept, Passage, Span
from ..render import check_budget, keep, whole
from ..select import Piece, lead
from ..structure.calls import is_untouched
from ..structure.cuts import may_cut
from ..structure.json_text import is_json, is_json_lines
from ..structure.marks import kind_of
from ..structure.units import units


class Truncate:
    """Keeps units from the beginning on until one does not fit; where not even one does, tokens of the first.

    What would be of no use in part is passed over instead: a tool call or schema that does not fit, and JSON of which
    not one member does.
    """

    name = "truncate"

    def compress(self, passages: Sequence[Passage], query: str, budget_tokens: int) -> Kept:
        """See `ports.Compressor.compress`; *query* plays no part."""
        budget = check_budget(budget_tokens)
        before, everything = whole(passages, self.name, budget)
        if everything is not None:
            return everything
        kept = lead(passages, _pieces(passages), budget, self.name, before=before)
        if kept.spans:
            return kept
        return keep(passages, _clipped(passages, budget), self.name, before=before)


def _pieces(passages: Sequence[Passage]) -> list[Piece]:
    """The units in the order of the text; what only frames others is worth nothing by itself."""
    pieces: list[Piece] = []
    for number, passage in enumerate(passages):
        first = len(pieces)
        own = units(passage.text, passage.content_type)
        frames = {each for unit in own for each in unit.needs}
        for place, unit in enumerate(own):
            worth = 0.0 if place in frames else 1.0
            pieces.append(Piece(number, unit, -1, worth, tuple(first + each for each in unit.needs)))
    return pieces


def _is_parsed(passage: Passage) -> bool:
    """Whether a program may parse it, or each of its lines."""
    if is_json(passage.text, passage.content_type):
        return True
    return kind_of(passage.text, passage.content_type) == "json" and is_json_lines(passage.text)


def _clipped(passages: Sequence[Passage], budget: int) -> list[Span]:
    """The first tokens of the first passage that has some and may be cut anywhere."""
    for number, passage in enumerate(passages):
        if is_untouched(passage.content_type) or _is_parsed(passage):
            continue
        start = len(passage.text) - len(passage.text.lstrip())
        head = tokens.clip(passage.text[start:], budget).rstrip()
        end = start + len(head)
        while end > start and not may_cut(passage.text, end, start):
            end -= 1
        if end > start and tokens.count(passage.text[start:end]) <= budget:
            return [Span(number, start, end)]
        if passage.text.strip():
            break
    return []
