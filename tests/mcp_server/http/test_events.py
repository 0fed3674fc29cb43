"""A stream that broke in the middle of a call is taken up again, and its answer comes."""

import json
from typing import Any

import anyio
import pytest
from mcp.server.streamable_http import EventMessage
from mcp_types import JSONRPCMessage, JSONRPCNotification

from memoryops.mcp_server.http.events import Events
from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps
from memoryops.memory.settings import Settings

VERSION = "2025-11-25"


def events(lines: Any) -> Any:
    """The id and data of each event of a stream."""
    id = ""
    for line in lines:
        if line.startswith("id:"):
            id = line[3:].strip()
        elif line.startswith("data:"):
            yield id, line[5:].strip()


def test_an_answer_is_fetched_after_the_stream_broke(served: Any) -> None:
    headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": VERSION}
    hello = {"protocolVersion": VERSION, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}

    def message(method: str, params: dict[str, Any], id: int | None = None) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "method": method, "params": params, **({} if id is None else {"id": id})}

    with served.http() as http:
        first = http.post("/mcp", json=message("initialize", hello, 1), headers=headers)
        headers["Mcp-Session-Id"] = first.headers["mcp-session-id"]
        http.post("/mcp", json=message("notifications/initialized", {}), headers=headers)
        call = message("tools/call", {"name": "hil_request", "arguments": {"question": "Still there?", "wait": 45}}, 2)
        with http.stream("POST", "/mcp", json=call, headers=headers) as stream:
            last, data = next(events(stream.iter_lines()))
            assert (bool(last), data) == (True, "")  # where the stream begins
        settings = Settings(data_dir=served.folder, encoder="hashing:64")
        with MemoryOps.open(settings=settings, scope=Scope(role="human")) as person:
            while not (pending := person.hil.list(status="pending").requests):
                pass
            person.hil.answer(pending[0].id, "yes")
        with http.stream("GET", "/mcp", headers=headers | {"Last-Event-ID": last}) as stream:
            assert stream.status_code == 200
            answer = next(json.loads(data) for _, data in events(stream.iter_lines()) if data)
    assert answer["id"] == 2
    assert answer["result"]["structuredContent"]["answer"] == "yes"


def replayed(store: Events, id: str) -> tuple[str | None, list[str]]:
    seen: list[str] = []

    async def see(event: EventMessage) -> None:
        seen.append(getattr(event.message, "method", ""))

    return anyio.run(store.replay_events_after, id, see), seen


def kept(store: Events, stream: str, method: str | None) -> str:
    message: JSONRPCMessage | None = JSONRPCNotification(jsonrpc="2.0", method=method) if method else None
    return anyio.run(store.store_event, stream, message)


def test_only_what_followed_on_the_same_stream_is_sent_again() -> None:
    store = Events()
    begin = kept(store, "a", None)
    kept(store, "b", "other")
    one = kept(store, "a", "one")
    kept(store, "a", "two")
    assert replayed(store, begin) == ("a", ["one", "two"])
    assert replayed(store, one) == ("a", ["two"])
    assert replayed(store, "guessed") == (None, [])


@pytest.mark.parametrize("store", [Events(most_events=2), Events(most_bytes=100)])
def test_the_oldest_go_first(store: Events) -> None:
    ids = [kept(store, "a", f"a method with a name of some length {n}") for n in range(5)]
    assert replayed(store, ids[0]) == (None, [])
    assert replayed(store, ids[4]) == ("a", [])
