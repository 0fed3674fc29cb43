"""What the modules of the document database share: column lists, value codes, digests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ..ports import Candidate, Collection, Embedding, Point
from . import schema

T = TypeVar("T")

COLLECTIONS: dict[str, int] = {"memory": schema.MEMORY, "records": schema.RECORDS}
NAMES: tuple[Collection, Collection] = ("memory", "records")
STATES: tuple[Embedding, ...] = ("none", "pending", "ready", "failed")
COLUMNS = "key, collection, id, rev, seq, payload, text, embedding, digest"
LIVING = "workspace = ? AND collection = ? AND deleted = 0 AND (expires IS NULL OR expires > ?)"


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
    ending = b"\0" if text is None else b"\1" + text
    return hashlib.blake2b(payload.encode() + ending, digest_size=16).digest()


_scan = json.JSONDecoder().raw_decode


def parse(payload: str) -> dict[str, Any]:
    """The payload of a row: what `payloads.dump` wrote, with nothing around it."""
    value: dict[str, Any] = _scan(payload)[0]
    return value


Row = tuple[Collection, str, str, str | None, int, int, Embedding]
"""A row that was read and found sound: the fields of its `Point`, the payload still as JSON."""


def point(row: Row) -> Point:
    collection, id, payload, text, rev, seq, embedding = row
    return Point(collection, id, parse(payload), text, rev, seq, embedding)


class Matches(list[tuple[Row, float | None, float | None]]):
    """What a search found: each row with its cosine and its BM25. The client parses, not the one owner of all."""


def candidates(matches: Sequence[tuple[Row, float | None, float | None]]) -> list[Candidate]:
    return [Candidate(point(row), dense, sparse) for row, dense, sparse in matches]


def chunks(items: Sequence[T], size: int = 400) -> Iterator[Sequence[T]]:
    """*items* in runs of at most *size*, as SQLite's limit on parameters wants them."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
