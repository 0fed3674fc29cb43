"""Reading and replacing files: never half, never without a backup."""

import os
from datetime import datetime
from pathlib import Path

import pytest

from memoryops.mcp_server.clients import files
from memoryops.mcp_server.clients.errors import NotParseable, NotWritable

NOW = datetime(2026, 5, 31, 12, 0, 0)
posix = pytest.mark.skipif(os.name != "posix", reason="modes and links are those of POSIX")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_new_file_and_its_folders_are_made_for_the_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c.json"
    assert files.read(path) is None
    assert files.replace(path, None, "ü\r\n", now=NOW) is None
    assert path.read_bytes() == "ü\r\n".encode()
    assert files.read(path) == "ü\r\n"
    assert os.name != "posix" or mode(path) == 0o600
    assert list(path.parent.iterdir()) == [path]


@posix
def test_a_projects_file_is_everybodys(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        files.replace(tmp_path / "c.json", None, "x", now=NOW, private=False)
    finally:
        os.umask(before)
    assert mode(tmp_path / "c.json") == 0o644


def test_what_was_there_is_kept_beside_it_and_no_backup_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_bytes(b"one")
    first = files.replace(path, "one", "two", now=NOW)
    second = files.replace(path, "two", "three", now=NOW)
    assert first is not None
    assert second is not None
    assert (first.name, second.name) == ("c.json.20260531-120000.bak", "c.json.20260531-120000-1.bak")
    assert [each.read_text() for each in (first, second, path)] == ["one", "two", "three"]
    assert len(list(tmp_path.iterdir())) == 3


@posix
def test_the_mode_stays_and_a_link_is_followed(tmp_path: Path) -> None:
    real, link = tmp_path / "dotfiles" / "c.json", tmp_path / "c.json"
    real.parent.mkdir()
    real.write_text("one")
    real.chmod(0o640)
    link.symlink_to(real)
    backup = files.replace(link, "one", "two", now=NOW)
    assert link.is_symlink()
    assert real.read_text() == "two"
    assert backup is not None
    assert backup.parent == real.parent
    assert (mode(real), mode(backup)) == (0o640, 0o640)
    assert files.others_may_read(real)
    real.chmod(0o600)
    assert not files.others_may_read(real)


@posix
def test_a_link_to_nothing_gets_its_file(tmp_path: Path) -> None:
    (tmp_path / "c.json").symlink_to(tmp_path / "there" / "c.json")
    files.replace(tmp_path / "c.json", None, "x", now=NOW)
    assert (tmp_path / "there" / "c.json").read_text() == "x"


def test_a_faster_writer_wins_and_nothing_is_left_behind(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text("theirs")
    with pytest.raises(NotWritable, match="was changed by another program just now; run this again"):
        files.replace(path, "as we read it", "ours", now=NOW)
    assert path.read_text() == "theirs"
    assert not list(tmp_path.glob(".*.new"))


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_bytes(b'{"a": "\xff"}')
    with pytest.raises(NotParseable, match=r"is no UTF-8 text \(byte 7\)"):
        files.read(path)
    with pytest.raises(NotWritable, match="cannot read"):
        files.read(tmp_path)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only_is_named(tmp_path: Path) -> None:
    path = tmp_path / "closed" / "c.json"
    path.parent.mkdir(mode=0o500)
    with pytest.raises(NotWritable, match=r"cannot write .*c\.json"):
        files.replace(path, None, "x", now=NOW)


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotWritable, match=r"c\.json"):
        files.replace(tmp_path / "file" / "c.json", None, "x", now=NOW)
