"""Where each client keeps its file, on each system: functions of values, tested for all of them anywhere."""

from pathlib import Path, PurePath

import pytest

from memoryops.mcp_server.clients.attach import place, usual
from memoryops.mcp_server.clients.errors import NotOffered
from memoryops.mcp_server.clients.machine import Machine, fleeting
from memoryops.mcp_server.clients.registry import CLIENTS

LINUX = Machine("linux", "/home/ada", {})
MAC = Machine("darwin", "/Users/ada", {})
WINDOWS = Machine("win32", r"C:\Users\ada", {"APPDATA": r"C:\Users\ada\AppData\Roaming"})

PLACES = {
    "claude-desktop": (
        "/home/ada/.config/Claude/claude_desktop_config.json",
        "/Users/ada/Library/Application Support/Claude/claude_desktop_config.json",
        r"C:\Users\ada\AppData\Roaming\Claude\claude_desktop_config.json",
    ),
    "claude-code": ("/home/ada/.claude.json", "/Users/ada/.claude.json", r"C:\Users\ada\.claude.json"),
    "cursor": ("/home/ada/.cursor/mcp.json", "/Users/ada/.cursor/mcp.json", r"C:\Users\ada\.cursor\mcp.json"),
    "vscode": (
        "/home/ada/.config/Code/User/mcp.json",
        "/Users/ada/Library/Application Support/Code/User/mcp.json",
        r"C:\Users\ada\AppData\Roaming\Code\User\mcp.json",
    ),
    "codex": (
        "/home/ada/.codex/config.toml",
        "/Users/ada/.codex/config.toml",
        r"C:\Users\ada\.codex\config.toml",
    ),
}


def test_every_client_is_here() -> None:
    assert set(PLACES) == set(CLIENTS)


@pytest.mark.parametrize("id", CLIENTS)
@pytest.mark.parametrize(("system", "machine"), list(enumerate((LINUX, MAC, WINDOWS))))
def test_the_usual_place(id: str, system: int, machine: Machine) -> None:
    assert str(CLIENTS[id].files(machine)[-1]) == PLACES[id][system]


@pytest.mark.parametrize(
    ("id", "platform", "variables", "expected"),
    [
        ("codex", "linux", {"CODEX_HOME": "/srv/codex"}, "/srv/codex/config.toml"),
        ("claude-code", "linux", {"CLAUDE_CONFIG_DIR": "/srv/claude"}, "/srv/claude/.claude.json"),
        ("vscode", "linux", {"XDG_CONFIG_HOME": "/srv/xdg"}, "/srv/xdg/Code/User/mcp.json"),
        ("vscode", "darwin", {"XDG_CONFIG_HOME": "/srv/xdg"}, "/h/Library/Application Support/Code/User/mcp.json"),
        ("vscode", "win32", {}, r"\h\AppData\Roaming\Code\User\mcp.json"),
        ("vscode", "win32", {"APPDATA": r"D:\data"}, r"D:\data\Code\User\mcp.json"),
        ("vscode", "linux", {"XDG_CONFIG_HOME": ""}, "/h/.config/Code/User/mcp.json"),
    ],
)
def test_variables_move_it(id: str, platform: str, variables: dict[str, str], expected: str) -> None:
    assert str(CLIENTS[id].files(Machine(platform, "/h", variables))[-1]) == expected


def test_claude_desktop_as_a_windows_package_has_a_place_of_its_own() -> None:
    package, usual = map(str, CLIENTS["claude-desktop"].files(WINDOWS))
    assert package.startswith("C:\\Users\\ada\\AppData\\Local\\Packages\\Claude_")
    assert package.endswith("\\LocalCache\\Roaming\\Claude\\claude_desktop_config.json")
    assert usual == PLACES["claude-desktop"][2]


def test_of_several_places_the_one_in_use_is_taken(tmp_path: Path) -> None:
    package, usual_one = tmp_path / "package" / "c.json", tmp_path / "usual" / "c.json"
    assert usual([package, usual_one]) == usual_one
    package.parent.mkdir()
    assert usual([package, usual_one]) == package
    usual_one.parent.mkdir()
    usual_one.touch()
    assert usual([package, usual_one]) == usual_one
    package.touch()
    assert usual([package, usual_one]) == package


@pytest.mark.parametrize(
    ("id", "expected"),
    [
        ("claude-code", ".mcp.json"),
        ("cursor", ".cursor/mcp.json"),
        ("vscode", ".vscode/mcp.json"),
        ("codex", ".codex/config.toml"),
    ],
)
def test_the_file_of_a_project(id: str, expected: str, tmp_path: Path) -> None:
    assert place(CLIENTS[id], LINUX, project=tmp_path) == tmp_path / PurePath(expected)


def test_what_has_no_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotOffered, match="Claude Desktop has no file of a project"):
        place(CLIENTS["claude-desktop"], LINUX, project=tmp_path)
    with pytest.raises(NotOffered, match="is no folder"):
        place(CLIENTS["cursor"], LINUX, project=tmp_path / "nowhere")
    assert place(CLIENTS["cursor"], LINUX, file=tmp_path / "mine.json") == tmp_path / "mine.json"


def test_an_installation_in_uvs_cache_is_fleeting() -> None:
    assert fleeting("/home/ada/.cache/uv/archive-v0/AbC")
    assert not fleeting("/home/ada/.local/share/uv/tools/memoryops")
    assert not fleeting("/srv/archive/.venv")
