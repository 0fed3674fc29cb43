"""Filters as SQL over the JSON payload, with the meaning of `filters.matches`."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from ..filters import LISTS, METADATA, And, Eq, Exists, Filter, In, Not, Or, Range, Scalar

Clause = tuple[str, list[Scalar]]

INDEXED = frozenset(("type", "item", "thread"))


def where(filter: Filter | None) -> Clause:
    """A boolean SQL expression over the column `payload`, and its parameters."""
    return ("1", []) if filter is None else _clause(filter)


def of_one_type(filter: Filter | None) -> bool:
    """Whether an index finds the rows of one type, which may be few or most of a workspace."""
    parts = filter.filters if isinstance(filter, And) else (filter,)
    return any(isinstance(part, Eq) and part.field == "type" for part in parts)


def few(filter: Filter | None) -> bool:
    """Whether an index finds all rows that meet *filter*, and they are a small part of a workspace: those of one item
    or of some items, or of several threads (a single one may be all that there is)."""
    parts = filter.filters if isinstance(filter, And) else (filter,)
    return any(
        (isinstance(part, Eq) and part.field == "item") or (isinstance(part, In) and part.field in ("item", "thread"))
        for part in parts
    )


def path(field: str) -> str:
    """The JSON path of *field* as an SQL literal; `filters.check` keeps quotes out of it."""
    if field.startswith(METADATA):
        return f"""'$.metadata."{field.removeprefix(METADATA).replace("'", "''")}"'"""
    return f"'$.{field}'"


def _clause(filter: Filter) -> Clause:
    if isinstance(filter, And | Or):
        word = " AND " if isinstance(filter, And) else " OR "
        parts = [_clause(part) for part in filter.filters]
        empty = "1" if isinstance(filter, And) else "0"
        return f"({word.join(sql for sql, _ in parts) or empty})", [p for _, params in parts for p in params]
    if isinstance(filter, Not):
        sql, params = _clause(filter.filter)
        return f"(({sql}) IS NOT TRUE)", params
    if isinstance(filter, Exists):
        return _exists(filter.field)
    if isinstance(filter, Range):
        return _range(filter)
    values = (filter.value,) if isinstance(filter, Eq) else filter.values
    return _one_of(filter.field, values)


def _exists(field: str) -> Clause:
    element = f"EXISTS(SELECT 1 FROM json_each(payload, {path(field)}) AS e WHERE e.type <> 'null')"
    return f"({element} OR json_type(payload, {path(field)}) = 'object')", []


def _range(filter: Range) -> Clause:
    value = f"json_extract(payload, {path(filter.field)})"
    bounds = [(">", filter.gt), (">=", filter.gte), ("<", filter.lt), ("<=", filter.lte)]
    present = [(sign, bound) for sign, bound in bounds if bound is not None]
    return "(" + " AND ".join(f"{value} {sign} ?" for sign, _ in present) + ")", [bound for _, bound in present]


def _one_of(field: str, values: tuple[Scalar, ...]) -> Clause:
    if not values:
        return "0", []
    if field in LISTS or field.startswith(METADATA):
        return _element_of(field, values)
    value = f"json_extract(payload, {path(field)})"
    if field in INDEXED and all(isinstance(each, str) for each in values):
        return _among(value, values)
    return _typed(f"json_type(payload, {path(field)})", value, values)


def _element_of(field: str, values: tuple[Scalar, ...]) -> Clause:
    condition, params = _typed("e.type", "e.value", values)
    sql = (
        f"(json_type(payload, {path(field)}) <> 'object' AND "
        f"EXISTS(SELECT 1 FROM json_each(payload, {path(field)}) AS e WHERE {condition}))"
    )
    return sql, params


def _typed(kind: str, value: str, wanted: tuple[Scalar, ...]) -> Clause:
    """That *value*, whose JSON type is *kind*, is one of *wanted* by type and value."""
    tests: list[Clause] = [
        (f"{kind} = '{'true' if flag else 'false'}'", []) for flag in (True, False) if any(w is flag for w in wanted)
    ]
    texts = [w for w in wanted if isinstance(w, str)]
    numbers = [w for w in wanted if isinstance(w, int | float) and not isinstance(w, bool) and abs(w) != math.inf]
    if texts:
        among, params = _among(value, texts)
        tests.append((f"({kind} = 'text' AND {among})", params))
    if numbers:
        among, params = _among(value, numbers)
        tests.append((f"({kind} IN ('integer', 'real') AND {among})", params))
    return "(" + (" OR ".join(sql for sql, _ in tests) or "0") + ")", [p for _, params in tests for p in params]


def _among(value: str, wanted: Sequence[Scalar]) -> Clause:
    """A long list travels as one JSON parameter, since SQLite bounds the number of parameters."""
    if len(wanted) == 1:
        return f"{value} = ?", list(wanted)
    return f"{value} IN (SELECT value FROM json_each(?))", [json.dumps(list(wanted))]
