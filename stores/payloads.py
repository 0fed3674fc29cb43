"""What a payload may hold, checked once at the edge so that every adapter can store and filter it alike."""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Callable, Mapping
from typing import Any

from .errors import InvalidRequest
from .filters import FLAGS, KEYWORDS, LISTS, NUMBERS, check, encodable
from .ports import MAX_TEXT_BYTES, Change, Delete, DeleteWhere, Patch, Put, Query

MAX_PAYLOAD_BYTES = 1024 * 1024
MAX_ID_CHARS = 200
MAX_METADATA_VALUES = 100_000
MAX_INT = 2**63 - 1
MAX_EXACT = 2**53
"""Number fields are compared as 64-bit floats somewhere; up to here that is exact."""


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 100


def quoted(value: object) -> str:
    """*value* as an error quotes it: on one line, of a few hundred characters at most, whatever was sent."""
    try:
        return f"{_SHORT.repr(value):.300}"
    except (ValueError, RecursionError):  # a number of over 4300 digits
        return f"{type(value).__name__} too large to show"


def check_change(change: Change) -> None:
    """Raise `InvalidRequest` unless *change* can be stored; that its payload is JSON is left to `dump`."""
    if not isinstance(change, Put | Patch | Delete | DeleteWhere):
        raise InvalidRequest(f"{type(change).__name__} is no change; use Put, Patch, Delete or DeleteWhere")
    if change.collection not in ("memory", "records"):
        raise InvalidRequest(f"there is no collection {change.collection!r}; use 'memory' or 'records'")
    if isinstance(change, Put):
        _check_put(change)
    elif isinstance(change, Delete):
        check_id(change.id)
    else:
        check(change.where)
    if isinstance(change, Patch):
        check_payload({name: value for name, value in change.fields.items() if value is not None})


def _check_put(put: Put) -> None:
    check_id(put.id)
    check_payload(put.payload)
    _check_text(put.id, put.text)
    _check_text(put.id, put.context)
    for id in put.after:
        check_id(id)
    if put.unique is not None and not (isinstance(put.unique, str) and put.unique.isprintable()):
        raise InvalidRequest(f"the unique key of {put.id} is {put.unique!r:.100}; use printable characters")


def check_query(query: Query) -> Query:
    """*query* itself, if every adapter can answer it."""
    check(query.where)
    _check_text("the query", query.text)
    if isinstance(query.limit, bool) or not isinstance(query.limit, int) or not 1 <= query.limit <= 100_000:
        raise InvalidRequest(f"limit is {query.limit!r}; use 1 to 100,000")
    return query


def check_workspace(workspace: str) -> str:
    """*workspace* itself, if it is a name: 1 to 200 printable characters."""
    if not isinstance(workspace, str) or not 0 < len(workspace) <= MAX_ID_CHARS or not workspace.isprintable():
        raise InvalidRequest(f"{workspace!r:.100} is no workspace; use 1 to {MAX_ID_CHARS} printable characters")
    return workspace


def check_id(id: str) -> str:
    """*id* itself, if it is one: 1 to 200 printable characters."""
    if not isinstance(id, str) or not 0 < len(id) <= MAX_ID_CHARS or not id.isprintable():
        raise InvalidRequest(f"{id!r:.100} is no id; use 1 to {MAX_ID_CHARS} printable characters")
    return id


def _check_text(id: str, text: str | None) -> None:
    if text is None:
        return
    if not isinstance(text, str):
        raise InvalidRequest(f"the text of {id} is {type(text).__name__}; give a string")
    if not encodable(text):
        raise InvalidRequest(f"the text of {id} holds a lone surrogate, which no UTF-8 can carry")
    if len(text) > MAX_TEXT_BYTES or (len(text) * 4 > MAX_TEXT_BYTES and _utf8_length(text) > MAX_TEXT_BYTES):
        raise InvalidRequest(f"the text of {id} is over {MAX_TEXT_BYTES // 2**20} MB; split it")


def _utf8_length(text: str) -> int:
    return len(text.encode("utf-8"))


def check_payload(payload: Mapping[str, Any]) -> None:
    """Raise `InvalidRequest` unless the filterable fields of *payload* have their types."""
    for name, value in payload.items():
        expected = _EXPECTED.get(name)
        if expected is not None and value is not None and not expected[0](value):
            raise InvalidRequest(f"the field {name!r} is {quoted(value)}; give {expected[1]}")
    metadata = payload.get("metadata")
    if metadata is not None:
        check_metadata(metadata)


def _is_keyword(value: object) -> bool:
    return isinstance(value, str) and "\0" not in value


def _is_keyword_list(value: object) -> bool:
    return isinstance(value, list | tuple) and all(_is_keyword(each) for each in value)


def _is_exact_number(value: object) -> bool:
    return is_number(value) and (isinstance(value, float) or abs(value) <= MAX_EXACT)  # type: ignore[arg-type]  # is_number has told


def is_number(value: object) -> bool:
    """Whether *value* is a finite number within 64 bits (and no flag)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) if isinstance(value, float) else abs(value) <= MAX_INT


_EXPECTED: dict[str, tuple[Callable[[object], bool], str]] = {
    **dict.fromkeys(KEYWORDS, (_is_keyword, "a string without NUL")),
    **dict.fromkeys(NUMBERS, (_is_exact_number, "a finite number, if whole of at most 53 bits")),
    **dict.fromkeys(FLAGS, (lambda value: isinstance(value, bool), "true or false")),
    **dict.fromkeys(LISTS, (_is_keyword_list, "a list of strings without NUL")),
}


def check_metadata(metadata: object) -> None:
    """Raise `InvalidRequest` unless *metadata* is a JSON object whose numbers fit 64 bits."""
    if not isinstance(metadata, Mapping):
        raise InvalidRequest(f"metadata is {type(metadata).__name__}; give an object")
    pending: list[Any] = [metadata]
    seen = 0
    while pending:
        value = pending.pop()
        seen += 1
        if seen > MAX_METADATA_VALUES:
            raise InvalidRequest(f"metadata holds over {MAX_METADATA_VALUES} values, or itself; put text into content")
        if isinstance(value, Mapping):
            if not all(isinstance(key, str) for key in value):
                raise InvalidRequest("a key in metadata is no string")
            pending.extend(value.values())
        elif isinstance(value, list | tuple):
            pending.extend(value)
        elif isinstance(value, int | float) and not isinstance(value, bool) and not is_number(value):
            raise InvalidRequest(f"metadata holds {quoted(value)}; numbers must be finite and within 64 bits")


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)


def dump(payload: Mapping[str, Any]) -> str:
    """*payload* as compact JSON with sorted keys. Raises `InvalidRequest` for what JSON cannot carry."""
    try:
        text = _ENCODER.encode(payload)
        size = len(text.encode("utf-8"))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequest(f"the payload is no JSON: {error}") from error
    if size > MAX_PAYLOAD_BYTES:
        raise InvalidRequest(f"the payload has {size} bytes, over {MAX_PAYLOAD_BYTES}; put long text into content")
    return text
