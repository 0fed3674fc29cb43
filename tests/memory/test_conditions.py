"""`where` as callers write it: read right, or refused with the field's name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memoryops.memory.conditions import iso, parse, timestamp
from memoryops.memory.errors import InvalidInput
from memoryops.stores.filters import And, Eq, Exists, In, Not, Range

MAY = 1777593600.0


@pytest.mark.parametrize(
    ("where", "meant"),
    [
        (None, None),
        ({}, None),
        ({"thread": "t"}, Eq("thread", "t")),
        ({"tags": ["a", "b"]}, In("tags", ("a", "b"))),
        ({"tags": []}, In("tags", ())),
        ({"thread": "t", "flagged": True}, And((Eq("thread", "t"), Eq("flagged", True)))),
        ({"metadata.a b": 1}, Eq("metadata.a b", 1)),
        ({"priority": {"gte": 3, "lt": 5}}, Range("priority", gte=3, lt=5)),
        ({"created_at": {"gte": "2026-05-01"}}, Range("created_at", gte=MAY)),
        ({"created_at": {"gte": "2026-05-01T02:00:00+02:00"}}, Range("created_at", gte=MAY)),
        ({"created_at": datetime(2026, 5, 1)}, Eq("created_at", MAY)),
        ({"thread": {"exists": True}}, Exists("thread")),
        ({"thread": {"exists": False}}, Not(Exists("thread"))),
        ({"tags": {"not": ["a"]}}, Not(In("tags", ("a",)))),
        (Eq("thread", "t"), Eq("thread", "t")),
    ],
)
def test_what_it_means(where: Any, meant: Any) -> None:
    assert parse(where) == meant


def nested(depth: int) -> dict[str, Any]:
    value: Any = "x"
    for _ in range(depth):
        value = {"not": value}
    return {"thread": value}


@pytest.mark.parametrize(
    "where",
    [
        "thread=t", 7, [], {"colour": "red"}, {"": 1}, {1: 2}, {1: None}, {None: None}, {"thread": None},
        {"thread": {}}, {"thread": {"like": "x"}}, {"thread": {"exists": 1}}, {"thread": {"gte": "a"}},
        {"priority": {"gte": "3"}}, {"priority": {"gte": True}}, {"priority": {"gte": float("nan")}},
        {"metadata.": 1}, {'metadata.a"b': 1}, {"metadata.a\nb": 1}, {"metadata.a": {"gte": 1}},
        {"metadata.a": {"b": 1}}, {"created_at": "soon"}, {"created_at": True}, {"thread": "a\ud800"},
        {"tags": [["a"]]}, {"priority": 2**70}, {"thread": {"not": {"like": 1}}}, Eq("colour", 1), Range("priority"),
        nested(600), nested(100_000), {f"metadata.k{n}": n for n in range(600)},
    ],
)  # fmt: skip
def test_what_it_cannot_mean_is_refused(where: Any) -> None:
    with pytest.raises(InvalidInput):
        parse(where)


LONG = "x" * 1_000_000


@pytest.mark.parametrize(
    "where",
    [
        {LONG: 1}, {f"metadata.{LONG}": 1}, {"tags": {LONG: 1}}, {"tags": {"not": [LONG], LONG: 1}}, {"tags": [[LONG]]},
        {"priority": {"gt": LONG}}, {"priority": {"gt": 10**5000}}, {"priority": 10**5000}, {"created_at": LONG},
        {"created_at": 10**5000}, {"created_at": [LONG]}, {1: LONG},
    ],
)  # fmt: skip
def test_a_refusal_quotes_little_of_what_was_sent(where: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(where)
    assert len(str(caught.value)) < 500


@settings(max_examples=200, deadline=None, database=None)
@given(st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)), st.integers(-14, 14))
def test_times_come_back_to_the_second(moment: datetime, hours: int) -> None:
    zoned = moment.replace(microsecond=0, tzinfo=timezone(timedelta(hours=hours)))
    seconds = timestamp(zoned.isoformat(), "t")
    assert datetime.fromisoformat(iso(seconds)) == zoned
    assert timestamp(zoned, "t") == timestamp(iso(seconds), "t") == seconds


@settings(max_examples=200, deadline=None, database=None)
@given(st.one_of(st.floats(), st.integers(), st.text(max_size=20), st.booleans(), st.none()))
def test_a_time_that_is_taken_can_be_written(value: Any) -> None:
    try:
        seconds = timestamp(value, "created_at")
    except InvalidInput as error:
        assert "created_at" in str(error)
    else:
        assert datetime.fromisoformat(iso(seconds)).tzinfo == UTC
