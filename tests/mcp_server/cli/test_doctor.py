import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from memoryops.mcp_server.cli.doctor import examine
from memoryops.mcp_server.cli.findings import Finding
from memoryops.memory.service import MemoryOps
from memoryops.memory.settings import Settings
from memoryops.stores.embedded.ending import stop_owner
from memoryops.stores.embedded.folder import Folder

Cli = Callable[..., Any]


def findings(folder: Path, *, in_process: bool = True) -> dict[str, Finding]:
    """The worst finding of each topic."""
    worst: dict[str, Finding] = {}
    for finding in examine(lambda: Settings(data_dir=folder, in_process=in_process)):
        if finding.topic not in worst or finding.level != "ok":
            worst[finding.topic] = finding
    return worst


@pytest.fixture
def filled(folder: Path) -> Iterator[Path]:
    folder.chmod(0o700)
    with MemoryOps.open(settings=Settings(data_dir=folder, encoder="hashing:64", in_process=True)) as ops:
        ops.add("one memory")
    yield folder


def test_all_is_well(cli: Cli, filled: Path) -> None:
    ran = cli("--data-dir", str(filled), "doctor")
    assert ran.status == 0, ran.out
    assert all(line.startswith("ok") for line in ran.out.splitlines()), ran.out
    report = cli("--json", "--data-dir", str(filled), "doctor").json
    topics = {finding["topic"] for finding in report}
    assert topics >= {"install", "packages", "data folder", "disk space", "owner", "memory", "encoder", "index"}


def test_before_the_first_use_nothing_is_made(tmp_path: Path) -> None:
    found = findings(tmp_path / "not" / "yet")
    assert found["memory"].text.startswith("nothing is stored yet")
    assert found["data folder"].level == "ok"
    assert not (tmp_path / "not").exists()


def test_a_wrong_setting_fails(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMORYOPS_SCREENING", "maybe")
    ran = cli("doctor")
    assert ran.status == 1
    assert "fail  settings" in ran.out
    assert "MEMORYOPS_SCREENING is 'maybe'" in ran.out


def test_names_that_mean_nothing_are_told(cli: Cli, filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMORYOPS_DATADIR", "/x")
    monkeypatch.setenv("MEMORY_DATABASE_URL", "/x")
    ran = cli("--data-dir", str(filled), "doctor")
    assert ran.status == 0
    assert "MEMORYOPS_DATADIR is no setting" in ran.out
    assert "MEMORY_DATABASE_URL is set, which means nothing here" in ran.out


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_a_folder_that_others_may_read_is_told(filled: Path) -> None:
    filled.chmod(0o755)
    found = findings(filled)["data folder"]
    assert found.level == "warn"
    assert found.remedy == f"chmod 700 '{filled}'"


def test_a_folder_that_is_a_file_fails(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    assert findings(path)["data folder"].level == "fail"


def test_damaged_documents_fail(filled: Path) -> None:
    Folder(filled).documents.write_bytes(b"no database" * 1000)
    found = findings(filled)["memory"]
    assert found.level == "fail"
    assert "backup" in found.text + found.remedy


def test_an_owner_that_has_ended_is_no_fault(filled: Path) -> None:
    findings(filled, in_process=False)
    assert "version" in findings(filled, in_process=False)["owner"].text
    stop_owner(filled)
    assert "not running" in findings(filled)["owner"].text


def test_an_index_that_was_lost_is_made_anew(filled: Path) -> None:
    shutil.rmtree(Folder(filled).index)
    assert findings(filled)["index"].text == "agrees with the documents (1 passages)"
