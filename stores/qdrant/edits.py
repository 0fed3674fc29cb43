"""What a write does to each row: pure functions from a row and its changes to the row afterwards."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..errors import Conflict
from ..filters import matches
from ..payloads import dump
from ..ports import Collection, Delete, DeleteWhere, Patch, Put
from .rows import Row, Vectors

Ref = tuple[Collection, str]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A `Put` with its vectors (None in `records` and for a passage without text)."""

    put: Put
    vectors: Vectors | None


Edit = Prepared | Patch | Delete | DeleteWhere


@dataclass(frozen=True, slots=True)
class Moment:
    """Whose rows, and when: *seq* orders the write, *now* (seconds since the epoch) decides what has expired."""

    workspace: str
    seq: int
    now: float


def revise(ref: Ref, row: Row | None, edits: Sequence[Edit], at: Moment) -> Row | None:
    """*row* after *edits*; the same object if they change nothing. Raises `Conflict`."""
    for edit in edits:
        row = _one(ref, row, edit, at)
    return row


def _one(ref: Ref, row: Row | None, edit: Edit, at: Moment) -> Row | None:
    if isinstance(edit, Prepared):
        _expect(ref, row, edit.put.expected_rev, at)
        return _put(row, edit, at)
    if isinstance(edit, Delete):
        _expect(ref, row, edit.expected_rev, at)
        return _buried(row, at) if row is not None and row.living(at.now) else row
    if row is None or not row.living(at.now) or not matches(edit.where, row.payload):
        return row
    return _patched(row, edit, at) if isinstance(edit, Patch) else _buried(row, at)


def _expect(ref: Ref, row: Row | None, expected: int | None, at: Moment) -> None:
    actual = row.rev if row is not None and row.living(at.now) else 0
    if expected is not None and actual != expected:
        raise Conflict(ref[0], ref[1], expected, actual)


def _put(row: Row | None, edit: Prepared, at: Moment) -> Row:
    put, vectors = edit.put, edit.vectors
    return Row(
        workspace=at.workspace,
        collection=put.collection,
        id=put.id,
        rev=row.rev + 1 if row else 1,
        seq=at.seq,
        payload=json.loads(dump(put.payload)),
        text=put.text,
        context=put.context,
        after=tuple(put.after),
        unique=put.unique,
        embedding="none" if vectors is None else "pending" if vectors.dense is None else "ready",
        history=row.history if row else (),
        vectors=vectors or Vectors(None, ([], [])),
    )


def _patched(row: Row, patch: Patch, at: Moment) -> Row:
    merged = {name: value for name, value in {**row.payload, **patch.fields}.items() if value is not None}
    return replace(row, payload=json.loads(dump(merged)), rev=row.rev + 1, seq=at.seq)


def _buried(row: Row, at: Moment) -> Row:
    kind = row.payload.get("type")
    return Row(
        workspace=row.workspace,
        collection=row.collection,
        id=row.id,
        rev=row.rev + 1,
        seq=at.seq,
        payload={"type": kind} if kind else {},
        deleted=True,
        history=row.history,
        vectors=Vectors(None, ([], [])),
    )
