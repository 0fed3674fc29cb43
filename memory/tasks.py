"""Tasks that agents share. Of any number that claim one, exactly one gets it; a lease that runs out frees it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args

from ..stores.errors import Conflict
from ..stores.filters import And, Eq, Filter, In, Or, Range
from ..stores.ports import Point, PointStore, Put
from . import inputs, once
from .conditions import iso, timestamp
from .errors import InvalidInput, NotFound, Settled, Stale, Taken
from .scope import Scope

Status = Literal["open", "in_progress", "blocked", "done", "cancelled"]

NEXT: Mapping[str, tuple[Status, ...]] = {
    "open": ("blocked", "done", "cancelled"),
    "in_progress": ("open", "blocked", "done", "cancelled"),
    "blocked": ("open", "done", "cancelled"),
    "done": (),
    "cancelled": (),
}
"""Which status may follow which by `update`; `in_progress` is reached by `claim` alone."""

LEASE_SECONDS = 900.0
ATTEMPTS = 50


@dataclass(frozen=True, slots=True)
class Task:
    """A piece of work. *assignee* holds it until *lease_until* (then anybody may claim it again)."""

    id: str
    rev: int
    title: str
    description: str
    status: Status
    priority: int
    assignee: str | None
    lease_until: str | None
    tags: Sequence[str]
    metadata: Mapping[str, Any]
    result: str | None
    thread: str | None
    created_by: str | None
    created_at: str
    updated_at: str
    due_at: str | None = None


@dataclass(frozen=True, slots=True)
class TaskPage:
    tasks: Sequence[Task]
    next_cursor: str | None = None


class Tasks:
    """The tasks of one scope's workspace."""

    def __init__(self, store: PointStore, scope: Scope, clock: Callable[[], float] = time.time) -> None:
        self.store, self.scope, self.clock = store, scope, clock

    def create(
        self,
        title: str,
        description: str = "",
        *,
        priority: int = 5,
        tags: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        thread: str | None = None,
        due_at: object = None,
        idempotency_key: str | None = None,
    ) -> Task:
        """A new open task. *priority* 1 to 10, 10 first. *idempotency_key*: a repetition gives the task made first."""
        scope = self.scope.narrowed(thread=inputs.optional_name(thread, "thread"))
        now = self.clock()
        payload: dict[str, Any] = {
            "type": "task",
            "title": inputs.text(title, "title", 4 * inputs.MAX_TITLE_CHARS),
            "status": "open",
            "priority": inputs.whole(priority, "priority", 1, 10),
            "tags": inputs.names(tags, "tags"),
            "metadata": inputs.metadata({} if metadata is None else metadata),
            "thread": scope.thread,
            "user": scope.user,
            "created_by": scope.agent,
            "created_at": now,
            "updated_at": now,
            "due_at": timestamp(due_at, "due_at") if due_at is not None else None,
        }
        text = inputs.text(description, "description") if description else ""
        given = {name: value for name, value in payload.items() if value is not None}
        return _task(once.create(self.store, self.scope, given, text, idempotency_key))

    def get(self, id: str) -> Task:
        """The task *id*."""
        return _task(self._find(id))

    def claim(self, id: str | None = None, *, agent: str | None = None, lease: float = LEASE_SECONDS) -> Task:
        """Take the task *id*, or the most urgent free one, for *agent* (default: the scope's) and *lease* seconds.

        Claiming a task that one already holds extends the lease. Raises `Taken` when another agent holds it,
        `Settled` when it is done or cancelled, `NotFound` when no task is free.
        """
        holder = self._agent(agent)
        seconds = inputs.seconds(lease, "lease")
        for _ in range(ATTEMPTS):
            point = self._find(id) if id is not None else self._most_urgent()
            if point is None:
                raise NotFound("task", "open")
            self._claimable(point, holder)
            payload = {
                **point.payload,
                "status": "in_progress",
                "assignee": holder,
                "lease_until": self.clock() + seconds,
                "updated_at": self.clock(),
            }
            try:
                return self._write(point.id, payload, point.text or "", point.rev)
            except Conflict:
                continue
        raise Taken("others claim faster; repeat the call")

    def update(
        self,
        id: str,
        *,
        status: str | None = None,
        result: str | None = None,
        priority: int | None = None,
        title: str | None = None,
        description: str | None = None,
        tags: Sequence[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        agent: str | None = None,
        expected_rev: int | None = None,
    ) -> Task:
        """Change a task. While somebody holds it, only the holder or a person may.

        *status* follows `NEXT`. Raises `Taken`, `Settled`, `Stale` (not at *expected_rev*) or `InvalidInput`.
        """
        fields = self._fields(status, result, priority, title, tags, metadata)
        if description:
            inputs.text(description, "description")
        if not fields and description is None:
            raise InvalidInput("nothing to change; give status, result, priority, title, description, tags or metadata")
        for _ in range(ATTEMPTS):
            point = self._find(id)
            self._changeable(point, status, agent, expected_rev)
            payload = {**point.payload, **fields, "updated_at": self.clock()}
            if status is not None and status != "in_progress":
                payload.pop("lease_until", None)
            if status == "open":
                payload.pop("assignee", None)
            text = point.text or "" if description is None else description
            try:
                return self._write(id, payload, text, point.rev)
            except Conflict:
                continue
        raise Stale(f"the task {id} is being changed by others all the time; repeat the call")

    def list(
        self,
        *,
        status: str | Sequence[str] | None = None,
        assignee: str | None = None,
        tag: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> TaskPage:
        """Tasks, the most urgent first."""
        inputs.whole(limit, "limit", 1, 1000)
        parts: list[Filter] = [Eq("type", "task")]
        if status is not None:
            wanted = inputs.names([status] if isinstance(status, str) else status, "status")
            parts.append(In("status", tuple(inputs.choice(each, "status", get_args(Status)) for each in wanted)))
        if assignee is not None:
            parts.append(Eq("assignee", inputs.name(assignee, "assignee")))
        if tag is not None:
            parts.append(Eq("tags", inputs.name(tag, "tag")))
        page = self.store.scroll(
            self.scope.workspace,
            "records",
            where=And((*parts, *self._narrow())),
            order_by="priority",
            descending=True,
            limit=limit,
            cursor=cursor,
        )
        return TaskPage([_task(point) for point in page.points], page.cursor)

    def _narrow(self) -> tuple[Filter, ...]:
        return () if self.scope.filter is None else (self.scope.filter,)

    def _agent(self, agent: str | None) -> str:
        scope = self.scope.narrowed(agent=inputs.optional_name(agent, "agent"))
        if scope.agent is None:
            raise InvalidInput("a claim needs an agent; pass agent=… or bind one in the scope")
        return scope.agent

    def _find(self, id: str) -> Point:
        (point,) = self.store.get(self.scope.workspace, "records", [inputs.id(id)])
        if point is None or point.payload.get("type") != "task" or not self._visible(point):
            raise NotFound("task", id)
        return point

    def _visible(self, point: Point) -> bool:
        bound = (("user", self.scope.user), ("thread", self.scope.thread))
        return all(value is None or point.payload.get(name) == value for name, value in bound)

    def _most_urgent(self) -> Point | None:
        lapsed = And((Eq("status", "in_progress"), Range("lease_until", lte=self.clock())))
        where = And((Eq("type", "task"), Or((Eq("status", "open"), lapsed)), *self._narrow()))
        scroll = partial(self.store.scroll, self.scope.workspace, "records", limit=1)
        urgent = scroll(where=where, order_by="priority", descending=True).points
        if not urgent:
            return None
        equal = And((where, Eq("priority", urgent[0].payload["priority"])))
        oldest = scroll(where=equal, order_by="created_at").points
        return oldest[0] if oldest else urgent[0]

    def _claimable(self, point: Point, holder: str) -> None:
        status, assignee = point.payload["status"], point.payload.get("assignee")
        if status in ("done", "cancelled"):
            raise Settled(f"the task {point.id} is {status}; create a new one")
        if status == "blocked" and assignee not in (None, holder):
            raise Taken(f"the task {point.id} is blocked and belongs to {assignee}")
        if self._held(point) and assignee != holder:
            until = iso(point.payload["lease_until"])
            raise Taken(f"the task {point.id} is held by {assignee} until {until}; claim another one")

    def _held(self, point: Point) -> bool:
        return point.payload["status"] == "in_progress" and bool(point.payload.get("lease_until", 0) > self.clock())

    def _changeable(self, point: Point, status: str | None, agent: str | None, expected_rev: int | None) -> None:
        current = point.payload["status"]
        if expected_rev is not None and point.rev != expected_rev:
            raise Stale(f"the task {point.id} is at revision {point.rev}, not {expected_rev}; read it again")
        if not NEXT[current]:
            raise Settled(f"the task {point.id} is {current}; create a new one")
        caller = self.scope.narrowed(agent=inputs.optional_name(agent, "agent")).agent
        holder = point.payload.get("assignee")
        belongs = self._held(point) or (current == "blocked" and holder is not None)
        if belongs and self.scope.role == "agent" and caller != holder:
            raise Taken(f"the task {point.id} is held by {holder}; only {holder} or a person may change it")
        if status is not None and status != current and status not in NEXT[current]:
            how = "claim it" if status == "in_progress" else f"use one of {', '.join(NEXT[current])}"
            raise InvalidInput(f"a task that is {current} cannot become {status}; {how}")

    def _fields(
        self,
        status: str | None,
        result: str | None,
        priority: int | None,
        title: str | None,
        tags: Sequence[str] | None,
        metadata: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        if status is not None:
            fields["status"] = inputs.choice(status, "status", get_args(Status))
        if result is not None:
            fields["result"] = inputs.text(result, "result", 100_000)
        if priority is not None:
            fields["priority"] = inputs.whole(priority, "priority", 1, 10)
        if title is not None:
            fields["title"] = inputs.text(title, "title", 4 * inputs.MAX_TITLE_CHARS)
        if tags is not None:
            fields["tags"] = inputs.names(tags, "tags")
        if metadata is not None:
            fields["metadata"] = inputs.metadata(metadata)
        return fields

    def _write(self, id: str, payload: Mapping[str, Any], text: str, expected_rev: int) -> Task:
        put = Put("records", id, payload, text, expected_rev=expected_rev)
        written = self.store.write(self.scope.workspace, [put])
        return _task(Point("records", id, payload, text, written.revs[id], written.seq))


def _task(point: Point) -> Task:
    payload = point.payload
    lease = payload.get("lease_until")
    return Task(
        id=point.id,
        rev=point.rev,
        title=payload["title"],
        description=point.text or "",
        status=payload["status"],
        priority=payload["priority"],
        assignee=payload.get("assignee"),
        lease_until=iso(lease) if lease is not None else None,
        tags=payload["tags"],
        metadata=payload["metadata"],
        result=payload.get("result"),
        thread=payload.get("thread"),
        created_by=payload.get("created_by"),
        created_at=iso(payload["created_at"]),
        updated_at=iso(payload["updated_at"]),
        due_at=iso(payload["due_at"]) if payload.get("due_at") is not None else None,
    )
