"""What the gateway adds to a request, beside a bare pass-through proxy in the same run, all on loopback.

Four processes: this one makes the load; an upstream answers at once; a bare proxy of the same server library and of
httpx2 only passes on; and `memoryops serve`. The ways are taken in turn, request by request, so that whatever else
the machine does hits all of them alike; a tenth of a second apart. CPU is that of the process in the middle (with the
memory's owner), for each request, what happens after its reply included.

    python benchmarks/gateway.py
    python benchmarks/gateway.py --requests 300 --items 10000 --streams 200
    python benchmarks/gateway.py --soak 100000
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
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil
from corpus import Sentences
from rich.console import Console
from rich.table import Table

from memoryops import MemoryOps
from memoryops.memory.evaluation import wait_until_embedded
from memoryops.memory.scope import Scope
from memoryops.stores.embedded.ending import stop_owner

PAUSE = 0.1
"""Seconds between two requests: what the gateway does after a reply is over before the next way's turn."""
CHUNKS = 50
"""Events of one stream."""
USER = "bench"
ANSWER = json.dumps(
    {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Fine."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
    }
).encode()


async def upstream(listener: socket.socket) -> None:
    """Answers each request at once: a short completion, or a stream of numbered events."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
                body = await reader.readexactly(int(fields.get(b"content-length", b"0")))
                if b'"stream": true' in body or b'"stream":true' in body:
                    await stream(writer)
                else:
                    size = str(len(ANSWER)).encode()
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: " + size)
                    writer.write(b"\r\n\r\n" + ANSWER)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def stream(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        for number in range(CHUNKS):
            event = f'data: {{"choices": [{{"index": 0, "delta": {{"content": "{number} "}}}}]}}\n\n'.encode()
            writer.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)
        writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
        await writer.drain()

    async with await asyncio.start_server(serve, sock=listener, limit=2**24) as server:
        await server.serve_forever()


def bare(listener: socket.socket, base: str) -> None:
    """A proxy that does nothing but pass on."""
    import uvicorn
    from starlette.requests import Request
    from starlette.responses import StreamingResponse

    transport = httpx2.AsyncHTTPTransport(trust_env=False, limits=httpx2.Limits(max_connections=None))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        kept = [(k, v) for k, v in request.headers.raw if k in (b"content-type", b"authorization")]
        asked = httpx2.Request("POST", f"{base}/chat/completions", headers=kept, content=await request.body())
        reply = await transport.handle_async_request(asked)

        async def chunks() -> AsyncIterator[bytes]:
            async for chunk in reply.aiter_raw():
                yield chunk
            await reply.aclose()

        response = StreamingResponse(chunks(), reply.status_code, media_type=reply.headers["content-type"])
        await response(scope, receive, send)

    config = uvicorn.Config(app, ws="none", lifespan="off", log_config=None, access_log=False)
    uvicorn.Server(config).run([listener])


@dataclass
class Way:
    """A way to the upstream: its URL, what is sent there, and the processes in the middle."""

    name: str
    url: str
    headers: dict[str, str]
    more: dict[str, Any]
    pids: list[int] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    cpu: float = 0.0
    degraded: int = 0

    def body(self, text: str, **more: Any) -> dict[str, Any]:
        return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}], **self.more, **more}


def cpu(pids: list[int]) -> float:
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids)


@contextmanager
def child(*arguments: str) -> Iterator[tuple[str, int]]:
    """This script as a process of its own that listens; its base URL and pid."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        base = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        os.set_inheritable(listener.fileno(), True)
        command = [sys.executable, __file__, *arguments, "--fd", str(listener.fileno())]
        process = subprocess.Popen(command, pass_fds=[listener.fileno()])
    try:
        yield base, process.pid
    finally:
        process.kill()
        process.wait()


