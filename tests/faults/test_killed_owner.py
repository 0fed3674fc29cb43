"""The owner is killed while many processes write: nothing acknowledged is lost, nothing is written twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from memoryops.memory.service import MemoryOps
from memoryops.memory.settings import Settings
from memoryops.stores.embedded import rendezvous
from memoryops.stores.embedded.ending import stop_owner
from memoryops.stores.embedded.folder import Folder
from memoryops.stores.ports import Query

CHILDREN = Path(__file__).with_name("children.py")


def kill_owner(folder: Path) -> bool:
    """SIGKILL the owner of *folder*, if there is one to kill."""
    pointer = rendezvous.find(Folder(folder))
    if pointer is None:
        return False
    try:
        os.kill(pointer.pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def run(data_dir: Path, logs: Path, *, processes: int, items: int, kills: int) -> float:
    """Let *processes* add *items* each, killing the owner *kills* times; check; the longest wait of a call (s)."""
    chance = random.Random(7)
    children = [
        subprocess.Popen(
            [sys.executable, str(CHILDREN), "add", str(data_dir), f"p{n}", str(items), str(logs / f"p{n}")],
            stderr=subprocess.PIPE,
        )
        for n in range(processes)
    ]
    killed = 0
    while killed < kills and any(child.poll() is None for child in children):
        time.sleep(chance.uniform(0.1, 0.5))
        killed += kill_owner(data_dir)
    for child in children:
        _, errors = child.communicate(timeout=240)
        assert child.returncode == 0, errors.decode()
    assert killed == kills, "the children were done before the owner was killed often enough"

    noted = [json.loads(line) for file in logs.iterdir() for line in file.read_text().splitlines()]
    acknowledged = {entry["id"]: entry["content"] for entry in noted if "id" in entry}
    assert len(acknowledged) == processes * items
    kill_owner(data_dir)
    with MemoryOps.open(settings=Settings(data_dir=data_dir)) as ops:
        assert ops.state().items == len(acknowledged)
        for id, content in acknowledged.items():
            assert ops.retrieve(id).content == content
            word = content.split("known as ")[1].split(":")[0]
            found = ops.store.search("default", Query(word, limit=5, dense=False))
            best = max((each.sparse or 0 for each in found), default=None)
            assert [c.point.payload["item"] for c in found if c.sparse == best] == [id], f"{word} was not found once"
    return max(float(entry["longest"]) for entry in noted if "longest" in entry)


def test_nothing_is_lost_when_the_owner_is_killed(data_dir: Path, tmp_path: Path) -> None:
    try:
        run(data_dir, tmp_path, processes=4, items=300, kills=2)
    finally:
        stop_owner(data_dir)


@pytest.mark.soak
def test_eight_processes_of_500_items_and_five_kills(data_dir: Path, tmp_path: Path) -> None:
    try:
        longest = run(data_dir, tmp_path, processes=8, items=500, kills=5)
        print(f"longest wait of a call: {longest:.2f} s")
    finally:
        stop_owner(data_dir)
