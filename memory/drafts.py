"""From what a caller adds to the rows that are stored: an item's record and its passages. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..compressors import tokens
from ..stores.errors import InvalidRequest
from ..stores.payloads import MAX_PAYLOAD_BYTES, dump
from ..stores.ports import Put
from . import blocks, inputs
from .conditions import timestamp
from .errors import InvalidInput
from .moments import in_words
from .passages import split
from .scope import Scope

HINT_CHARS = 80
ROOM = 16 * 1024
"""Bytes of a payload kept free for what is added to a draft: hint, findings, reason."""
SHARED = (
    "kind content_type thread speaker user agent tags metadata priority importance created_at expires_at flagged"
).split()
"""Fields of an item that each of its passages carries, so that a search filters and ranks by them."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A checked addition: the item's *payload* and *content*, not yet stored."""

    content: str
    payload: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """What an idempotency key stands for: everything the caller gave, but for times that depend on now."""
        given = {name: value for name, value in self.payload.items() if name not in ("created_at", "expires_at")}
        return fingerprint(self.content, dump(given))


def draft(
    scope: Scope,
    now: float,
    content: object,
    *,
    content_type: object = "note",
    kind: object = "item",
    priority: object = 5,
    importance: object = None,
    tags: object = (),
    metadata: object = None,
    thread: object = None,
    speaker: object = None,
    created_at: object = None,
    ttl: object = None,
    derived_from: object = (),
) -> Draft:
    """Check an addition. Raises `InvalidInput`, or `Forbidden` for a thread outside the scope."""
    inputs.text(content, "content")
    scope = scope.narrowed(thread=inputs.optional_name(thread, "thread"))
    weight = inputs.whole(priority, "priority", 1, 10)
    payload: dict[str, Any] = {
        "type": "item",
        "status": "active",
        "kind": inputs.choice(kind, "kind", ("item", "message")),
        "content_type": inputs.name(content_type, "content_type"),
        "priority": weight,
        "importance": weight / 10 if importance is None else inputs.number(importance, "importance", 0, 1),
        "tags": inputs.names(tags, "tags"),
        "metadata": inputs.metadata({} if metadata is None else metadata),
        "speaker": inputs.optional_name(speaker, "speaker"),
        "user": scope.user,
        "agent": scope.agent,
        "thread": scope.thread,
        "created_at": now if created_at is None else timestamp(created_at, "created_at"),
        "derived_from": [inputs.id(each, "derived_from") for each in inputs.names(derived_from, "derived_from", 1000)],
    }
    if ttl is not None:
        payload["expires_at"] = now + inputs.seconds(ttl, "ttl")
    assert isinstance(content, str)
    payload = {name: value for name, value in payload.items() if value is not None}
    _check_size(payload)
    return Draft(content, payload)


def _check_size(payload: Mapping[str, Any]) -> None:
    """Refuse here what the store would refuse later, when other entries of the same call are stored already."""
    try:
        size = len(dump(payload).encode())
    except InvalidRequest as error:
        raise InvalidInput(str(error)) from error
    if size > MAX_PAYLOAD_BYTES - ROOM:
        raise InvalidInput(f"metadata, tags and derived_from have {size} bytes; put long text into content")


def record(draft: Draft, id: str, now: float, findings: Sequence[str], expected_rev: int | None) -> Put:
    """The row of the item itself; its text is the byte-exact original."""
    payload = {
        **draft.payload,
        "item": id,
        "updated_at": now,
        "hint": hint(draft.content),
        "tokens": tokens.count(draft.content),
        "findings": list(findings),
        "flagged": bool(findings),
    }
    return Put("records", id, payload, draft.content, expected_rev=expected_rev, unique=unique_key(draft))


def passages(draft: Draft, id: str, findings: Sequence[str], after: Sequence[str] = ()) -> list[Put]:
    """The rows that are searched: the item's passages with what they share with it.

    Of a content of blocks its texts are searched. One that is the content to the byte says so (`exact`; one that is
    `whole` may lack blank space around it). *after*: the passages that were said before it. Only its first passage is
    read with them: the rest of a long text does not follow upon what was said before that text.
    """
    shared = {name: draft.payload[name] for name in SHARED if name in draft.payload}
    puts = []
    said, _ = blocks.read(draft.content, draft.payload["content_type"])
    found = split(said, draft.payload["content_type"])
    for position, passage in enumerate(found):
        payload = {
            **shared,
            "type": "passage",
            "item": id,
            "position": position,
            "start": passage.start,
            "end": passage.end,
            "whole": len(found) == 1 and said == draft.content,
            "flagged": bool(findings),
        }
        text = said[passage.start : passage.end]
        if text == draft.content:
            payload["exact"] = True
        before = tuple(after) if position == 0 else ()
        if before:
            payload["follows"] = list(before)
        puts.append(Put("memory", f"{id}:{position}", payload, text, context(draft, passage.heading), before))
    return puts


def context(draft: Draft, heading: str | None) -> str:
    """What is embedded and indexed with a passage: who said it and when (in a conversation), and its heading."""
    parts = []
    if draft.payload["kind"] == "message":
        speaker = draft.payload.get("speaker")
        day = in_words(draft.payload["created_at"])
        parts.append(f"{speaker} on {day}" if speaker else day)
    if heading:
        parts.append(heading)
    return ", ".join(parts)


def unique_key(draft: Draft) -> str | None:
    """What makes two items of one user and thread the same: their exact text. Messages are never the same.

    What is in quarantine is the same only as other content in quarantine.
    """
    payload = draft.payload
    if payload["kind"] == "message":
        return None
    kind = "quarantined:" if payload["status"] == "quarantined" else "item:"
    return kind + fingerprint(payload.get("user") or "", payload.get("thread") or "", draft.content)


def hint(content: str) -> str:
    """The first line with words in it, shortened: what stands for the text where there is no room for it."""
    line = next((line.strip() for line in content.splitlines() if line.strip()), "")
    return line if len(line) <= HINT_CHARS else line[: HINT_CHARS - 1].rstrip() + "…"


def fingerprint(*parts: str) -> str:
    """32 hexadecimal characters that stand for *parts*."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()
