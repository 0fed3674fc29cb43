"""Human in the loop: a durable question to a person. Nothing is ever assumed in the person's place."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..stores.errors import Conflict, StoreUnavailable
from ..stores.filters import And, Eq, Filter, Not, Range
from ..stores.ports import Point, PointStore, Put
from . import inputs, once, paging
from .conditions import iso
from .errors import InvalidInput, NotFound, Settled
from .scope import Scope

Status = Literal["pending", "answered", "declined", "expired"]
STATUSES = ("pending", "answered", "declined", "expired")

POLL_SECONDS = 5.0
FORM_KEY = "secret:forms"


@dataclass(frozen=True, slots=True)
class HilRequest:
    """A question to a person and, once it has been given, the answer."""

    id: str
    rev: int
    question: str
    context: str
    options: Sequence[str]
    status: Status
    answer: str | None
    comment: str | None
    answered_by: str | None
    answered_at: str | None
    agent: str | None
    thread: str | None
    metadata: Mapping[str, Any]
    created_at: str
    due_at: str | None


@dataclass(frozen=True, slots=True)
class HilPage:
    requests: Sequence[HilRequest]
    next_cursor: str | None = None


class Hil:
    """The HIL requests of one scope's workspace."""

    def __init__(self, store: PointStore, scope: Scope, clock: Callable[[], float] = time.time) -> None:
        self.store, self.scope, self.clock = store, scope, clock

    def request(
        self,
        question: str,
        *,
        options: Sequence[str] = (),
        context: str = "",
        timeout: float | None = None,
        thread: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> HilRequest:
        """Ask a person. It is stored before this returns, and stays pending until a person answers.

        *options*: the answers to choose from (none: any text). *timeout*: seconds until it expires unanswered.
        *idempotency_key*: a repetition gives the request made first.
        """
        scope = self.scope.narrowed(thread=inputs.optional_name(thread, "thread"))
        now = self.clock()
        payload: dict[str, Any] = {
            "type": "hil",
            "question": inputs.text(question, "question", 10_000),
            "options": inputs.names(options, "options"),
            "status": "pending",
            "agent": scope.agent,
            "thread": scope.thread,
            "user": scope.user,
            "metadata": inputs.metadata({} if metadata is None else metadata),
            "created_at": now,
            "due_at": now + inputs.seconds(timeout, "timeout") if timeout is not None else None,
        }
        text = inputs.text(context, "context") if context else ""
        payload = {name: value for name, value in payload.items() if value is not None}
        return self._request(once.create(self.store, self.scope, payload, text, idempotency_key))

    def made(self, idempotency_key: str) -> HilRequest | None:
        """The request that was made under *idempotency_key*, whatever it asks; None if none was."""
        point = once.find(self.store, self.scope, "hil", idempotency_key)
        return self._request(point) if point is not None else None

    def form_key(self) -> bytes:
        """The workspace's secret (32 bytes) that seals what a form carries until it comes back; made when first
        asked for, the same for every process, and part of no export."""
        for _ in range(2):
            (point,) = self.store.get(self.scope.workspace, "records", [FORM_KEY])
            if point is not None:
                return bytes.fromhex(point.payload["value"])
            made = {"type": "secret", "value": secrets.token_hex(32)}
            with contextlib.suppress(Conflict):  # somebody else was faster, and theirs it is
                self.store.write(self.scope.workspace, [Put("records", FORM_KEY, made, expected_rev=0)])
        raise StoreUnavailable("the secret for forms could not be stored; repeat the call")

    def get(self, id: str) -> HilRequest:
        """The request *id*."""
        return self._request(self._find(id))

    def answer(self, id: str, answer: str, *, comment: str | None = None, by: str | None = None) -> HilRequest:
        """Answer as a person. Raises `Forbidden` for an agent, `Settled` when it is not pending any more."""
        self.scope.require_person("answer a HIL request")
        point = self._find(id)
        text = inputs.text(answer, "answer", 100_000)
        options = point.payload["options"]
        if options and text not in options:
            raise InvalidInput(f"the answer is {text!r:.100}; choose one of {', '.join(options)}")
        return self._settle(point, "answered", {"answer": text}, comment, by)

    def decline(self, id: str, *, comment: str | None = None, by: str | None = None) -> HilRequest:
        """Refuse to answer, as a person; the agent must not go on as if it were a yes."""
        self.scope.require_person("decline a HIL request")
        return self._settle(self._find(id), "declined", {}, comment, by)

    def wait(self, id: str, timeout: float = 30.0) -> HilRequest:
        """The request once it is not pending any more, or as it is after *timeout* seconds."""
        deadline = time.monotonic() + inputs.number(timeout, "timeout", 0, 86400)
        since = self._find(id).seq
        while True:
            request = self.get(id)
            remaining = deadline - time.monotonic()
            if request.status != "pending" or remaining <= 0:
                return request
            events = self.store.watch(self.scope.workspace, since, timeout=min(remaining, POLL_SECONDS))
            since = max((event.seq for event in events), default=since)

    def list(self, *, status: str | None = None, limit: int = 50, cursor: str | None = None) -> HilPage:
        """Requests, the newest first."""
        inputs.whole(limit, "limit", 1, 1000)
        listing = ("hil", status)
        now, inner = paging.resume(listing, cursor, self.clock(), str)
        parts: list[Filter] = [Eq("type", "hil")]
        if status is not None:
            parts += _in_status(inputs.choice(status, "status", STATUSES), now)
        if self.scope.filter is not None:
            parts.append(self.scope.filter)
        page = paging.newest(self.store, self.scope.workspace, And(tuple(parts)), limit, inner)
        return HilPage([self._request(point) for point in page.points], paging.keep(listing, now, page.cursor))

    def _find(self, id: str) -> Point:
        (point,) = self.store.get(self.scope.workspace, "records", [inputs.id(id)])
        bound = (("user", self.scope.user), ("thread", self.scope.thread))
        if (
            point is None
            or point.payload.get("type") != "hil"
            or any(value is not None and point.payload.get(name) != value for name, value in bound)
        ):
            raise NotFound("HIL request", id)
        return point

    def _settle(
        self, point: Point, status: Status, fields: Mapping[str, Any], comment: str | None, by: str | None
    ) -> HilRequest:
        current = self._request(point)
        if current.status != "pending":
            raise Settled(f"the HIL request {point.id} is {current.status} already")
        changed = {
            **point.payload,
            **fields,
            "status": status,
            "answered_by": inputs.optional_name(by, "by") or self.scope.user or self.scope.role,
            "answered_at": self.clock(),
        }
        if comment is not None:
            changed["comment"] = inputs.text(comment, "comment", 10_000)
        put = Put("records", point.id, changed, point.text, expected_rev=point.rev)
        try:
            written = self.store.write(self.scope.workspace, [put])
        except Conflict as error:
            raise Settled(f"the HIL request {point.id} was settled by somebody else just now") from error
        return self._request(Point("records", point.id, changed, point.text, written.revs[point.id], written.seq))

    def _request(self, point: Point) -> HilRequest:
        payload = point.payload
        due, answered = payload.get("due_at"), payload.get("answered_at")
        overdue = payload["status"] == "pending" and due is not None and due <= self.clock()
        return HilRequest(
            id=point.id,
            rev=point.rev,
            question=payload["question"],
            context=point.text or "",
            options=payload["options"],
            status="expired" if overdue else payload["status"],
            answer=payload.get("answer"),
            comment=payload.get("comment"),
            answered_by=payload.get("answered_by"),
            answered_at=iso(answered) if answered is not None else None,
            agent=payload.get("agent"),
            thread=payload.get("thread"),
            metadata=payload["metadata"],
            created_at=iso(payload["created_at"]),
            due_at=iso(due) if due is not None else None,
        )


def _in_status(status: str, now: float) -> tuple[Filter, ...]:
    overdue = Range("due_at", lte=now)
    if status == "pending":
        return Eq("status", "pending"), Not(overdue)
    if status == "expired":
        return Eq("status", "pending"), overdue
    return (Eq("status", status),)
