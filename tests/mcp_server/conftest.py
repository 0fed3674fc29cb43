"""A data folder whose owner is stopped afterwards, the command line in this process, and clients of the server."""

import json
import logging
import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import anyio
import pytest
from mcp import Client
from mcp_types import CallToolResult

from memoryops.mcp_server.cli.main import main
from memoryops.mcp_server.runtime import Runtime
from memoryops.mcp_server.server import build_server
from memoryops.memory.service import MemoryOps
from memoryops.stores.embedded.client import stop_owner
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


@pytest.fixture
def converse(ops: MemoryOps) -> Callable[[Conversation[T]], T]:
    """Lets a coroutine talk to a server over *ops*, without a process or a pipe."""

    def run(conversation: Conversation[T]) -> T:
        async def connected() -> T:
            async with Client(build_server(Runtime(lambda: ops))) as client:
                return await conversation(client)

        return anyio.run(connected)

    return run


@pytest.fixture
def call(converse: Callable[[Conversation[CallToolResult]], CallToolResult]) -> Callable[..., CallToolResult]:
    """Calls one tool of the server over *ops*."""

    def run(tool: str, **arguments: Any) -> CallToolResult:
        return converse(lambda client: client.call_tool(tool, arguments))

    return run
