"""What the MCP server costs its client: start, memory, tokens of its tools, and calls while many wait for a person.

Beside each start stands a bare `MCPServer` of the SDK with one tool, in the same run; beside each search with
waiting clients the same search without them.

    python benchmarks/mcp_server.py
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import bpe_openai
import psutil
from rich.console import Console
from rich.table import Table

from memoryops import MemoryOps
from memoryops.memory.scope import Scope
from memoryops.stores.embedded.ending import stop_owner

OURS = [sys.executable, "-P", "-m", "memoryops.mcp_server.cli.main", "mcp"]
BARE = [
    sys.executable,
    "-P",
    "-c",
    "from mcp.server import MCPServer\n"
    "server = MCPServer('bare')\n"
    "@server.tool()\n"
    "def echo(text: str) -> str:\n"
    "    return text\n"
    "server.run()",
]
HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}


class Talk:
    """A server and the lines to and from it."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self.process = subprocess.Popen(command, stdin=-1, stdout=-1, stderr=subprocess.DEVNULL, env=env)
        self.number = 0

    def send(self, method: str, params: dict[str, Any]) -> None:
        self.number += 1
        message = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def receive(self) -> Any:
        assert self.process.stdout is not None
        while "id" not in (message := json.loads(self.process.stdout.readline())):
            pass
        return message["result"]

    def ask(self, method: str, params: dict[str, Any]) -> Any:
        self.send(method, params)
        return self.receive()

    def call(self, tool: str, **arguments: Any) -> Any:
        return self.ask("tools/call", {"name": tool, "arguments": arguments})["structuredContent"]

    @property
    def rss(self) -> float:
        """Resident memory in MB."""
        return float(psutil.Process(self.process.pid).memory_info().rss / 1e6)


@contextmanager
def talking(command: list[str], folder: Path) -> Iterator[Talk]:
    talk = Talk(command, {**os.environ, "MEMORYOPS_DATA_DIR": str(folder)})
    try:
        yield talk
    finally:
        assert talk.process.stdin is not None
        talk.process.stdin.close()
        talk.process.wait(60)


def start(command: list[str], folder: Path) -> float:
    """Seconds from the start of the process to the answer to `initialize`."""
    began = time.perf_counter()
    with talking(command, folder) as talk:
        talk.ask("initialize", HELLO)
        return time.perf_counter() - began


def starts(folder: Path, rounds: int) -> tuple[list[float], list[float]]:
    ours, bare = [], []
    for number in range(rounds + 1):
        pair = start(BARE, folder), start(OURS, folder)
        if number:  # the first fills the page cache
            bare.append(pair[0])
            ours.append(pair[1])
    return ours, bare


def searches(talk: Talk, times: int) -> float:
    """The median search, in milliseconds."""
    spent = []
    for number in range(times):
        began = time.perf_counter()
        talk.call("memory_search", query=f"which violin was seen at place {number}")
        spent.append(1e3 * (time.perf_counter() - began))
    return statistics.median(spent)


def waiting(folder: Path, clients: int, times: int) -> tuple[float, float]:
    """The median search of one client alone, and while *clients* others wait for answers, in turns."""
    with talking(OURS, folder) as talk, ExitStack() as others:
        talk.ask("initialize", HELLO)
        searches(talk, 20)
        waiters = [others.enter_context(talking(OURS, folder)) for _ in range(clients)]
        for each in waiters:
            each.ask("initialize", HELLO)
            each.call("memory_state")
        alone, beside = [], []
        with MemoryOps.open(folder, scope=Scope(role="human")) as person:
            for _ in range(3):
                alone.append(searches(talk, times))
                for number, each in enumerate(waiters):
                    arguments = {"question": f"Question {number}?", "wait": 45}
                    each.send("tools/call", {"name": "hil_request", "arguments": arguments})
                while len(asked := person.hil.list(status="pending", limit=1000).requests) < clients:
                    time.sleep(0.01)
                beside.append(searches(talk, times))
                for request in asked:
                    person.hil.answer(request.id, "yes")
                for each in waiters:
                    assert each.receive()["structuredContent"]["status"] == "answered"
        return statistics.median(alone), statistics.median(beside)


def tokens_of_tools(folder: Path, *arguments: str) -> tuple[int, int, int]:
    """How many tools there are, and the tokens (o200k) of what a model reads of them, and of the output schemas."""
    with talking([*OURS, *arguments], folder) as talk:
        talk.ask("initialize", HELLO)
        tools = talk.ask("tools/list", {})["tools"]
    encoding = bpe_openai.get_encoding("o200k_base")

    def count(*names: str) -> int:
        parts = [{name: tool[name] for name in names} for tool in tools]
        return sum(len(encoding.encode(json.dumps(part, separators=(",", ":")))) for part in parts)

    return len(tools), count("name", "description", "inputSchema"), count("outputSchema")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="starts of each server (default: 10)")
    parser.add_argument("--clients", type=int, default=40, help="clients that wait for a person (default: 40)")
    parser.add_argument("--items", type=int, default=2000, help="memories to search in (default: 2,000)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mo-", dir="/tmp" if os.name == "posix" else None) as name:
        folder = Path(name)
        try:
            report(folder, options)
        finally:
            stop_owner(folder)


def report(folder: Path, options: argparse.Namespace) -> None:
    table = Table("what", "figure", "beside it", "ratio", title="The MCP server (medians)")
    ours, bare = (statistics.median(each) for each in starts(folder, options.rounds))
    table.add_row(
        "answer to initialize", f"{1e3 * ours:.0f} ms", f"bare server {1e3 * bare:.0f} ms", f"{ours / bare:.2f}"
    )
    with talking(OURS, folder) as talk, talking(BARE, folder) as other:
        talk.ask("initialize", HELLO)
        other.ask("initialize", HELLO)
        bare_rss = other.rss
        table.add_row(
            "memory, idle", f"{talk.rss:.0f} MB", f"bare server {bare_rss:.0f} MB", f"{talk.rss / bare_rss:.2f}"
        )
        began = time.perf_counter()
        talk.call("memory_search", query="anything")
        table.add_row("first search, owner started and model loaded", f"{time.perf_counter() - began:.2f} s", "", "")
        table.add_row(
            "memory after a search",
            f"{talk.rss:.0f} MB",
            f"bare server {bare_rss:.0f} MB",
            f"{talk.rss / bare_rss:.2f}",
        )
    fill(folder, options.items)
    alone, beside = waiting(folder, options.clients, 40)
    what = f"search while {options.clients} clients wait for a person"
    table.add_row(what, f"{beside:.1f} ms", f"nobody waits {alone:.1f} ms", f"{beside / alone:.2f}")
    for arguments in ((), ("--profile", "core")):
        tools, given, returned = tokens_of_tools(folder, *arguments)
        table.add_row(f"tokens of {tools} tools", f"{given:,}", f"output schemas {returned:,}", "")
    Console(width=110).print(table)


def fill(folder: Path, items: int) -> None:
    chance = random.Random(7)
    words = "harbour invoice kernel garden vector budget printer sunrise contract violin compiler recipe".split()
    entries = []
    for number in range(items):
        picked = " ".join(chance.choice(words) for _ in range(24))
        entries.append({"content": f"Note {number}: {picked} at place {chance.randrange(10**6)}."})
    with MemoryOps.open(folder) as ops:
        ops.add_many(entries)


if __name__ == "__main__":
    main()
