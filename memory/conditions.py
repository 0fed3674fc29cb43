"""`where` as callers write it, turned into the store's filters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ..stores.errors import InvalidRequest
from ..stores.filters import (
    METADATA,
    NUMBERS,
    And,
    Eq,
    Exists,
    Filter,
    In,
    Not,
    Or,
    Range,
    Scalar,
    all_of,
    check,
)
from ..stores.payloads import is_number, quoted
from .errors import InvalidInput

Where = Filter | Mapping[str, Any] | None

BOUNDS = ("gt", "gte", "lt", "lte")
TIMES = frozenset(name for name in NUMBERS if name.endswith("_at"))
LONGEST_FIELD = 200


def parse(where: Where) -> Filter | None:
    """The filter that *where* means.

    A mapping is a conjunction: `{"thread": "t1", "tags": ["a", "b"], "metadata.lang": "py",
    "created_at": {"gte": "2026-05-01"}}`. A list means any of; `{"exists": True}` asks for presence, and
    `{"not": …}` negates; times are ISO 8601 (UTC where no zone is given) or seconds since the epoch.
    Raises `InvalidInput`.
    """
    try:
        if where is None or isinstance(where, Eq | In | Range | Exists | Not | And | Or):
            return check(where)
        if not isinstance(where, Mapping):
            raise InvalidInput(f"where is {type(where).__name__}; give an object like {{'thread': 't1'}}")
        if not all(isinstance(field, str) for field in where):
            raise InvalidInput(f"where is {quoted(where)}; its fields are strings")
        return check(all_of(*(_condition(field, value) for field, value in where.items())))
    except InvalidRequest as error:
        raise InvalidInput(str(error)) from error
    except RecursionError as error:
        raise InvalidInput("where is nested too deep; a few levels of not are enough") from error


def _condition(field: str, value: Any) -> Filter:
    if len(field) > LONGEST_FIELD:
        raise InvalidInput(
            f"cannot filter by {quoted(field)}, of {len(field)} characters; give a field like thread or metadata.<key>"
        )
    if isinstance(value, Mapping):
        return _expression(field, value)
    if isinstance(value, list | tuple | set | frozenset):
        return In(field, tuple(_scalar(field, each) for each in value))
    return Eq(field, _scalar(field, value))


def _expression(field: str, value: Mapping[str, Any]) -> Filter:
    if set(value) == {"exists"} and isinstance(value["exists"], bool):
        return Exists(field) if value["exists"] else Not(Exists(field))
    if set(value) == {"not"}:
        return Not(_condition(field, value["not"]))
    if value and set(value) <= set(BOUNDS):
        return Range(field, **{sign: _number(field, bound) for sign, bound in value.items()})
    raise InvalidInput(f"{field!r} is compared with {quoted(dict(value))}; use gt, gte, lt, lte, exists or not")


def _scalar(field: str, value: Any) -> Scalar:
    if field in TIMES:
        return _number(field, value)
    if isinstance(value, int) and not isinstance(value, bool) and not is_number(value):
        raise InvalidInput(f"{field!r} is compared with {quoted(value)}; give a number within 64 bits")
    if not isinstance(value, str | int | float | bool):
        hint = "" if field.startswith(METADATA) else "; to ask for absence use {'exists': false}"
        raise InvalidInput(f"{field!r} is compared with {quoted(value)}{hint}")
    return value


def _number(field: str, value: Any) -> float:
    if field in TIMES:
        return timestamp(value, field)
    if not is_number(value) and not isinstance(value, float):
        raise InvalidInput(f"{field!r} is compared with {quoted(value)}; give a number within 64 bits")
    number: float = value
    return number


def timestamp(value: Any, name: str) -> float:
    """*value* (ISO 8601 text, a datetime, or seconds since the epoch) in seconds since the epoch."""
    moment: datetime | float
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError as error:
            raise InvalidInput(f"{name} is {quoted(value)}; give ISO 8601, like 2026-05-31T12:00:00+00:00") from error
    elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12:
        moment = value
    else:
        raise InvalidInput(f"{name} is {quoted(value)}; give ISO 8601 or seconds since the epoch")
    try:
        if isinstance(moment, datetime):
            moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        iso(moment)
    except (OverflowError, ValueError, OSError) as error:
        raise InvalidInput(f"{name} is {quoted(value)}; use a time from year 1 to 9999") from error
    return float(moment)


def iso(seconds: float) -> str:
    """*seconds* since the epoch as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
