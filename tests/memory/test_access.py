"""Access times: written in batches, gone with what they are about, never in the way of a read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from memoryops.memory.access import BATCH, LONGEST_WAIT, MOST
from memoryops.memory.exchange import Exchanges, Plans
from memoryops.memory.service import MemoryOps
from memoryops.stores.errors import StoreUnavailable
from memoryops.stores.filters import Eq
from memoryops.stores.in_memory import InMemoryStore

Make = Callable[..., MemoryOps]


def written(ops: MemoryOps) -> int:
    return ops.store.count(ops.scope.workspace, "records", Eq("type", "access"))


def test_uses_are_noted_at_once_and_written_in_batches(make: Make, clock: Any) -> None:
    ops = make(clock=clock)
    ids = [added.id for added in ops.add_many([{"content": f"n {n}"} for n in range(BATCH)])]
    for id in ids[:-1]:
        ops.retrieve(id)
    assert written(ops) == 0
    assert set(ops.items.access.last(ids)) == set(ids[:-1])
    ops.retrieve(ids[-1])
    assert written(ops) == BATCH
    assert ops.items.access.last([ids[0], "nothing"]) == {ids[0]: clock.now}


def test_the_longest_wait_is_kept(make: Make, clock: Any) -> None:
    ops = make(clock=clock)
    id = ops.add("x").id
    ops.retrieve(id)
    clock.goes_on(LONGEST_WAIT + 1)
    ops.search("x")
    assert written(ops) == 1
    assert ops.items.access.last([id]) == {id: clock.now}


def test_what_is_forgotten_leaves_no_access_time(ops: MemoryOps) -> None:
    first, second = ops.add("x").id, ops.add("y").id
    ops.retrieve(first)
    ops.items.access.flush()
    ops.retrieve(second)
    ops.forget([first, second])
    ops.items.access.flush()
    assert written(ops) == 0 and ops.items.access.last([first, second]) == {}


def test_what_expires_leaves_no_access_time(timed: MemoryOps, clock: Any) -> None:
    timed.retrieve(timed.add("x", ttl=10).id)
    timed.items.access.flush()
    clock.goes_on(20)
    timed.store.sweep()
    timed.store.sweep()
    assert written(timed) == 0


def test_reads_change_no_memory(ops: MemoryOps) -> None:
    id = ops.add("x").id
    before = ops.retrieve(id)
    for _ in range(3):
        ops.search("x")
    ops.items.access.flush()
    assert ops.retrieve(id) == before


class Failing(InMemoryStore):
    """A store whose writes fail while *broken*: the real one but for that."""

    broken = False

    def write(self, *args: Any, **kw: Any) -> Any:
        if self.broken:
            raise StoreUnavailable("away")
        return super().write(*args, **kw)


def test_a_store_that_does_not_take_them_fails_no_read_and_gets_them_later() -> None:
    store = Failing()
    ops = MemoryOps(store)
    id = ops.add("x").id
    store.broken = True
    assert ops.retrieve(id).content == "x"
    ops.items.access.flush()
    store.broken = False
    ops.items.access.flush()
    assert written(ops) == 1


def test_a_request_to_a_model_does_not_wait_for_a_write_that_is_due(make: Make, clock: Any) -> None:
    ops = make(clock=clock)
    ops.add("Apples are kept in the cellar")
    clock.goes_on(LONGEST_WAIT + 1)
    exchanges, asked = Exchanges(ops, Plans()), [{"role": "user", "content": "Where are the apples?"}]
    assert exchanges.prepare(asked).items == 1
    assert written(ops) == 0
    exchanges.remember(asked, "In the cellar.")
    assert written(ops) == 1


def test_so_many_wait_at_most(make: Make, clock: Any) -> None:
    ops = make(clock=clock)
    access = ops.items.access
    access.note({str(n): None for n in range(MOST - 1)}, write=False)
    assert written(ops) == 0
    access.note({"one more": None}, write=False)
    assert written(ops) == MOST
