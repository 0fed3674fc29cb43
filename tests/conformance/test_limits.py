"""What is refused, with nothing written; and sizes up to the largest text."""

from typing import Any

import pytest

from memoryops.stores.errors import InvalidRequest
from memoryops.stores.filters import Eq
from memoryops.stores.payloads import MAX_PAYLOAD_BYTES
from memoryops.stores.ports import MAX_TEXT_BYTES, Change, Delete, Patch, PointStore, Put

from .strategies import COLLECTIONS

LONE = "lone \ud800 surrogate"
DEEP: list[Any] = []
for _ in range(100_000):
    DEEP = [DEEP]
BAD_PAYLOADS: list[dict[str, Any]] = [
    {"type": 1}, {"kind": ["a"]}, {"item": True}, {"user": b"bytes"}, {"type": "nul \0"}, {"type": LONE},
    {"priority": "5"}, {"priority": True}, {"created_at": float("nan")}, {"expires_at": float("inf")},
    {"priority": 2**63}, {"position": [1]}, {"flagged": 1}, {"flagged": "true"},
    {"tags": "a"}, {"tags": [1]}, {"tags": [None]}, {"tags": {"a": 1}}, {"tags": ["nul \0"]}, {"derived_from": [LONE]},
    {"metadata": []}, {"metadata": "x"}, {"metadata": {"a": float("nan")}}, {"metadata": {"a": 2**64}},
    {"metadata": {1: "a"}}, {"metadata": {"a": {1, 2}}}, {"metadata": {"a": LONE}}, {"metadata": {LONE: 1}},
    {"free": object()}, {"free": float("inf")}, {"free": LONE}, {LONE: 1}, {"free": "x" * (MAX_PAYLOAD_BYTES + 1)},
    {"metadata": {"a": "é" * (MAX_PAYLOAD_BYTES // 2)}}, {"free": DEEP}, {"metadata": {"a": DEEP}},
]  # fmt: skip
BAD_PUTS: list[dict[str, Any]] = [
    {"id": ""}, {"id": "x" * 201}, {"id": "a\nb"}, {"id": "\0"}, {"id": LONE}, {"id": 7}, {"id": None},
    {"text": LONE}, {"text": b"bytes"}, {"text": 7}, {"text": "x" * (MAX_TEXT_BYTES + 1)},
    {"text": "é" * (MAX_TEXT_BYTES // 2 + 1)}, {"context": LONE}, {"unique": LONE}, {"after": (LONE,)},
]  # fmt: skip


def refused(store: PointStore, workspace: str, change: Change) -> None:
    good = Put("records", "good", {"kind": "new"}, unique="u")
    for changes in ([good, change], [change, good]):
        with pytest.raises(InvalidRequest):
            store.write(workspace, changes)


@pytest.fixture
def filled(store: PointStore, workspace: str) -> str:
    """A workspace with one row of each collection."""
    store.write(workspace, [Put("records", "a", {"kind": "old"}), Put("memory", "a", {"kind": "old"}, "words")])
    return workspace


def untouched(store: PointStore, workspace: str) -> bool:
    points = [point for name in COLLECTIONS for point in store.scroll(workspace, name).points]
    return [(point.id, point.payload, point.rev) for point in points] == [("a", {"kind": "old"}, 1)] * 2


@pytest.mark.parametrize("number", range(len(BAD_PAYLOADS)))
def test_payloads_that_cannot_be_stored(store: PointStore, filled: str, number: int) -> None:
    payload = BAD_PAYLOADS[number]
    refused(store, filled, Put("records", "bad", payload))
    refused(store, filled, Put("memory", "a", payload, "text"))
    refused(store, filled, Patch("records", Eq("kind", "old"), payload))
    assert untouched(store, filled)


@pytest.mark.parametrize("number", range(len(BAD_PUTS)))
def test_rows_that_cannot_be_stored(store: PointStore, filled: str, number: int) -> None:
    fields: dict[str, Any] = {"id": "bad", "payload": {}, "text": "t", **BAD_PUTS[number]}
    for collection in COLLECTIONS:
        refused(store, filled, Put(collection, **fields))
    if "id" in BAD_PUTS[number]:
        refused(store, filled, Delete("records", fields["id"]))
    assert untouched(store, filled)


def test_a_payload_that_grows_too_large_by_a_patch(store: PointStore, workspace: str) -> None:
    half = "x" * (MAX_PAYLOAD_BYTES * 2 // 3)
    store.write(workspace, [Put("records", "a", {"kind": "k", "first": half})])
    refused(store, workspace, Patch("records", Eq("kind", "k"), {"second": half}))
    (point,) = store.get(workspace, "records", ["a"])
    assert point is not None
    assert (point.payload, point.rev) == ({"kind": "k", "first": half}, 1)


def test_what_is_no_change(store: PointStore, filled: str) -> None:
    refused(store, filled, "no change")  # type: ignore[arg-type]  # what a careless caller does
    assert untouched(store, filled)


def test_the_largest_payload(store: PointStore, workspace: str) -> None:
    payload = {"free": "x" * (MAX_PAYLOAD_BYTES - 11)}
    store.write(workspace, [Put("records", "a", payload)])
    (point,) = store.get(workspace, "records", ["a"])
    assert point is not None
    assert point.payload == payload


def test_texts_up_to_ten_megabytes_are_byte_exact(store: PointStore, workspace: str) -> None:
    alphabet = "a\r\n\t\0é東🦊\u2028 e\u0301\ufeff"
    for size in (1, 4096, 70_001, MAX_TEXT_BYTES):
        text = (alphabet * (size // len(alphabet.encode()) + 1)).encode()[:size].decode("utf-8", "ignore")
        store.write(workspace, [Put("records", "big", {}, text)])
        (point,) = store.get(workspace, "records", ["big"])
        assert point is not None
        assert point.text == text
    assert len(text.encode()) > MAX_TEXT_BYTES - 4


def test_ids_of_every_length(store: PointStore, workspace: str) -> None:
    names = ["🦊" * 200, "x" * 200, "x" * 199, "東"]
    store.write(workspace, [Put("records", id, {}) for id in names])
    assert [point.id for point in store.get(workspace, "records", names) if point] == names
