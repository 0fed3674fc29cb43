"""The real server in a process of its own, talked to over its standard input and output."""

import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import anyio
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp_types import CallToolResult

from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps

T = TypeVar("T")

MODULE = ["-P", "-m", "memoryops.mcp_server.server"]
HEAVY = ("fastembed", "msgpack", "numpy", "onnxruntime", "qdrant_client", "qdrant_edge", "tokenizers", "torch")

NOISY = """
import builtins, os, sys
from importlib.abc import MetaPathFinder
from memoryops.mcp_server.server import serve_stdio

class Noise(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        print("a library says hello at import:", name)
        os.write(1, b"and so does its native code\\n")

sys.meta_path.insert(0, Noise())
status = serve_stdio()
print("goodbye")
sys.exit(status)
"""


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """For a server on *folder*, whose owner needs no model."""
    return {**os.environ, "MEMORYOPS_DATA_DIR": str(folder), "MEMORYOPS_ENCODER": "hashing:64", **settings}


class Raw:
    """A client that sends and reads lines itself."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process, self.lines = process, list[bytes]()

    def send(self, method: str, id: int | None = None, **params: Any) -> None:
        message = {"jsonrpc": "2.0", "method": method, "params": params, **({} if id is None else {"id": id})}
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def receive(self) -> Any:
        assert self.process.stdout is not None
        self.lines.append(self.process.stdout.readline())
        return json.loads(self.lines[-1])

    def initialize(self) -> Any:
        info = {"name": "test", "version": "1"}
        self.send("initialize", 1, protocolVersion="2025-06-18", capabilities={}, clientInfo=info)
        reply = self.receive()
        self.send("notifications/initialized")
        return reply

    def call(self, number: int, tool: str, **arguments: Any) -> Any:
        self.send("tools/call", number, name=tool, arguments=arguments)
        return self.receive()["result"]


@contextmanager
def serving(command: list[str], env: dict[str, str], errors: Path) -> Iterator[Raw]:
    with errors.open("wb") as stderr:
        process = subprocess.Popen(command, stdin=-1, stdout=-1, stderr=stderr, env=env)
        with process:
            raw = Raw(process)
            yield raw
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.close()
            raw.lines += process.stdout.readlines()


def converse(folder: Path, conversation: Callable[[Client], Awaitable[T]], **settings: str) -> T:
    """What *conversation* gives, held by the SDK's client with the real server on *folder*."""
    server = StdioServerParameters(command=sys.executable, args=MODULE, env=environment(folder, **settings))

    async def connected() -> T:
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
            async with Client(stdio_client(server, nowhere), read_timeout_seconds=60) as client:
                return await conversation(client)

    return anyio.run(connected)


def text(answer: CallToolResult) -> str:
    return " ".join(getattr(block, "text", "") for block in answer.content)


def test_initialize_is_answered_before_anything_heavy_is_imported(folder: Path, tmp_path: Path) -> None:
    errors = tmp_path / "stderr"
    command = [sys.executable, "-X", "importtime", *MODULE]

    def imported() -> set[str]:
        return {line.rpartition("|")[2].strip().partition(".")[0] for line in errors.read_text().splitlines()}

    with serving(command, environment(folder), errors) as raw:
        assert raw.initialize()["result"]["serverInfo"]["name"] == "memoryops"
        raw.send("tools/list", 2)
        assert len(raw.receive()["result"]["tools"]) == 19
        assert "mcp" in imported()
        assert imported().isdisjoint(HEAVY)
        assert not list(folder.iterdir())
        raw.call(3, "memory_add", content="now the store is opened")
        assert "msgpack" in imported()
    assert raw.process.returncode == 0


def test_nothing_but_protocol_is_on_stdout_whatever_libraries_print(folder: Path, tmp_path: Path) -> None:
    errors = tmp_path / "stderr"
    with serving([sys.executable, "-P", "-c", NOISY], environment(folder), errors) as raw:
        raw.initialize()
        assert raw.call(2, "memory_add", content="quiet, please")["structuredContent"]["results"]
        assert raw.call(3, "memory_search", query="quiet")["structuredContent"]["hits"]
    assert [json.loads(line)["jsonrpc"] for line in raw.lines] == ["2.0"] * len(raw.lines)
    said = errors.read_text()
    assert "a library says hello at import: mcp" in said
    assert "and so does its native code" in said
    assert "goodbye" in said


def test_the_sdks_client_adds_finds_and_reads(folder: Path) -> None:
    original = "Die Fähre fährt um 6:25.\r\n" + "A long log line about ferries.\n" * 2000

    async def talk(client: Client) -> str:
        added = await client.call_tool("memory_add", {"content": original, "content_type": "log"})
        assert isinstance(added.structured_content, dict), text(added)
        id = added.structured_content["results"][0]["id"]
        found = await client.call_tool("memory_search", {"query": "when does the ferry leave", "limit": 1})
        assert isinstance(found.structured_content, dict), text(found)
        assert found.structured_content["hits"][0]["id"] == id
        pages: list[str] = []
        offset: int | None = 0
        while offset is not None:
            page = await client.call_tool("memory_retrieve", {"id": id, "offset": offset})
            assert isinstance(page.structured_content, dict), text(page)
            pages.append(page.structured_content["content"])
            offset = page.structured_content.get("next_offset")
        assert len(pages) > 2
        return "".join(pages)

    assert converse(folder, talk) == original


