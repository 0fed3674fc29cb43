"""What a caller sees of a service that refuses, hesitates, answers nonsense, or is not there."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import JSONResponse, PlainTextResponse, Response

from memoryops.client import AsyncMemoryOpsClient, MemoryOpsClient, MemoryOpsClientError, errors
from memoryops.client.place import KEY, URL, api_key, base_url, data_folder, is_loopback, local_token
from memoryops.client.retries import LONGEST_BACKOFF, Retries
from memoryops.mcp_server.http.token import token_path
from memoryops.memory.settings import CLIENT_NAMES, Settings, default_folder

from ..mcp_server.gateway.upstream import Seen, Upstream
from ..mcp_server.http.conftest import Served

ADDED = {"id": "1", "action": "added", "embedding": "ready", "findings": [], "told_by_a_newer_service": True}


@pytest.fixture
def asking(scripted: Upstream) -> Iterator[MemoryOpsClient]:
    """A client of the scripted server."""
    with MemoryOpsClient(scripted.url.removesuffix("/v1"), "key") as opened:
        yield opened


def in_turn(*answers: Response) -> Callable[[Seen], Response]:
    left = list(answers)
    return lambda seen: left.pop(0)


def test_a_wrong_key_is_told_with_a_remedy(service: Served) -> None:
    with MemoryOpsClient(service.base, "wrong") as client, pytest.raises(errors.Unauthorized) as caught:
        client.state()
    assert caught.value.status == 401
    assert caught.value.remedy
    assert "wrong" not in str(caught.value)


def test_what_is_wrong_is_told_member_by_member(client: MemoryOpsClient) -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        client.add("a", priority=11)
    assert (caught.value.kind, caught.value.errors[0]["at"]) == ("invalid", "priority")
    assert caught.value.request_id
    for wrong in ("", ".", "..", 7):
        with pytest.raises(errors.InvalidInput, match="is no id"):
            client.retrieve(wrong)  # type: ignore[arg-type]  # what an untyped caller may hand in
    with pytest.raises(errors.InvalidInput, match="no JSON"):
        client.add("a", metadata={"when": object()})
    with pytest.raises(errors.InvalidInput, match="idempotency key"):
        client.add("a", idempotency_key="a b")


def test_one_writes_request_is_one_key_however_often_it_is_sent(scripted: Upstream, asking: MemoryOpsClient) -> None:
    away = JSONResponse(
        {"title": "x", "status": 503, "detail": "away", "kind": "unavailable"}, 503, {"Retry-After": "0"}
    )
    scripted.script = in_turn(away, away, JSONResponse(ADDED, 201))
    assert asking.add("yes").id == "1"
    keys = [seen.headers["idempotency-key"] for seen in scripted.seen]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert len({seen.raw for seen in scripted.seen}) == 1


def test_what_may_have_been_done_is_not_done_twice(scripted: Upstream, asking: MemoryOpsClient) -> None:
    scripted.script = lambda seen: JSONResponse({"detail": "away", "kind": "unavailable"}, 503, {"Retry-After": "0"})
    with pytest.raises(errors.Unavailable):
        asking.tasks.claim_next(agent="a")
    assert len(scripted.seen) == 1


def test_a_limit_is_waited_for_or_told(scripted: Upstream, asking: MemoryOpsClient) -> None:
    over = {"detail": "over the limit", "remedy": "wait"}
    scripted.script = in_turn(JSONResponse(over, 429, {"Retry-After": "1"}), JSONResponse({"tasks": []}))
    began = time.monotonic()
    assert asking.tasks.list().tasks == []
    assert time.monotonic() - began >= 1
    scripted.script = lambda seen: JSONResponse(over, 429, {"Retry-After": "3600"})
    with pytest.raises(errors.RateLimited) as caught:
        asking.tasks.list()
    assert caught.value.retry_after == 3600
    assert len(scripted.seen) == 3


@pytest.mark.parametrize(
    "answer",
    [
        PlainTextResponse("<html>", 200),
        PlainTextResponse("<html>", 404),
        PlainTextResponse("", 301, {"location": "http://127.0.0.1:1/"}),
        JSONResponse({"other": "secret text"}),
        JSONResponse(["x"], 500),
        Response(b"[" * 100_000, 500, media_type="application/problem+json"),
        Response(b"no gzip", headers={"content-encoding": "gzip"}),
    ],
    ids=["page", "not found", "moved", "other", "failed", "deep", "garbled"],
)
def test_what_is_no_service_of_ours_is_said_to_be_none(
    scripted: Upstream, asking: MemoryOpsClient, answer: Response
) -> None:
    scripted.script = lambda seen: answer
    with pytest.raises(errors.BadAnswer) as caught:
        asking.state()
    assert "secret" not in f"{caught.value}{caught.value.__cause__}"
    assert len(scripted.seen) == 1


@pytest.mark.parametrize(
    "answer", [Response(b"\xff", media_type="text/plain"), Response(b"<html>", media_type="text/html")]
)
def test_what_is_no_text_is_no_memory(scripted: Upstream, asking: MemoryOpsClient, answer: Response) -> None:
    scripted.script = lambda seen: answer
    with pytest.raises(errors.BadAnswer, match="no plain text"):
        asking.raw("1")


def test_pages_that_lead_to_themselves_end(scripted: Upstream, asking: MemoryOpsClient) -> None:
    scripted.script = lambda seen: JSONResponse({"tasks": [], "next_cursor": "again"})
    with pytest.raises(errors.BadAnswer, match="leads to itself"):
        list(asking.tasks.list.each())
    assert len(scripted.seen) == 2


def test_nobody_there_and_nothing_said_are_told_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with MemoryOpsClient(url, "k", timeout=0.2, max_retries=0) as client, pytest.raises(errors.TimedOut):
            client.state()
    with MemoryOpsClient(url, "k", max_retries=1) as client, pytest.raises(errors.Unreachable, match="memoryops serve"):
        client.state()

    async def run() -> None:
        async with AsyncMemoryOpsClient(url, "k", max_retries=1) as client:
            with pytest.raises(errors.Unreachable, match="memoryops serve"):
                await client.state()

    anyio.run(run)


def test_a_client_with_other_options_shares_its_connections(client: MemoryOpsClient) -> None:
    hasty = client.with_options(timeout=5, max_retries=0)
    hasty.close()
    assert client.state().workspace == "default"
    client.close()
    with pytest.raises(errors.Unreachable, match="is closed"):
        hasty.state()


@given(
    st.integers(0, 5),
    st.integers(1, 8),
    st.floats(0, 1),
    st.booleans(),
    st.sampled_from([400, 401, 404, 408, 409, 422, 429, 500, 502, 503, 504, 507]),
    st.sampled_from(["", "0", "2", "29", "3600", "-1", "nan", "soon", "Wed, 21 Oct 2026 07:28:00 GMT"]),
)
def test_what_must_not_be_repeated_never_is(
    most: int, sent: int, chance: float, repeatable: bool, status: int, asked: str
) -> None:
    retries = Retries(most, 30)
    wait = retries.after_answer(status, {"retry-after": asked} if asked else {}, sent, repeatable, chance)
    broken = retries.after_error(httpx2.ReadTimeout(""), sent, repeatable, chance)
    unsent = retries.after_error(httpx2.ConnectError(""), sent, repeatable, chance)
    for each in (wait, broken, unsent):
        assert each is None or (sent <= most and 0 <= each <= max(LONGEST_BACKOFF, 30))
    if not repeatable:
        assert broken is None
        assert wait is None or status == 429
    if status in (400, 401, 404, 409, 422, 500, 507):
        assert wait is None
    if wait is not None and asked in ("2", "29"):
        assert wait == float(asked)
    assert (unsent is not None) == (sent <= most)


def test_the_place_is_that_of_the_environment() -> None:
    assert (URL, KEY) == CLIENT_NAMES
    assert base_url(None, {}) == "http://127.0.0.1:8765"
    assert base_url(None, {"MEMORYOPS_URL": "https://memory.example.org/"}) == "https://memory.example.org"
    assert base_url("http://[::1]:9", {"MEMORYOPS_URL": "http://x"}) == "http://[::1]:9"
    for wrong in ("memory", "ftp://x", "http://", "http://k@x", "http://x?key=1"):
        with pytest.raises(errors.InvalidInput, match="give one like"):
            base_url(wrong, {})
    assert api_key(None, "http://x", {"MEMORYOPS_API_KEY": "k"}) == "k"
    assert api_key("mine", "http://x", {"MEMORYOPS_API_KEY": "k"}) == "mine"
    assert api_key("", "http://127.0.0.1", {"MEMORYOPS_API_KEY": "k"}) is None
    with pytest.raises(errors.InvalidInput) as caught:
        api_key("secrét", "http://x", {})
    assert "secr" not in str(caught.value)


def test_the_token_of_this_machine_is_shown_on_this_machine_alone(tmp_path: Path) -> None:
    token_path(tmp_path).write_text("t" * 43 + "\n", encoding="ascii")
    environ = {"MEMORYOPS_DATA_DIR": str(tmp_path)}
    assert local_token(environ) == "t" * 43
    assert api_key(None, "http://localhost:8765", environ) == "t" * 43
    assert api_key(None, "http://memory.example.org", environ) is None
    assert api_key(None, "http://127.0.0.1:8765", {"MEMORYOPS_DATA_DIR": str(tmp_path / "nothing")}) is None
    here = ("http://127.0.0.1", "http://127.9.9.9:1", "http://[::1]:2", "http://localhost")
    there = ("http://10.0.0.1", "http://localhost.example.org", "http://127.0.0.1.example.org", "http://0.0.0.0")
    assert [is_loopback(url) for url in (*here, *there)] == [True] * len(here) + [False] * len(there)


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
@pytest.mark.parametrize("environ", [{}, {"XDG_DATA_HOME": "/x", "LOCALAPPDATA": "/y"}, {"MEMORYOPS_DATA_DIR": "/z"}])
def test_the_data_folder_is_the_servers(environ: dict[str, str], platform: str) -> None:
    settings = Settings.from_env(environ)
    assert data_folder(environ, platform) == (settings.data_dir or default_folder(environ, platform))


def test_all_errors_have_one_root() -> None:
    raised = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Exception)]
    assert all(issubclass(each, MemoryOpsClientError) for each in raised)
    assert all(each.__name__ in (errors.__doc__ or "") for each in raised)
