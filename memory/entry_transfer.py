"""Entries in an export: a line for each, with what is searched of it, from which the same entry is made again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..stores.filters import Eq, In
from ..stores.ports import DeleteWhere, Point, PointStore, Put
from . import entry_rows, inputs, namespaces, paging
from .entry_rows import TYPE, PutEntry, entry
from .errors import InvalidInput
from .ids import new_id
from .scope import Scope

PAGE = 200
WHERE = Eq("type", TYPE)


def count(store: PointStore, scope: Scope) -> int:
    """How many entries *scope* has."""
    return store.count(entry_rows.space(scope), "records", WHERE)


def lines(store: PointStore, scope: Scope) -> Iterator[dict[str, Any]]:
    """The entries of *scope*, in the order of their ids."""
    for page in paging.pages(store, entry_rows.space(scope), WHERE, PAGE):
        searched = _searched(store, scope, page.points)
        for point in page.points:
            yield _line(point, searched.get(point.id, []))


def _line(point: Point, searched: Sequence[str]) -> dict[str, Any]:
    found = entry(point)
    payload = {
        "type": TYPE,
        "namespace": list(found.namespace),
        "key": found.key,
        "created_at": found.created_at,
        "updated_at": found.updated_at,
        "ttl": point.payload.get("ttl"),
        "expires_at": found.expires_at,
        "searched": list(searched),
    }
    return {"id": point.id, "payload": payload, "content": point.text}


def _searched(store: PointStore, scope: Scope, points: Sequence[Point]) -> dict[str, list[str]]:
    """What is searched of each of *points*, in its order; what an earlier value left is none of it."""
    sources = {point.id: point.payload["source"] for point in points}
    found: dict[str, list[tuple[int, str]]] = {}
    cursor: str | None = None
    while sources:
        page = store.scroll(
            entry_rows.space(scope), "memory", where=In("item", tuple(sources)), limit=1000, cursor=cursor
        )
        for passage in page.points:
            id = passage.payload["item"]
            if passage.payload["source"] == sources[id]:
                found.setdefault(id, []).append((int(passage.id.rpartition(":")[2]), passage.text or ""))
        cursor = page.cursor
        if cursor is None:
            break
    return {id: [text for _, text in sorted(each)] for id, each in found.items()}


def checked(id: str, payload: Mapping[str, Any], content: object) -> None:
    """Raises `InvalidInput` unless these are of a line that `lines` wrote."""
    (put, *_) = rows(id, payload, content)
    if put.id != id:
        raise InvalidInput(f"its id is {id!r:.100}, that of its namespace and key {put.id!r}")


def rows(id: str, payload: Mapping[str, Any], content: object) -> list[Put]:
    """The record and the passages of a line. Raises `InvalidInput`."""
    try:
        value: Any = json.loads(content) if isinstance(content, str) else None
    except (ValueError, RecursionError) as error:
        raise InvalidInput("its content is no JSON") from error
    searched, given = payload.get("searched"), payload.get("namespace")
    if not isinstance(searched, list) or not all(isinstance(each, str) for each in searched):
        raise InvalidInput("its field searched is no list of texts")
    if not isinstance(given, list):
        raise InvalidInput("its field namespace is no list of texts")
    namespace = namespaces.check(given, empty=False)
    key, ttl = entry_rows.check_key(payload.get("key")), payload.get("ttl")
    put = PutEntry(namespace, key, value, tuple(searched), None if ttl is None else inputs.seconds(ttl, "ttl"))
    times = [inputs.number(payload.get(name), name, 0, 10**12) for name in ("updated_at", "created_at")]
    made = entry_rows.rows(put, new_id(), *times)
    expires = payload.get("expires_at")
    if expires is None:
        return made
    end = inputs.number(expires, "expires_at", 0, 10**12)
    return [Put(each.collection, each.id, {**each.payload, "expires_at": end}, each.text) for each in made]


def same(one: Mapping[str, Any] | None, other: Mapping[str, Any]) -> bool:
    """Whether two lines say the same, whenever their entries were last read."""
    return one is not None and _unread(one) == _unread(other)


def _unread(line: Mapping[str, Any]) -> dict[str, Any]:
    return {**line, "payload": {name: value for name, value in line["payload"].items() if name != "expires_at"}}


def known(store: PointStore, scope: Scope, id: str) -> dict[str, Any] | None:
    """The line of what is kept under *id* already, if anything is."""
    (point,) = store.get(entry_rows.space(scope), "records", [id])
    return None if point is None else _line(point, _searched(store, scope, [point]).get(id, []))


def write(store: PointStore, scope: Scope, id: str, payload: Mapping[str, Any], content: object) -> None:
    """Keep what a line says, in place of what is there."""
    above = entry_rows.above(tuple(payload["namespace"]))
    store.write(entry_rows.space(scope), [*above, DeleteWhere("memory", Eq("item", id)), *rows(id, payload, content)])
