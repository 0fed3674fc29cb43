"""What the server adapter does beside the port: writers that die, several processes, the server's errors."""

import json
from collections.abc import Iterator
from typing import Any

import grpc  # type: ignore[import-untyped]  # ships no types
import httpx
import numpy as np
import pytest
from qdrant_client import QdrantClient
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from memoryops.encoders.errors import EncoderUnavailable
from memoryops.encoders.hashing import HashingEncoder
from memoryops.stores.errors import (
    Duplicate,
    EncoderMismatch,
    InvalidRequest,
    SchemaTooNew,
    StoreFull,
    StoreUnavailable,
)
from memoryops.stores.filters import Eq
from memoryops.stores.ports import Change, Delete, DeleteWhere, Put
from memoryops.stores.qdrant import QdrantServerStore
from memoryops.stores.qdrant.gateway import translate

from .test_embedding import LONG, wait_until_ready

WRITES = ("upsert", "set_payload", "delete")


class Mortal(QdrantClient):
    """A local client whose connection ends before, or right after, its n-th write."""

    def __init__(self) -> None:
        self.lives: float = float("inf")
        self.after = False
        super().__init__(":memory:")

    def __getattribute__(self, name: str) -> Any:
        method = super().__getattribute__(name)
        return self._mortal(method) if name in WRITES else method

    def _mortal(self, method: Any) -> Any:
        def call(*args: Any, **kw: Any) -> Any:
            self.lives -= 1
            if self.lives < 0 and not self.after:
                raise ConnectionError("the connection was lost")
            result = method(*args, **kw)
            if self.lives < 0:
                raise ConnectionError("the connection was lost")
            return result

        return call


class Moody(HashingEncoder):
    """An encoder that cannot be reached until *awake*."""

    def __init__(self, awake: bool = True) -> None:
        super().__init__()
        self.awake = awake

    def embed(self, texts: Any) -> np.ndarray:
        if not self.awake:
            raise EncoderUnavailable("it sleeps")
        vectors: np.ndarray = super().embed(texts)
        return vectors


@pytest.fixture
def client() -> Iterator[Mortal]:
    client = Mortal()
    yield client
    client.close()


def opened(client: QdrantClient, **options: Any) -> QdrantServerStore:
    return QdrantServerStore(client, **{"encoder": HashingEncoder(), **options})


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_write_that_died_anywhere_is_repaired_by_repeating_it(client: Mortal, after: bool) -> None:
    store = opened(client)
    client.after = after
    for lives in range(12):
        old: list[Change] = [
            Put("records", "i", {"type": "item", "kind": "old"}),
            Put("memory", "p9", {"item": "i"}, "old words"),
        ]
        workspace = f"w{lives}"
        store.write(workspace, old)
        new: list[Change] = [
            DeleteWhere("memory", Eq("item", "i")),
            *(Put("memory", f"p{n}", {"item": "i"}, f"new words {n}") for n in range(3)),
            Put("records", "i", {"type": "item", "kind": "new"}, "text", unique="key"),
        ]
        client.lives = lives
        try:
            store.write(workspace, new)
            died = False
        except StoreUnavailable:
            died = True
        client.lives = float("inf")
        if died:
            store.write(workspace, new)
        assert [point.id for point in store.scroll(workspace, "memory").points] == ["p0", "p1", "p2"]
        (item,) = store.scroll(workspace, "records").points
        assert (item.payload["kind"], item.text) == ("new", "text")
        with pytest.raises(Duplicate):
            store.write(workspace, [Put("records", "other", {}, unique="key")])
    assert not died
    store.close()


def test_the_claim_of_a_dead_write_is_free_after_its_grace(client: Mortal) -> None:
    store = opened(client, grace=0.3)
    client.lives = 1
    with pytest.raises(StoreUnavailable):
        store.write("w", [Put("records", "dead", {}, unique="key")])
    client.lives = float("inf")
    assert store.count("w", "records") == 0
    assert store.write("w", [Put("records", "alive", {}, unique="key")]).revs == {"alive": 1}
    with pytest.raises(Duplicate) as caught:
        store.write("w", [Put("records", "dead", {}, unique="key")])
    assert caught.value.existing_id == "alive"
    store.close()


def test_an_unfinished_delete_leaves_no_key_behind(client: Mortal) -> None:
    store = opened(client, grace=60)
    store.write("w", [Put("records", "a", {}, unique="key")])
    client.lives = 1
    with pytest.raises(StoreUnavailable):
        store.write("w", [Delete("records", "a")])
    client.lives = float("inf")
    assert store.write("w", [Put("records", "b", {}, unique="key")]).revs == {"b": 1}
    store.close()


def test_two_stores_on_one_server(client: Mortal) -> None:
    one, two = opened(client), opened(client)
    first = one.write("w", [Put("records", "a", {"kind": "x"}, unique="u")])
    second = two.write("w", [Put("records", "a", {"kind": "y"}, expected_rev=1, unique="u")])
    assert second.seq > first.seq
    assert [(event.id, event.rev) for event in one.watch("w", first.seq)] == [("a", 2)]
    with pytest.raises(Duplicate):
        two.write("w", [Put("records", "b", {}, unique="u")])
    one.close()
    assert two.get("w", "records", ["a"])[0] is not None
    two.close()


