"""REST under load: requests per second and latency of each operation, with a key from the store, on loopback.

The server runs as users run it; the load comes from a second process over connections that stay open. Beside them
stands `/health`, which asks no key and does nothing: what is above it is the price of an operation.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps
from memoryops.memory.settings import Settings
from memoryops.stores.embedded.client import stop_owner

WORDS = "refund invoice bank rounding token deploy database sqlite qdrant agent memory budget window".split()


@dataclass(frozen=True)
class Request:
    """One kind of request, as its line and body."""

    name: str
    method: str
    path: str
    body: Any = None

    def raw(self, host: str, key: str) -> bytes:
        body = b"" if self.body is None else json.dumps(self.body).encode()
        head = f"{self.method} {self.path} HTTP/1.1\r\nHost: {host}\r\nX-API-Key: {key}\r\n"
        kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        return f"{head}{kind}\r\n".encode() + body


async def _connection(host: str, port: int, raw: bytes, until: float, took: list[float]) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    while time.perf_counter() < until:
        started = time.perf_counter()
        writer.write(raw)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")), head
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(length)
        took.append(time.perf_counter() - started)
    writer.close()


def load(arguments: argparse.Namespace) -> None:
    """What the second process does: send one request over and over, and print how long each took."""
    took: list[float] = []
    raw = bytes.fromhex(arguments.load)
    until = time.perf_counter() + arguments.seconds

    async def every() -> None:
        await asyncio.gather(
            *(_connection("127.0.0.1", arguments.port, raw, until, took) for _ in range(arguments.connections))
        )

    asyncio.run(every())
    print(json.dumps(took))


@contextmanager
def serving(folder: Path) -> Iterator[int]:
    """The port of a server on *folder*."""
    command = [sys.executable, "-P", "-m", "memoryops.mcp_server.cli.main", "serve", "--json", "--port", "0"]
    env = {**os.environ, "MEMORYOPS_DATA_DIR": str(folder)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env) as process:
        try:
            assert process.stdout is not None
            printed = b""
            while not printed.endswith(b"}\n"):
                printed += process.stdout.readline()
            yield int(json.loads(printed)["url"].removesuffix("/mcp").rpartition(":")[2])
        finally:
            process.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1000, help="memories in the store")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each operation is asked for")
    parser.add_argument("--connections", type=int, default=8, help="connections at once")
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--load", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.load:
        load(arguments)
        return
    with tempfile.TemporaryDirectory(prefix="mo-", dir="/tmp" if os.name == "posix" else None) as name:
        folder = Path(name)
        try:
            measure(folder, arguments)
        finally:
            stop_owner(folder)


def measure(folder: Path, arguments: argparse.Namespace) -> None:
    with MemoryOps.open(settings=Settings(data_dir=folder), scope=Scope(role="admin")) as ops:
        entries = [
            {"content": f"{WORDS[n % 13]} {WORDS[n % 11]} {WORDS[n % 7]} number {n}"} for n in range(arguments.items)
        ]
        id = ops.add_many(entries)[0].id
        key = ops.keys.create("benchmark").secret
    requests = [
        Request("health (no key)", "GET", "/health"),
        Request("retrieve", "GET", f"/v1/items/{id}"),
        Request("raw text", "GET", f"/v1/items/{id}/raw"),
        Request("list tasks", "GET", "/v1/tasks"),
        Request("search", "POST", "/v1/search", {"query": "rounding of refunds", "limit": 5}),
        Request("add (a duplicate)", "POST", "/v1/items", {"content": entries[0]["content"]}),
        Request("state", "GET", "/v1/state"),
    ]
    print(f"{arguments.items} memories, {arguments.connections} connections, load from a second process")
    print(f"{'operation':20} {'per second':>10} {'p50 ms':>8} {'p99 ms':>8}")
    with serving(folder) as port:
        for request in requests:
            took = _asked(request, port, key, arguments)
            quantiles = statistics.quantiles(took, n=100)
            rate = len(took) / arguments.seconds
            print(f"{request.name:20} {rate:10.0f} {1000 * quantiles[49]:8.2f} {1000 * quantiles[98]:8.2f}", flush=True)


def _asked(request: Request, port: int, key: str, arguments: argparse.Namespace) -> list[float]:
    raw = request.raw(f"127.0.0.1:{port}", key).hex()
    command = [sys.executable, __file__, "--load", raw, "--port", str(port), "--connections"]
    for seconds in (1.0, arguments.seconds):  # the first warms up
        options = [str(arguments.connections), "--seconds", str(seconds)]
        ran = subprocess.run([*command, *options], check=True, capture_output=True, text=True)
    found: list[float] = json.loads(ran.stdout)
    return found


if __name__ == "__main__":
    main()
