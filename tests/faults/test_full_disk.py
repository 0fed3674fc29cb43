"""No room: a clear error, nothing acknowledged is lost, and work goes on once there is room again."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from memoryops.encoders.hashing import HashingEncoder
from memoryops.stores.embedded.engine import EmbeddedStore
from memoryops.stores.errors import StoreFull
from memoryops.stores.ports import Put, Query

MB = 1024 * 1024


def open_store(folder: Path) -> EmbeddedStore:
    return EmbeddedStore(folder, lambda spec: HashingEncoder(), "hashing:64")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 48 MB."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48m,mode=700", "tmpfs", str(tmp_path)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("mounting a small tmpfs needs root on Linux; the file-size limit below is tested everywhere")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def fill(store: EmbeddedStore) -> list[str]:
    """Write until there is no room; the ids that were acknowledged."""
    written: list[str] = []
    with pytest.raises(StoreFull, match="free space, then repeat the call"):
        for n in range(2000):
            put = Put("memory", f"p{n}", {"item": f"i{n}"}, f"word{n} " + os.urandom(20_000).hex())
            store.write("w", [put])
            written.append(put.id)
    return written


def check(store: EmbeddedStore, written: list[str]) -> None:
    assert [p.id for p in store.scroll("w", "memory", limit=10_000).points] == sorted(written)
    for id in written[:: max(len(written) // 20, 1)]:
        word = id.replace("p", "word")
        found = store.search("w", Query(word, limit=5, dense=False))
        assert max(found, key=lambda candidate: candidate.sparse or 0).point.id == id


def test_a_full_disk(small_disk: Path) -> None:
    store = open_store(small_disk / "data")
    written = fill(store)
    assert len(written) > 50
    check(store, written)
    with pytest.raises(StoreFull):
        store.write("w", [Put("records", "quokka", {"type": "item"}, "x" * MB)])
    assert store.get("w", "records", ["quokka"]) == [None]
    store.close()

    filler = small_disk / "filler"
    with filler.open("wb") as file, pytest.raises(OSError, match="space"):
        while True:
            file.write(b"x" * MB)
            file.flush()
    with pytest.raises(StoreFull):
        open_store(small_disk / "data")
    filler.unlink()
    store = open_store(small_disk / "data")
    check(store, written)
    subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
    store.write("w", [Put("memory", "quokka", {"item": "quokka"}, "quokka has room again")])
    check(store, [*written, "quokka"])
    store.close()


LIMITED = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import test_full_disk as tests
store = tests.open_store(Path(sys.argv[1]))
store.live.get()
store.write("w", [tests.Put("memory", "first", {"item": "first"}, "first, before the limit")])
resource.setrlimit(resource.RLIMIT_FSIZE, (6 * tests.MB, resource.RLIM_INFINITY))
written = tests.fill(store)
tests.check(store, ["first", *written])
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.write("w", [tests.Put("memory", "quokka", {"item": "quokka"}, "quokka has room again")])
tests.check(store, ["first", "quokka", *written])
store.close()
store = tests.open_store(Path(sys.argv[1]))
tests.check(store, ["first", "quokka", *written])
store.close()
print("well", len(written))
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="needs POSIX resource limits")
def test_a_file_size_limit(data_dir: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", LIMITED, str(data_dir), str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.stdout.startswith("well"), answer.stderr[-3000:]
