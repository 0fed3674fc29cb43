"""What each client is told."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from memoryops.mcp_server.clients.attach import snippet
from memoryops.mcp_server.clients.entry import Entry, carried, left_out, over_http, over_stdio
from memoryops.mcp_server.clients.registry import CLIENTS
from memoryops.memory.settings import Settings

LOCAL = Entry("memoryops", ("/opt/memoryops", "mcp", r"--data-dir=C:\Ada's \"data\""))
REMOTE = over_http(8765, "s3cret")
TABLES = {
    "claude-desktop": "mcpServers",
    "claude-code": "mcpServers",
    "cursor": "mcpServers",
    "vscode": "servers",
    "codex": "mcp_servers",
}


def read(id: str, entry: Entry) -> Any:
    text = snippet(CLIENTS[id], entry)
    assert text.endswith("\n")
    return (tomllib.loads(text) if id == "codex" else json.loads(text))[TABLES[id]]


@pytest.mark.parametrize("id", CLIENTS)
def test_a_command(id: str) -> None:
    typed = {"type": "stdio"} if id in ("claude-code", "vscode") else {}
    expected = {"command": LOCAL.command[0], "args": list(LOCAL.command[1:]), **typed}
    assert read(id, LOCAL) == {"memoryops": expected}


@pytest.mark.parametrize("id", [id for id, client in CLIENTS.items() if client.http])
def test_an_address(id: str) -> None:
    headers = "http_headers" if id == "codex" else "headers"
    typed = {"type": "http"} if id in ("claude-code", "vscode") else {}
    expected = {"url": "http://127.0.0.1:8765/mcp", headers: {"Authorization": "Bearer s3cret"}, **typed}
    assert read(id, REMOTE) == {"memoryops": expected}


def test_claude_desktop_calls_no_address() -> None:
    assert [id for id, client in CLIENTS.items() if not client.http] == ["claude-desktop"]


def test_a_person_has_an_entry_of_another_name() -> None:
    person = over_stdio(["memoryops"], Settings(), human=True, profile="core")
    assert person == Entry("memoryops-human", ("memoryops", "mcp", "--human", "--profile=core"))
    assert over_http(1, "t", human=True).name == "memoryops-human"


def test_the_token_is_not_shown_by_accident() -> None:
    assert "s3cret" not in repr(REMOTE)


def test_what_the_server_needs_is_carried_by_options() -> None:
    assert over_stdio(["m"], Settings()).command == ("m", "mcp")
    settings = Settings(data_dir=Path("rel"), workspace="shop", user="ada", agent="a1", thread="t")
    expected = {"data_dir": str(Path("rel").absolute()), "workspace": "shop", "user": "ada", "agent": "a1"}
    assert carried(settings) == expected
    assert over_stdio(["m"], settings).command[2] == f"--data-dir={Path('rel').absolute()}"
    server = Settings(qdrant_url="http://localhost:6333", data_dir=Path("rel"))
    assert carried(server) == {"qdrant_url": "http://localhost:6333"}


def test_what_has_no_option_is_named_and_secrets_are_never_written() -> None:
    settings = Settings(
        qdrant_url="http://localhost:6333", qdrant_api_key="hush", role="human", screening="off", log_level="INFO"
    )
    assert left_out(settings) == ["MEMORYOPS_QDRANT_API_KEY", "MEMORYOPS_SCREENING"]
    assert "hush" not in str(over_stdio(["m"], settings).command)
    assert left_out(Settings()) == []


@pytest.mark.parametrize("id", [id for id, client in CLIENTS.items() if client.command_line is not None])
def test_the_clients_own_command_says_the_same(id: str) -> None:
    client = CLIENTS[id]
    assert client.command_line is not None
    words = client.command_line(LOCAL)
    if id == "codex":
        assert words == ["codex", "mcp", "add", "memoryops", "--", *LOCAL.command]
        return
    told = json.loads(words[-1])
    told.pop("name", None)
    assert told == client.form(LOCAL)
    assert "memoryops" in " ".join(words[:-1]) + words[-1]
