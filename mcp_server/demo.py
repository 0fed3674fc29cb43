"""`memoryops demo`: the main job from end to end, with a real server, a real client and real documents."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import string
import subprocess
import tempfile
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

import anyio

from ..memory.errors import Forbidden, InvalidInput, MemoryOpsError, Quarantined
from ..memory.scope import Scope
from ..memory.settings import PREFIX, Settings
from .cli import output
from .cli.config import claude_desktop, own_command
from .demo_documents import Document, load, questions

if TYPE_CHECKING:
    from mcp import Client
    from mcp_types import CallToolResult

    from ..memory.service import MemoryOps

OWNER_IDLE = 60.0
"""Seconds; should the demo be killed, its owner process does not stay for long."""


class DemoFailed(MemoryOpsError):
    """The demo cannot go on."""


def demo(_: Callable[[], Settings], args: Namespace) -> int:
    """Run the demo; 1 if anything did not come out as it must."""
    documents = load(args.documents)
    with data_folder(getattr(args, "data_dir", None)) as folder:
        show = Show()
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
            ids = _over_mcp(show, documents, folder, cast(TextIO, log))
        _through_the_facade(show, folder, len(ids))
        _attach(show)
        show.end()
    return 0 if show.good else 1


@contextlib.contextmanager
def data_folder(given: str | None) -> Iterator[Path]:
    """The data folder: *given*, which stays, or a temporary one that is removed; its owner is stopped."""
    from ..stores.embedded.ending import stop_owner
    from ..stores.embedded.folder import Folder

    folder = Path(given).absolute() if given is not None else Path(tempfile.mkdtemp(prefix="memoryops-demo-"))
    if Folder(folder).documents.exists():
        raise InvalidInput(f"{folder} holds a memory already; the demo wants an empty folder, or none")
    try:
        yield folder
    finally:
        stop_owner(folder)
        if given is None:
            shutil.rmtree(folder, ignore_errors=True)


class Show:
    """Tells what happens, and remembers whether all of it was right."""

    def __init__(self) -> None:
        self.console = output.console()
        self.good = True
        self._started = time.perf_counter()
        self._step = 0

    def step(self, title: str) -> None:
        from rich.rule import Rule
        from rich.text import Text

        self._step += 1
        self.console.print()
        self.console.print(Rule(Text(f"{self._step}  {title}", style="bold"), align="left"))

    def say(self, text: str, *, cut: bool = False) -> None:
        """A line; with *cut*, no longer than the terminal is wide."""
        from rich.text import Text

        line = Text(f"  {output.printable(text)}")
        self.console.print(line, no_wrap=cut, overflow="ellipsis" if cut else "fold")

    def check(self, right: bool, text: str) -> None:
        """A statement that must be *right*."""
        from rich.text import Text

        self.good = self.good and right
        mark = Text("  ✓ " if right else "  ✗ ", style="green" if right else "bold red")
        self.console.print(mark.append(output.printable(text), style="default"))

    def end(self) -> None:
        self.console.print()
        took = time.perf_counter() - self._started
        self.check(self.good, f"all of it {'worked' if self.good else 'did not work'}; {took:.1f} s")


# over MCP


def _over_mcp(show: Show, documents: Sequence[Document], folder: Path, log: TextIO) -> dict[str, str]:
    """Store, find and read the documents through the real server; names of documents by memory id."""
    from mcp import MCPError

    try:
        return anyio.run(_converse, show, documents, folder, log)
    except (MCPError, OSError, ExceptionGroup) as error:
        cause: Exception = error
        while isinstance(cause, ExceptionGroup):
            cause = cause.exceptions[0]
        if isinstance(cause, BrokenPipeError) or not isinstance(cause, MCPError | OSError | DemoFailed):
            raise cause from None
        log.seek(0)
        said = output.short(log.read()[-500:]) or "nothing"
        raise DemoFailed(f"{cause}; the server said on standard error: {said}") from error


async def _converse(show: Show, documents: Sequence[Document], folder: Path, log: TextIO) -> dict[str, str]:
    from mcp import Client
    from mcp.client.stdio import StdioServerParameters, stdio_client

    show.step("An MCP client starts the server, as Claude Desktop would")
    command, *first = own_command()
    arguments = [*first, "mcp", "--data-dir", str(folder)]
    server = StdioServerParameters(command=command, args=arguments, env=_environment())
    show.say(" ".join([Path(command).name, *arguments]))
    started = time.perf_counter()
    async with Client(stdio_client(server, log), read_timeout_seconds=60) as client:
        tools = (await client.list_tools()).tools
        show.say(f"answered in {1000 * (time.perf_counter() - started):.0f} ms, with {len(tools)} tools:")
        for tool in tools:
            show.say(f"  {tool.name:16} {str(tool.description).partition('. ')[0]}.", cut=True)
        ids = await _add(show, client, documents)
        await search(show, client, ids, questions(documents))
        await _retrieve(show, client, ids, documents)
    return ids


def _environment() -> dict[str, str]:
    """This process's environment without settings of whoever runs the demo."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return {**kept, f"{PREFIX}OWNER_IDLE": str(OWNER_IDLE)}


