"""Feedback: what a caller says of a memory that it was given moves the memory's importance.

Importance is one of the small shares of a hit's score (`explain` shows it): it decides between memories that fit a
question about as well, and never puts one that fits before one that fits better. One word moves it by a tenth at
most, so that no single caller pushes a memory up or down for good. Priority, which says how long a memory stays whole,
is left alone. What was said is kept beside the memory and goes when it goes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from ..stores.errors import Conflict
from ..stores.filters import Eq, all_of
from ..stores.ports import Patch, Point, Put
from . import inputs, paging
from .conditions import iso
from .errors import Quarantined, Stale
from .ids import new_id
from .items import Items

Said = Literal["helpful", "unhelpful", "wrong", "outdated"]

STEP = 0.1
"""By how much one word at full weight moves importance."""
MOVES: Mapping[Said, float] = {"helpful": STEP, "unhelpful": -STEP, "wrong": -STEP, "outdated": -STEP}
ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class FeedbackGiven:
    """What was said of the memory *item*, and how important it was *before* and is *after*."""

    id: str
    item: str
    feedback_type: str
    value: float
    importance_before: float
    importance_after: float


@dataclass(frozen=True, slots=True)
class FeedbackEntry:
    id: str
    feedback_type: str
    value: float
    comment: str | None
    created_at: str
    user: str | None = None
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class FeedbackPage:
    entries: Sequence[FeedbackEntry]
    next_cursor: str | None = None


class Feedback:
    """Feedback on the memories of one scope."""

    def __init__(self, items: Items) -> None:
        self.items, self.store, self.scope = items, items.store, items.scope

    def give(self, id: str, feedback_type: str, value: float = 1.0, comment: str | None = None) -> FeedbackGiven:
        """Say of the memory *id* that it was helpful, unhelpful, wrong or outdated; *value* 0 to 1 is how much so.

        Raises `NotFound`, `Quarantined`.
        """
        kind = inputs.choice(feedback_type, "feedback_type", get_args(Said))
        weight = inputs.number(value, "value", 0, 1)
        text = None if comment is None else inputs.text(comment, "comment", 10_000)
        for _ in range(ATTEMPTS):
            point = self.items.find(id)
            if point.payload["status"] == "quarantined":
                raise Quarantined(f"{id} is in quarantine; feedback would move it, and it is in no search")
            before = float(point.payload["importance"])
            after = round(min(1.0, max(0.0, before + weight * MOVES[kind])), 6)  # type: ignore[index]  # choice has told
            said = {
                "type": "feedback",
                "item": id,
                "source": kind,
                "value": weight,
                "user": self.scope.user,
                "agent": self.scope.agent,
                "created_at": self.items.clock(),
            }
            put = Put("records", new_id(), {name: each for name, each in said.items() if each is not None}, text)
            moved = self.items.rewritten(point, {**point.payload, "importance": after})
            try:
                self.store.write(
                    self.scope.workspace, [moved, put, Patch("memory", Eq("item", id), {"importance": after})]
                )
            except Conflict:
                continue
            return FeedbackGiven(put.id, id, kind, weight, before, after)
        raise Stale(f"{id} is being changed by others all the time; repeat the call")

    def list(self, id: str, *, limit: int = 50, cursor: str | None = None) -> FeedbackPage:
        """What was said of the memory *id*, the newest first. Raises `NotFound`, `Quarantined`."""
        inputs.whole(limit, "limit", 1, 1000)
        self.items.find(id)
        where = all_of(Eq("type", "feedback"), Eq("item", id), self.scope.filter)
        page = paging.newest(self.store, self.scope.workspace, where, limit, cursor)
        return FeedbackPage([_entry(point) for point in page.points], page.cursor)


def _entry(point: Point) -> FeedbackEntry:
    payload = point.payload
    return FeedbackEntry(
        point.id,
        payload["source"],
        payload["value"],
        point.text,
        iso(payload["created_at"]),
        payload.get("user"),
        payload.get("agent"),
    )
