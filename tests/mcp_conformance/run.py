"""Runs other people's proofs against our server: the official conformance suite, and the inspector's command line.

    make conformance

The suite talks Streamable HTTP to our server with the fixtures that it calls by name (`server.py`); the inspector
talks to `memoryops mcp` over stdio and to `memoryops serve` over Streamable HTTP and SSE, as users start them.
Exit status 0 when nothing failed that `EXPECTED` does not name.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from rich.console import Console
from rich.table import Table

from memoryops.stores.embedded.client import stop_owner

HERE = Path(__file__).parent
SUITE = "@modelcontextprotocol/conformance"
OURS = [sys.executable, "-P", "-m", "memoryops.mcp_server.cli.main"]

EXPECTED: Mapping[str, str] = {}
"""Scenarios that may fail, each with the reason. One that passes must go from here."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one scenario went."""

    name: str
    passed: int
    failed: int
    warnings: int = 0
    said: str = ""


class Tools:
    """The Node programs, installed by `npm ci` in *folder*."""

    def __init__(self, folder: Path) -> None:
        self.modules = folder / "node_modules"
        self.bin = self.modules / ".bin"
        self.env = {**os.environ, "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}
        version = self.run("node", "--version").stdout.strip()
        if not version.startswith("v22."):
            raise SystemExit(f"node is {version or 'not there'} in {folder}; `make clean conformance` installs Node 22")

    def run(self, name: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        command = [str(self.bin / name), *arguments]
        return subprocess.run(
            command,
            check=False,
            env=self.env | env,
            capture_output=True,
            text=True,
            timeout=300,
            stdin=subprocess.DEVNULL,
        )

    def version(self, package: str) -> str:
        return str(json.loads((self.modules / package / "package.json").read_text(encoding="utf-8"))["version"])


@contextmanager
def folder() -> Iterator[Path]:
    """An empty data folder, its owner stopped at the end."""
    path = Path(tempfile.mkdtemp(prefix="mo-", dir="/tmp" if os.name == "posix" else None))
    try:
        yield path
    finally:
        stop_owner(path)
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def running(command: list[str], port: int) -> Iterator[None]:
    """*command* as a process that answers at *port*."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        for _ in range(600):
            if process.poll() is not None:
                raise SystemExit(f"{' '.join(command)} ended with status {process.returncode}")
            try:
                httpx2.get(f"http://127.0.0.1:{port}/health")
                break
            except httpx2.TransportError:
                time.sleep(0.1)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def suite(tools: Tools) -> Iterator[Outcome]:
    """Every server scenario that the suite has, those that it calls pending too."""
    port = free_port()
    with folder() as data, tempfile.TemporaryDirectory() as results:
        server = [sys.executable, "-W", "ignore", str(HERE / "server.py"), "--port", str(port), "--data-dir", str(data)]
        with running(server, port):
            url = f"http://127.0.0.1:{port}/mcp"
            ran = tools.run("conformance", "server", "--url", url, "--suite", "all", "--output-dir", results)
        written = sorted(Path(results).glob("*/checks.json"))
        if not written:
            raise SystemExit(f"the suite gave no results:\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}")
        for path in written:
            yield _scenario(path)


def _scenario(path: Path) -> Outcome:
    checks: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    name = re.sub(r"^server-|-\d{4}-\d\d-\d\dT[\d-]*Z$", "", path.parent.name)

    def count(status: str) -> int:
        return sum(check["status"] == status for check in checks)

    said = [check.get("errorMessage", "") for check in checks if check["status"] in ("FAILURE", "WARNING")]
    return Outcome(name, count("SUCCESS"), count("FAILURE"), count("WARNING"), "; ".join(filter(None, said)))


def inspector(tools: Tools) -> Iterator[Outcome]:
    """The inspector as a client, over all three transports on one folder."""
    port = free_port()
    with folder() as data, tempfile.TemporaryDirectory() as home:
        catalog = {"MCP_CATALOG_PATH": str(Path(home) / "mcp.json"), "MEMORYOPS_ENCODER": "hashing:64"}
        with running([*OURS, "serve", "--data-dir", str(data), "--port", str(port), "--no-auth"], port):
            places = {
                "stdio": [*OURS, "mcp", "--data-dir", str(data)],
                "Streamable HTTP": [f"http://127.0.0.1:{port}/mcp", "--transport", "http"],
                "SSE": [f"http://127.0.0.1:{port}/sse", "--transport", "sse"],
            }
            for transport, target in places.items():
                yield _inspected(tools, transport, target, catalog)


def _inspected(tools: Tools, transport: str, target: list[str], env: Mapping[str, str]) -> Outcome:
    """What a person would try first: list, add, find, read, and see an error."""
    failures: list[str] = []
    passed = 0

    def ask(method: str, *arguments: str) -> Any:
        options = ["--method", method, *arguments]
        # A command of ours has options of its own, which come first; the inspector takes its own from anywhere.
        ran = tools.run("mcp-inspector", "--cli", *target, *options, **env)
        try:
            return json.loads(ran.stdout)
        except ValueError:
            return {"failed": f"{ran.stdout[-300:]}{ran.stderr[-300:]}"}

    def check(what: str, good: bool, seen: Any) -> None:
        nonlocal passed
        passed += good
        if not good:
            failures.append(f"{what}: {json.dumps(seen)[:300]}")

    listed = ask("tools/list")
    check("tools/list", len(listed.get("tools", ())) == 19, listed)
    note = f"The {transport} ferry leaves at nine."
    added = ask("tools/call", "--tool-name", "memory_add", "--tool-arg", f"content={note}")
    id = added.get("structuredContent", {}).get("results", [{}])[0].get("id", "")
    check("memory_add", bool(id), added)
    found = ask("tools/call", "--tool-name", "memory_search", "--tool-arg", f"query={note}")
    hits = found.get("structuredContent", {}).get("hits", [{}])
    check("memory_search", bool(hits) and hits[0].get("id") == id, found)
    read = ask("resources/read", "--uri", f"memory://items/{id}")
    check("resources/read", read.get("contents", [{}])[0].get("text") == note, read)
    templates = ask("resources/templates/list")
    check("resources/templates/list", len(templates.get("resourceTemplates", ())) == 3, templates)
    prompt = ask("prompts/get", "--prompt-name", "recall", "--prompt-args", "topic=ferry")
    check("prompts/get", note in json.dumps(prompt), prompt)
    wrong = ask("tools/call", "--tool-name", "memory_retrieve", "--tool-arg", "id=nobody")
    check("an error is an answer", wrong.get("isError") is True and "search for it" in json.dumps(wrong), wrong)
    return Outcome(f"inspector over {transport}", passed, len(failures), said="; ".join(failures))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--node", type=Path, required=True, help="the folder that `npm ci` installed into")
    tools = Tools(parser.parse_args().node)
    outcomes = [*suite(tools), *inspector(tools)]
    failing = {outcome.name for outcome in outcomes if outcome.failed}
    show(outcomes)
    scenarios = [outcome for outcome in outcomes if not outcome.name.startswith("inspector")]
    passed = sum(outcome.passed for outcome in scenarios)
    checks = passed + sum(outcome.failed for outcome in scenarios)
    good = sum(not outcome.failed for outcome in scenarios)
    inspected = [outcome for outcome in outcomes if outcome not in scenarios]
    print(
        f"{SUITE} {tools.version(SUITE)}: {good} of {len(scenarios)} scenarios, {passed} of {checks} checks passed; "
        f"inspector {tools.version('@modelcontextprotocol/inspector')}: {sum(o.passed for o in inspected)} of "
        f"{sum(o.passed + o.failed for o in inspected)} checks over {len(inspected)} transports passed"
    )
    for name in sorted(failing - EXPECTED.keys()):
        print(f"unexpected failure: {name}", file=sys.stderr)
    for name in sorted(EXPECTED.keys() - failing):
        print(f"expected to fail, but passed: {name}; take it out of EXPECTED", file=sys.stderr)
    return 1 if failing != EXPECTED.keys() else 0


def show(outcomes: list[Outcome]) -> None:
    table = Table("scenario", "passed", "failed", "warnings", "said")
    for each in outcomes:
        style = "red" if each.failed else "yellow" if each.warnings else ""
        table.add_row(each.name, str(each.passed), str(each.failed), str(each.warnings), each.said, style=style)
    Console(width=130).print(table)


if __name__ == "__main__":
    sys.exit(main())
