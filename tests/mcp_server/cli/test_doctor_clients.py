"""What the doctor says about clients' configurations."""

import json
import os
import socket
import sys
from pathlib import Path

import pytest

from memoryops.mcp_server.cli.doctor_clients import clients
from memoryops.mcp_server.cli.findings import Finding
from memoryops.mcp_server.clients.attached import version_command
from memoryops.mcp_server.clients.entry import Entry, over_http
from memoryops.mcp_server.clients.machine import Machine, own_command
from memoryops.mcp_server.clients.registry import CLIENTS
from memoryops.mcp_server.http.token import local_token
from memoryops.memory.settings import Settings

CURSOR = CLIENTS["cursor"]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine("linux", str(tmp_path), {})


def found(machine: Machine, folder: Path) -> list[Finding]:
    return list(clients(Settings(data_dir=folder), machine))


def attach(machine: Machine, *entries: Entry, **extra: object) -> Path:
    path = Path(CURSOR.files(machine)[-1])
    path.parent.mkdir(exist_ok=True)
    servers = {entry.name: {**CURSOR.form(entry), **extra} for entry in entries}
    path.write_text(json.dumps({"mcpServers": servers}), encoding="utf-8")
    path.chmod(0o600)
    return path


def own(*arguments: str) -> Entry:
    return Entry("memoryops", (*own_command(), "mcp", *arguments))


def test_without_any_client_there_is_one_line(machine: Machine, data_dir: Path) -> None:
    (finding,) = found(machine, data_dir)
    assert finding.level == "ok"
    assert finding.text.startswith(f"not attached: {', '.join(CLIENTS)}; `memoryops config CLIENT --write`")


def test_a_right_entry_is_started_and_found_right(machine: Machine, data_dir: Path) -> None:
    attach(machine, own(f"--data-dir={data_dir}"))
    finding, rest = found(machine, data_dir)
    assert (finding.level, finding.topic) == ("ok", "cursor")
    assert "starts version 0." in finding.text
    assert "cursor" not in rest.text


@pytest.mark.parametrize("options", [[], ["--data-dir", "/elsewhere"], ["--qdrant-url=http://localhost:6333"]])
def test_an_entry_of_another_memory_is_told(options: list[str], machine: Machine, data_dir: Path) -> None:
    attach(machine, own(*options))
    finding = found(machine, data_dir)[0]
    assert finding.level == "warn"
    assert "this command line elsewhere" in finding.text


def test_the_entrys_own_environment_counts(machine: Machine, data_dir: Path) -> None:
    attach(machine, own(), env={"MEMORYOPS_DATA_DIR": str(data_dir)})
    assert found(machine, data_dir)[0].level == "ok"


def test_a_command_that_is_gone_is_told(machine: Machine, data_dir: Path) -> None:
    attach(machine, Entry("memoryops-human", ("/gone/memoryops", "mcp", "--human")))
    finding = found(machine, data_dir)[0]
    assert finding.level == "fail"
    assert "/gone/memoryops, which is not there" in finding.text
    assert "`memoryops config cursor --human --write`" in finding.remedy


@pytest.mark.skipif(os.name != "posix", reason="a script is the command")
@pytest.mark.parametrize(
    ("script", "level", "said"),
    [("exit 3", "fail", "status 3"), ("echo broken >&2; exit 1", "fail", "broken"), ("echo x 0.0.1", "warn", "0.0.1")],
)
def test_a_command_that_does_not_start_is_told(
    script: str, level: str, said: str, machine: Machine, data_dir: Path, tmp_path: Path
) -> None:
    program = tmp_path / "memoryops"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    attach(machine, Entry("memoryops", (str(program), "mcp", f"--data-dir={data_dir}")))
    finding = found(machine, data_dir)[0]
    assert finding.level == level
    assert said in finding.text


def test_only_what_is_known_to_be_ours_is_started() -> None:
    assert version_command(["/opt/memoryops", "mcp"]) == ["/opt/memoryops", "--version"]
    assert version_command([r"C:\x\memoryops.exe", "mcp"]) == [r"C:\x\memoryops.exe", "--version"]
    module = [sys.executable, "-P", "-m", "memoryops.mcp_server.cli.main"]
    assert version_command([*module, "mcp", "--human"]) == [*module, "--version"]
    for other in (["uvx", "memoryops", "mcp"], ["rm", "-rf", "mcp"], ["/opt/memoryops"], ["sh", "-c", "x", "mcp"]):
        assert version_command(other) is None


def test_a_file_that_cannot_be_read_is_told(machine: Machine, data_dir: Path) -> None:
    path = attach(machine)
    path.write_text("{")
    finding = found(machine, data_dir)[0]
    assert finding.level == "warn"
    assert f"{path} is no JSON that Cursor reads" in finding.text


def test_an_entry_without_anything_is_told(machine: Machine, data_dir: Path) -> None:
    attach(machine).write_text('{"mcpServers": {"memoryops": {"args": 1}}}')
    assert found(machine, data_dir)[0].level == "fail"


def test_a_token_is_compared(machine: Machine, data_dir: Path) -> None:
    path = attach(machine, over_http(8765, "old"))
    assert "there is no token" in found(machine, data_dir)[0].text
    token = local_token(data_dir)
    assert found(machine, data_dir)[0].level == "fail"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        attach(machine, over_http(port, token))
        finding = found(machine, data_dir)[0]
        assert (finding.level, token in finding.text) == ("ok", False)
        if os.name == "posix":
            path.chmod(0o644)
            assert found(machine, data_dir)[0].remedy == f"chmod 600 '{path}'"
    finding = found(machine, data_dir)[0]
    assert (finding.level, finding.remedy) == ("warn", "start `memoryops serve`")
