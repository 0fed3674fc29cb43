"""Keys over HTTP, with a server in a process of its own: who is let in, where to, and until when."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client

from memoryops.memory.keys import NewKey
from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps
from memoryops.memory.settings import Settings
from memoryops.stores.embedded.ending import stop_owner

from .conftest import Served, serving

Serve = Callable[..., AbstractContextManager[Served]]


@pytest.fixture(scope="module")
def keyed() -> Iterator[Served]:
    """A server with keys in its environment."""
    folder = Path(tempfile.mkdtemp(prefix="mo-", dir="/tmp" if os.name == "posix" else None))
    try:
        with serving(folder, MEMORYOPS_API_KEYS="my-key,admin=the-boss") as server:
            yield server
    finally:
        stop_owner(folder)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def admin(keyed: Served) -> Iterator[MemoryOps]:
    """The folder of the server, opened by this process."""
    settings = Settings(data_dir=keyed.folder, encoder="hashing:64")
    with MemoryOps.open(settings=settings, scope=Scope("acme", role="admin")) as ops:
        yield ops


def key_of(admin: MemoryOps, **bound: Any) -> NewKey:
    return admin.keys.create(**bound)


@asynccontextmanager
async def client_of(served: Served, key: str, mode: str = "auto") -> Any:
    async with replace_token(served, key).client(mode=mode) as client:
        yield client


def replace_token(served: Served, key: str) -> Served:
    return replace(served, token=key)


async def state(client: Client) -> dict[str, Any]:
    found = await client.call_tool("memory_state", {})
    assert isinstance(found.structured_content, dict), found
    return found.structured_content


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
def test_tools_act_in_the_workspace_of_the_key(keyed: Served, admin: MemoryOps, mode: str) -> None:
    one, two = key_of(admin), key_of(admin.with_scope(Scope("umbrella", role="admin")))

    async def talk() -> list[dict[str, Any]]:
        async with client_of(keyed, one.secret, mode) as first, client_of(keyed, two.secret, mode) as second:
            await first.call_tool("memory_add", {"content": f"the acme plan, {mode}"})
            found = await second.call_tool("memory_search", {"query": "plan"})
            assert found.structured_content == {"hits": [], "tokens": 0, "truncated": False}
            own = await first.call_tool("memory_search", {"query": "plan"})
            assert own.structured_content is not None
            assert own.structured_content["hits"]
            return [await state(first), await state(second)]

    assert [each["workspace"] for each in anyio.run(talk)] == ["acme", "umbrella"]


def test_a_session_belongs_to_the_key_that_opened_it(keyed: Served, admin: MemoryOps) -> None:
    opener, other = key_of(admin), key_of(admin)
    opening = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
    }
    accept = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}

    def post(key: str, body: dict[str, Any], **more: str) -> httpx2.Response:
        headers = {**accept, "Authorization": f"Bearer {key}", **more}
        return httpx2.post(f"{keyed.base}/mcp", content=json.dumps(body), headers=headers)

    session = post(opener.secret, opening).headers["mcp-session-id"]
    ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
    assert post(opener.secret, ping, **{"Mcp-Session-Id": session}).status_code == 200
    for key in (other.secret, keyed.token, "my-key"):
        assert post(key, ping, **{"Mcp-Session-Id": session}).status_code == 404
    admin.keys.revoke(opener.key.id)
    assert post(opener.secret, ping, **{"Mcp-Session-Id": session}).status_code == 401


def ask(served: Served, **headers: str) -> int:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.get(f"{served.base}/nothing", headers=names, timeout=60).status_code


def test_every_kind_of_key_opens(keyed: Served, admin: MemoryOps) -> None:
    made = key_of(admin)
    for key in (keyed.token, "my-key", "the-boss", made.secret):
        assert ask(keyed, x_api_key=key) == 404
        assert ask(keyed, authorization=f"Bearer {key}") == 404
        assert ask(keyed, x_api_key=key, authorization="Bearer sk-for-a-model") == 404
        assert ask(keyed, x_api_key=key, authorization="Basic dXNlcjpwYXNz") == 404


def test_nothing_else_opens(keyed: Served, admin: MemoryOps) -> None:
    made, other = key_of(admin), key_of(admin)
    assert ask(keyed) == 401
    for wrong in ("my-keyx", "MY-KEY", "mo_", made.key.prefix, made.secret[:-1], "x" * 2000, "admin=the-boss"):
        assert ask(keyed, x_api_key=wrong) == 401
        assert ask(keyed, authorization=f"Bearer {wrong}") == 401
    assert ask(keyed, x_api_key="wrong", authorization=f"Bearer {made.secret}") == 401
    assert ask(keyed, x_api_key=other.secret, authorization=f"Bearer {made.secret}") == 401
    twice = httpx2.get(f"{keyed.base}/nothing", headers=[("X-API-Key", "my-key"), ("X-API-Key", "my-key")])
    assert twice.status_code == 401


def test_a_key_that_another_process_ends_is_refused_with_the_next_request(keyed: Served, admin: MemoryOps) -> None:
    made = key_of(admin)
    assert ask(keyed, x_api_key=made.secret) == 404
    admin.keys.revoke(made.key.id)
    assert ask(keyed, x_api_key=made.secret) == 401


def test_a_known_key_is_good_while_the_owner_is_away(keyed: Served, admin: MemoryOps) -> None:
    made = key_of(admin)
    assert ask(keyed, x_api_key=made.secret) == 404
    stop_owner(keyed.folder)
    assert ask(keyed, x_api_key=made.secret) == 404


def test_keys_are_in_no_log(serve: Serve) -> None:
    with serve(MEMORYOPS_API_KEYS="env-secret-key", MEMORYOPS_LOG_LEVEL="DEBUG") as served:
        ask(served, x_api_key="env-secret-key")
        ask(served, authorization="Bearer wrong-secret-key")
        served.stop()
        assert "secret-key" not in served.said
        assert served.token not in served.said


def test_beyond_this_machine_a_server_wants_keys_of_its_own(cli: Any, data_dir: Path) -> None:
    folder = ("--data-dir", str(data_dir))  # other tests have made keys in the shared one
    ran = cli(*folder, "serve", "--host", "0.0.0.0", "--port", "0", "--allow-host", "here", here=False)
    assert ran.status == 1
    assert "memoryops keys create" in ran.err


def test_every_answer_tells_browsers_to_keep_out(keyed: Served) -> None:
    answer = httpx2.get(f"{keyed.base}/health")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not any(name.startswith("access-control") for name in answer.headers)


def test_without_auth_a_key_of_ours_still_counts(serve: Serve) -> None:
    with serve("--no-auth") as served:
        assert ask(served) == 404
        assert ask(served, authorization="Bearer sk-for-a-model") == 404
        assert ask(served, x_api_key=f"mo_{'a' * 12}_{'b' * 43}") == 401
