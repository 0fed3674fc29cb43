"""`memoryops serve` in a process of its own on loopback, and clients of it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

from memoryops.stores.embedded.ending import stop_owner

COMMAND = [sys.executable, "-P", "-m", "memoryops.mcp_server.cli.main", "serve", "--json"]
SLACK = 2.5
"""Seconds that a busy machine may take besides."""


@dataclass
class Served:
    """A server that accepts connections; *token* is empty where it asks for none."""

    process: subprocess.Popen[bytes]
    folder: Path
    base: str
    token: str
    errors: Path

    @property
    def port(self) -> int:
        return int(self.base.rpartition(":")[2])

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    @property
    def said(self) -> str:
        """What it wrote to standard error."""
        return self.errors.read_text(encoding="utf-8")

    @asynccontextmanager
    async def client(self, transport: str = "http", mode: str = "auto") -> AsyncIterator[Client]:
        """The SDK's client over Streamable HTTP ("http") or SSE ("sse")."""
        if transport == "sse":
            connection: Any = sse_client(f"{self.base}/sse", self.headers)
            async with Client(connection, mode=mode, read_timeout_seconds=60) as client:
                yield client
        else:
            async with httpx2.AsyncClient(headers=self.headers, timeout=60) as http:
                connection = streamable_http_client(f"{self.base}/mcp", http_client=http)
                async with Client(connection, mode=mode, read_timeout_seconds=60) as client:
                    yield client

    def http(self) -> httpx2.Client:
        """Plain HTTP with the token."""
        return httpx2.Client(base_url=self.base, headers=self.headers, timeout=60)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send the signal *number*, and the status that the process ends with."""
        self.process.send_signal(number)
        return self.process.wait(60)


@contextmanager
def serving(folder: Path, *arguments: str, **settings: str) -> Iterator[Served]:
    env = {**os.environ, "MEMORYOPS_DATA_DIR": str(folder), "MEMORYOPS_ENCODER": "hashing:64", **settings}
    with tempfile.TemporaryDirectory() as logs:
        errors = Path(logs) / "stderr"
        with errors.open("wb") as stderr:
            port = [] if "--port" in arguments else ["--port", "0"]
            process = subprocess.Popen([*COMMAND, *port, *arguments], stdout=-1, stderr=stderr, env=env)
        with process:
            try:
                assert process.stdout is not None
                printed = b""
                while not printed.endswith(b"}\n"):
                    line = process.stdout.readline()
                    assert line, errors.read_text(encoding="utf-8")
                    printed += line
                place = json.loads(printed)
                token = Path(place["token_file"]).read_text(encoding="ascii").strip() if place["token_file"] else ""
                yield Served(process, folder, place["url"].removesuffix("/mcp"), token, errors)
            finally:
                process.kill()


@pytest.fixture
def serve(folder: Path) -> Callable[..., AbstractContextManager[Served]]:
    """Starts a server on this test's own folder, with more arguments and settings."""

    def start(*arguments: str, **settings: str) -> AbstractContextManager[Served]:
        return serving(folder, *arguments, **settings)

    return start


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """One server for the tests of a module."""
    folder = Path(tempfile.mkdtemp(prefix="mo-", dir="/tmp" if os.name == "posix" else None))
    try:
        with serving(folder) as server:
            yield server
    finally:
        stop_owner(folder)
        shutil.rmtree(folder, ignore_errors=True)
