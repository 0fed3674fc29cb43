"""The OpenAI-compatible encoder against a real server on this machine."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from memoryops.encoders import (
    BadEncoderAnswer,
    DimensionMismatch,
    EncoderError,
    EncoderRefused,
    EncoderTimeout,
    EncoderUnavailable,
    OpenAIEncoder,
)

KEY = "sk-very-secret-key"
Reply = tuple[int, dict[str, str], Any]
Script = Callable[[int, dict[str, Any]], Reply]


def vector(text: str, size: int = 8) -> list[float]:
    return [float(x) for x in np.random.default_rng(sum(text.encode())).normal(size=size)]


def item(index: int, embedding: Any) -> dict[str, Any]:
    return {"object": "embedding", "index": index, "embedding": embedding}


def good(size: int = 8) -> Script:
    def reply(_: int, body: dict[str, Any]) -> Reply:
        return 200, {}, {"data": [item(i, vector(t, size)) for i, t in enumerate(body["input"])]}

    return reply


class Server:
    """Answers by *script*: (number of the request from 0, its body) -> (status, headers, JSON or bytes)."""

    def __init__(self) -> None:
        self.script: Script = good()
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                number = len(outer.bodies)
                outer.bodies.append(body)
                outer.headers.append({k.lower(): v for k, v in self.headers.items()})
                outer.paths.append(self.path)
                status, headers, answer = outer.script(number, body)
                content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                for key, value in {"content-length": str(len(content)), **headers}.items():
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                return None

            def handle(self) -> None:
                try:
                    super().handle()
                except ConnectionError:
                    return  # a client that timed out has gone

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/v1"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    running = Server()
    thread = threading.Thread(target=running.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.http.shutdown()
    thread.join()
    running.http.server_close()


class Naps(list[float]):
    """Sleeps that take no time."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def encoder(server: Server, **options: Any) -> OpenAIEncoder:
    return OpenAIEncoder("m", server.url, KEY, **{"sleep": Naps(), **options})


def test_vectors_are_in_order_of_length_one_and_asked_for_in_batches(server: Server) -> None:
    texts = ["a", "b", "c", "d", "e", ""]
    with encoder(server, batch=2) as under_test:
        vectors = under_test.embed(texts)
        assert under_test.dimension == 8
        assert np.array_equal(under_test.embed_query("c"), vectors[2])
        assert under_test.embed([]).shape == (0, 8)
    expected = np.array([vector(t or " ") for t in texts])
    assert np.allclose(vectors, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-6)
    assert vectors.dtype == np.float32
    assert [body["input"] for body in server.bodies[:3]] == [["a", "b"], ["c", "d"], ["e", " "]]
    assert server.paths[0] == "/v1/embeddings"
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"


def test_without_a_key_none_is_sent(server: Server) -> None:
    with OpenAIEncoder("m", server.url) as under_test:
        under_test.embed_query("x")
    assert "authorization" not in server.headers[0]


def test_out_of_order_answers_are_put_in_order(server: Server) -> None:
    server.script = lambda n, body: (
        200,
        {},
        {"data": [item(i, vector(t)) for i, t in reversed(list(enumerate(body["input"])))]},
    )
    with encoder(server) as under_test:
        straight = under_test.embed(["a", "b", "c"])
        assert np.array_equal(straight[1], under_test.embed_query("b"))


def test_base64_is_understood(server: Server) -> None:
    def reply(_: int, body: dict[str, Any]) -> Reply:
        packed = [base64.b64encode(np.array(vector(t), "<f4").tobytes()).decode() for t in body["input"]]
        return 200, {}, {"data": [item(i, text) for i, text in enumerate(packed)]}

    with encoder(server) as under_test:
        plain = under_test.embed(["a", "b"])
        server.script = reply
        assert np.allclose(under_test.embed(["a", "b"]), plain, atol=1e-6)


def test_dimensions_are_asked_for_and_checked(server: Server) -> None:
    with encoder(server, dimensions=8) as under_test:
        assert under_test.dimension == 8
    assert server.bodies[0]["dimensions"] == 8
    with encoder(server, dimensions=4) as under_test, pytest.raises(DimensionMismatch, match="reembed"):
        under_test.embed(["a"])


def test_a_model_that_changes_its_dimension_is_noticed(server: Server) -> None:
    with encoder(server) as under_test:
        under_test.embed(["a"])
        server.script = good(16)
        with pytest.raises(DimensionMismatch, match="16 numbers where 8"):
            under_test.embed(["b"])


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_is_said_once_and_not_shown(server: Server, status: int) -> None:
    server.script = lambda n, body: (status, {}, {"error": {"message": f"Incorrect API key provided: {KEY}"}})
    with encoder(server) as under_test, pytest.raises(EncoderRefused, match="Check the key") as caught:
        under_test.embed(["a"])
    assert KEY not in str(caught.value)
    assert len(server.bodies) == 1


def test_a_wrong_model_is_refused_with_the_servers_words(server: Server) -> None:
    server.script = lambda n, body: (404, {}, {"error": {"message": f"no model m for {KEY}"}})
    with encoder(server) as under_test, pytest.raises(EncoderRefused, match=r"no model m for \*\*\*"):
        under_test.embed(["a"])
    assert len(server.bodies) == 1