@contextmanager
def gateway(folder: Path, base: str) -> Iterator[tuple[str, str, int]]:
    """`memoryops serve` on *folder*; its base URL, its token and its pid."""
    env = {**os.environ, "MEMORYOPS_DATA_DIR": str(folder), "MEMORYOPS_UPSTREAM_BASE": base}
    command = [sys.executable, "-P", "-m", "memoryops.mcp_server.cli.main", "serve", "--json", "--port", "0"]
    process = subprocess.Popen(command, stdout=-1, stderr=subprocess.DEVNULL, env=env)
    assert process.stdout is not None
    printed = b""
    while not printed.endswith(b"}\n"):
        printed += process.stdout.readline()
    place = json.loads(printed)
    try:
        yield place["url"].replace("/mcp", "/v1"), Path(place["token_file"]).read_text().strip(), process.pid
    finally:
        process.terminate()
        process.wait()


def filled(folder: Path, items: int) -> list[str]:
    """A memory of *items* sentences of one user; questions about them."""
    sentences = Sentences()
    with MemoryOps.open(folder, scope=Scope(user=USER)) as ops:
        ops.add_many([{"content": text} for text in sentences(0, items)])
        wait_until_embedded(ops)
    return sentences.questions(items, 1000)


def one(http: httpx2.Client, way: Way, text: str) -> float:
    """The seconds of one plain request."""
    began = time.perf_counter()
    reply = http.post(way.url, json=way.body(text), headers=way.headers)
    took = time.perf_counter() - began
    assert reply.status_code == 200, reply.text
    way.degraded += reply.headers.get("x-memory-status") == "degraded"
    return took


def token(http: httpx2.Client, way: Way, text: str) -> float:
    """The seconds until the first byte of a stream."""
    began = time.perf_counter()
    with http.stream("POST", way.url, json=way.body(text, stream=True), headers=way.headers) as reply:
        chunks = reply.iter_raw()
        next(chunks)
        took = time.perf_counter() - began
        for _ in chunks:
            pass
    return took


