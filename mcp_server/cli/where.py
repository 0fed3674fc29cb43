"""`--where` as it is typed in a shell, turned into the conditions that a search takes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from ...memory.errors import InvalidInput
from ...stores.filters import METADATA, NUMBERS

_CONDITION = re.compile(r"(?P<field>[^=<>!]+?)\s*(?P<sign>!=|>=|<=|=|>|<)\s*(?P<value>.*)", re.DOTALL)
_BOUNDS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}

HELP = (
    "condition such as tags=db, metadata.lang=py, priority>=7, created_at>=2026-05-01 or thread!=t1; "
    "several must all hold, but = on the same field means any of"
)


def conditions(texts: Sequence[str]) -> dict[str, Any]:
    """The mapping for `conditions.parse` that *texts* mean. Raises `InvalidInput` naming the text."""
    found: dict[str, Any] = {}
    for text in texts:
        match = _CONDITION.fullmatch(text.strip())
        if match is None:
            raise InvalidInput(f"--where {text!r} is no condition; write field=value, field!=value or field>=value")
        field, sign, value = match["field"], match["sign"], _value(match["field"], match["value"])
        if sign == "=":
            _any_of(found, field, value, text)
        elif sign == "!=":
            _once(found, field, {"not": value}, text)
        else:
            bounds = found.setdefault(field, {})
            if not isinstance(bounds, dict) or "not" in bounds or _BOUNDS[sign] in bounds:
                raise _contradiction(text)
            bounds[_BOUNDS[sign]] = value
    return found


def pairs(texts: Sequence[str], option: str) -> dict[str, Any]:
    """`key=value` texts as a mapping; values are JSON scalars where they look like one, else text."""
    found: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise InvalidInput(f"{option} {text!r} is no pair; write key=value")
        found[key] = _scalar(value)
    return found


def _any_of(found: dict[str, Any], field: str, value: Any, text: str) -> None:
    known = found.setdefault(field, [])
    if not isinstance(known, list):
        raise _contradiction(text)
    known.append(value)


def _once(found: dict[str, Any], field: str, value: Any, text: str) -> None:
    if field in found:
        raise _contradiction(text)
    found[field] = value


def _contradiction(text: str) -> InvalidInput:
    return InvalidInput(f"--where {text!r} does not go together with an earlier condition on the same field")


def _value(field: str, text: str) -> Any:
    if field in NUMBERS or field.startswith(METADATA) or text in ("true", "false"):
        return _scalar(text)
    return text


def _scalar(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str | int | float | bool) else text
