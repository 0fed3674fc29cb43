"""From the payload of a passage or memory to a hit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .conditions import iso
from .models import Hit


def hit_of(
    payload: Mapping[str, Any],
    id: str,
    start: int,
    content: str,
    size: int,
    score: float,
    parts: Mapping[str, float],
    *,
    whole: bool,
) -> Hit:
    """The memory *id* as a hit by its *content* of *size* tokens, which begins at the character *start* of it."""
    return Hit(
        id=id,
        content=content,
        score=score,
        parts=parts,
        kind=payload["kind"],
        content_type=payload["content_type"],
        tokens=size,
        start=start,
        end=start + len(content),
        whole=whole,
        created_at=iso(payload["created_at"]),
        priority=payload["priority"],
        tags=payload.get("tags", ()),
        metadata=payload.get("metadata", {}),
        thread=payload.get("thread"),
        speaker=payload.get("speaker"),
        agent=payload.get("agent"),
        flagged=payload["flagged"],
        expires_at=payload.get("expires_at"),
    )
