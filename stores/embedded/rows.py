"""What the modules of the document database share: column lists, value codes, digests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ..ports import Collection, Embedding
from . import schema

T = TypeVar("T")

COLLECTIONS: dict[str, int] = {"memory": schema.MEMORY, "records": schema.RECORDS}
NAMES: tuple[Collection, Collection] = ("memory", "records")
STATES: tuple[Embedding, ...] = ("none", "pending", "ready", "failed")
COLUMNS = "key, collection, id, rev, seq, payload, text, embedding, digest"
LIVING = "workspace = ? AND collection = ? AND deleted = 0 AND (expires IS NULL OR expires > ?)"
PASSAGES = (
    "SELECT r.key, r.workspace, r.seq, r.payload, r.text, r.context, v.vector "
    "FROM rows AS r LEFT JOIN vectors AS v ON v.key = r.key"
)


@dataclass(frozen=True, slots=True)
class Passage:
    """What the index needs of a living row of `memory`."""

    key: int
    workspace: str
    seq: int
    payload: Mapping[str, Any]
    text: str
    context: str
    vector: bytes | None


def row_digest(payload: str, text: bytes | None) -> bytes:
    """16 bytes that change when the row's payload or text does."""
    digest = hashlib.blake2b(payload.encode(), digest_size=16)
    digest.update(b"\0" if text is None else b"\1" + text)
    return digest.digest()


def chunks(items: Sequence[T], size: int = 400) -> Iterator[Sequence[T]]:
    """*items* in runs of at most *size*, as SQLite's limit on parameters wants them."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
