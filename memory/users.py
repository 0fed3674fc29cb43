"""Users: for whom memories are kept apart within a workspace, each with a key of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..stores.errors import Conflict
from ..stores.filters import Eq, all_of
from ..stores.ports import Point, PointStore, Put
from . import inputs, paging
from .conditions import iso
from .drafts import fingerprint
from .errors import Taken
from .ids import new_id
from .keys import Keys
from .scope import Scope


@dataclass(frozen=True, slots=True)
class User:
    id: str
    metadata: Mapping[str, Any]
    created_at: str


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user just made. *api_key* reaches this user's memories alone; it is given here and never again."""

    id: str
    api_key: str
    key: str
    created_at: str


@dataclass(frozen=True, slots=True)
class UserPage:
    users: Sequence[User]
    next_cursor: str | None = None


class Users:
    """The users of one scope's workspace; an admin's scope alone may see or make them."""

    def __init__(self, store: PointStore, scope: Scope, clock: Callable[[], float] = time.time) -> None:
        self.store, self.scope, self.clock = store, scope, clock

    def create(self, id: str | None = None, *, metadata: Mapping[str, Any] | None = None) -> NewUser:
        """A user named *id* (default: a new id) and an agent's key that is bound to it. Raises `Forbidden`, or `Taken`
        where there is a user of that name; `ops.keys.create(user=…)` makes one more key for it."""
        self.scope.require_admin("make a user")
        name = new_id() if id is None else inputs.name(id, "id")
        bound = self.scope.narrowed(user=name)
        payload = {
            "type": "user",
            "source": name,
            "user": name,
            "metadata": inputs.metadata({} if metadata is None else metadata),
            "created_at": self.clock(),
        }
        try:
            self.store.write(bound.workspace, [Put("records", _id(name), payload, expected_rev=0)])
        except Conflict as error:
            raise Taken(f"there is a user {name!r} already; make another key for it, or take another name") from error
        made = Keys(self.store, bound, self.clock).create()
        return NewUser(name, made.secret, made.key.id, iso(float(payload["created_at"])))  # type: ignore[arg-type]  # a time

    def list(self, *, limit: int = 50, cursor: str | None = None) -> UserPage:
        """The users, the newest first."""
        self.scope.require_admin("list users")
        inputs.whole(limit, "limit", 1, 1000)
        where = all_of(Eq("type", "user"), self.scope.filter)
        page = paging.newest(self.store, self.scope.workspace, where, limit, cursor)
        return UserPage([_user(point) for point in page.points], page.cursor)


def _id(name: str) -> str:
    return f"user:{fingerprint(name)}"


def _user(point: Point) -> User:
    return User(point.payload["source"], point.payload["metadata"], iso(point.payload["created_at"]))