def latencies(ways: list[Way], requests: int, questions: list[str]) -> None:
    with httpx2.Client(timeout=60) as http:
        for number in range(requests + 20):
            text = questions[number % len(questions)]
            for way in ways:
                before = cpu(way.pids)
                took = one(http, way, text)
                time.sleep(PAUSE)
                if number >= 20:
                    way.latencies.append(took)
                    way.cpu += cpu(way.pids) - before
        for _ in range(max(5, requests // 10)):
            for way in ways:
                way.first.append(token(http, way, "Go on"))


async def streams(way: Way, number: int) -> tuple[int, float]:
    """How many of *number* streams at once came whole and in order, and the seconds of all."""
    limits = httpx2.Limits(max_connections=None)
    wanted = "".join(f"{n} " for n in range(CHUNKS))

    async def follow(http: httpx2.AsyncClient) -> bool:
        body = way.body("Go on", stream=True)
        async with http.stream("POST", way.url, json=body, headers=way.headers) as reply:
            data = b"".join([chunk async for chunk in reply.aiter_raw()]).decode()
        events = [line[6:] for line in data.split("\n") if line.startswith("data: ")]
        said = "".join(json.loads(event)["choices"][0]["delta"]["content"] for event in events[:-1])
        return said == wanted and events[-1] == "[DONE]"

    began = time.perf_counter()
    async with httpx2.AsyncClient(timeout=120, limits=limits) as http:
        whole = await asyncio.gather(*(follow(http) for _ in range(number)))
    return sum(whole), time.perf_counter() - began


@dataclass(frozen=True)
class Resident:
    """Resident memory (MB) after so many requests."""

    requests: int
    service: float
    owner: float


async def soaked(ways: list[Way], number: int, pid: int, owner: int) -> AsyncIterator[Resident]:
    """What is resident at the start and after each tenth of *number* requests, eight at a time; every twentieth is of
    the last of *ways*, the others of the first."""

    def now(done: int) -> Resident:
        service, other = (psutil.Process(each).memory_info().rss / 1e6 for each in (pid, owner))
        return Resident(done, service, other)

    async with httpx2.AsyncClient(timeout=60) as http:

        async def some(numbers: range) -> None:
            for n in numbers:
                way = ways[-1] if n % 20 == 0 else ways[0]
                body = way.body(f"Hello for the {n}th time")
                (await http.post(way.url, json=body, headers=way.headers)).raise_for_status()

        yield now(0)
        for tenth in range(10):
            begin, end = number * tenth // 10, number * (tenth + 1) // 10
            await asyncio.gather(*(some(range(begin + worker, end, 8)) for worker in range(8)))
            yield now(end)


def milliseconds(values: list[float], share: float) -> str:
    return f"{1000 * statistics.quantiles(values, n=100)[round(share * 100) - 1]:.1f}"


def shown(ways: list[Way], console: Console) -> None:
    table = Table("way", "p50 ms", "p95 ms", "added p50", "first token p50", "CPU ms", "degraded")
    direct = ways[0].latencies
    for way in ways:
        added = statistics.median(mine - theirs for mine, theirs in zip(way.latencies, direct, strict=True))
        table.add_row(
            way.name,
            milliseconds(way.latencies, 0.5),
            milliseconds(way.latencies, 0.95),
            f"{1000 * added:.1f}",
            f"{1000 * statistics.median(way.first):.1f}",
            f"{1000 * way.cpu / len(way.latencies):.1f}" if way.pids else "",
            str(way.degraded),
        )
    console.print(table)


@dataclass
class Bench:
    """The processes, and the ways through them: direct, bare proxy, gateway, gateway with recall."""

    ways: list[Way]
    pid: int
    owner: int
    questions: list[str]


@contextmanager
def bench(items: int) -> Iterator[Bench]:
    folder = Path(tempfile.mkdtemp(prefix="mo-"))
    with ExitStack() as stack:
        stack.callback(stop_owner, folder)
        questions = filled(folder, items)
        base, _ = stack.enter_context(child("--upstream"))
        proxy, proxy_pid = stack.enter_context(child("--bare", base))
        ours, secret, pid = stack.enter_context(gateway(folder, base))
        key = {"authorization": f"Bearer {secret}"}
        owner = json.loads((folder / "owner.json").read_text())["pid"]
        path = "/chat/completions"
        ways = [
            Way("direct", base + path, {}, {}),
            Way("bare proxy", proxy + path, {}, {}, [proxy_pid]),
            Way("gateway", ours + path, key, {}, [pid]),
            Way("gateway, recall", ours + path, key, {"user": USER}, [pid, owner]),
        ]
        time.sleep(3)
        yield Bench(ways, pid, owner, questions)


def measured(args: argparse.Namespace) -> None:
    console = Console(width=110)
    with bench(args.items) as found:
        ways = found.ways
        console.print(
            f"{args.items} memories, {args.requests} requests each way; load average {os.getloadavg()[0]:.1f}"
        )
        latencies(ways, args.requests, found.questions)
        shown(ways, console)
        for way in (ways[1], ways[2]):
            whole, seconds = asyncio.run(streams(way, args.streams))
            console.print(f"{way.name}: {whole} of {args.streams} streams at once whole and in order, {seconds:.1f} s")


def soak(args: argparse.Namespace) -> None:
    """Print what is resident as the requests go on."""

    async def run(found: Bench) -> None:
        points = []
        print(f"{'requests':>10} {'service MB':>11} {'owner MB':>9} {'seconds':>8}")
        began = time.perf_counter()
        async for each in soaked(found.ways[2:], args.soak, found.pid, found.owner):
            points.append(each)
            took = time.perf_counter() - began
            print(f"{each.requests:10,} {each.service:11.1f} {each.owner:9.1f} {took:8.0f}", flush=True)
        second, last = points[2], points[-1]
        growth = 1000 * (last.service - second.service) / (last.requests - second.requests)
        print(f"the service grew by {growth:.3f} MB in 1,000 requests from the second tenth on")

    with bench(args.items) as found:
        asyncio.run(run(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=200, help="requests each way (default: 200)")
    parser.add_argument("--items", type=int, default=10_000, help="memories to recall from (default: 10000)")
    parser.add_argument("--streams", type=int, default=200, help="streams at once (default: 200)")
    parser.add_argument("--soak", type=int, metavar="N", help="only send N requests and watch resident memory")
    parser.add_argument("--upstream", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--bare", help=argparse.SUPPRESS)
    parser.add_argument("--fd", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.fd is None:
        (measured if args.soak is None else soak)(args)
        return
    listener = socket.socket(fileno=args.fd)
    if args.upstream:
        listener.setblocking(False)
        asyncio.run(upstream(listener))
    else:
        bare(listener, args.bare)


if __name__ == "__main__":
    main()
