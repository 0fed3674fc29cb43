"""REST: what each operation takes beside the same one in Python, and how many of them under load; on loopback.

The server runs as users run it, with a key from the store. First one call at a time, in turn with the same call of the
façade in this process, so that whatever else the machine does hits both alike. Then load from a second process over
connections that stay open. `/health`, which asks no key and does nothing, stands beside them: what is above it is the
price of an operation.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps
from memoryops.memory.settings import Settings
from memoryops.stores.embedded.ending import stop_owner

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


@dataclass(frozen=True)
class Operation:
    """An operation by both ways: over REST, and as a call of the façade. *number* makes each call another."""

    name: str
    request: Callable[[int], Request]
    call: Callable[[int], object]


def operations(ops: MemoryOps, ids: list[str]) -> list[Operation]:
    def text(number: int) -> str:
        return f"{WORDS[number % 13]} {WORDS[number % 11]} was moved to {number} by {WORDS[number % 7]}"

    def some(number: int) -> str:
        return ids[number % len(ids)]

    def question(number: int) -> str:
        return f"what of the {WORDS[number % 13]} and {number}"

    def post(path: str, **body: Any) -> Request:
        return Request("", "POST", path, body)

    return [
        Operation(
            "add, one short note",
            lambda n: post("/v1/items", content=f"rest {text(n)}"),
            lambda n: ops.add(f"here {text(n)}"),
        ),
        Operation("retrieve", lambda n: Request("", "GET", f"/v1/items/{some(n)}"), lambda n: ops.retrieve(some(n))),
        Operation(
            "search", lambda n: post("/v1/search", query=question(n), limit=8), lambda n: ops.search(question(n), 8)
        ),
        Operation(
            "working set, 2,000 tokens",
            lambda n: post("/v1/workingset", purpose=question(n), budget_tokens=2000),
            lambda n: ops.context(question(n), 2000),
        ),
        Operation("task: create", lambda n: post("/v1/tasks", title=text(n)), lambda n: ops.tasks.create(text(n))),
        Operation("task: list", lambda n: Request("", "GET", "/v1/tasks"), lambda n: ops.tasks.list()),
        Operation("state", lambda n: Request("", "GET", "/v1/state"), lambda n: ops.state()),
    ]


def latencies(ops: MemoryOps, ids: list[str], key: str, port: int, times: int) -> None:
    """Print the median and the 95th percentile of *times* calls by each way."""
    print(f"{'operation':28} {'REST p50':>9} {'p95':>7} {'façade p50':>11} {'p95':>7} {'added':>7}   (ms)")
    host = f"127.0.0.1:{port}"
    with socket.create_connection(("127.0.0.1", port)) as connection, connection.makefile("rb") as answers:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for operation in operations(ops, ids):
            rest: list[float] = []
            here: list[float] = []
            for number in range(times + 10):  # another one each time, so that nothing is at hand for the second
                raw = operation.request(2 * number).raw(host, key)
                took = (
                    _timed(partial(_answered, connection, answers, raw)),
                    _timed(partial(operation.call, 2 * number + 1)),
                )
                if number >= 10:  # the first warm up
                    rest.append(took[0])
                    here.append(took[1])
            added = statistics.median(mine - theirs for mine, theirs in zip(rest, here, strict=True))
            figures = [statistics.median(rest), _high(rest), statistics.median(here), _high(here), added]
            shown = "{:9.2f} {:7.2f} {:11.2f} {:7.2f} {:7.2f}".format(*(1000 * each for each in figures))
            print(f"{operation.name:28} {shown}", flush=True)


def _answered(connection: socket.socket, answers: BinaryIO, raw: bytes) -> None:
    connection.sendall(raw)
    status = answers.readline()
    assert status.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")), status
    length = 0
    while (line := answers.readline()) != b"\r\n":
        if line.lower().startswith(b"content-length:"):
            length = int(line[15:])
    answers.read(length)


def _timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _high(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1000, help="memories in the store")
    parser.add_argument("--times", type=int, default=200, help="calls of each kind, one at a time")
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
    with ExitStack() as stack:
        ops = stack.enter_context(MemoryOps.open(settings=Settings(data_dir=folder), scope=Scope(role="admin")))
        entries = [
            {"content": f"{WORDS[n % 13]} {WORDS[n % 11]} {WORDS[n % 7]} number {n}"} for n in range(arguments.items)
        ]
        ids = [each.id for each in ops.add_many(entries)]
        key = ops.keys.create("benchmark").secret
        port = stack.enter_context(serving(folder))
        print(f"{arguments.items} memories, {arguments.times} calls of each kind, one at a time")
        latencies(ops, ids, key, port, arguments.times)
        under_load(ids[0], entries[0]["content"], key, port, arguments)


def under_load(id: str, content: str, key: str, port: int, arguments: argparse.Namespace) -> None:
    requests = [
        Request("health (no key)", "GET", "/health"),
        Request("retrieve", "GET", f"/v1/items/{id}"),
        Request("raw text", "GET", f"/v1/items/{id}/raw"),
        Request("list tasks", "GET", "/v1/tasks"),
        Request("search", "POST", "/v1/search", {"query": "rounding of refunds", "limit": 5}),
        Request("add (a duplicate)", "POST", "/v1/items", {"content": content}),
        Request("state", "GET", "/v1/state"),
    ]
    print(f"\n{arguments.connections} connections at once, load from a second process")
    print(f"{'operation':20} {'per second':>10} {'p50 ms':>8} {'p99 ms':>8}")
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
