"""Compressing a text, or memories: what is kept are parts of the originals, and an id brings each original back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ..compressors import tokens
from ..compressors.ports import Compressor, Kept, Passage, joined
from ..stores.ports import Point
from . import inputs
from .errors import InvalidInput, Quarantined
from .forms import hint_line
from .items import Items
from .models import Action, Form

MAX_BUDGET = 10_000_000
MAX_IDS = 200
"""How many memories one call compresses together."""


@dataclass(frozen=True, slots=True)
class KeptSpan:
    """Characters *start* to *end* of the original, kept as they are; scores compare within one answer."""

    start: int
    end: int
    score: float


@dataclass(frozen=True, slots=True)
class CompressedItem:
    """What is left of one original.

    *id*: the memory that holds the byte-exact original; None only for a text that was not to be kept. *form*: full
    (all of it), compressed (the *spans*, with gap marks), summary (a model's own words, no spans), hint (one line with
    the id) or left_out (*text* is "").
    """

    id: str | None
    form: Form | Literal["left_out"]
    text: str
    spans: Sequence[KeptSpan]
    tokens_before: int
    tokens_after: int
    content_type: str
    flagged: bool = False


@dataclass(frozen=True, slots=True)
class Compressed:
    """What is left of some originals under a budget.

    *text*: all of it, ready for a prompt, at most *budget_tokens* tokens by *counter*. *ratio*: the share of tokens
    that is left. *compressor* chose; *reason* says why that one where it was not the first choice. *action*: what
    became of a given text as a memory (None: ids were given, or it was not to be kept).
    """

    text: str
    items: Sequence[CompressedItem]
    tokens_before: int
    tokens_after: int
    budget_tokens: int
    ratio: float
    compressor: str
    reason: str
    counter: str
    action: Action | None = None


class Compression:
    """Compresses for one scope."""

    def __init__(self, items: Items, compressor: Compressor) -> None:
        self.items, self.compressor = items, compressor

    def of_text(self, text: str, query: str, budget: int, *, content_type: str, keep: bool) -> Compressed:
        """A text, stored first unless *keep* is False; see `MemoryOps.compress`."""
        _check(query, budget)
        inputs.text(text, "text")
        inputs.name(content_type, "content_type")
        id, action = self._stored(text, content_type) if keep else self._unstored(text)
        kept = self.compressor.compress([Passage(id or "text", text, content_type)], query, budget)
        item = _item(id, text, content_type, kept, 0, flagged=False)
        return _compressed([item], kept, budget, action)

    def _stored(self, text: str, content_type: str) -> tuple[str, Action]:
        added = self.items.add(text, content_type=content_type)
        if added.action == "quarantined":
            raise Quarantined(f"the text was put into quarantine as {added.id}; a person can release it")
        return added.id, added.action

    def _unstored(self, text: str) -> tuple[None, None]:
        """Nothing is stored, but what would go into quarantine is not handed on, either."""
        if self.items.screening == "quarantine" and (findings := self.items.screened(text)):
            raise Quarantined(f"screening holds the text back ({'; '.join(findings)}); nothing was stored")
        return None, None

    def of_memories(self, ids: str | Sequence[str], query: str, budget: int) -> Compressed:
        """Memories that are there; see `MemoryOps.compress`."""
        _check(query, budget)
        listed = list(dict.fromkeys([ids] if isinstance(ids, str) else inputs.names(ids, "ids", MAX_IDS)))
        if not listed:
            raise InvalidInput("ids is empty; name at least one memory")
        points = [self.items.find(id) for id in listed]
        self.items.access.note({point.id: point.payload.get("expires_at") for point in points})
        passages = [Passage(point.id, point.text or "", point.payload["content_type"]) for point in points]
        kept = self._with_room_for_hints(passages, points, query, budget)
        items = [
            _item(point.id, point.text or "", point.payload["content_type"], kept, number, point.payload["flagged"])
            for number, point in enumerate(points)
        ]
        return _compressed(_hinted(items, points, budget), kept, budget, None)

    def _with_room_for_hints(
        self, passages: Sequence[Passage], points: Sequence[Point], query: str, budget: int
    ) -> Kept:
        """What is kept of *passages*; a second time with less room where the hints of the rest would not fit."""
        kept = self.compressor.compress(passages, query, budget)
        missing = [point for point, text in zip(points, kept.texts, strict=True) if not text]
        hints = sum(tokens.count(hint_line(point)) for point in missing)
        if not missing or kept.tokens_after + hints <= budget or 2 * hints > budget:
            return kept
        return self.compressor.compress(passages, query, budget - hints)


def _check(query: object, budget: object) -> None:
    if not isinstance(query, str) or query.strip():  # a blank one asks for what stands for the whole
        inputs.text(query, "query", 4 * inputs.MAX_QUERY_CHARS)
    inputs.whole(budget, "budget_tokens", 0, MAX_BUDGET)


def _item(id: str | None, original: str, content_type: str, kept: Kept, number: int, flagged: bool) -> CompressedItem:
    text = kept.texts[number]
    spans = [KeptSpan(span.start, span.end, span.score) for span in kept.spans if span.passage == number]
    form: Form | Literal["left_out"] = "full" if text == original else "compressed" if text else "left_out"
    if number in kept.rewritten:
        form = "summary"
    counted = tokens.count(original)
    after = counted if form == "full" else tokens.count(text)
    return CompressedItem(id, form, text, spans, counted, after, content_type, flagged)


def _hinted(items: Sequence[CompressedItem], points: Sequence[Point], budget: int) -> list[CompressedItem]:
    """*items*, where what was left out is a hint as long as the whole stays within the *budget*."""
    found = list(items)
    for number, point in enumerate(points):
        if found[number].form != "left_out":
            continue
        line = hint_line(point)
        hinted = replace(found[number], form="hint", text=line, tokens_after=tokens.count(line))
        tried = [*found[:number], hinted, *found[number + 1 :]]
        if tokens.count(joined([each.text for each in tried])) <= budget:
            found = tried
    return found


def _compressed(items: Sequence[CompressedItem], kept: Kept, budget: int, action: Action | None) -> Compressed:
    text = joined([item.text for item in items])
    before, after = sum(item.tokens_before for item in items), tokens.count(text)
    ratio = round(after / before, 4) if before else 1.0
    return Compressed(text, items, before, after, budget, ratio, kept.compressor, kept.reason, tokens.name(), action)
