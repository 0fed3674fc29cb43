"""Runs other people's proofs against our server: the official conformance suite, the inspector, OpenAI's Node client.

    make conformance

The suite talks Streamable HTTP to our server with the fixtures that it calls by name (`server.py`, `rounds.py`): its
release, which knows the protocol up to 2025-11-25, and its pre-release, which tests that protocol and the one of
2026-07-28 and holds each message against the protocol's schema. What it has for extensions (tasks, skills) is left
out: we offer none. The inspector talks to `memoryops mcp` over stdio and to `memoryops serve` over Streamable HTTP
and SSE, as users start them. OpenAI's own client for Node drives the gateway of `memoryops serve`, with an upstream of
ours behind it (`openai_client.mjs`). Exit status 0 when nothing failed that `EXPECTED` does not name.
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
from starlette.responses import JSONResponse

from memoryops.mcp_server.http.token import token_path
from memoryops.stores.embedded.ending import stop_owner
from tests.mcp_server.gateway import upstream as openai_upstream

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SUITE = "@modelcontextprotocol/conformance"
NEXT = "conformance-next"
"""What `package.json` calls the suite's pre-release."""
INSPECTOR = "@modelcontextprotocol/inspector"
OPENAI = "openai"
PASSES = ((SUITE, "2025-11-25"), (NEXT, "2025-11-25"), (NEXT, "2026-07-28"))
"""Each suite with the protocol that it speaks."""
OURS = [sys.executable, "-P", "-m", "memoryops.mcp_server.cli.main"]

EXPECTED: Mapping[str, str] = {}
"""What may fail, as "protocol, suite's version scenario", each with the reason. One that passes must go from here."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one scenario went in one pass."""

    source: str
    name: str
    passed: int
    failed: int
    warnings: int = 0
    said: str = ""


class Tools:
    """The Node programs, installed by `npm ci` in *folder*."""

    def __init__(self, folder: Path) -> None:
        self.modules = (folder / "node_modules").absolute()
        own = self.modules / ".bin" / "node"
        self.node = str(own) if own.exists() else shutil.which("node")  # for some machines there is no package
        version = "not there" if self.node is None else self._output([self.node, "--version"])
        if not re.match(r"v(2[2-9]|[3-9]\d)\.", version):
            raise SystemExit(f"node is {version}, and no package brings one for this machine; install Node 22 or newer")

    def run(self, package: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run the one program of *package*."""
        bin = self._about(package)["bin"]
        program = self.modules / package / next(iter(bin.values()))
        assert self.node is not None
        return subprocess.run(
            [self.node, str(program), *arguments],
            check=False,
            env={**os.environ, "NO_COLOR": "1", **env},
            capture_output=True,
            text=True,
            timeout=300,
            stdin=subprocess.DEVNULL,
        )

    def script(self, path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a script of ours, which is told first where the packages are."""
        assert self.node is not None
        command = [self.node, str(path), str(self.modules), *arguments]
        return subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL
        )

    def version(self, package: str) -> str:
        return str(self._about(package)["version"])

    def _about(self, package: str) -> Any:
        return json.loads((self.modules / package / "package.json").read_text(encoding="utf-8"))

    def _output(self, command: list[str]) -> str:
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60).stdout.strip()


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
def running(command: list[str], port: int, **settings: str) -> Iterator[None]:
    """*command* as a process that answers at *port*."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT, env={**os.environ, **settings})
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
    """Every server scenario that the suites have for a protocol, those that they call pending too."""
    port = free_port()
    server = [sys.executable, "-W", "ignore", "-m", "tests.mcp_conformance.server"]
    with folder() as data, running([*server, "--port", str(port), "--data-dir", str(data)], port):
        for package, protocol in PASSES:
            source = f"{protocol}, {tools.version(package)}"
            with tempfile.TemporaryDirectory() as results:
                where = ["--url", f"http://127.0.0.1:{port}/mcp", "--output-dir", results]
                # Asked for one protocol, the release leaves out what it does not know to be of it; it speaks but one.
                only = ["--spec-version", protocol] if package == NEXT else []
                ran = tools.run(package, "server", *where, "--suite", "all", *only)
                outcomes = [_scenario(source, path) for path in sorted(Path(results).glob("*/checks.json"))]
            yield from outcomes
            # A scenario that breaks down leaves no results; the suite's own count and exit status know of it.
            begun = len(re.findall(r"^=== Running scenario: ", ran.stdout, re.MULTILINE))
            if len(outcomes) != begun or not begun or (ran.returncode and not any(each.failed for each in outcomes)):
                said = f"status {ran.returncode}, {len(outcomes)} of {begun} scenarios have results: "
                yield Outcome(source, "the suite itself", 0, 1, said=said + (ran.stderr or ran.stdout)[-1000:])


def _scenario(source: str, path: Path) -> Outcome:
    checks: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    name = re.sub(r"^server-|-\d{4}-\d\d-\d\dT[\d-]*Z$", "", path.parent.name)

    def count(status: str) -> int:
        return sum(check["status"] == status for check in checks)

    said = [check.get("errorMessage", "") for check in checks if check["status"] in ("FAILURE", "WARNING")]
    return Outcome(source, name, count("SUCCESS"), count("FAILURE"), count("WARNING"), "; ".join(filter(None, said)))


def inspector(tools: Tools) -> Iterator[Outcome]:
    """The inspector as a client, over all three transports and in both protocol eras on one folder."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with (
        folder() as data,
        tempfile.TemporaryDirectory() as home,
        running([*OURS, "serve", "--data-dir", str(data), "--port", str(port)], port),
    ):
        bearer = f"Authorization: Bearer {token_path(data).read_text(encoding='ascii').strip()}"
        stdio = [*OURS, "mcp", "--data-dir", str(data)]
        http = [f"{base}/mcp", "--transport", "http", "--header", bearer]
        sse = [f"{base}/sse", "--transport", "sse", "--header", bearer]
        for transport, target in (("stdio", stdio), ("Streamable HTTP", http), ("SSE", sse)):
            yield _inspected(tools, transport, target, {"HOME": home})
        # The inspector speaks the protocol with a handshake unless it is told otherwise.
        yield _inspected(tools, "Streamable HTTP, 2026-07-28", [*http, "--protocol-era", "modern"], {"HOME": home})


