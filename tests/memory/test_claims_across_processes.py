"""Claims, answers and waiting between processes that share one data folder."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps
from memoryops.stores.embedded.client import OwnedStore

CHILD = """
import sys
from pathlib import Path
from memoryops.memory.errors import NotFound, Settled, Taken
from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps
from memoryops.stores.embedded.client import OwnedStore
folder, deed, name, *ids = sys.argv[1:]
ops = MemoryOps(OwnedStore(Path(folder), "hashing:64"), Scope("w", role="human"))
print("here", flush=True)
sys.stdin.readline()
for id in ids:
    try:
        if deed == "claim":
            ops.tasks.claim(id, agent=name)
        else:
            ops.hil.answer(id, name)
        print(id, flush=True)
    except (Taken, Settled):
        pass
ops.close()
"""


def race(folder: Path, deed: str, ids: list[str], processes: int = 4) -> dict[str, list[str]]:
    """Which of *ids* each process got."""
    children = {
        f"child{n}": subprocess.Popen(
            [sys.executable, "-c", CHILD, str(folder), deed, f"child{n}", *ids],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(processes)
    }
    for child in children.values():
        assert child.stdout is not None and child.stdout.readline() == "here\n"
    return {name: child.communicate("go\n", timeout=60)[0].split() for name, child in children.items()}


@pytest.mark.parametrize("count", [30, pytest.param(200, marks=pytest.mark.soak)])
def test_of_four_processes_one_gets_each_task(data_dir: Path, owned: Callable[[], OwnedStore], count: int) -> None:
    ops = MemoryOps(owned(), Scope("w"))
    ids = [ops.tasks.create(f"t{n}").id for n in range(count)]
    got = race(data_dir, "claim", ids)
    assert sorted(id for each in got.values() for id in each) == sorted(ids)
    for name, mine in got.items():
        assert {ops.tasks.get(id).assignee for id in mine} <= {name}


def test_of_four_processes_one_answers_each_question(data_dir: Path, owned: Callable[[], OwnedStore]) -> None:
    ops = MemoryOps(owned(), Scope("w"))
    ids = [ops.hil.request(f"q{n}").id for n in range(20)]
    got = race(data_dir, "answer", ids)
    assert sorted(id for each in got.values() for id in each) == sorted(ids)
    for name, mine in got.items():
        assert {ops.hil.get(id).answer for id in mine} <= {name}


def test_wait_returns_when_another_process_answers(data_dir: Path, owned: Callable[[], OwnedStore]) -> None:
    ops = MemoryOps(owned(), Scope("w"))
    id = ops.hil.request("go on?").id
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(data_dir), "answer", "yes", id],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None and child.stdin is not None
    child.stdout.readline()
    child.stdin.write("go\n")
    child.stdin.flush()
    started = time.monotonic()
    assert ops.hil.wait(id, timeout=30).answer == "yes"
    assert time.monotonic() - started < 4
    child.communicate(timeout=30)


def test_a_listing_of_large_rows_passes_through_the_owner(owned: Callable[[], OwnedStore], tmp_path: Path) -> None:
    ops = MemoryOps(owned(), Scope("w"))
    for n in range(27):
        ops.tasks.create(f"t{n}", f"{n}" + "d" * (10 * 1024 * 1024 - 2))
    assert ops.export(tmp_path / "all").records == 27
