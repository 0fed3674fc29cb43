"""Keys: what callers over HTTP show, and what each may reach.

A key is bound to a workspace and a role when it is made, and may be bound to a user and an agent. The store keeps its
hash, so what lies on the disk opens nothing. Keys lie in a workspace of their own, which no scope can name: they are
in no search, export or state, and are looked up before the caller's workspace is known.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ..stores.errors import Conflict, StoreError
from ..stores.filters import Eq, all_of
from ..stores.ports import Point, PointStore, Put
from . import inputs, key_text, paging
from .conditions import iso, timestamp
from .errors import InvalidInput, NotFound, Settled, Stale
from .scope import KEYS_WORKSPACE, Role, Scope

Status = Literal["active", "expired", "revoked"]

ATTEMPTS = 20
USE_SECONDS = 60.0
"""How exact the time of a key's last use is."""
MOST_PER_MINUTE = 10**12


@dataclass(frozen=True, slots=True)
class Key:
    """A key without its secret. *prefix*: its visible beginning. *user*, *agent*: None if it is bound to none.

    *requests_per_minute*, *tokens_per_minute*, *tokens_per_day*: its own limits, None where the server's hold.
    """

    id: str
    prefix: str
    name: str
    role: Role
    workspace: str
    user: str | None
    agent: str | None
    status: Status
    created_at: str
    expires_at: str | None = None
    revoked_at: str | None = None
    last_used_at: str | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    tokens_per_day: int | None = None

    @property
    def scope(self) -> Scope:
        """What whoever shows this key may reach."""
        return Scope(self.workspace, self.user, self.agent, None, self.role)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made. *secret* is what callers show; it is given here and never again."""

    key: Key
    secret: str


@dataclass(frozen=True, slots=True)
class KeyPage:
    keys: list[Key]
    next_cursor: str | None = None


class Keys:
    """The keys of one scope's workspace; an admin's scope alone may see or change them."""

    def __init__(self, store: PointStore, scope: Scope, clock: Callable[[], float] = time.time) -> None:
        self.store, self.scope, self.clock = store, scope, clock

    def create(
        self,
        name: str = "",
        *,
        role: str = "agent",
        user: str | None = None,
        agent: str | None = None,
        expires_at: object = None,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        tokens_per_day: int | None = None,
    ) -> NewKey:
        """A new key to this workspace. *role*: agent, human or admin. *expires_at*: ISO 8601 or seconds since the
        epoch, never unless given. The limits of the server hold unless the key has its own. Raises `Forbidden`."""
        self.scope.require_admin("make a key")
        bound = self.scope.narrowed(user=inputs.optional_name(user, "user"), agent=inputs.optional_name(agent, "agent"))
        now = self.clock()
        due = timestamp(expires_at, "expires_at") if expires_at is not None else None
        if due is not None and due <= now:
            raise InvalidInput(f"expires_at is {iso(due)}, which is over; give a time to come")
        payload: dict[str, Any] = {
            "name": inputs.name(name, "name") if name else "",
            "role": inputs.choice(role, "role", get_args(Role)),
            "source": self.scope.workspace,
            "user": bound.user,
            "agent": bound.agent,
            "due_at": due,
            "requests_per_minute": _limit(requests_per_minute, "requests_per_minute"),
            "tokens_per_minute": _limit(tokens_per_minute, "tokens_per_minute"),
            "tokens_per_day": _limit(tokens_per_day, "tokens_per_day"),
        }
        made, put = self._drafted({name: value for name, value in payload.items() if value is not None})
        return self._new(made, put, self.store.write(KEYS_WORKSPACE, [put]).seq)

    def list(self, *, limit: int = 50, cursor: str | None = None) -> KeyPage:
        """The keys of this workspace, the newest first, those that are over among them."""
        self.scope.require_admin("list keys")
        inputs.whole(limit, "limit", 1, 1000)
        where = all_of(Eq("type", "key"), Eq("source", self.scope.workspace), self.scope.filter)
        page = paging.newest(self.store, KEYS_WORKSPACE, where, limit, cursor)
        used = self.store.get(KEYS_WORKSPACE, "records", [_use_id(point.id) for point in page.points])
        times = [None if each is None else float(each.payload["accessed_at"]) for each in used]
        now = self.clock()
        return KeyPage([_key(point, now, at) for point, at in zip(page.points, times, strict=True)], page.cursor)

    def rotate(self, id: str, *, grace: float = 0) -> NewKey:
        """A new key with all that the key *id* is bound to, in its place. The old one ends at once, or *grace* seconds
        from now. Raises `NotFound`, `Settled` for one that is over."""
        self.scope.require_admin("rotate a key")
        inputs.number(grace, "grace", 0, 30 * 86400)
        for _ in range(ATTEMPTS):
            point = self._find(id)
            self._refuse_over(point)
            fresh = {name: point.payload[name] for name in _BOUND if name in point.payload}
            made, put = self._drafted(fresh)
            try:
                written = self.store.write(KEYS_WORKSPACE, [put, self._ended(point, grace)])
            except Conflict:
                continue
            return self._new(made, put, written.seq)
        raise _contended(id)

    def revoke(self, id: str) -> Key:
        """End the key *id*; from then on no process takes it. Revoking it again changes nothing."""
        self.scope.require_admin("revoke a key")
        for _ in range(ATTEMPTS):
            point = self._find(id)
            if point.payload["status"] == "revoked":
                return _key(point, self.clock())
            put = self._ended(point, 0)
            try:
                written = self.store.write(KEYS_WORKSPACE, [put])
            except Conflict:
                continue
            return _key(
                Point("records", point.id, put.payload, None, written.revs[point.id], written.seq), self.clock()
            )
        raise _contended(id)

    def _drafted(self, bound: Mapping[str, Any]) -> tuple[key_text.Made, Put]:
        made = key_text.make()
        record = {"type": "key", "status": "active", "digest": made.digest, "created_at": self.clock(), **bound}
        return made, Put("records", _id(made.id), record, expected_rev=0)

    def _new(self, made: key_text.Made, put: Put, seq: int) -> NewKey:
        return NewKey(_key(Point("records", put.id, put.payload, None, 1, seq), self.clock()), made.text)

    def _ended(self, point: Point, grace: float) -> Put:
        now = self.clock()
        fields: dict[str, Any] = {"status": "revoked", "revoked_at": now}
        if grace:
            fields = {"due_at": min(now + grace, point.payload.get("due_at", now + grace))}
        return Put("records", point.id, {**point.payload, **fields}, expected_rev=point.rev)

    def _find(self, id: str) -> Point:
        (point,) = self.store.get(KEYS_WORKSPACE, "records", [_id(inputs.id(id))])
        mine = point is not None and point.payload.get("source") == self.scope.workspace
        if not mine or point is None or self.scope.user not in (None, point.payload.get("user")):
            raise NotFound("key", id)
        return point

    def _refuse_over(self, point: Point) -> None:
        status = _status(point, self.clock())
        if status != "active":
            raise Settled(f"the key {_public(point)} is {status}; make a new one")


_BOUND = "name role source user agent due_at requests_per_minute tokens_per_minute tokens_per_day".split()
"""What a rotated key hands on."""


def known_key(store: PointStore, shown: str, now: float) -> Key | None:
    """The active key that *shown* is, None if it is none. One read of the store, so that a key that any process has
    revoked is refused from then on."""
    id = key_text.id_of(shown)
    if id is None:
        return None
    (point,) = store.get(KEYS_WORKSPACE, "records", [_id(id)])
    if point is None or not key_text.fits(shown, str(point.payload["digest"])) or _status(point, now) != "active":
        return None
    return _key(point, now)


def over(store: PointStore, ids: Sequence[str], now: float) -> list[str]:
    """Those of the keys *ids* that open nothing any more."""
    points = store.get(KEYS_WORKSPACE, "records", [_id(id) for id in ids])
    return [id for id, point in zip(ids, points, strict=True) if point is None or _status(point, now) != "active"]


class Uses:
    """When each key was last used, written once in `USE_SECONDS` and without waiting for the disk."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self._written: dict[str, float] = {}
        self._lock = threading.Lock()

    def note(self, store: PointStore, id: str) -> None:
        """The key *id* was used now. A store that fails loses the time and fails no request."""
        now = self.clock()
        with self._lock:
            if now - self._written.get(id, 0.0) < USE_SECONDS:
                return
            self._written[id] = now
        try:
            put = Put("records", _use_id(_id(id)), {"type": "key_use", "accessed_at": now})
            store.write(KEYS_WORKSPACE, [put], durable=False)
        except StoreError:
            with self._lock:
                self._written.pop(id, None)


