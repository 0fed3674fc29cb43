"""Ordered listings on a server that orders by one number and breaks no ties.

A page first finds out which rows come next from their ids and numbers alone, and then reads those rows. By
number, the server's `order_by` leads; the rows that share the last number of a request are then read all, so
that ties follow their ids. By id alone, or among rows without the number, each page reads the ids of all rows
that match: point ids are hashes, in whose order nobody wants to read.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from typing import Any

from qdrant_client import models

from ..errors import InvalidRequest
from ..filters import Filter
from ..ports import Collection
from . import filters
from .filters import ID
from .gateway import Gateway
from .rows import Row, parse, point_id

Place = tuple[float | None, str]
"""Where a row stands in a listing: its number (None without one) and its id."""


class Listing:
    """The rows of one workspace that meet *where*, by *order_by* and then id; those without it last."""

    def __init__(
        self,
        gateway: Gateway,
        workspace: str,
        collection: Collection,
        where: Filter | None,
        order_by: str | None,
        descending: bool,
        now: float,
    ) -> None:
        self._gateway, self._workspace, self._collection, self._now = gateway, workspace, collection, now
        self._conditions = filters.conditions(where)
        self._field, self._descending = order_by, descending

    def after(self, position: list[Any] | None, limit: int) -> list[Place]:
        """The first *limit* places after *position*."""
        last = _checked(position)
        places: list[Place] = []
        if self._field is not None and (last is None or last[0] is not None):
            places = self._numbered(self._field, last, limit)
            last = None
        if len(places) < limit:
            missing = [filters.is_empty(self._field)] if self._field else []
            places += self._best(missing, last, limit - len(places))
        return places

    def rows(self, places: Sequence[Place]) -> list[Row]:
        """The rows at *places* that are still there."""
        ids = [point_id(self._workspace, self._collection, id) for _, id in places]
        records = self._gateway.retrieve(self._collection, ids)
        rows = [parse(self._collection, records[id]) for id in ids if id in records]
        return [row for row in rows if row.living(self._now)]

    def _numbered(self, field: str, last: Place | None, limit: int) -> list[Place]:
        places: list[Place] = []
        edge: float | None = None
        if last is not None and last[0] is not None:
            edge = float(last[0])
            places = self._best([filters.between(field, gte=edge, lte=edge)], last, limit)
        while len(places) < limit:
            beyond = [] if edge is None else [filters.between(field, **{"lt" if self._descending else "gt": edge})]
            wanted = limit - len(places)
            direction = models.Direction.DESC if self._descending else models.Direction.ASC
            order = models.OrderBy(key=field, direction=direction)
            records = self._gateway.ordered(self._collection, self._living(beyond), order, [ID, field], wanted)
            if not records:
                break
            numbers = [float((record.payload or {})[field]) for record in records]
            edge = numbers[-1]
            places += self._best([filters.between(field, gte=min(numbers), lte=max(numbers))], None, wanted)
        return places

    def _best(self, conditions: Sequence[models.Condition], last: Place | None, limit: int) -> list[Place]:
        """The first *limit* places after *last* among the rows that meet *conditions* too."""
        fields = models.PayloadSelectorInclude(include=[ID, self._field] if self._field else [ID])
        records = self._gateway.scan(self._collection, self._living(conditions), fields)
        places = (self._place(record) for record in records)
        coming = (place for place in places if last is None or self._follows(place, last))
        return self._first(coming, limit)

    def _living(self, conditions: Sequence[models.Condition]) -> models.Filter:
        return filters.living(self._workspace, self._now, *self._conditions, *conditions)

    def _place(self, record: models.Record) -> Place:
        payload = record.payload or {}
        return (payload.get(self._field) if self._field else None), payload[ID]

    def _first(self, places: Iterable[Place], limit: int) -> list[Place]:
        choose = heapq.nlargest if self._descending else heapq.nsmallest
        return choose(limit, places, key=_rank)

    def _follows(self, place: Place, last: Place) -> bool:
        return _rank(place) < _rank(last) if self._descending else _rank(place) > _rank(last)


def _rank(place: Place) -> tuple[float, str]:
    return place[0] or 0, place[1]


def _checked(position: list[Any] | None) -> Place | None:
    if position is None:
        return None
    if len(position) == 2 and isinstance(position[0], int | float | None) and isinstance(position[1], str):
        return position[0], position[1]
    raise InvalidRequest("the cursor is malformed; pass next_cursor as it came, or none")