async def _add(show: Show, client: Client, documents: Sequence[Document]) -> dict[str, str]:
    words = sum(len(str(entry["content"]).split()) for document in documents for entry in document.entries)
    show.step(f"memory_add: {len(documents)} documents, {words:,} words of prose, code, logs and chat")
    ids: dict[str, str] = {}
    started = time.perf_counter()
    with output.progress("  storing") as progress:
        for done, document in enumerate(documents, start=1):
            added = await _call(client, "memory_add", items=list(document.entries))
            ids |= {each["id"]: document.name for each in added["results"]}
            progress(done, len(documents))
    show.say(f"{len(ids)} memories in {time.perf_counter() - started:.2f} s, each on disk when it was acknowledged")
    turns = next((document for document in documents if document.is_conversation), documents[0])
    again = await _call(client, "memory_add", items=list(turns.entries))
    same = [each["id"] for each in again["results"]]
    expected = [id for id, name in ids.items() if name == turns.name]
    show.check(same == expected, f"{turns.name} sent a second time stores nothing new")
    return ids


async def search(show: Show, client: Client, ids: dict[str, str], asked: dict[str, str]) -> None:
    """Ask each question of *asked*, and check that the document it names comes back first."""
    show.step("memory_search: the right document comes back first")
    for question, expected in asked.items():
        started = time.perf_counter()
        found = await _call(client, "memory_search", query=question, limit=3)
        took = 1000 * (time.perf_counter() - started)
        hit = found["hits"][0] if found["hits"] else {"id": "", "content": "nothing"}
        best = ids.get(hit["id"], "another memory")
        show.check(best == expected, question if best == expected else f"{question} (expected {expected})")
        show.say(f"    {best}, {took:.0f} ms: {output.short(hit['content'])}", cut=True)


async def _retrieve(show: Show, client: Client, ids: dict[str, str], documents: Sequence[Document]) -> None:
    show.step("memory_retrieve: the original, byte for byte")
    longest = max(
        (document for document in documents if not document.is_conversation),
        key=lambda document: len(str(document.entries[0]["content"])),
    )
    id = next(id for id, name in ids.items() if name == longest.name)
    pages: list[str] = []
    offset: int | None = 0
    while offset is not None:
        page = await _call(client, "memory_retrieve", id=id, offset=offset, max_tokens=200)
        pages.append(page["content"])
        offset = page.get("next_offset")
    same = "".join(pages).encode() == longest.path.read_bytes()
    show.check(same, f"{longest.name} in {len(pages)} pages of at most 200 tokens equals the file on disk")


async def _call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result: CallToolResult = await client.call_tool(tool, arguments)
    if result.is_error or not isinstance(result.structured_content, dict):
        raise DemoFailed(f"{tool}: {' '.join(getattr(each, 'text', '') for each in result.content)}")
    return result.structured_content


# through the façade


def _through_the_facade(show: Show, folder: Path, stored: int) -> None:
    from ..memory.service import MemoryOps

    settings = Settings(data_dir=folder, owner_idle=OWNER_IDLE)
    with MemoryOps.open(settings=settings, scope=Scope(agent="agent-a")) as agent:
        person = agent.with_scope(Scope(user=None, role="human"))
        show.step("Quarantine: kept, but out of every agent's reach")
        _quarantine(show, agent)
        show.step("Two agents, two processes, one task")
        _compete(show, agent, folder)
        show.step("An agent asks a person")
        _ask(show, agent, settings)
        show.step("The state of the memory")
        _state(show, person, stored)


