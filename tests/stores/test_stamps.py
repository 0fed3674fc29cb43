"""The file of stamps: what a second process reads of it, and what becomes of it when an owner is killed."""

import os
import signal
from pathlib import Path

import pytest

from memoryops.stores.embedded import rendezvous
from memoryops.stores.embedded.client import OwnedStore
from memoryops.stores.embedded.ending import stop_owner
from memoryops.stores.embedded.folder import Folder
from memoryops.stores.embedded.stamps import SLOTS, StampReader, Stamps
from memoryops.stores.ports import Put


def test_a_reader_sees_what_the_owner_changes(tmp_path: Path) -> None:
    stamps = Stamps(tmp_path / "stamps")
    reader = StampReader(tmp_path / "stamps")
    before = {name: reader.of(name) for name in ("a", "ü" * 200)}
    stamps.change(["a"])
    assert reader.of("a") == before["a"] + 1 == stamps.of("a")
    assert reader.of("ü" * 200) == before["ü" * 200]
    stamps.close()


@pytest.mark.parametrize("left", [b"", b"cut off"])
def test_an_owner_makes_the_file_whole_and_changes_all_of_it(tmp_path: Path, left: bytes) -> None:
    path = tmp_path / "stamps"
    path.write_bytes(left)
    assert StampReader.on(path) is None
    Stamps(path).close()
    names = [f"w{number}" for number in range(3 * SLOTS)]
    reader = StampReader(path)
    first = [reader.of(name) for name in names]
    Stamps(path).close()
    assert all(now != before for now, before in zip(map(reader.of, names), first, strict=True))


def test_no_file_is_no_stamp(tmp_path: Path) -> None:
    assert StampReader.on(tmp_path / "stamps") is None


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_what_a_killed_owner_wrote_is_not_missed(data_dir: Path) -> None:
    """It may have been killed between its commit and its word about it."""
    one, other = OwnedStore(data_dir, "hashing:64"), OwnedStore(data_dir, "hashing:64")
    one.write("w", [Put("records", "a", {})])
    before = other.stamp("w")
    assert before is not None and before == one.stamp("w")
    pointer = rendezvous.find(Folder(data_dir))
    assert pointer is not None
    os.kill(pointer.pid, signal.SIGKILL)
    assert one.get("w", "records", ["a"]) != [None]
    assert other.stamp("w") != before
    one.close()
    assert one.stamp("w") is None
    other.close()
    stop_owner(data_dir)
