"""The state of a memory at a glance, as numbers that a person or a UI can show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..compressors import tokens
from ..stores.filters import And, Eq, Filter, Not, Range, all_of
from ..stores.ports import Embedding, PointStore
from .scope import Scope

MOST_TYPES = 10_000


@dataclass(frozen=True, slots=True)
class State:
    """Counts and tokens of one scope.

    *tokens*: of all active memories by *counter*. *context_utilization_percentage*: what share of the
    *window* (tokens) they would fill if all of them were put in whole; over 100 means that something must stay out.
    """

    workspace: str
    items: int
    messages: int
    passages: int
    quarantined: int
    by_content_type: Mapping[str, int]
    tokens: int
    counter: str
    window: int
    context_utilization_percentage: float
    embedding: Embedding
    tasks: Mapping[str, int]
    hil: Mapping[str, int]
    agents: int
    encoder: str
    store: str

    def as_json(self) -> dict[str, Any]:
        """This state as plain JSON values."""
        return asdict(self)


def measure(store: PointStore, scope: Scope, window: int, now: float) -> State:
    """Count what *scope* holds at *now*, against a context window of *window* tokens."""
    active = all_of(Eq("type", "item"), Eq("status", "active"), scope.filter)
    total = int(store.total(scope.workspace, "records", "tokens", active))
    info = store.info()

    def count(*parts: Filter | None) -> int:
        return store.count(scope.workspace, "records", all_of(*parts, scope.filter))

    def statuses(kind: str, *parts: Filter | None) -> dict[str, int]:
        return store.facet(scope.workspace, "records", "status", all_of(Eq("type", kind), scope.filter, *parts))

    overdue = And((Eq("status", "pending"), Range("due_at", lte=now)))
    expired = count(Eq("type", "hil"), overdue)

    return State(
        workspace=scope.workspace,
        items=count(active, Eq("kind", "item")),
        messages=count(active, Eq("kind", "message")),
        passages=store.count(scope.workspace, "memory", scope.filter),
        quarantined=count(Eq("type", "item"), Eq("status", "quarantined")),
        by_content_type=store.facet(scope.workspace, "records", "content_type", active, MOST_TYPES),
        tokens=total,
        counter=tokens.name(),
        window=window,
        context_utilization_percentage=round(100 * total / window, 2),
        embedding=store.embedding(scope.workspace),
        tasks=statuses("task"),
        hil={**statuses("hil", Not(overdue)), **({"expired": expired} if expired else {})},
        agents=store.count(scope.workspace, "records", Eq("type", "agent")),
        encoder=info.encoder,
        store=f"{info.adapter} at {info.location}",
    )
