"""Bodies that keep the bytes that they came in."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from memoryops.mcp_server.gateway.body import Body

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), JSON, max_size=6), st.booleans(), st.sampled_from([None, 0, 2]))
def test_only_what_is_changed_changes(given: dict[str, Any], ascii: bool, indent: int | None) -> None:
    try:
        raw = json.dumps(given, ensure_ascii=ascii, indent=indent).encode()
    except UnicodeEncodeError:
        raw = json.dumps(given).encode()
    body = Body.parse(raw)
    assert body.values == given
    assert body.with_values({}) == raw
    assert json.loads(body.with_values({"model": '"other"'})) == {**given, "model": "other"}
    for name, (start, end) in body.spans.items():
        assert json.loads(body.text[start:end]) == given[name]


@given(st.lists(JSON, max_size=6))
def test_elements_are_found_where_they_stand(elements: list[Any]) -> None:
    body = Body.parse(json.dumps({"a": 1, "messages": elements, "z": [1]}).encode())
    assert [json.loads(body.slice(span)) for span in body.elements("messages")] == elements
