"""What the doctor says about the shipped encoder's files."""

from importlib.metadata import FileHash
from pathlib import Path

import pytest

from memoryops.mcp_server.cli.doctor_model import FILES, digest_of, shipped_model
from memoryops.memory.settings import Settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def noted(folder: Path) -> dict[Path, FileHash]:
    return {
        (folder / name).resolve(): FileHash(f"sha256={digest_of((folder / name).read_bytes(), 'sha256')}")
        for name in FILES
    }


def test_it_is_as_installed(folder: Path) -> None:
    assert shipped_model(Settings(), folder, noted(folder)).level == "ok"
    assert shipped_model(Settings()).level == "ok"


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_is_told(name: str, folder: Path) -> None:
    known = noted(folder)
    (folder / name).write_bytes(b"other")
    finding = shipped_model(Settings(), folder, known)
    assert (finding.level, finding.text) == ("fail", f"{folder / name} is not the file that was installed")
    (folder / name).write_bytes(b"")
    assert shipped_model(Settings(), folder, {}).level == "fail"
    (folder / name).unlink()
    assert f"cannot read {folder / name}" in shipped_model(Settings(), folder, {}).text


def test_another_encoder_needs_none_of_it(tmp_path: Path) -> None:
    assert shipped_model(Settings(encoder="hashing:64"), tmp_path).level == "ok"
