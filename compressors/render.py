"""From chosen spans to text: the originals' own characters, with a mark where something was left out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from . import tokens
from .errors import BadSelection, InvalidBudget
from .ports import Kept, Passage, Span, joined
from .structure.json_text import is_json, is_json_lines
from .structure.marks import kind_of

GAP = "…"
INLINE = f" {GAP} "
BETWEEN_LINES = f"\n{GAP}\n"
GAP_TOKENS = 1

MOST_BLANK = 200
"""Blank characters that are kept between neighbours, at most: more would take the room of what says something."""

_NOTHING = re.compile(r"\s*")
_SEPARATOR = re.compile(r"\s*,?\s*")


def keep(
    passages: Sequence[Passage],
    spans: Sequence[Span],
    compressor: str,
    reason: str = "",
    before: int | None = None,
    rewritten: Mapping[int, str] | None = None,
) -> Kept:
    """The answer that consists of *spans*. Raises `BadSelection` where they are out of order or range.

    *before*: the tokens of *passages*, where they are known. *rewritten*: the number and the new wording of passages
    that a model wrote anew.
    """
    texts = list(rendered(passages, spans))
    for number, text in (rewritten or {}).items():
        _check_rewritten(number, text, texts)
        texts[number] = text
    counted = sum(tokens.count(passage.text) for passage in passages) if before is None else before
    after = tokens.count(joined(texts))
    return Kept(tuple(spans), tuple(texts), counted, after, compressor, reason, tuple(sorted(rewritten or ())))


def _check_rewritten(number: int, text: object, texts: Sequence[str]) -> None:
    if not 0 <= number < len(texts) or texts[number]:
        raise BadSelection(f"the passage {number} is written anew, but it has spans or is none of {len(texts)}")
    if not isinstance(text, str) or not text.strip():
        raise BadSelection(f"the passage {number} is written anew as {text!r}, which is no text")


def whole(passages: Sequence[Passage], compressor: str, budget: int) -> tuple[int, Kept | None]:
    """The tokens of *passages*, and the answer that keeps everything, byte for byte, if it fits *budget*."""
    before = sum(tokens.count(passage.text) for passage in passages)
    spans = tuple(Span(number, 0, len(passage.text)) for number, passage in enumerate(passages) if passage.text)
    texts = tuple(passage.text for passage in passages)
    everything = Kept(spans, texts, before, tokens.count(joined(texts)), compressor)
    return before, everything if everything.tokens_after <= budget else None


def rendered(passages: Sequence[Passage], spans: Sequence[Span]) -> tuple[str, ...]:
    """What *spans* leave of each of *passages*."""
    own: list[list[Span]] = [[] for _ in passages]
    last = (0, 0)
    for span in spans:
        if not (0 <= span.passage < len(passages) and (span.passage, span.start) >= last and span.start < span.end):
            raise BadSelection(f"the span {span} is empty, out of order or of no passage")
        if span.end > len(passages[span.passage].text):
            raise BadSelection(f"the span {span} ends behind its text of {len(passages[span.passage].text)} characters")
        last = (span.passage, span.end)
        own[span.passage].append(span)
    return tuple(_text(passage, kept) for passage, kept in zip(passages, own, strict=True))


def _text(passage: Passage, spans: Sequence[Span]) -> str:
    """Neighbours with what stood between them; others with a gap mark, or in JSON with a comma or a new line."""
    if not spans:
        return ""
    text = passage.text
    as_json = len(spans) > 1 and is_json(text, passage.content_type)
    between_lines = "\n" if len(spans) > 1 and not as_json and _is_lines(passage) else BETWEEN_LINES
    parts = [text[spans[0].start : spans[0].end]]
    for before, after in pairwise(spans):
        between = text[before.end : after.start]
        if as_json:
            parts.append(between if _is_short(_SEPARATOR, between) else _comma(text, before, after))
        elif _is_short(_NOTHING, between):
            parts.append(between)
        else:
            parts.append(between_lines if "\n" in between else INLINE)
        parts.append(text[after.start : after.end])
    return "".join(parts)


def _is_short(blank: re.Pattern[str], between: str) -> bool:
    return len(between) <= MOST_BLANK and blank.fullmatch(between) is not None


def _is_lines(passage: Passage) -> bool:
    """Whether each line of it is JSON."""
    return kind_of(passage.text, passage.content_type) == "json" and is_json_lines(passage.text)


def _comma(text: str, before: Span, after: Span) -> str:
    """What keeps JSON whole between two parts of it, one of which may be a bracket."""
    return "" if text[before.end - 1] in "{[" or text[after.start] in "}]" else ", "


def check_budget(budget_tokens: object) -> int:
    """*budget_tokens*, if it is a number of tokens."""
    if isinstance(budget_tokens, bool) or not isinstance(budget_tokens, int) or budget_tokens < 0:
        raise InvalidBudget(f"the budget is {budget_tokens!r}; give a whole number of tokens from 0 up")
    return budget_tokens
