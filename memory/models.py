"""The values that operations give back. Times are ISO 8601 in UTC, token counts those of `compressors.tokens`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ..stores.ports import Embedding

Kind = Literal["item", "message"]
Action = Literal["added", "duplicate", "quarantined"]
ItemStatus = Literal["active", "quarantined"]
Tier = Literal["full", "compressed", "archived"]
"""Where hygiene has put a memory; an archived one is found only when it is asked for."""
Form = Literal["full", "compressed", "summary", "hint"]
"""How a memory is represented where room is short: whole, shortened, or as one line with its id."""


@dataclass(frozen=True, slots=True)
class Added:
    """What became of one added text. *findings*: why screening flagged it, without the secret itself."""

    id: str
    action: Action
    embedding: Embedding = "ready"
    findings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """A memory as it was added: *content* is byte-exact in the *form* full; in the others it stands for the whole.

    *hint* is the line that stands for it in a prompt. *tokens* are those of the whole. *tier*: where hygiene put it.
    """

    id: str
    rev: int
    content: str
    content_type: str
    kind: Kind
    status: ItemStatus
    priority: int
    importance: float
    tags: Sequence[str]
    metadata: Mapping[str, Any]
    hint: str
    tokens: int
    embedding: Embedding
    created_at: str
    updated_at: str
    expires_at: str | None = None
    thread: str | None = None
    speaker: str | None = None
    user: str | None = None
    agent: str | None = None
    derived_from: Sequence[str] = ()
    findings: Sequence[str] = ()
    form: Form = "full"
    tier: Tier = "full"


@dataclass(frozen=True, slots=True)
class Hit:
    """One found memory: its best passage, and where that passage lies in the whole (characters)."""

    id: str
    content: str
    score: float
    parts: Mapping[str, float]
    kind: Kind
    content_type: str
    tokens: int
    start: int
    end: int
    whole: bool
    """Whether *content* is all of the memory (but for blank space around it); if not, retrieve it by id."""
    created_at: str
    priority: int = 5
    tags: Sequence[str] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    thread: str | None = None
    speaker: str | None = None
    agent: str | None = None
    flagged: bool = False
    expires_at: float | None = None
    """When it vanishes (seconds since the epoch), None if it stays."""


@dataclass(frozen=True, slots=True)
class Found:
    """A page of hits, best first. *truncated*: more was found; continue with *next_cursor*."""

    hits: Sequence[Hit]
    truncated: bool = False
    next_cursor: str | None = None
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Which ids are gone, which derived ones went with them, and which were not there."""

    ids: Sequence[str]
    derived: Sequence[str] = ()
    missing: Sequence[str] = ()
    hard: bool = False
