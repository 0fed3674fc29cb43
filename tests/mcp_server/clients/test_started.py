"""From the file that `memoryops config --write` leaves, read as its client reads it, to an answer over MCP."""

import json
import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from memoryops.mcp_server.cli.main import main
from memoryops.mcp_server.clients.machine import Machine
from memoryops.mcp_server.clients.registry import CLIENTS
from memoryops.stores.embedded.ending import stop_owner

READERS: dict[str, Callable[[str], Any]] = {
    "claude-desktop": lambda text: json.loads(text)["mcpServers"],
    "claude-code": lambda text: json.loads(text)["mcpServers"],
    "cursor": lambda text: json.loads(text)["mcpServers"],
    "vscode": lambda text: json.loads(text)["servers"],
    "codex": lambda text: tomllib.loads(text)["mcp_servers"],
}


@pytest.mark.parametrize(("id", "human"), [*((id, False) for id in CLIENTS), ("cursor", True)])
def test_each_clients_entry_starts_a_server_that_remembers(
    id: str,
    human: bool,
    data_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for variable in ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"):
        monkeypatch.setenv(variable, str(tmp_path))
    name = "memoryops-human" if human else "memoryops"
    assert main(["config", id, "--write", "--data-dir", str(data_dir), *(["--human"] if human else [])]) == 0
    written = Path(CLIENTS[id].files(Machine.here())[-1])
    assert f"{name} in {written}: created\n" == capsys.readouterr().out
    entry = READERS[id](written.read_text(encoding="utf-8"))[name]

    # What clients hand on: SDKs keep the environment small, and start the command in a folder of their own.
    kept = {each: os.environ[each] for each in ("PATH", "PYTHONPATH") if each in os.environ}
    environment = {**kept, "HOME": str(tmp_path), "MEMORYOPS_ENCODER": "hashing:64", **entry.get("env", {})}
    server = StdioServerParameters(
        command=entry["command"], args=entry["args"], env=environment, cwd=tmp_path.anchor or "/"
    )

    async def talk() -> None:
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
            async with Client(stdio_client(server, nowhere), read_timeout_seconds=60) as client:
                tools = {tool.name for tool in (await client.list_tools()).tools}
                assert {"memory_add", "memory_search", "memory_retrieve"} <= tools
                assert ("hil_answer" in tools) is human
                added = await client.call_tool("memory_add", {"content": f"attached by {id}"})
                assert not added.is_error, added
                found = await client.call_tool("memory_search", {"query": f"attached by {id}"})
                assert isinstance(found.structured_content, dict)
                assert found.structured_content["hits"][0]["content"] == f"attached by {id}"

    try:
        anyio.run(talk)
        assert data_dir.joinpath("documents.sqlite").exists()
    finally:
        stop_owner(data_dir)
