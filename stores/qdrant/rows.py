"""A row as a Qdrant point: its own fields under reserved names, the filterable ones of its payload beside them.

The payload itself travels as JSON text, so that it comes back exactly as it was written; the fields beside it
are there to be filtered and ordered by.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

import numpy as np
from qdrant_client import models

from ..codec import PlainCodec
from ..filters import FIELDS, NUMBERS
from ..payloads import dump
from ..ports import Collection, Embedding, Event, Point
from .filters import CLAIM, DELETED, EMBEDDING, ID, REV, SEQ, TERMS, WORKSPACE, metadata_terms

BODY, TEXT, CONTEXT, AFTER, UNIQUE, HISTORY = "_body", "_text", "_context", "_after", "_unique", "_history"
DENSE, SPARSE = "dense", "bm25"
HISTORY_KEPT = 32
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "memoryops")
WITHOUT_TEXT = models.PayloadSelectorExclude(exclude=[TEXT, CONTEXT])
CODEC = PlainCodec()
"""The codec seam. One whose bytes are no UTF-8 will want base64 in `_seal` and `_unseal`."""

EMBEDDINGS: tuple[Embedding, ...] = get_args(Embedding)


def point_id(workspace: str, kind: str, id: str) -> str:
    """The point that holds *id*: the same for everybody who asks."""
    return str(uuid.uuid5(NAMESPACE, json.dumps([workspace, kind, id])))


@dataclass(frozen=True, slots=True)
class Vectors:
    """What a passage is found by. *dense*: unit length, shape (dimension,), None while not embedded."""

    dense: np.ndarray | None
    terms: tuple[list[int], list[float]]

    def struct(self) -> dict[str, Any]:
        vectors: dict[str, Any] = {}
        if self.dense is not None:
            vectors[DENSE] = self.dense.tolist()
        if self.terms[0]:
            vectors[SPARSE] = models.SparseVector(indices=self.terms[0], values=self.terms[1])
        return vectors


@dataclass(frozen=True, slots=True)
class Row:
    """One row. *history* names the writes that made it, the latest last: `history[-1]` made revision *rev*.

    *vectors* is set on rows that are about to be written as a whole; a row that was read carries None.
    """

    workspace: str
    collection: Collection
    id: str
    rev: int
    seq: int
    payload: Mapping[str, Any]
    text: str | None = None
    context: str = ""
    after: tuple[str, ...] = ()
    unique: str | None = None
    deleted: bool = False
    embedding: Embedding = "none"
    history: tuple[str, ...] = ()
    vectors: Vectors | None = field(default=None, compare=False)

    @property
    def point_id(self) -> str:
        return point_id(self.workspace, self.collection, self.id)

    def living(self, now: float) -> bool:
        expires = self.payload.get("expires_at")
        return not self.deleted and (expires is None or expires > now)

    def written_by(self, token: str, steps: int) -> Row:
        """This row with *token* as the write of its last *steps* revisions."""
        return replace(self, history=(*self.history, *[token] * steps)[-HISTORY_KEPT:])

    def made_by(self, token: str, rev: int) -> bool | None:
        """Whether the write *token* made revision *rev*; None when that is too long ago to tell."""
        back = self.rev - rev
        if back < 0:
            return False
        return self.history[-1 - back] == token if back < len(self.history) else None

    def point(self) -> Point:
        return Point(self.collection, self.id, self.payload, self.text, self.rev, self.seq, self.embedding)

    def event(self) -> Event:
        return Event(self.seq, self.collection, self.id, self.payload.get("type"), self.rev, self.deleted)

    def struct(self) -> models.PointStruct:
        """The whole point, to be upserted."""
        payload = {
            **self.changing(),
            WORKSPACE: self.workspace,
            ID: self.id,
            DELETED: self.deleted,
            EMBEDDING: self.embedding,
        }
        if self.text is not None:
            payload[TEXT] = _seal(self.text)
        if self.context:
            payload[CONTEXT] = _seal(self.context)
        if self.after:
            payload[AFTER] = list(self.after)
        if self.unique is not None:
            payload[UNIQUE] = self.unique
        return models.PointStruct(
            id=self.point_id, payload=payload, vector=self.vectors.struct() if self.vectors else {}
        )

    def changing(self) -> dict[str, Any]:
        """The part of the point that a change of the payload alone touches."""
        kept = (
            {} if self.deleted else {name: self.payload[name] for name in FIELDS if self.payload.get(name) is not None}
        )
        kept.update({name: float(kept[name]) for name in NUMBERS & kept.keys()})
        return {
            **kept,
            BODY: dump(self.payload),
            TERMS: [] if self.deleted else metadata_terms(self.payload.get("metadata")),
            REV: self.rev,
            SEQ: self.seq,
            CLAIM: self.history[-1] if self.history else "",
            HISTORY: list(self.history),
        }

    def changing_from(self, before: Row) -> dict[str, Any]:
        """`changing`, with null for the fields that *before* had and this row has not."""
        return {**dict.fromkeys(FIELDS & before.payload.keys()), **self.changing()}


def parse(collection: Collection, record: models.Record) -> Row:
    """The row in *record*; without its text and context where those were not read."""
    payload = record.payload or {}
    text, context = payload.get(TEXT), payload.get(CONTEXT)
    return Row(
        workspace=payload[WORKSPACE],
        collection=collection,
        id=payload[ID],
        rev=payload[REV],
        seq=payload[SEQ],
        payload=json.loads(payload[BODY]),
        text=_unseal(text) if text is not None else None,
        context=_unseal(context) if context is not None else "",
        after=tuple(payload.get(AFTER) or ()),
        unique=payload.get(UNIQUE),
        deleted=payload[DELETED],
        embedding=EMBEDDINGS[EMBEDDINGS.index(payload[EMBEDDING])],
        history=tuple(payload[HISTORY]),
    )


def check_texts(texts: Sequence[str | None]) -> None:
    """Raise `InvalidRequest` if one of *texts* cannot be stored."""
    for text in texts:
        if text is not None:
            CODEC.encode(text)


def _seal(text: str) -> str:
    return CODEC.encode(text).decode("utf-8")


def _unseal(stored: str) -> str:
    return CODEC.decode(stored.encode("utf-8"))
