"""Filters of entries mean what their docstring says, in memory and through the store's tags."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memoryops.memory import entry_filters
from memoryops.memory.entry_rows import PutEntry, rows, under
from memoryops.memory.errors import InvalidInput
from memoryops.stores import filters

NAMES = st.sampled_from(["a", "b", "c", "a.b", "b.c", "ä"])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from([1.0, 0.5, -0.0, 2.0**60, 2**60 + 1, 10**30]),
    st.sampled_from(["", "a", "b", "1", "true", "x" * 101, "é", "\ud800"]),
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3))
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=4)
BOUNDS = st.one_of(
    st.integers(-2, 2), st.sampled_from([0.5, float("inf"), -float("inf")]), st.sampled_from(["", "a", "1"])
)
OPERATIONS = st.dictionaries(st.sampled_from(["$eq", "$ne"]), VALUES, min_size=1, max_size=2) | st.dictionaries(
    st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), BOUNDS, min_size=1, max_size=3
)
EXPECTED = st.recursive(
    SCALARS | OPERATIONS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2)
)
FILTERS = st.dictionaries(NAMES, EXPECTED, max_size=3)

GONE = object()


def naive(filter: dict[str, Any], value: dict[str, Any]) -> bool:
    """The docstring of `entry_filters`, sentence by sentence."""
    return all(holds(find(value, field), expected) for field, expected in filter.items())


def find(value: Any, field: str) -> Any:
    if not isinstance(value, dict):
        return GONE
    if field in value:
        return value[field]
    head, dot, rest = field.partition(".")
    if not dot or head not in value:
        return GONE
    return find_down(value[head], rest.split("."))


def find_down(value: Any, path: list[str]) -> Any:
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return GONE
        value = value[name]
    return value


def kind(value: Any) -> str:
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def as_json(value: Any) -> str:
    """A text that two values share exactly when they are equal as JSON, and numbers by value."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{as_json(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(as_json, value)) + "]"
    if kind(value) == "number":
        return str(int(value)) if math.isfinite(value) and value == int(value) else repr(value)
    return json.dumps(value)


def holds(found: Any, expected: Any) -> bool:
    if isinstance(expected, dict) and any(name.startswith("$") for name in expected):
        return all(operator(found, name, operand) for name, operand in expected.items())
    if isinstance(expected, dict):
        return isinstance(found, dict) and naive(expected, found)
    if isinstance(expected, list):
        return isinstance(found, list) and len(found) == len(expected) and all(map(holds, found, expected))
    return operator(found, "$eq", expected)


def operator(found: Any, name: str, operand: Any) -> bool:
    if name in ("$eq", "$ne"):
        plain = None if found is GONE else found
        return (as_json(plain) == as_json(operand)) is (name == "$eq")
    if found is GONE or kind(found) != kind(operand):
        return False
    ordered = {"$gt": found > operand, "$gte": found >= operand, "$lt": found < operand, "$lte": found <= operand}
    return bool(ordered[name])


@settings(max_examples=200, deadline=None)
@given(FILTERS, OBJECTS)
def test_filters_mean_what_the_docstring_says(filter: dict[str, Any], value: dict[str, Any]) -> None:
    assert entry_filters.matches(entry_filters.check(filter), value) is naive(filter, value)


@settings(max_examples=200, deadline=None)
@given(st.data(), OBJECTS)
def test_the_store_is_asked_for_all_that_match(data: st.DataObject, value: dict[str, Any]) -> None:
    """The tags leave in whatever meets the filter; with parts of the value itself in the filter it often does."""
    parts = {name: data.draw(st.sampled_from([value[name]]) | EXPECTED) for name in value}
    filter = entry_filters.check({**data.draw(FILTERS), **data.draw(st.just(parts) | st.just({}))})
    record = rows(PutEntry(("n", "s"), "k", value, ()), "source", 0.0, 0.0)[0]
    if entry_filters.matches(filter, value):
        assert filters.matches(filters.check(under(("n",), filter)), record.payload)
    assert not filters.matches(under(("n", "t"), filter), record.payload)


@pytest.mark.parametrize(
    ("filter", "told"),
    [
        ({"a": {"$in": [1]}}, r"\$in"),
        ({"a": {"$gt": 1, "b": 2}}, "'b'"),
        ({"$or": []}, r"\$or"),
        ({"a": {"$gt": None}}, "None"),
        ({"a": {"$lt": True}}, "True"),
        ({"a": {"$lt": [1]}}, r"\[1\]"),
        ({"a": {"$gte": float("nan")}}, "nan"),
        ({"a": {1, 2}}, "no JSON"),
        ({"a": {"b": {3: 4}}}, "strings"),
        ({1: 2}, "1"),
        ("a", "object"),
        ([("a", 1)], "object"),
    ],
)
def test_what_cannot_be_asked_is_an_error(filter: Any, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        entry_filters.check(filter)


def test_a_filter_of_endless_depth_is_an_error() -> None:
    deep: dict[str, Any] = {}
    deep["a"] = deep
    with pytest.raises(InvalidInput, match="nested"):
        entry_filters.check(deep)
