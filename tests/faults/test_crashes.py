"""SIGKILL at a random moment of mixed writes, many times over: documents and index agree, and nothing is lost."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from memoryops.encoders.hashing import HashingEncoder
from memoryops.stores.embedded.engine import EmbeddedStore
from memoryops.stores.ports import Query

CHILDREN = Path(__file__).with_name("children.py")

Contents = dict[str, str | None]


def crash(folder: Path, seed: int, log: Path, after: float) -> None:
    """Let a process write to *folder* and kill it *after* seconds from its first write."""
    log.touch()
    child = subprocess.Popen([sys.executable, str(CHILDREN), "churn", str(folder), str(seed), str(log)])
    deadline = time.monotonic() + 60
    while not log.stat().st_size and time.monotonic() < deadline:
        assert child.poll() is None, "the child ended by itself"
        time.sleep(0.002)
    time.sleep(after)
    child.kill()
    child.wait()


def replay(log: Path, contents: Contents) -> tuple[Contents, tuple[str, str | None] | None]:
    """What *contents* became by what is noted in *log*, and the write that may or may not have happened."""
    open_write: tuple[str, str | None] | None = None
    for line in log.read_text().splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            break
        if "trying" in entry:
            open_write = (entry["trying"], entry["value"])
        elif open_write is not None:
            contents[open_write[0]] = open_write[1]
            open_write = None
    return contents, open_write


def check(folder: Path, expected: Contents, undecided: tuple[str, str | None] | None) -> Contents:
    """Reopen *folder* and compare it with *expected*; what it really holds."""
    store = EmbeddedStore(folder, lambda spec: HashingEncoder())
    try:
        report = store.verify()
        assert (report["missing"], report["stale"], report["surplus"]) == (0, 0, 0), report
        held = {p.id: str(p.text).removeprefix("record ") for p in store.scroll("w", "records", limit=10_000).points}
        wanted = {id: value for id, value in expected.items() if value is not None}
        if undecided is not None:
            id, value = undecided
            assert held.get(id) in (value, wanted.get(id))
            wanted.pop(id, None)
            if id in held:
                wanted[id] = held[id]
        assert held == wanted
        for id in list(held)[-40:]:
            passages = store.search("w", Query(held[id], limit=10_000, dense=False))
            assert {f"{id}:0", f"{id}:1"} <= {each.point.id for each in passages} or patched(store, id)
        return dict(held)
    finally:
        store.close()


def patched(store: EmbeddedStore, id: str) -> bool:
    """Whether *id* is there with tags of its last write over passages of an earlier one."""
    (record,) = store.get("w", "records", [id])
    (passage,) = store.get("w", "memory", [f"{id}:0"])
    return record is not None and passage is not None and record.payload["tags"] == passage.payload["tags"]


def rounds(folder: Path, logs: Path, count: int) -> None:
    chance = random.Random(11)
    contents: Contents = {}
    for seed in range(count):
        log = logs / f"{seed}.log"
        crash(folder, seed, log, chance.uniform(0.0, 0.6))
        contents, undecided = replay(log, contents)
        contents = check(folder, contents, undecided)


def test_crashes_at_random_moments(data_dir: Path, tmp_path: Path) -> None:
    rounds(data_dir, tmp_path, 6)


@pytest.mark.soak
def test_two_hundred_crashes(data_dir: Path, tmp_path: Path) -> None:
    rounds(data_dir, tmp_path, 200)
