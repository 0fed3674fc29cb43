"""Which values of entries a filter asks for. Pure functions of values.

    {"status": "active", "score": {"$gte": 3, "$lt": 5}, "author.name": "Anna", "author": {"age": {"$gt": 30}}}

All conditions of a filter hold together. What each means:

- **Field**: the key of that name; where there is none, a dotted path through objects (`author.name`). It does not lead
  into lists.
- **A plain value** asks for equality, as `$eq`. A list must have the same length, and each of its elements meet the
  filter's. An object without operators asks of each of its own keys in turn, others may be there.
- **`$eq`**: equal as JSON. Types count: `true` is not 1, `"1"` is not 1; 1 and 1.0 are the same number.
- **`$ne`**: everything that `$eq` is not, a missing field as well.
- **`$gt $gte $lt $lte`**: a number against numbers, a text against texts (by code point, so ISO dates are in order).
  Anything else, and a missing field, does not meet them.
- **A missing field** and `null` are the same: `None` asks for either, `{"$ne": None}` for neither.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from operator import ge, gt, le, lt
from typing import Any

from ..stores.filters import Scalar, same
from ..stores.payloads import quoted
from .errors import InvalidInput

Filter = Mapping[str, Any]

ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {"$gt": gt, "$gte": ge, "$lt": lt, "$lte": le}
OPERATORS = ("$eq", "$ne", *ORDERS)
MAX_DEPTH = 50


def check(filter: Filter | None) -> Filter:
    """*filter* itself (None: one without conditions), if every condition can be answered. Raises `InvalidInput`."""
    if filter is None:
        return {}
    if not isinstance(filter, Mapping):
        raise InvalidInput(f"the filter is {quoted(filter)}; give an object like {{'status': 'active'}}")
    for field, expected in filter.items():
        if not isinstance(field, str) or field.startswith("$"):
            raise InvalidInput(f"the filter asks for the field {quoted(field)}; {_expected_operators()}")
        _check(field, expected, 1)
    return filter


def _check(field: str, expected: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidInput(f"the filter of {field!r:.100} is nested over {MAX_DEPTH} levels")
    if isinstance(expected, Mapping):
        operators = _is_operators(expected)
        for name, operand in expected.items():
            if not isinstance(name, str):
                raise InvalidInput(f"the filter of {field!r:.100} has the key {quoted(name)}; keys are strings")
            if operators and name not in OPERATORS:
                raise InvalidInput(f"the filter of {field!r:.100} has {quoted(name)}; {_expected_operators()}")
            if name in ORDERS and operators:
                _check_bound(field, name, operand)
            else:
                _check(field, operand, depth + 1)
    elif isinstance(expected, list | tuple):
        for each in expected:
            _check(field, each, depth + 1)
    elif expected is not None and not isinstance(expected, str | int | float | bool):
        raise InvalidInput(f"{field!r:.100} is compared with {quoted(expected)}, which is no JSON value")


def _check_bound(field: str, name: str, operand: Any) -> None:
    bad = isinstance(operand, bool) or not isinstance(operand, str | int | float)
    if bad or (isinstance(operand, float) and math.isnan(operand)):
        raise InvalidInput(f"{field!r:.100} has {name} {quoted(operand)}; give a number or a text")


def _expected_operators() -> str:
    return f"name a field and compare it with a value or with {', '.join(OPERATORS)}"


def _is_operators(expected: Mapping[Any, Any]) -> bool:
    return any(isinstance(name, str) and name.startswith("$") for name in expected)


class _Missing:
    """The value of a field that is not there."""


MISSING = _Missing()


def matches(filter: Filter, value: Mapping[str, Any]) -> bool:
    """Whether *value* meets every condition of *filter*, which `check` has let pass."""
    return all(_meets(look(value, field), expected) for field, expected in filter.items())


def look(value: Mapping[str, Any], field: str) -> Any:
    """What stands at *field* of *value*; `MISSING` where nothing does."""
    if field in value:
        return value[field]
    found: Any = value
    for part in field.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return MISSING
        found = found[part]
    return found


def _meets(found: Any, expected: Any) -> bool:
    if isinstance(expected, Mapping):
        if _is_operators(expected):
            return all(_compare(found, name, operand) for name, operand in expected.items())
        return isinstance(found, Mapping) and matches(expected, found)
    if isinstance(expected, list | tuple):
        same_length = isinstance(found, list) and len(found) == len(expected)
        return same_length and all(_meets(one, other) for one, other in zip(found, expected, strict=True))
    return _equal(found, expected)


def _compare(found: Any, name: str, operand: Any) -> bool:
    if name == "$eq":
        return _equal(found, operand)
    if name == "$ne":
        return not _equal(found, operand)
    comparable = (
        isinstance(found, str)
        if isinstance(operand, str)
        else isinstance(found, int | float) and not isinstance(found, bool)
    )
    return comparable and ORDERS[name](found, operand)


def _equal(found: Any, expected: Any) -> bool:
    if expected is None:
        return found is None or found is MISSING
    if isinstance(expected, Mapping):
        alike = isinstance(found, Mapping) and found.keys() == expected.keys()
        return alike and all(_equal(found[name], each) for name, each in expected.items())
    if isinstance(expected, list | tuple):
        alike = isinstance(found, list) and len(found) == len(expected)
        return alike and all(_equal(one, other) for one, other in zip(found, expected, strict=True))
    return same(found, expected)


def equalities(filter: Filter, under: str = "") -> Iterator[tuple[str, Scalar]]:
    """The paths and the texts, numbers and flags that whatever meets *filter* has there: a store can look for them."""
    for field, expected in filter.items():
        path = f"{under}.{field}" if under else field
        if isinstance(expected, Mapping) and not _is_operators(expected):
            yield from equalities(expected, path)
            continue
        wanted = expected.get("$eq") if isinstance(expected, Mapping) else expected
        if isinstance(wanted, str | int | float | bool):
            yield path, wanted


def leaves(value: Mapping[str, Any]) -> Iterator[tuple[str, Scalar]]:
    """The paths of *value* at which a text, a number or a flag stands. Lists are not entered."""
    pending: list[tuple[str, Mapping[str, Any]]] = [("", value)]
    while pending:
        under, found = pending.pop()
        for name, each in found.items():
            path = f"{under}.{name}" if under else name
            if isinstance(each, Mapping):
                pending.append((path, each))
            elif isinstance(each, str | int | float | bool):
                yield path, each
