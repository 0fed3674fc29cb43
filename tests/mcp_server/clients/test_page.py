"""docs/clients.md says what the code does."""

from pathlib import Path

import pytest

from memoryops.mcp_server.clients import paragraph
from memoryops.mcp_server.clients.attach import snippet
from memoryops.mcp_server.clients.entry import Entry
from memoryops.mcp_server.clients.machine import Machine
from memoryops.mcp_server.clients.registry import CLIENTS

PAGE = (Path(__file__).parents[3] / "docs" / "clients.md").read_text(encoding="utf-8")
WINDOWS = Machine("win32", "~", {"APPDATA": "%APPDATA%"})
SYSTEMS = (Machine("linux", "~", {}), Machine("darwin", "~", {}), WINDOWS)


@pytest.mark.parametrize("id", CLIENTS)
def test_a_clients_snippet_is_the_one_that_is_printed(id: str) -> None:
    client = CLIENTS[id]
    section = PAGE.partition(f"### {client.title}\n")[2].partition("\n### ")[0]
    language = "toml" if id == "codex" else "json"
    entry = Entry("memoryops", ("/path/to/memoryops", "mcp"))
    assert f"```{language}\n{snippet(client, entry)}```" in section


@pytest.mark.parametrize("id", CLIENTS)
def test_a_clients_files_are_where_they_are_looked_for(id: str) -> None:
    client = CLIENTS[id]
    (row,) = (line for line in PAGE.splitlines() if line.startswith(f"| {client.title} | `~"))
    places = [str(client.files(system)[-1]) for system in SYSTEMS]
    assert [cell.strip().partition(";")[0].strip("`") for cell in row.split("|")[2:5]] == places
    assert "/".join(client.project_file) == row.split("|")[5].strip().strip("`")


def test_the_paragraph_is_the_one_that_is_written() -> None:
    assert f"```markdown\n{paragraph.snippet()}```" in PAGE


def test_every_client_says_whether_it_was_tried() -> None:
    tried = PAGE.partition("## What was tried")[2]
    assert all(f"\n| {client.title} | " in tried for client in CLIENTS.values())
