"""`memoryops config`, in this process, on a home folder of its own."""

import json
import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memoryops.mcp_server.clients import paragraph
from memoryops.mcp_server.clients.registry import CLIENTS
from memoryops.mcp_server.http.token import local_token

Cli = Callable[..., Any]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    return tmp_path


def test_the_parser_knows_every_client() -> None:
    from memoryops.mcp_server.cli.commands import TARGETS

    assert list(TARGETS) == [*CLIENTS, *paragraph.FILES]


@pytest.mark.parametrize("id", CLIENTS)
def test_it_prints_what_a_client_reads_and_says_where_it_belongs(id: str, cli: Cli, home: Path) -> None:
    ran = cli("config", id, "--workspace", "w", here=False)
    found = tomllib.loads(ran.out) if id == "codex" else ran.json
    assert found[CLIENTS[id].table]["memoryops"]["args"][-2:] == ["mcp", "--workspace=w"]
    assert f"Merge this into {home}" in ran.err
    assert list(home.iterdir()) == []
    assert cli("--json", "config", id, "--workspace", "w", here=False).json == found


def test_it_writes_and_says_what_it_did(cli: Cli, home: Path) -> None:
    path = home / ".cursor" / "mcp.json"
    path.parent.mkdir()
    path.write_text('{\n  // mine\n  "mcpServers": {}\n}\n', encoding="utf-8")
    ran = cli("config", "cursor", "--write", here=False)
    said, kept = ran.out.splitlines()
    assert said == f"memoryops in {path}: added"
    backup = Path(kept.removeprefix("the file as it was: "))
    assert backup.read_text(encoding="utf-8") == '{\n  // mine\n  "mcpServers": {}\n}\n'
    assert "// mine" in path.read_text(encoding="utf-8")
    assert "enable the server" in ran.err

    again = cli("config", "cursor", "--write", here=False)
    assert again.out == f"memoryops in {path}: nothing changed, it is there already\n"
    assert again.err == ""
    assert len(list(path.parent.iterdir())) == 2
    other = cli("--json", "config", "cursor", "--human", "--write", here=False).json
    assert other["action"] == "added"
    assert Path(other["backup"]).is_file()


def test_what_cannot_be_merged_is_printed_with_the_place(cli: Cli, home: Path) -> None:
    path = home / ".cursor" / "mcp.json"
    path.parent.mkdir()
    path.write_text('{"mcpServers": {', encoding="utf-8")
    ran = cli("config", "cursor", "--write", here=False)
    assert ran.status == 1
    assert "memoryops" in json.loads(ran.out)["mcpServers"]
    assert str(path) in ran.err
    assert ran.err.count("\n") == 1
    assert [each.read_text() for each in path.parent.iterdir()] == ['{"mcpServers": {']


def test_a_projects_file_and_a_named_one(cli: Cli, home: Path, tmp_path: Path) -> None:
    assert cli("config", "vscode", "--write", "--project", str(tmp_path), here=False).status == 0
    assert "memoryops" in json.loads((tmp_path / ".vscode" / "mcp.json").read_text())["servers"]
    named = tmp_path / "profile" / "mcp.json"
    assert cli("config", "vscode", "--write", "--file", str(named), here=False).status == 0
    assert "memoryops" in json.loads(named.read_text())["servers"]


def test_uvx_needs_no_installation(cli: Cli, home: Path) -> None:
    entry = cli("config", "claude-desktop", "--uvx", "--profile", "core", here=False).json["mcpServers"]["memoryops"]
    assert Path(entry["command"]).name.startswith("uvx")
    assert entry["args"] == ["memoryops", "mcp", "--profile=core"]


def test_an_address_comes_with_the_folders_token(cli: Cli, home: Path, data_dir: Path) -> None:
    place = ["--data-dir", str(data_dir), "--http", "--port", "1234"]
    entry = cli("config", "claude-code", *place, here=False).json["mcpServers"]["memoryops"]
    assert entry["url"] == "http://127.0.0.1:1234/mcp"
    assert entry["headers"] == {"Authorization": f"Bearer {local_token(data_dir)}"}
    person = cli("config", "claude-code", *place, "--human", here=False).json["mcpServers"]["memoryops-human"]
    assert person["headers"] == {"Authorization": f"Bearer {local_token(data_dir, 'human')}"}


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_a_token_in_a_file_that_others_may_read_is_told(cli: Cli, home: Path, data_dir: Path) -> None:
    path = home / ".claude.json"
    path.write_text("{}")
    path.chmod(0o644)
    ran = cli("config", "claude-code", "--data-dir", str(data_dir), "--http", "--write", here=False)
    assert f"chmod 600 {path}" in ran.err
    path.chmod(0o600)
    assert "chmod" not in cli("config", "claude-code", "--data-dir", str(data_dir), "--http", "--write", here=False).err


def test_a_secret_is_named_but_not_written(cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMORYOPS_QDRANT_URL", "http://localhost:6333")
    monkeypatch.setenv("MEMORYOPS_QDRANT_API_KEY", "hush")
    ran = cli("config", "codex", "--write", here=False)
    assert "MEMORYOPS_QDRANT_API_KEY" in ran.err
    written = (home / ".codex" / "config.toml").read_text()
    assert "--qdrant-url=http://localhost:6333" in written
    assert "hush" not in written + ran.out + ran.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["claude-desktop", "--http"], "Claude Desktop starts local servers"),
        (["claude-desktop", "--project", "."], "has no file of a project"),
        (["cursor", "--http", "--uvx"], "--uvx is for a server that the client starts"),
        (["cursor", "--http", "--profile", "core"], "--profile is for a server"),
        (["cursor", "--http", "--project", "."], "a project's file is shared"),
        (["cursor", "--http", "--port", "0"], "the port is 0"),
        (["cursor", "--port", "1"], "--port is of --http"),
        (["cursor", "--project", ".", "--file", "a"], "give one of them"),
        (["cursor", "--project", "/nowhere/at/all"], "is no folder"),
        (["agents-md", "--human"], "--human belongs to a client"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments: list[str], said: str, cli: Cli, home: Path) -> None:
    ran = cli("config", *arguments, here=False)
    assert (ran.status, ran.out) == (1, "")
    assert said in ran.err
    assert list(home.iterdir()) == []


def test_a_projects_agents_are_told(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli("config", "agents-md", here=False).out == paragraph.snippet()
    assert list(tmp_path.iterdir()) == []
    assert cli("config", "agents-md", "--write", here=False).out == f"{tmp_path / 'AGENTS.md'}: created\n"
    assert "nothing changed" in cli("config", "agents-md", "--write", here=False).out
    (tmp_path / "CLAUDE.md").write_text("# Mine\n")
    ran = cli("config", "claude-md", "--write", "--project", str(tmp_path), here=False)
    assert f"{tmp_path / 'CLAUDE.md'}: added" in ran.out
    assert (tmp_path / "CLAUDE.md").read_text() == f"# Mine\n\n{paragraph.snippet()}"