def _inspected(tools: Tools, transport: str, target: list[str], env: Mapping[str, str]) -> Outcome:
    """What a person would try first: list, add, find, read, and see an error."""
    failures: list[str] = []
    passed = 0

    def ask(method: str, *arguments: str) -> Any:
        options = ["--method", method, *arguments]
        # A command of ours has options of its own, which come first; the inspector takes its own from anywhere.
        ran = tools.run(INSPECTOR, "--cli", *target, *options, **env)
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
    return Outcome("inspector", f"over {transport}", passed, len(failures), said="; ".join(failures))


def openai_client(tools: Tools) -> Iterator[Outcome]:
    """OpenAI's client for Node through the gateway, with memory."""
    port = free_port()
    with folder() as data, openai_upstream.running() as upstream:
        upstream.script = lambda seen: _model(upstream, seen)
        settings = {"MEMORYOPS_UPSTREAM_BASE": upstream.url, "MEMORYOPS_GATEWAY_PATIENCE": "20"}
        with running([*OURS, "serve", "--data-dir", str(data), "--port", str(port)], port, **settings):
            token = token_path(data).read_text(encoding="ascii").strip()
            ran = tools.script(HERE / "openai_client.mjs", f"http://127.0.0.1:{port}/v1", token)
        left = upstream.left.wait(10)
    try:
        checks = json.loads(ran.stdout)
    except ValueError:
        checks = [{"what": "the script itself", "good": False, "seen": ran.stderr[-300:]}]
    checks.append({"what": "the upstream hears that a stream is left", "good": left, "seen": ""})
    wrong = [f"{each['what']}: {json.dumps(each['seen'])[:300]}" for each in checks if not each["good"]]
    yield Outcome("openai for Node", "through the gateway", len(checks) - len(wrong), len(wrong), said="; ".join(wrong))


def _model(upstream: openai_upstream.Upstream, seen: openai_upstream.Seen) -> Any:
    """What the language model behind the gateway answers, by the name it is called."""
    if seen.path == "/v1/models":
        return {"object": "list", "data": [{"id": "gpt-4o", "object": "model", "created": 1, "owned_by": "o"}]}
    name = seen.json["model"]
    if name == "busy":
        return JSONResponse({"error": {"message": "come later", "type": "rate_limit", "code": None}}, 429)
    if name == "endless":
        return upstream.endless()
    if name == "tools":
        call = {"id": "c1", "type": "function", "function": {"name": "now", "arguments": '{"a":  1}'}}
        return openai_upstream.completion(None, tool_calls=[call])
    return openai_upstream.Upstream.obedient(seen)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--node", type=Path, required=True, help="the folder that `npm ci` installed into")
    tools = Tools(parser.parse_args().node)
    outcomes = [*suite(tools), *inspector(tools), *openai_client(tools)]
    show(outcomes)
    failing = {f"{each.source} {each.name}" for each in outcomes if each.failed}
    for name in sorted(failing - EXPECTED.keys()):
        print(f"unexpected failure: {name}", file=sys.stderr)
    for name in sorted(EXPECTED.keys() - failing):
        print(f"expected to fail, but passed: {name}; take it out of EXPECTED", file=sys.stderr)
    lines = [score(f"MCP {protocol}", tools.version(package), outcomes) for package, protocol in PASSES]
    lines += [f"inspector {tools.version(INSPECTOR)}: {total(outcomes, 'inspector')}"]
    lines += [f"openai for Node {tools.version(OPENAI)}: {total(outcomes, 'openai for Node')}"]
    print(f"make conformance: {'; '.join(lines)}")
    return 1 if failing != EXPECTED.keys() else 0


def score(protocol: str, suite: str, outcomes: list[Outcome]) -> str:
    ours = [each for each in outcomes if each.source == f"{protocol.removeprefix('MCP ')}, {suite}"]
    good = sum(not each.failed for each in ours)
    return f"{protocol} by suite {suite}: {good} of {len(ours)} scenarios, {total(outcomes, ours[0].source)}"


def total(outcomes: list[Outcome], source: str) -> str:
    ours = [each for each in outcomes if each.source == source]
    passed = sum(each.passed for each in ours)
    return f"{passed} of {passed + sum(each.failed for each in ours)} checks"


def show(outcomes: list[Outcome]) -> None:
    table = Table("by", "scenario", "passed", "failed", "warnings", "said")
    before = ""
    for each in outcomes:
        if each.source != before:
            table.add_section()
        style = "red" if each.failed else "yellow" if each.warnings else ""
        source = each.source if each.source != before else ""
        table.add_row(source, each.name, str(each.passed), str(each.failed), str(each.warnings), each.said, style=style)
        before = each.source
    Console(width=150).print(table)


if __name__ == "__main__":
    sys.exit(main())
