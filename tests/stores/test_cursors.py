"""Cursors: they keep a position, and belong to one listing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryops.stores.cursors import decode, encode
from memoryops.stores.errors import InvalidRequest

POSITIONS = st.lists(
    st.one_of(st.none(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(), st.booleans())
)


@given(listing=st.text(), position=POSITIONS)
def test_a_position_comes_back(listing: str, position: list[Any]) -> None:
    cursor = encode(listing, position)
    assert decode(listing, cursor) == position
    assert cursor.isascii()
    assert not set(cursor) & set("+/= ")


def test_a_cursor_belongs_to_its_listing() -> None:
    cursor = encode(("records", None, "priority"), [1, "a"])
    with pytest.raises(InvalidRequest, match="another query"):
        decode(("records", None, "created_at"), cursor)


@given(
    noise=st.one_of(
        st.text(), st.text("ABCDEFabcdef0123456789-_", min_size=1), st.binary().map(lambda data: data.hex())
    )
)
def test_noise_is_no_cursor(noise: str) -> None:
    with pytest.raises(InvalidRequest):
        decode("listing", noise)


@pytest.mark.parametrize("cursor", [None, 7, b"", [], "\ud800", "[" * 100_000], ids=lambda value: repr(value)[:20])
def test_wrong_types_are_no_cursors(cursor: Any) -> None:
    with pytest.raises(InvalidRequest):
        decode("listing", cursor)
