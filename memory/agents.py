"""Agents: who works in this workspace, what they can do, and when they were last heard of."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..stores.errors import Conflict
from ..stores.filters import And, Eq, Filter, Range
from ..stores.ports import Point, PointStore, Put
from . import inputs, paging
from .conditions import iso
from .drafts import fingerprint
from .errors import NotFound, Stale
from .scope import Scope

ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Agent:
    """A registered agent."""

    name: str
    capabilities: Sequence[str]
    metadata: Mapping[str, Any]
    registered_at: str
    heartbeat_at: str
    rev: int


@dataclass(frozen=True, slots=True)
class AgentPage:
    agents: Sequence[Agent]
    next_cursor: str | None = None


class Agents:
    """The agents of one scope's workspace."""

    def __init__(self, store: PointStore, scope: Scope, clock: Callable[[], float] = time.time) -> None:
        self.store, self.scope, self.clock = store, scope, clock

    def register(self, name: str, capabilities: Sequence[str] = (), metadata: Mapping[str, Any] | None = None) -> Agent:
        """Register the agent *name*, or replace what is known of it. Counts as a heartbeat."""
        inputs.name(name, "name")
        fields = {
            "capabilities": inputs.names(capabilities, "capabilities"),
            "metadata": inputs.metadata({} if metadata is None else metadata),
        }
        return self._change(name, fields, create=True)

    def heartbeat(self, name: str) -> Agent:
        """The agent *name* is alive. Raises `NotFound` for one that is not registered."""
        return self._change(inputs.name(name, "name"), {}, create=False)

    def list(
        self,
        *,
        capability: str | None = None,
        alive_within: float | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> AgentPage:
        """Agents, the latest heard of first: those with *capability*, heard of in the last *alive_within* seconds."""
        inputs.whole(limit, "limit", 1, 1000)
        listing = ("agents", capability, alive_within)
        now, inner = paging.resume(listing, cursor, self.clock(), str)
        parts: list[Filter] = [Eq("type", "agent")]
        if capability is not None:
            parts.append(Eq("capabilities", inputs.name(capability, "capability")))
        if alive_within is not None:
            parts.append(Range("heartbeat_at", gte=now - inputs.seconds(alive_within, "alive_within")))
        page = self.store.scroll(
            self.scope.workspace,
            "records",
            where=And(tuple(parts)),
            order_by="heartbeat_at",
            descending=True,
            limit=limit,
            cursor=inner,
        )
        return AgentPage([_agent(point) for point in page.points], paging.keep(listing, now, page.cursor))

    def _change(self, name: str, fields: Mapping[str, Any], *, create: bool) -> Agent:
        id, now = f"agent:{fingerprint(name)}", self.clock()
        for _ in range(ATTEMPTS):
            (point,) = self.store.get(self.scope.workspace, "records", [id])
            if point is None and not create:
                raise NotFound("agent", name)
            known = dict(point.payload) if point is not None else {"created_at": now}
            payload = {**known, **fields, "type": "agent", "source": name, "heartbeat_at": now}
            expected = point.rev if point is not None else 0
            try:
                written = self.store.write(self.scope.workspace, [Put("records", id, payload, expected_rev=expected)])
            except Conflict:
                continue
            return _agent(Point("records", id, payload, None, written.revs[id], written.seq))
        raise Stale(f"the agent {name} is being changed by others all the time; repeat the call")


def _agent(point: Point) -> Agent:
    payload = point.payload
    return Agent(
        name=payload["source"],
        capabilities=payload["capabilities"],
        metadata=payload["metadata"],
        registered_at=iso(payload["created_at"]),
        heartbeat_at=iso(payload["heartbeat_at"]),
        rev=point.rev,
    )