def test_too_many_requests_waits_as_told_then_succeeds(server: Server) -> None:
    server.script = lambda n, body: (429, {"retry-after": "7"}, b"slow down") if n < 2 else good()(n, body)
    naps = Naps()
    with encoder(server, sleep=naps) as under_test:
        assert under_test.embed(["a"]).shape == (1, 8)
    assert naps == [7, 7]


def test_retry_after_may_be_a_date_or_nonsense_and_is_bounded(server: Server) -> None:
    values = ["Wed, 21 Oct 2015 07:28:00 GMT", "nan", "86400"]
    server.script = lambda n, body: (503, {"retry-after": values[n]}, b"") if n < 3 else good()(n, body)
    naps = Naps()
    with encoder(server, sleep=naps) as under_test:
        under_test.embed(["a"])
    assert naps == [0, 1, 30]


def test_a_server_that_fails_for_ever_is_given_up(server: Server) -> None:
    server.script = lambda n, body: (500, {}, {"error": "boom"})
    naps = Naps()
    with (
        encoder(server, sleep=naps) as under_test,
        pytest.raises(EncoderUnavailable, match=r"4 times, last with HTTP 500: boom"),
    ):
        under_test.embed(["a"])
    assert len(server.bodies) == 4
    assert naps == [0.5, 1, 2]


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>hello</html>",
        b"",
        b"[" * 100_000,
        [],
        {"data": None},
        {"data": []},
        {"data": [item(1, [1.0])]},
        {"data": [item(0, [1.0]), item(0, [2.0])]},
        {"data": [{"embedding": [1.0]}]},
        {"data": [item(0, [])]},
        {"data": [item(0, 5)]},
        {"data": [item(0, "not base64!")]},
        {"data": [item(0, "AAAAAAA=")]},
        {"data": [item(0, [[1.0]])]},
        {"data": [item(0, ["x"])]},
        {"data": [item(0, [None])]},
        {"data": [item(0, [0.0, 0.0])]},
        b'{"data": [{"index": 0, "embedding": [NaN, 1]}]}',
        b'{"data": [{"index": 0, "embedding": [1e999, 1]}]}',
        {"data": [item(True, [1.0])]},
    ],
)
def test_garbage_is_an_error(server: Server, answer: Any) -> None:
    server.script = lambda n, body: (200, {}, answer)
    with encoder(server) as under_test, pytest.raises(BadEncoderAnswer, match="Check"):
        under_test.embed(["a"])


def test_vectors_of_unequal_length_are_an_error(server: Server) -> None:
    server.script = lambda n, body: (200, {}, {"data": [item(0, [1.0]), item(1, [1.0, 2.0])]})
    with encoder(server) as under_test, pytest.raises(BadEncoderAnswer):
        under_test.embed(["a", "b"])


def test_a_silent_server_is_a_timeout(server: Server) -> None:
    enough = threading.Event()

    def silent(n: int, body: dict[str, Any]) -> Reply:
        enough.wait(5)
        return 200, {}, b""

    server.script = silent
    started = time.monotonic()
    with encoder(server, timeout=0.1) as under_test, pytest.raises(EncoderTimeout, match=r"within 0\.1 s"):
        under_test.embed(["a"])
    assert time.monotonic() - started < 4
    enough.set()


def test_no_server_is_said_with_the_address(server: Server) -> None:
    with (
        OpenAIEncoder("m", "http://user:pw@127.0.0.1:9/v1", KEY, sleep=Naps()) as under_test,
        pytest.raises(EncoderUnavailable, match=r"m@http://127\.0\.0\.1:9/v1 cannot be reached") as caught,
    ):
        under_test.embed(["a"])
    assert "pw" not in str(caught.value)


def test_no_error_carries_the_key(server: Server) -> None:
    replies: list[Reply] = [(400, {}, KEY.encode()), (200, {}, KEY.encode()), (500, {}, {"error": KEY})]
    for reply in replies:
        server.script = lambda n, body, reply=reply: reply  # type: ignore[misc] # mypy cannot infer its default
        with encoder(server) as under_test, pytest.raises(EncoderError) as caught:
            under_test.embed(["a"])
        assert KEY not in str(caught.value)
        assert KEY not in repr(under_test)


def test_fingerprint_tells_models_servers_and_dimensions_apart() -> None:
    made = [
        OpenAIEncoder("m", "http://h/v1"),
        OpenAIEncoder("n", "http://h/v1"),
        OpenAIEncoder("m", "http://g/v1"),
        OpenAIEncoder("m", "http://h/v1", dimensions=8),
    ]
    assert len({each.fingerprint for each in made}) == 4
    assert OpenAIEncoder("m", "http://h/v1/", KEY).fingerprint == made[0].fingerprint


@pytest.mark.parametrize("option", [{"batch": 0}, {"timeout": 0}, {"dimensions": 0}])
def test_nonsense_settings_are_refused(option: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        OpenAIEncoder("m", "http://h/v1", **option)  # type: ignore[arg-type] # one of three, all numbers
