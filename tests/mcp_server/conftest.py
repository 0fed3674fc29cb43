"""A data folder whose owner is stopped afterwards, the command line in this process, and clients of the server."""

import json
import logging
import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import anyio
import pytest
from mcp import Client
from mcp_types import CallToolResult

from memoryops.mcp_server.cli.main import main
from memoryops.mcp_server.face import Face
from memoryops.mcp_server.runtime import Runtime
from memoryops.mcp_server.server import build_server
from memoryops.memory.service import MemoryOps
from memoryops.stores.embedded.ending import stop_owner
from memoryops.stores.in_memory import InMemoryStore

T = TypeVar("T")


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """What a test configures ends with it."""
    root, sdk = logging.getLogger(), logging.getLogger("mcp")
    before, level, sdk_level = root.handlers[:], root.level, sdk.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    sdk.setLevel(sdk_level)


@pytest.fixture
def folder(data_dir: Path) -> Iterator[Path]:
    """An empty data folder of this test alone."""
    yield data_dir
    stop_owner(data_dir)


@pytest.fixture(scope="session")
def shared_folder() -> Iterator[Path]:
    """One data folder for all tests that keep to a workspace of their own; its owner is started once."""
    path = Path(tempfile.mkdtemp(prefix="mo-", dir="/tmp" if os.name == "posix" else None))
    yield path
    stop_owner(path)
    shutil.rmtree(path, ignore_errors=True)


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it printed."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Ran]


@pytest.fixture
def cli(shared_folder: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs `memoryops` in this process, on the shared folder in this test's own workspace."""

    def run(*arguments: str, here: bool = True) -> Ran:
        place = ["--data-dir", str(shared_folder), "--workspace", request.node.name[:100]] if here else []
        status = main([*place, *arguments])
        printed = capsys.readouterr()
        return Ran(status, printed.out, printed.err)

    return run


@pytest.fixture
def ops() -> MemoryOps:
    """A memory in this process, gone with it."""
    return MemoryOps(InMemoryStore())


Conversation = Callable[[Client], Awaitable[T]]
Connect = Callable[..., Client]
ERAS = ("legacy", "2026-07-28")


@pytest.fixture(params=ERAS)
def era(request: pytest.FixtureRequest) -> str:
    """Each protocol era: the one with a handshake, and the one without."""
    return str(request.param)


@pytest.fixture
def connect(ops: MemoryOps) -> Connect:
    """Makes a client of a server over *ops*, without a process or a pipe; options are the client's."""

    def make(face: Face | None = None, **options: Any) -> Client:
        shown = face or Face()
        seen = ops.with_scope(replace(ops.scope, role="human")) if shown.human else ops
        return Client(build_server(Runtime(lambda: seen), face=shown), **options)

    return make


@pytest.fixture
def converse(connect: Connect) -> Callable[[Conversation[T]], T]:
    """Lets a coroutine talk to a server over *ops*."""

    def run(conversation: Conversation[T], **options: Any) -> T:
        async def connected() -> T:
            async with connect(**options) as client:
                return await conversation(client)

        return anyio.run(connected)

    return run


@pytest.fixture
def call(converse: Callable[..., CallToolResult]) -> Callable[..., CallToolResult]:
    """Calls one tool of the server over *ops*."""

    def run(tool: str, **arguments: Any) -> CallToolResult:
        return converse(lambda client: client.call_tool(tool, arguments))

    return run


@pytest.fixture
def result(converse: Callable[..., CallToolResult]) -> Callable[..., dict[str, Any]]:
    """Calls one tool and gives its structured result; `face` chooses whose client calls."""

    def run(tool: str, face: Face | None = None, **arguments: Any) -> dict[str, Any]:
        answer = converse(lambda client: client.call_tool(tool, arguments), face=face)
        assert not answer.is_error, answer.content
        assert isinstance(answer.structured_content, dict)
        return answer.structured_content

    return run


@pytest.fixture
def refused(converse: Callable[..., CallToolResult]) -> Callable[..., str]:
    """Calls one tool that fails, and gives what the caller is told."""

    def run(tool: str, face: Face | None = None, **arguments: Any) -> str:
        answer = converse(lambda client: client.call_tool(tool, arguments), face=face)
        assert answer.is_error
        told = " ".join(getattr(block, "text", "") for block in answer.content)
        assert "Traceback" not in told
        return told

    return run
