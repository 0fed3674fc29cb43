"""Filters: a handful of frozen values that every adapter translates, and their meaning in plain Python.

A field is a payload key; `metadata.<key>` reaches into metadata. On a list, a condition holds when any
element meets it. A condition on a missing field is false, so `Not` of it is true.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import InvalidRequest

Scalar = str | int | float | bool

KEYWORDS = frozenset(
    "type kind content_type status state thread user agent speaker role item assignee created_by source "
    "answered_by".split()
)
LISTS = frozenset(("tags", "capabilities", "derived_from", "follows", "options"))
NUMBERS = frozenset(
    "priority importance created_at updated_at expires_at lease_until heartbeat_at answered_at position due_at "
    "accessed_at tokens context_tokens".split()
)
FLAGS = frozenset(("flagged",))
FIELDS = KEYWORDS | LISTS | NUMBERS | FLAGS
METADATA = "metadata."


@dataclass(frozen=True, slots=True)
class Eq:
    """The field equals *value* (or, on a list, contains it). Types matter: `True` is not `1`, `"1"` is not `1`."""

    field: str
    value: Scalar


@dataclass(frozen=True, slots=True)
class In:
    """The field equals one of *values*; an empty tuple matches nothing."""

    field: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """The number field lies between the given bounds; text and flags never do."""

    field: str
    gt: float | None = None
    gte: float | None = None
    lt: float | None = None
    lte: float | None = None


@dataclass(frozen=True, slots=True)
class Exists:
    """The field is present and neither null nor an empty list."""

    field: str


@dataclass(frozen=True, slots=True)
class Not:
    filter: Filter


@dataclass(frozen=True, slots=True)
class And:
    filters: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    filters: tuple[Filter, ...]


Filter = Eq | In | Range | Exists | Not | And | Or

MAX_NODES = 500
MAX_DEPTH = 30


def all_of(*filters: Filter | None) -> Filter | None:
    """The conjunction of those *filters* that are not None; None when there is none."""
    present = tuple(f for f in filters if f is not None)
    if len(present) < 2:
        return present[0] if present else None
    return And(present)


def walk(filter: Filter) -> Iterator[tuple[Filter, int]]:
    """Every node of *filter* with its depth, itself first at depth 1."""
    pending = [(filter, 1)]
    while pending:
        node, depth = pending.pop()
        yield node, depth
        if isinstance(node, Not):
            pending.append((node.filter, depth + 1))
        elif isinstance(node, And | Or):
            pending.extend((part, depth + 1) for part in node.filters)


def check(filter: Filter | None) -> Filter | None:
    """*filter* itself, if every adapter can answer it.

    Raises `InvalidRequest` for an unknown field, a value of the wrong type, or a tree of over 500 nodes or 30 levels.
    """
    if filter is None:
        return None
    for count, (node, depth) in enumerate(walk(filter), start=1):
        if count > MAX_NODES or depth > MAX_DEPTH:
            raise InvalidRequest(
                f"the filter has more than {MAX_NODES} nodes or {MAX_DEPTH} levels; use In(...) for long lists"
            )
        _check_node(node)
    return filter


def _check_node(node: Filter) -> None:
    if not isinstance(node, Eq | In | Range | Exists | Not | And | Or):
        raise InvalidRequest(f"{node!r} is no filter; use Eq, In, Range, Exists, Not, And, Or")
    if isinstance(node, Eq | In | Range | Exists):
        _check_field(node.field)
    if isinstance(node, Eq):
        _check_value(node.field, node.value)
    if isinstance(node, In):
        for value in node.values:
            _check_value(node.field, value)
    if isinstance(node, Range):
        _check_range(node)


def _check_field(field: str) -> None:
    if not isinstance(field, str) or (field not in FIELDS and not _is_metadata(field)):
        known = ", ".join(sorted(FIELDS))
        raise InvalidRequest(f"cannot filter by {field!r}; the fields are {known} and metadata.<key>")


def _is_metadata(field: str) -> bool:
    key = field.removeprefix(METADATA)
    return field.startswith(METADATA) and 0 < len(key) <= 128 and key.isprintable() and not set(key) & set('"\\[]')


def _check_value(field: str, value: object) -> None:
    if not isinstance(value, str | int | float | bool):
        raise InvalidRequest(f"{field!r} is compared with {type(value).__name__}; give a string, number or flag")
    if isinstance(value, str) and not encodable(value):
        raise InvalidRequest(f"{field!r} is compared with a text that holds a lone surrogate")
    if isinstance(value, float) and math.isnan(value):
        raise InvalidRequest(f"{field!r} is compared with NaN, which equals nothing")
    if isinstance(value, int) and abs(value) > 2**63 - 1:
        raise InvalidRequest(f"{field!r} is compared with {value}, beyond 64 bits")


def encodable(value: str) -> bool:
    """Whether UTF-8 can carry *value*: it holds no lone surrogate."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _check_range(node: Range) -> None:
    if node.field not in NUMBERS:
        raise InvalidRequest(f"Range needs a number field ({', '.join(sorted(NUMBERS))}), not {node.field!r}")
    bounds = (node.gt, node.gte, node.lt, node.lte)
    if all(bound is None for bound in bounds):
        raise InvalidRequest(f"Range on {node.field!r} has no bound")
    for bound in bounds:
        if bound is None:
            continue
        if isinstance(bound, bool) or not isinstance(bound, int | float) or not _comparable(bound):
            raise InvalidRequest(f"Range on {node.field!r} has the bound {bound!r}; give a number")


def _comparable(bound: float) -> bool:
    return not math.isnan(bound) if isinstance(bound, float) else abs(bound) < 2**63


def lookup(payload: Mapping[str, Any], field: str) -> Any:
    """The value of *field* in *payload*, None when absent."""
    if field.startswith(METADATA):
        metadata = payload.get("metadata")
        return metadata.get(field.removeprefix(METADATA)) if isinstance(metadata, Mapping) else None
    return payload.get(field)


def same(left: object, right: object) -> bool:
    """Equality as filters mean it: numbers by value, everything else by type and value."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return left == right
    return type(left) is type(right) and left == right


def matches(filter: Filter | None, payload: Mapping[str, Any]) -> bool:
    """Whether *payload* meets *filter*. The reference that every adapter's translation is tested against."""
    if filter is None:
        return True
    if isinstance(filter, And):
        return all(matches(part, payload) for part in filter.filters)
    if isinstance(filter, Or):
        return any(matches(part, payload) for part in filter.filters)
    if isinstance(filter, Not):
        return not matches(filter.filter, payload)
    value = lookup(payload, filter.field)
    values = value if isinstance(value, list | tuple) else [value]
    if isinstance(filter, Exists):
        return any(each is not None for each in values)
    return any(_condition(filter)(each) for each in values)


def _condition(filter: Eq | In | Range) -> Callable[[Any], bool]:
    if isinstance(filter, Eq):
        return lambda value: same(value, filter.value)
    if isinstance(filter, In):
        return lambda value: any(same(value, option) for option in filter.values)
    return lambda value: _in_range(filter, value)


def _in_range(filter: Range, value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return (
        (filter.gt is None or value > filter.gt)
        and (filter.gte is None or value >= filter.gte)
        and (filter.lt is None or value < filter.lt)
        and (filter.lte is None or value <= filter.lte)
    )