def any_key(store: PointStore, now: float) -> bool:
    """Whether there is a key, of any workspace, that opens something."""
    active = all_of(Eq("type", "key"), Eq("status", "active"))
    found = paging.pages(store, KEYS_WORKSPACE, active, 200)
    return any(_status(point, now) == "active" for page in found for point in page.points)


def _contended(id: str) -> Stale:
    return Stale(f"the key {id} is being changed by others all the time; repeat the call")


def _id(public: str) -> str:
    return f"key:{public}"


def _use_id(id: str) -> str:
    return f"use:{id}"


def _public(point: Point) -> str:
    return point.id.removeprefix("key:")


def _limit(value: object, what: str) -> int | None:
    return None if value is None else inputs.whole(value, what, 1, MOST_PER_MINUTE)


def _status(point: Point, now: float) -> Status:
    if point.payload["status"] == "revoked":
        return "revoked"
    due = point.payload.get("due_at")
    return "expired" if due is not None and due <= now else "active"


def _key(point: Point, now: float, used: float | None = None) -> Key:
    payload = point.payload
    due, revoked = payload.get("due_at"), payload.get("revoked_at")
    return Key(
        id=_public(point),
        prefix=f"{key_text.PREFIX}{_public(point)}",
        name=payload["name"],
        role=payload["role"],
        workspace=payload["source"],
        user=payload.get("user"),
        agent=payload.get("agent"),
        status=_status(point, now),
        created_at=iso(payload["created_at"]),
        expires_at=iso(due) if due is not None else None,
        revoked_at=iso(revoked) if revoked is not None else None,
        last_used_at=iso(used) if used is not None else None,
        requests_per_minute=payload.get("requests_per_minute"),
        tokens_per_minute=payload.get("tokens_per_minute"),
        tokens_per_day=payload.get("tokens_per_day"),
    )
