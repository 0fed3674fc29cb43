"""Filters as SQL over the JSON payload, with the meaning of `filters.matches`."""

from __future__ import annotations

from ..filters import LISTS, METADATA, And, Eq, Exists, Filter, Not, Or, Range, Scalar

Clause = tuple[str, list[Scalar]]

INDEXED = frozenset(("type", "item", "thread"))


def where(filter: Filter | None) -> Clause:
    """A boolean SQL expression over the column `payload`, and its parameters."""
    return ("1", []) if filter is None else _clause(filter)


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
    if field in INDEXED and len(values) == 1 and isinstance(values[0], str):
        return f"{value} = ?", list(values)
    kind = f"json_type(payload, {path(field)})"
    tests = [_typed(kind, value, v) for v in values]
    return "(" + " OR ".join(sql for sql, _ in tests) + ")", [p for _, params in tests for p in params]


def _element_of(field: str, values: tuple[Scalar, ...]) -> Clause:
    tests = [_typed("e.type", "e.value", v) for v in values]
    condition = " OR ".join(sql for sql, _ in tests)
    sql = (
        f"(json_type(payload, {path(field)}) <> 'object' AND "
        f"EXISTS(SELECT 1 FROM json_each(payload, {path(field)}) AS e WHERE {condition}))"
    )
    return sql, [p for _, params in tests for p in params]


def _typed(kind: str, value: str, wanted: Scalar) -> Clause:
    if isinstance(wanted, bool):
        return f"{kind} = '{'true' if wanted else 'false'}'", []
    if isinstance(wanted, str):
        return f"({kind} = 'text' AND {value} = ?)", [wanted]
    return f"({kind} IN ('integer', 'real') AND {value} = ?)", [wanted]
