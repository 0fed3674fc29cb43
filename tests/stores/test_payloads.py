"""What a payload may hold."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryops.stores.errors import InvalidRequest
from memoryops.stores.payloads import (
    MAX_PAYLOAD_BYTES,
    check_change,
    check_id,
    check_payload,
    check_workspace,
    dump,
    is_number,
    quoted,
)
from memoryops.stores.ports import Delete, Put

JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63) + 1, 2**63 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=12,
)


@given(metadata=st.dictionaries(st.text(), JSON, max_size=4))
def test_any_json_is_metadata_and_comes_back_equal(metadata: dict[str, Any]) -> None:
    payload = {"metadata": metadata}
    check_payload(payload)
    assert json.loads(dump(payload)) == payload


def test_equal_payloads_have_one_text() -> None:
    assert dump({"b": 1, "a": ["é", 1.0]}) == dump({"a": ["é", 1.0], "b": 1}) == '{"a":["é",1.0],"b":1}'


@pytest.mark.parametrize(
    "payload",
    [
        {}, {"type": ""}, {"type": None}, {"tags": []}, {"tags": ("a",)}, {"tags": None}, {"priority": -0.0},
        {"priority": 2**53}, {"flagged": True}, {"metadata": None}, {"metadata": {}}, {"anything": {"x": [None]}},
        {"text": "a\0b", "metadata": {"k": "a\0b"}},
    ],
    ids=repr,
)  # fmt: skip
def test_good_payloads(payload: dict[str, Any]) -> None:
    check_payload(payload)


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        ({"type": 3}, "'type' is 3"), ({"thread": "a\0"}, "without NUL"), ({"priority": "3"}, "'priority' is '3'"),
        ({"priority": True}, "finite number"), ({"created_at": float("inf")}, "finite number"),
        ({"due_at": 2**63}, "finite number"), ({"flagged": 1}, "true or false"), ({"tags": "a"}, "list of strings"),
        ({"tags": ["a", 1]}, "list of strings"), ({"metadata": "x"}, "give an object"),
        ({"metadata": {1: 2}}, "no string"),
        ({"metadata": {"a": [float("nan")]}}, "finite"), ({"metadata": {"a": {"b": 2**70}}}, "64 bits"),
        ({"x": {1, 2}}, "no JSON"), ({"x": float("nan")}, "no JSON"), ({"x": "\ud800"}, "no JSON"),
        ({"x": "y" * MAX_PAYLOAD_BYTES}, "put long text into content"),
    ],
    ids=lambda value: repr(value)[:40],
)  # fmt: skip
def test_bad_payloads_and_what_is_said(payload: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidRequest, match=says):
        check_payload(payload)
        dump(payload)


@pytest.mark.parametrize("name", ["a", "x" * 200, "a b", "東京 🦊", "../..", "%'\""])
def test_names(name: str) -> None:
    assert check_id(name) == check_workspace(name) == name


@pytest.mark.parametrize("name", ["", "x" * 201, "a\n", "\0", "\ud800", "\u200b", None, 1, b"a"], ids=repr)
def test_no_names(name: Any) -> None:
    for check in (check_id, check_workspace):
        with pytest.raises(InvalidRequest, match="200 printable"):
            check(name)


@pytest.mark.parametrize("value", [0, -1, 2**63 - 1, 1.5, -0.0])
def test_numbers(value: object) -> None:
    assert is_number(value)


@pytest.mark.parametrize("value", [True, "1", None, float("nan"), float("-inf"), 2**63, [1]], ids=repr)
def test_no_numbers(value: object) -> None:
    assert not is_number(value)


def test_changes_are_checked_whole() -> None:
    check_change(Put("memory", "a", {"type": "x"}, "text"))
    check_change(Delete("records", "a"))
    for change in (Put("memory", "a", {"type": 1}), Put("records", "", {}), Delete("records", "\n")):
        with pytest.raises(InvalidRequest):
            check_change(change)


@pytest.mark.parametrize("value", ["x" * 10**6, ["x" * 10**6] * 9, {"x" * 10**6: 1}, b"x" * 10**6, object()])
def test_what_is_quoted_is_short(value: object) -> None:
    assert 0 < len(quoted(value)) <= 300
    assert "\n" not in quoted(value)


def test_a_number_too_long_to_write_is_quoted_by_its_type() -> None:
    assert quoted(10**5000) == "int too large to show"


@pytest.mark.parametrize("value", ["a\nb", 7, 1.5, None, True, ["a"], {"a": 1}])
def test_what_is_short_is_quoted_as_it_is(value: object) -> None:
    assert quoted(value) == repr(value)