def _quarantine(show: Show, agent: MemoryOps) -> None:
    key = "AKIA" + "".join(secrets.choice(string.ascii_uppercase + "234567") for _ in range(16))
    text = f"Access key of the staging bucket, invented for this demo: {key}"
    entry = agent.quarantine.add(text, reason="pasted by mistake")
    show.say(f"a text with an invented key is put away; screening says: {'; '.join(entry.findings) or 'nothing'}")
    hits = agent.search("access key of the staging bucket", limit=100).hits
    show.check(all(hit.id != entry.id and key not in hit.content for hit in hits), "no search finds it")
    refused = _refused(Quarantined, lambda: agent.retrieve(entry.id))
    show.check(refused, "an agent that knows the id is refused")
    refused = _refused(Forbidden, lambda: agent.quarantine.release(entry.id))
    show.check(refused, "only a person may release it")


def _refused(kind: type[Exception], call: Callable[[], object]) -> bool:
    try:
        call()
    except kind:
        return True
    return False


def _compete(show: Show, agent: MemoryOps, folder: Path) -> None:
    task = agent.tasks.create("Renew the certificate thirty days ahead", priority=8)
    claim = [*own_command(), "tasks", "claim", task.id, "--json", "--data-dir", str(folder), "--agent"]
    runs = {
        name: subprocess.Popen(
            [*claim, name], env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
        )
        for name in secrets.choice((("agent-a", "agent-b"), ("agent-b", "agent-a")))
    }
    won = []
    for name, run in runs.items():
        told, refusal = run.communicate(timeout=60)
        if run.returncode == 0:
            won.append(json.loads(told)["assignee"])
        show.say(f"{name}: {'got it' if run.returncode == 0 else refusal.strip()}")
    show.check(len(won) == 1 and agent.tasks.get(task.id).assignee == won[0], "exactly one has it")


def _ask(show: Show, agent: MemoryOps, settings: Settings) -> None:
    from ..memory.service import MemoryOps

    request = agent.hil.request("Deploy the new fares tonight?", options=["yes", "no"], context="11 tests are new")
    show.say(f"agent-a: {request.question} [{' / '.join(request.options)}]")
    show.check(_refused(Forbidden, lambda: agent.hil.answer(request.id, "yes")), "it may not answer itself")

    def answer() -> None:
        with MemoryOps.open(settings=settings, scope=Scope(role="human")) as person:
            person.hil.answer(request.id, "no", comment="not before the weekend", by="Ops")

    other = threading.Thread(target=answer)
    other.start()
    settled = agent.hil.wait(request.id, timeout=30)
    other.join()
    right = (settled.status, settled.answer) == ("answered", "no")
    show.check(right, f"{settled.answered_by}, from another client: {settled.answer} ({settled.comment})")


def _state(show: Show, person: MemoryOps, stored: int) -> None:
    state = person.state()
    used = f"{state.tokens:,} tokens, {state.context_utilization_percentage} % of a window of {state.window:,}"
    show.say(f"{state.items} documents and {state.messages} messages in {state.passages} passages: {used}")
    kinds = ", ".join(f"{count} {name}" for name, count in state.by_content_type.items())
    show.say(f"{kinds}; {state.quarantined} in quarantine")
    show.say(f"tasks: {_counts(state.tasks)}; questions to people: {_counts(state.hil)}; encoder: {state.encoder}")
    show.check(state.items + state.messages == stored, f"{stored} memories, none lost")


def _counts(counts: Any) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items()) or "none"


def _attach(show: Show) -> None:
    from rich.panel import Panel
    from rich.text import Text

    show.step("Attach Claude Desktop")
    show.say("`memoryops config claude-desktop --write` puts this into claude_desktop_config.json; restart it then:")
    snippet = json.dumps(claude_desktop(Settings()), indent=2)
    if show.console.is_terminal:
        show.console.print(Panel(Text(snippet), expand=False))
    else:
        output.line(snippet)
