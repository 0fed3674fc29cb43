"""Quarantine: content that is kept, byte for byte, but reaches no search, context or export until a person frees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..stores.errors import Conflict, Duplicate
from ..stores.filters import And, Eq
from ..stores.ports import Change, Delete, DeleteWhere, Point, Put
from . import drafts, forms, inputs, paging
from .conditions import iso
from .errors import InvalidInput, NotFound, Quarantined, Stale
from .ids import new_id
from .items import Items
from .models import Forgotten, Item

FIELDS = frozenset(
    "content_type kind priority importance tags metadata thread speaker created_at ttl derived_from".split()
)


@dataclass(frozen=True, slots=True)
class QuarantineEntry:
    """What lies in quarantine and why. *content* is shown to people only."""

    id: str
    rev: int
    reason: str
    findings: Sequence[str]
    content_type: str
    tokens: int
    created_at: str
    agent: str | None = None
    thread: str | None = None
    content: str | None = None


@dataclass(frozen=True, slots=True)
class QuarantinePage:
    entries: Sequence[QuarantineEntry]
    next_cursor: str | None = None


class Quarantine:
    """The quarantine of one scope; built on its items."""

    def __init__(self, items: Items) -> None:
        self.items, self.store, self.scope = items, items.store, items.scope

    def add(self, content: str | None = None, *, id: str | None = None, reason: str, **fields: Any) -> QuarantineEntry:
        """Put new *content*, or the memory *id*, into quarantine; anybody may.

        *fields*: those in `FIELDS`, as in `MemoryOps.add`.
        """
        why = inputs.text(reason, "reason", 10_000)
        if (content is None) == (id is None):
            raise InvalidInput("quarantine needs either content or the id of a memory")
        if id is not None:
            return self._entry(self._hold(inputs.id(id), why))
        unknown = fields.keys() - FIELDS
        if unknown:
            raise InvalidInput(f"quarantine takes no {', '.join(sorted(unknown))}; use {', '.join(sorted(FIELDS))}")
        draft = drafts.draft(self.scope, self.items.clock(), content, **fields)
        payload = {**draft.payload, "status": "quarantined", "reason": why}
        put = drafts.record(
            drafts.Draft(draft.content, payload),
            new_id(),
            self.items.clock(),
            self.items.screened(draft.content),
            0,
        )
        try:
            self.store.write(self.scope.workspace, [put])
        except Duplicate as error:
            return self._entry(self._find(error.existing_id))
        return self._entry(self._find(put.id))

    def _hold(self, id: str, why: str) -> Point:
        point = self.items.peek(id)
        if point is not None and point.payload["status"] == "quarantined" and self.scope.role == "agent":
            raise Quarantined(f"{id} is in quarantine already; a person can release it")
        return self._move(id, "quarantined", why)

    def list(self, *, limit: int = 50, cursor: str | None = None) -> QuarantinePage:
        """What is in quarantine, newest first. Content is included for people, never for agents."""
        inputs.whole(limit, "limit", 1, 1000)
        parts = [Eq("type", "item"), Eq("status", "quarantined")]
        narrow = () if self.scope.filter is None else (self.scope.filter,)
        page = paging.newest(self.store, self.scope.workspace, And((*parts, *narrow)), limit, cursor)
        return QuarantinePage([self._entry(point) for point in page.points], page.cursor)

    def release(self, id: str) -> Item:
        """Make the content searchable again, as a person. Raises `Forbidden` for an agent."""
        self.scope.require_person("release from quarantine")
        self._find(inputs.id(id))
        return self.items.item(self._move(id, "active", None))

    def released(self, content: str) -> bool:
        """Whether a person has released *content*, to the letter, and nobody has set it apart again."""
        ids = [_release_id(user, content) for user in dict.fromkeys((self.scope.user, None))]
        return any(self.store.get(self.scope.workspace, "records", ids))

    def purge(self, id: str) -> Forgotten:
        """Erase the content for good, as a person. Raises `Forbidden` for an agent."""
        self.scope.require_person("purge from quarantine")
        self._find(inputs.id(id))
        return self.items.forget(id, hard=True)

    def _find(self, id: str) -> Point:
        point = self.items.peek(id)
        if point is None or point.payload["status"] != "quarantined":
            raise NotFound("quarantined memory", id)
        return point

    def _move(self, id: str, status: str, reason: str | None) -> Point:
        point = self.items.peek(id)
        if point is None:
            raise NotFound("memory", id)
        payload = {name: value for name, value in forms.without_tier(point.payload).items() if name != "reason"}
        payload["status"] = status
        if reason is not None:
            payload["reason"] = reason
        draft = drafts.Draft(point.text or "", payload)
        findings = list(payload.get("findings", ()))
        changes: list[Change] = [
            drafts.record(draft, id, self.items.clock(), findings, expected_rev=point.rev),
            DeleteWhere("memory", Eq("item", id)),
        ]
        release = _release_id(payload.get("user"), draft.content)
        if status == "active":
            changes += [Put("records", release, {"type": "release"}), *self.items.passages(draft, id, findings)]
        else:
            changes.append(Delete("records", release))
        try:
            self.store.write(self.scope.workspace, changes)
        except Conflict as error:
            raise Stale(f"{id} was changed by somebody else just now; repeat the call") from error
        except Duplicate as error:
            raise InvalidInput(
                f"the memory {error.existing_id} has exactly this content, and the same status; purge one of the two"
            ) from error
        moved = self.items.peek(id)
        assert moved is not None
        return moved

    def _entry(self, point: Point) -> QuarantineEntry:
        payload = point.payload
        findings = payload.get("findings", ())
        return QuarantineEntry(
            id=point.id,
            rev=point.rev,
            reason=payload.get("reason") or "; ".join(findings),
            findings=findings,
            content_type=payload["content_type"],
            tokens=payload["tokens"],
            created_at=iso(payload["created_at"]),
            agent=payload.get("agent"),
            thread=payload.get("thread"),
            content=None if self.scope.role == "agent" else point.text,
        )


def _release_id(user: str | None, content: str) -> str:
    """The id of the record that says that *content* was released: a hash, which outlives the memory."""
    return f"release:{drafts.fingerprint(user or '', content)}"
