"""The state of a memory at a glance, as numbers that a person or a UI can show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..compressors import tokens
from ..stores.filters import And, Eq, Filter, Not, Range, all_of
from ..stores.ports import Embedding, PointStore
from .forms import ARCHIVED, COMPRESSED
from .llms import Llm
from .scope import Scope
from .window import ContextWindow

MOST_TYPES = 10_000


@dataclass(frozen=True, slots=True)
class State:
    """Counts and tokens of one scope.

    *tokens*: of all active memories by *counter*. *tiers*: how many memories are full, compressed and archived, and
    the tokens that they take in that form. *context_tokens*: those together, *context_utilization_percentage* what
    share of the *window* (tokens) they would fill; over 100 means that something must stay out. *saved_tokens*: what
    the tiers save, *cost_usd* and *saved_usd* what both would cost as input of *model* each time; None without a price.
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
    context_tokens: int
    saved_tokens: int
    tiers: Mapping[str, Mapping[str, int]]
    model: str | None
    cost_usd: float | None
    saved_usd: float | None
    embedding: Embedding
    tasks: Mapping[str, int]
    hil: Mapping[str, int]
    agents: int
    encoder: str
    store: str

    def as_json(self) -> dict[str, Any]:
        """This state as plain JSON values."""
        return asdict(self)


def measure(store: PointStore, scope: Scope, window: ContextWindow, now: float, model: Llm | None = None) -> State:
    """Count what *scope* holds at *now*, against the *window* and the prices of *model*."""
    active = all_of(Eq("type", "item"), Eq("status", "active"), scope.filter)
    total = int(store.total(scope.workspace, "records", "tokens", active))
    tiers = _tiers(store, scope, active, total)
    shown = sum(tier["tokens"] for tier in tiers.values())
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
        window=window.max_tokens,
        context_utilization_percentage=window.utilization(shown),
        context_tokens=shown,
        saved_tokens=total - shown,
        tiers=tiers,
        model=model.name if model is not None else None,
        cost_usd=model.cost(shown) if model is not None else None,
        saved_usd=model.cost(total - shown) if model is not None else None,
        embedding=store.embedding(scope.workspace),
        tasks=statuses("task"),
        hil={**statuses("hil", Not(overdue)), **({"expired": expired} if expired else {})},
        agents=store.count(scope.workspace, "records", Eq("type", "agent")),
        encoder=info.encoder,
        store=f"{info.adapter} at {info.location}",
    )


def _tiers(store: PointStore, scope: Scope, active: Filter | None, total: int) -> dict[str, dict[str, int]]:
    """How many memories are in each tier, and what they take there; *total*: the tokens of all when they are full."""
    workspace = scope.workspace
    moved = {name: all_of(active, Eq("state", name)) for name in (COMPRESSED, ARCHIVED)}
    counts = store.facet(workspace, "records", "state", active)
    tiers = {"full": {"items": store.count(workspace, "records", active) - sum(counts.values()), "tokens": total}}
    for name, where in moved.items():
        held = counts.get(name, 0)
        taken = int(store.total(workspace, "records", "context_tokens", where)) if held else 0
        tiers[name] = {"items": held, "tokens": taken}
        tiers["full"]["tokens"] -= int(store.total(workspace, "records", "tokens", where)) if held else 0
    return tiers