def test_two_servers_on_one_folder_see_each_others_writes_at_once(folder: Path) -> None:
    async def outer(first: Client) -> None:
        added = await first.call_tool("memory_add", {"content": "seen by both"})
        server = StdioServerParameters(command=sys.executable, args=MODULE, env=environment(folder))
        async with Client(server) as second:
            found = await second.call_tool("memory_search", {"query": "seen by both"})
            assert "seen by both" in text(found)
            again = await second.call_tool("memory_add", {"content": "seen by both"})
            assert isinstance(added.structured_content, dict)
            assert isinstance(again.structured_content, dict)
            (one,), (other,) = added.structured_content["results"], again.structured_content["results"]
            assert (other["id"], other["action"]) == (one["id"], "duplicate")

    converse(folder, outer)


def test_the_scope_of_the_settings_holds(folder: Path) -> None:
    async def add(client: Client) -> CallToolResult:
        return await client.call_tool("memory_add", {"content": "of this agent", "thread": "t"})

    assert not converse(folder, add, MEMORYOPS_WORKSPACE="w", MEMORYOPS_AGENT="a", MEMORYOPS_THREAD="t").is_error
    assert "bound to the thread 'u'" in text(converse(folder, add, MEMORYOPS_THREAD="u"))
    with MemoryOps.open(folder, scope=Scope(workspace="w")) as ops:
        (hit,) = ops.search("agent").hits
        assert (hit.agent, hit.thread) == ("a", "t")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"MEMORYOPS_OWNER_IDLE": "soon"}, "MEMORYOPS_OWNER_IDLE is 'soon'; give a number"),
        ({"MEMORYOPS_ROLE": "king"}, "'king'"),
    ],
)
def test_wrong_settings_are_told_at_each_call(folder: Path, settings: dict[str, str], said: str) -> None:
    async def search(client: Client) -> CallToolResult:
        await client.call_tool("memory_search", {"query": "a"})
        return await client.call_tool("memory_search", {"query": "a"})

    answer = converse(folder, search, **settings)
    assert answer.is_error
    assert said in text(answer)


def test_a_damaged_folder_is_told_and_the_server_lives_on(folder: Path) -> None:
    folder.joinpath("documents.sqlite").write_bytes(b"no database" * 1000)

    async def search(client: Client) -> list[CallToolResult]:
        return [await client.call_tool("memory_search", {"query": "a"}) for _ in range(2)]

    for answer in converse(folder, search):
        assert answer.is_error
        assert "documents.sqlite" in text(answer)
        assert "Traceback" not in text(answer)


def test_the_log_is_json_where_that_is_set_and_holds_no_content(folder: Path, tmp_path: Path) -> None:
    errors = tmp_path / "stderr"
    env = environment(folder, MEMORYOPS_LOG_FORMAT="json", MEMORYOPS_LOG_LEVEL="INFO")
    with serving([sys.executable, *MODULE], env, errors) as raw:
        raw.initialize()
        raw.call(2, "memory_add", content="private matters")
        raw.call(3, "memory_retrieve", id="private-id")
    lines = [json.loads(line) for line in errors.read_text().splitlines()]
    assert {"timestamp", "level", "logger", "message"} <= set(lines[0])
    assert [line["tool"] for line in lines if "tool" in line] == ["memory_add", "memory_retrieve"]
    assert "private" not in errors.read_text()


def test_a_line_that_is_no_message_is_answered(folder: Path, tmp_path: Path) -> None:
    errors = tmp_path / "stderr"
    nested = '{"a":' * 300 + "1" + "}" * 300
    call = '{"jsonrpc":"2.0","id":77,"method":"tools/call","params":{"name":"memory_search","arguments":%s}}'
    with serving([sys.executable, *MODULE], environment(folder), errors) as raw:
        raw.initialize()
        assert raw.process.stdin is not None
        for line, id, code in (
            (call % '{"query":"cut \\ud83d"}', 77, -32600),
            (call % nested, 77, -32600),
            ("no json", None, -32700),
            ("[1]", None, -32700),
        ):
            raw.process.stdin.write(line.encode() + b"\n")
            raw.process.stdin.flush()
            reply = raw.receive()
            assert (reply["id"], reply["error"]["code"]) == (id, code), line[:60]
            assert "JSON-RPC 2.0" in reply["error"]["message"]
        assert not raw.call(3, "memory_state").get("isError")
    assert "cut" not in errors.read_text()
