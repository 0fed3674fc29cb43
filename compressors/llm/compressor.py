"""The abstractive compressor: what is too long for its room is summarised by a model, the rest stays as it is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from .. import tokens
from ..errors import CompressorFailed, CompressorTimeout
from ..extractive import Extractive
from ..ports import Kept, Passage, Span
from ..render import check_budget, keep, whole
from ..structure.calls import is_untouched
from ..structure.marks import kind_of
from . import prompt
from .config import LLMConfig
from .endpoint import Endpoint, Message

LEAST = 16
"""Tokens. With less room a text is not worth summarising."""
MOST_TEXTS = 16
"""More texts than this are not summarised one by one."""
STRUCTURED = ("code", "json", "diff")
"""Kinds of text of which a summary is of no use to a program; see `LLMConfig.structured`."""
GRACE = 5.0
"""Seconds that a chain waits beyond the compressor's own limit."""


class LLM:
    """Summaries by a model, named as such (`Kept.rewritten`).

    Texts share the budget evenly, and what short ones leave goes to long ones. One that fits its share is kept whole.
    Of code, JSON and diffs whole units are kept (`extractive`), unless the config says otherwise; of tool calls and
    schemas always all or nothing. Any other is summarised, by the model as deterministically as it can.
    """

    name = "llm"

    def __init__(self, config: LLMConfig) -> None:
        self._config = config
        self._endpoint = Endpoint(config)
        self.patience_seconds = config.seconds + GRACE

    def compress(self, passages: Sequence[Passage], query: str, budget_tokens: int) -> Kept:
        """See `ports.Compressor.compress`. Raises `CompressorFailed` where there is no usable summary within the time:
        no answer, an empty one, or one that is too long twice; and where nothing may be summarised."""
        budget = check_budget(budget_tokens)
        before, everything = whole(passages, self.name, budget)
        if everything is not None:
            return everything
        if not budget:
            return keep(passages, (), self.name, before=before)
        made = _Made(time.monotonic() + self._config.seconds)
        rooms = _rooms([tokens.count(passage.text) for passage in passages], budget)
        summarised = [number for number, room in enumerate(rooms) if self._is_summarised(passages[number], room)]
        if not summarised:
            raise CompressorFailed(
                "there is no prose to summarise; code, JSON, diffs and tool calls are kept as they are"
            )
        if len(summarised) > MOST_TEXTS:
            raise CompressorFailed(f"{len(summarised)} texts are more than it summarises one by one ({MOST_TEXTS})")
        for number, room in enumerate(rooms):
            if number in summarised:
                made.texts[number] = self._summary(passages[number], query, room.tokens, made)
            else:
                made.spans += _parts(passages[number], number, query, room)
        kept = keep(passages, made.spans, self.name, self._reason(made), before, made.texts)
        if kept.tokens_after > budget:
            raise CompressorFailed(f"its summaries came to {kept.tokens_after} tokens together, over {budget}")
        return kept

    def _is_summarised(self, passage: Passage, room: _Room) -> bool:
        if room.is_enough or is_untouched(passage.content_type):
            return False
        return self._config.structured or kind_of(passage.text, passage.content_type) not in STRUCTURED

    def _summary(self, passage: Passage, query: str, room: int, made: _Made) -> str:
        """A summary of *passage* in at most *room* tokens, at the second try if need be."""
        if room < LEAST:
            raise CompressorFailed(f"{room} tokens for a text are too few to summarise it; at least {LEAST} are needed")
        words = prompt.words_for(room)
        messages: list[Message] = [
            ("system", prompt.SYSTEM),
            ("human", prompt.request(self._shown(passage, query, made), query, words)),
        ]
        found, ended = self._asked(messages, made)
        if found and (not ended or tokens.count(found) > room):
            messages += [("ai", found), ("human", prompt.shorter(max(5, int(words * prompt.AGAIN))))]
            found, ended = self._asked(messages, made)
        if not found:
            raise CompressorFailed(f"the model {self._config.model} gave an empty answer")
        size = tokens.count(found)
        if size > room or not ended:
            raise CompressorFailed(f"the model {self._config.model} twice wrote more than {room} tokens (last {size})")
        return found

    def _asked(self, messages: Sequence[Message], made: _Made) -> tuple[str, bool]:
        left = made.deadline - time.monotonic()
        if left <= 0:
            raise CompressorTimeout(f"the model {self._config.model} was not done within {self._config.seconds:g} s")
        found, ended = self._endpoint.ask(messages, left)
        return found.encode("utf-8", "replace").decode(), ended

    def _shown(self, passage: Passage, query: str, made: _Made) -> str:
        """The text as the model sees it: no lone surrogates, and of a very long one what `extractive` keeps."""
        text = passage.text.encode("utf-8", "replace").decode()
        size = tokens.count(text)
        if size <= self._config.window:
            return text
        made.cut.append(f"of {size} tokens the model saw the {self._config.window} that extractive chose")
        return Extractive().compress([replace(passage, text=text)], query, self._config.window).text

    def _reason(self, made: _Made) -> str:
        anew = f"summary by {self._config.model}, in its own words"
        return "; ".join([anew, *made.cut])


@dataclass(slots=True)
class _Made:
    """What is there so far of an answer that must be complete at *deadline* (by the monotonic clock)."""

    deadline: float
    texts: dict[int, str] = field(default_factory=dict)
    spans: list[Span] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Room:
    """The tokens that a text gets, and whether that is enough for all of it."""

    tokens: int
    is_enough: bool


def _rooms(sizes: Sequence[int], budget: int) -> list[_Room]:
    """Even shares of *budget* for texts of *sizes* tokens; what a short one does not need goes to the others."""
    left = budget - tokens.count("\n\n") * (len(sizes) - 1)
    rooms = [_Room(0, False)] * len(sizes)
    order = sorted(range(len(sizes)), key=lambda number: (sizes[number], number))
    for place, number in enumerate(order):
        share = max(0, left) // (len(sizes) - place)
        rooms[number] = _Room(min(share, sizes[number]), sizes[number] <= share)
        left -= rooms[number].tokens
    return rooms


def _parts(passage: Passage, number: int, query: str, room: _Room) -> list[Span]:
    """What is kept of a text that is not summarised."""
    if room.is_enough:
        return [Span(number, 0, len(passage.text))] if passage.text else []
    kept = Extractive().compress([passage], query, room.tokens)
    return [replace(span, passage=number) for span in kept.spans]
