"""Once: what is made under an idempotency key is made once, however often the call is repeated."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from ..stores.errors import Conflict
from ..stores.payloads import dump
from ..stores.ports import Point, PointStore, Put
from . import inputs
from .drafts import fingerprint
from .errors import KeyReused
from .ids import new_id
from .scope import Scope

TIMES = ("created_at", "updated_at", "due_at")


def create(store: PointStore, scope: Scope, payload: Mapping[str, Any], text: str, key: str | None) -> Point:
    """Store a new record of *payload* and *text*; a repetition under the same *key* gives what was made first.

    Raises `KeyReused` when the key came with other content.
    """
    if key is None:
        return _write(store, scope, new_id(), payload, text)
    id = _id(scope, str(payload["type"]), key)
    given = {name: value for name, value in payload.items() if name not in TIMES}
    digest = fingerprint(text, dump(given))
    try:
        return _write(store, scope, id, {**payload, "digest": digest}, text)
    except Conflict:
        (known,) = store.get(scope.workspace, "records", [id])
        if known is None:
            raise
        if known.payload.get("digest") != digest:
            raise KeyReused("this idempotency key was used with other content; use a new key") from None
        return known


def find(store: PointStore, scope: Scope, kind: str, key: str) -> Point | None:
    """The record of *kind* that was made under *key*, if there is one."""
    (known,) = store.get(scope.workspace, "records", [_id(scope, kind, key)])
    return known


def _id(scope: Scope, kind: str, key: str) -> str:
    named = inputs.name(key, "idempotency_key")
    return str(uuid.UUID(fingerprint(kind, scope.user or "", named)[:32], version=5))


def _write(store: PointStore, scope: Scope, id: str, payload: Mapping[str, Any], text: str) -> Point:
    written = store.write(scope.workspace, [Put("records", id, payload, text, expected_rev=0)])
    return Point("records", id, payload, text, written.revs[id], written.seq)
