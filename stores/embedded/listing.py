"""Ordered listings of rows, page by page."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from ..errors import InvalidRequest
from ..filters import Filter
from ..ports import Collection
from . import sql
from .rows import COLLECTIONS, COLUMNS, LIVING


class Listing:
    """Rows in the order of a number field (rows without it last) and then of their ids."""

    def __init__(
        self,
        db: sqlite3.Connection,
        workspace: str,
        collection: Collection,
        where: Filter | None,
        order_by: str | None,
        descending: bool,
        now: float,
    ) -> None:
        self.db = db
        clause, params = sql.where(where)
        self.base = f"SELECT {COLUMNS} FROM rows WHERE {LIVING} AND {clause}"
        self.params: list[Any] = [workspace, COLLECTIONS[collection], now, *params]
        self.value = f"json_extract(payload, {sql.path(order_by)})" if order_by else None
        self.sign, self.word = ("<", "DESC") if descending else (">", "ASC")
        # A + keeps SQLite from reading the whole workspace in order where an index finds the few rows to be sorted.
        few = sql.few(where)
        self.id = "+id" if few or (order_by and sql.of_one_type(where)) else "id"
        self.ordered = f"+{self.value}" if few else self.value

    def after(self, position: list[Any] | None, limit: int) -> Iterator[Any]:
        """Up to *limit* rows after *position*, read as they are asked for."""
        value, id = _checked(position)
        given = 0
        if self.value and (position is None or value is not None):
            for row in self._valued(value, id, limit):
                given += 1
                yield row
            id = None
        if given < limit:
            yield from self._unvalued(id, limit - given)

    def _valued(self, value: float | None, id: str | None, limit: int) -> Iterator[Any]:
        condition, params = f"{self.value} IS NOT NULL", []
        if id is not None:
            condition = f"({self.value} {self.sign} ? OR ({self.value} = ? AND id {self.sign} ?))"
            params = [value, value, id]
        order = f"ORDER BY {self.ordered} {self.word}, id {self.word} LIMIT ?"
        return self.db.execute(f"{self.base} AND {condition} {order}", [*self.params, *params, limit])

    def _unvalued(self, id: str | None, limit: int) -> Iterator[Any]:
        condition = f"{self.value} IS NULL" if self.value else "1"
        params = []
        if id is not None:
            condition, params = f"{condition} AND {self.id} {self.sign} ?", [id]
        order = f"ORDER BY {self.id} {self.word} LIMIT ?"
        return self.db.execute(f"{self.base} AND {condition} {order}", [*self.params, *params, limit])


def _checked(position: list[Any] | None) -> tuple[float | None, str | None]:
    if position is None:
        return None, None
    if len(position) != 2 or not isinstance(position[1], str) or not isinstance(position[0], int | float | None):
        raise InvalidRequest("the cursor is malformed; pass next_cursor as it came, or none")
    return position[0], position[1]