def test_a_change_that_shows_up_late_is_not_missed(client: Mortal) -> None:
    store = opened(client)
    store.write("w", [Put("records", "early", {})])
    store.write("w", [Put("records", "late", {}), Put("records", "other", {})])
    hidden = client.scroll("memoryops_records", limit=10)[0]
    (late,) = [record for record in hidden if (record.payload or {})["_id"] == "late"]
    seq = (late.payload or {})["_seq"]
    client.set_payload("memoryops_records", {"_workspace": "elsewhere"}, points=[late.id])
    seen = store.watch("w", 0)
    assert [event.id for event in seen] == ["early", "other"]
    client.set_payload("memoryops_records", {"_workspace": "w", "_seq": seq - 1}, points=[late.id])
    (event,) = store.watch("w", seen[-1].seq)
    assert event.id == "late"
    assert store.watch("w", event.seq) == []
    store.close()


def test_what_a_dead_process_left_pending_is_embedded_by_the_next(client: Mortal) -> None:
    store = opened(client, encoder=Moody(awake=False))
    store.write("w", [Put("memory", "p", {"item": "i"}, LONG)])
    store.close()
    other = opened(client, encoder=Moody())
    wait_until_ready(other, "w", "i")
    other.close()


def test_an_encoder_that_fails_is_tried_again(client: Mortal) -> None:
    encoder = Moody(awake=False)
    store = opened(client, encoder=encoder)
    store.write("w", [Put("memory", "p", {"item": "i"}, LONG)])
    assert store.embedding("w", "i") == "pending"
    encoder.awake = True
    store.sweep()
    wait_until_ready(store, "w", "i")
    store.close()


def test_another_encoder_is_refused(client: Mortal) -> None:
    opened(client).close()
    for _ in range(2):
        with pytest.raises(EncoderMismatch, match=r"'hashing:64'.*'hashing:32'.*memoryops reembed"):
            opened(client, encoder=HashingEncoder(32))
    opened(client, encoder=HashingEncoder(32), prefix="elsewhere").close()


def test_the_schema_of_a_newer_release_is_refused(client: Mortal) -> None:
    opened(client).close()
    (settings,) = client.scroll("memoryops_records", limit=10)[0]
    body = {**json.loads((settings.payload or {})["_body"]), "schema": 99}
    client.set_payload("memoryops_records", {"_body": json.dumps(body)}, points=[settings.id])
    with pytest.raises(SchemaTooNew, match="pip install -U memoryops"):
        opened(client)


def test_a_client_or_a_url() -> None:
    with pytest.raises(InvalidRequest):
        QdrantServerStore(encoder=HashingEncoder())


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(StoreUnavailable, match=r"http://127\.0\.0\.1:1 cannot be reached.*MEMORYOPS_QDRANT_URL"):
        QdrantServerStore(url="http://127.0.0.1:1", encoder=HashingEncoder())


def answer(status: int, text: str = "") -> UnexpectedResponse:
    return UnexpectedResponse(status, "", text.encode(), httpx.Headers())


class Rpc(grpc.RpcError):  # type: ignore[misc]  # grpc ships no types
    """An error as gRPC raises it."""

    def __init__(self, code: Any, details: str) -> None:
        self.code = lambda: code
        self.details = lambda: details


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (answer(401), StoreUnavailable, "MEMORYOPS_QDRANT_API_KEY"),
        (answer(403, "Forbidden"), StoreUnavailable, "MEMORYOPS_QDRANT_API_KEY"),
        (answer(500, "No space left on device: WAL buffer size exceeds available disk space"), StoreFull, "free space"),
        (answer(500, "panic"), StoreUnavailable, "answered 500"),
        (answer(400, "Wrong input"), InvalidRequest, "Wrong input"),
        (answer(404, "Collection `x` doesn't exist"), StoreUnavailable, "open it anew"),
        (answer(429, "rate limit"), StoreUnavailable, "later"),
        (ResponseHandlingException(httpx.ConnectError("refused")), StoreUnavailable, "refused"),
        (ConnectionError("reset"), StoreUnavailable, "MEMORYOPS_QDRANT_URL"),
        (Rpc(grpc.StatusCode.UNAVAILABLE, "down"), StoreUnavailable, "down"),
        (Rpc(grpc.StatusCode.UNAUTHENTICATED, "no"), StoreUnavailable, "MEMORYOPS_QDRANT_API_KEY"),
        (Rpc(grpc.StatusCode.INTERNAL, "No space left on device"), StoreFull, "free space"),
        (Rpc(grpc.StatusCode.INVALID_ARGUMENT, "bad"), InvalidRequest, "bad"),
    ],
    ids=str,
)
def test_errors_get_our_types_and_a_remedy(error: Exception, kind: type[Exception], says: str) -> None:
    translated = translate(error, "http://host:6333")
    assert type(translated) is kind
    assert says in str(translated)
    assert "http://host:6333" in str(translated)
