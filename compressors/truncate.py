"""The last resort: the beginning, as far as there is room."""

from __future__ import annotations

from collections.abc import Sequence

from . import tokens
from .ports import Kept, Passage, Span, joined
from .render import check_budget, keep, rendered, whole
from .structure.calls import is_untouched
from .structure.cuts import may_cut
from .structure.units import units


class Truncate:
    """Keeps units from the beginning on until one does not fit; where not even one does, tokens of the first.

    A tool call or schema that does not fit is passed over: of those it is all or nothing.
    """

    name = "truncate"

    def compress(self, passages: Sequence[Passage], query: str, budget_tokens: int) -> Kept:
        """See `ports.Compressor.compress`; *query* plays no part."""
        budget = check_budget(budget_tokens)
        before, everything = whole(passages, self.name, budget)
        if everything is not None:
            return everything
        return keep(passages, _lead(passages, budget), self.name, before=before)


def _lead(passages: Sequence[Passage], budget: int) -> list[Span]:
    spans: list[Span] = []
    used = 0
    for number, passage in enumerate(passages):
        for unit in units(passage.text, passage.content_type):
            cost = tokens.count(passage.text[unit.start : unit.end])
            if used + cost > budget and is_untouched(passage.content_type):
                continue
            used += cost
            if used > budget:
                return _fitting(passages, spans, budget) or _clipped(passages, budget)
            spans.append(Span(number, unit.start, unit.end))
    return _fitting(passages, spans, budget) or _clipped(passages, budget)


def _fitting(passages: Sequence[Passage], spans: list[Span], budget: int) -> list[Span]:
    """*spans* without the last ones, so that they fit as they are rendered."""
    while spans and tokens.count(joined(rendered(passages, spans))) > budget:
        del spans[-max(1, len(spans) // 50) :]
    return spans


def _clipped(passages: Sequence[Passage], budget: int) -> list[Span]:
    """The first tokens of the first passage that has some."""
    for number, passage in enumerate(passages):
        if is_untouched(passage.content_type):
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
