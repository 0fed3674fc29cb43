"""Checks at the edge: what a caller hands in is right, or an `InvalidInput` says what is not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from ..stores.errors import InvalidRequest
from ..stores.payloads import check_id, check_metadata, dump, is_number
from ..stores.ports import MAX_TEXT_BYTES
from .errors import InvalidInput

T = TypeVar("T")

MAX_NAME_CHARS = 200
MAX_TITLE_CHARS = 500
MAX_TAGS = 50
MAX_QUERY_CHARS = 20_000


def text(value: object, name: str, limit: int = MAX_TEXT_BYTES) -> str:
    """*value*, if it is text that UTF-8 can carry, not blank, and at most *limit* bytes long."""
    if not isinstance(value, str):
        raise InvalidInput(f"{name} is {type(value).__name__}; give a string")
    if not value or value.isspace():
        raise InvalidInput(f"{name} is empty; give some text")
    try:
        size = len(value.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"{name} holds a lone surrogate at character {error.start}, which no UTF-8 can carry; "
            "decode it with errors='replace' first"
        ) from error
    if size > limit:
        raise InvalidInput(f"{name} has {size} bytes, over {limit}; split it")
    return value


def name(value: object, what: str) -> str:
    """*value*, if it is a name: 1 to 200 printable characters."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME_CHARS or not value.isprintable():
        raise InvalidInput(f"{what} is {value!r:.100}; use 1 to {MAX_NAME_CHARS} printable characters")
    return value


def optional_name(value: object, what: str) -> str | None:
    return None if value is None else name(value, what)


def id(value: object, what: str = "id") -> str:
    """*value*, if it can be an id."""
    try:
        return check_id(value)  # type: ignore[arg-type]  # the check is what tells
    except InvalidRequest as error:
        raise InvalidInput(f"{what}: {error}") from error


def several(values: Iterable[T], what: str) -> list[T]:
    """*values* as a list; a text is none, because its letters would be taken for them."""
    if isinstance(values, str):
        raise InvalidInput(f"{what} is {values!r:.100}; give a list of strings")
    return list(values)


def names(values: object, what: str, most: int = MAX_TAGS) -> list[str]:
    """*values* as a list of distinct names, in their order."""
    if isinstance(values, str) or not isinstance(values, Sequence | set | frozenset):
        raise InvalidInput(f"{what} is {values!r:.100}; give a list of strings")
    found = list(dict.fromkeys(name(value, f"one of {what}") for value in values))
    if len(found) > most:
        raise InvalidInput(f"{what} has {len(found)} entries, over {most}")
    return found


def metadata(value: object) -> dict[str, Any]:
    """*value*, if it is a JSON object that leaves room in a payload for the other fields."""
    try:
        if isinstance(value, Mapping):
            dump(value)
        check_metadata(value)
    except InvalidRequest as error:
        raise InvalidInput(f"metadata: {error}") from error
    assert isinstance(value, Mapping)
    return dict(value)


def whole(value: object, what: str, low: int, high: int) -> int:
    """*value*, if it is a whole number from *low* to *high*."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InvalidInput(f"{what} is {value!r}; use a whole number from {low} to {high}")
    return value


def number(value: object, what: str, low: float, high: float) -> float:
    """*value* as a float, if it is a number from *low* to *high*."""
    if not is_number(value) or not low <= value <= high:  # type: ignore[operator]  # is_number has told
        raise InvalidInput(f"{what} is {value!r}; use a number from {low} to {high}")
    return float(value)  # type: ignore[arg-type]  # as above


def seconds(value: object, what: str) -> float:
    """*value* as a duration above 0 and up to 100 years."""
    if not is_number(value) or not 0 < value <= 3.2e9:  # type: ignore[operator]  # as above
        raise InvalidInput(f"{what} is {value!r}; give seconds, above 0")
    return float(value)  # type: ignore[arg-type]  # as above


def choice(value: object, what: str, options: Sequence[str]) -> str:
    if value not in options:
        raise InvalidInput(f"{what} is {value!r:.100}; use one of {', '.join(options)}")
    return str(value)
