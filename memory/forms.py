"""The forms of a memory: whole, compressed, one line; and the tier that it is in.

The tier lies in the payload of the item's own record (`state`, absent while it is full; `compressed`, the text;
`context_tokens`, what it takes in its tier), so that forgetting reaches it and a changed content drops it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..compressors import tokens
from ..compressors.extractive import Extractive
from ..compressors.ports import Passage
from ..stores.filters import Eq, Not
from ..stores.ports import Payload, Point
from .models import Form, Tier

COMPRESSED, ARCHIVED = "compressed", "archived"
FIELDS = frozenset(("state", "compressed", "context_tokens"))
NOT_ARCHIVED = Not(Eq("state", ARCHIVED))

ASKED = ("full", "compressed", "hint")
"""The forms that a memory is retrieved in; a summary is a model's, made for one question and kept nowhere."""

SHARE = 0.2
"""What share of a memory's tokens its compressed form has at most."""
LEAST, MOST = 48, 1000
"""Tokens of a compressed form: what has fewer than the least is not shortened."""


def content(point: Point, form: Form) -> str:
    """The text of *point* in *form*."""
    if form == "full":
        return point.text or ""
    return hint_line(point) if form == "hint" else compressed(point)


def compressed(point: Point) -> str:
    """The compressed form of *point*: the one that is kept, or one made for this call."""
    kept = point.payload.get("compressed")
    return kept if isinstance(kept, str) else shortened(point.text or "", point.payload["content_type"])


def shortened(text: str, content_type: str) -> str:
    """The units that stand for *text* best, whatever will be asked (extractive: no model, deterministic)."""
    size = tokens.count(text)
    budget = min(MOST, max(LEAST, int(SHARE * size)))
    if size <= budget:
        return text
    return Extractive().compress([Passage("", text, content_type)], "", budget).text or text


def hint_line(point: Point) -> str:
    """The one line that stands for a memory in a prompt."""
    return f"{point.payload['hint']} (ID: {point.id})"


def without_tier(payload: Payload) -> dict[str, Any]:
    """*payload* of a memory that is full."""
    return {name: value for name, value in payload.items() if name not in FIELDS}


def tier(payload: Mapping[str, Any]) -> Tier:
    """Where hygiene has put the memory of this *payload*."""
    found: Tier = payload.get("state") or "full"
    return found
