"""What results have in common: typed, so that each has an output schema; lean, so that they cost few tokens."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

R = TypeVar("R", bound="Result")
T = TypeVar("T")

PAGE_TOKENS = 4000
"""How many tokens one page of a list may have."""
FIELD_TOKENS = 300
"""Longer texts and metadata in a list are cut or left out, and said to be."""
FULL_TOKENS = 20_000
"""How much of each text is given of one task or question that is asked for alone."""
MOST_FINDINGS = 10
"""How many reasons of the screening one reply gives for each text."""
MOST_COUNTS = 30
"""How many counts one reply gives by name."""


class Result(BaseModel):
    """A result whose fields at their default are not sent."""

    model_config = ConfigDict(extra="forbid")

    @model_serializer(mode="wrap")
    def _lean(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        defaults = {
            name: field.get_default(call_default_factory=True)
            for name, field in type(self).model_fields.items()
            if not field.is_required()
        }
        values: dict[str, Any] = handler(self)
        return {name: value for name, value in values.items() if name not in defaults or value != defaults[name]}

    @property
    def tokens_of(self) -> int:
        """How many tokens this result has."""
        from ...compressors import tokens

        return tokens.count(self.model_dump_json())


class Paged(Protocol):
    """A page of what the store lists."""

    @property
    def next_cursor(self) -> str | None: ...


P = TypeVar("P", bound=Paged)


def fitting(
    fetch: Callable[[int], P],
    entries: Callable[[P], Sequence[T]],
    show: Callable[[T], R],
    limit: int,
    room: int = PAGE_TOKENS,
) -> tuple[list[R], str | None]:
    """As many entries as a page has *room* for (tokens), and the cursor of what follows.

    *fetch* gives a page of at most so many entries. One that turns out too long is fetched again shorter, because
    only the store can make a cursor; what is shown is what was fetched with it, for others write meanwhile.
    """
    while True:
        page, shown, left = fetch(limit), list[R](), room
        for result in map(show, entries(page)):
            left -= result.tokens_of
            if shown and left < 0:
                break
            shown.append(result)
        else:
            return shown, page.next_cursor
        limit = len(shown)


def cut(text: str | None, left_out: list[str], name: str, most: int = FIELD_TOKENS) -> str | None:
    """*text* of at most *most* tokens, or its head with a mark, and *name* among what was *left_out*."""
    from ...compressors import tokens

    if not text or tokens.count(text) <= most:
        return text
    left_out.append(name)
    return tokens.clip(text, most) + " …"


def head(text: str, most: int) -> str:
    """The head of *text* that has *most* tokens; at least one character, so that reading on always ends."""
    from ...compressors import tokens

    return tokens.clip(text, most) or text[:most]


def small(metadata: Mapping[str, Any], left_out: list[str], most: int = FIELD_TOKENS) -> dict[str, Any]:
    """*metadata* if it is small, else nothing, and its name among what was *left_out*."""
    from ...compressors import tokens

    if metadata and tokens.count(json.dumps(metadata, ensure_ascii=False)) > most:
        left_out.append("metadata")
        return {}
    return dict(metadata)


def few(names: Sequence[str], left_out: list[str], name: str, most: int = FIELD_TOKENS) -> list[str]:
    """*names* if they are short together, else the first of them, and *name* among what was *left_out*."""
    from ...compressors import tokens

    shown: list[str] = []
    for each in names:
        most -= tokens.count(each) + 2
        if most < 0:
            left_out.append(name)
            break
        shown.append(each)
    return shown


def commonest(counts: Mapping[str, int], what: str) -> tuple[dict[str, int], str]:
    """*counts*, of many only the greatest, and a note that says so (*what*: what is counted)."""
    if len(counts) <= MOST_COUNTS:
        return dict(counts), ""
    most = sorted(counts, key=lambda name: -counts[name])[:MOST_COUNTS]
    return {name: counts[name] for name in most}, f"the {MOST_COUNTS} commonest of {len(counts)} {what} are named"
