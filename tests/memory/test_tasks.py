"""Tasks: what may follow what, who may do it, and that of many who claim one gets it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from memoryops.memory.errors import Forbidden, InvalidInput, MemoryOpsError, NotFound, Settled, Stale, Taken
from memoryops.memory.service import MemoryOps
from memoryops.memory.tasks import NEXT, Task

Make = Callable[..., MemoryOps]
STATUSES = ("open", "in_progress", "blocked", "done", "cancelled")


def brought_to(ops: MemoryOps, status: str) -> Task:
    task = ops.tasks.create(f"a task that is {status}")
    if status == "in_progress":
        return ops.tasks.claim(task.id, agent="ann")
    return task if status == "open" else ops.tasks.update(task.id, status=status)


@pytest.mark.parametrize("start", STATUSES)
@pytest.mark.parametrize("end", STATUSES)
def test_the_table_of_what_may_follow(ops: MemoryOps, start: str, end: str) -> None:
    task = brought_to(ops, start)
    allowed = {
        "open": {"open", "blocked", "done", "cancelled"},
        "in_progress": {"in_progress", "open", "blocked", "done", "cancelled"},
        "blocked": {"blocked", "open", "done", "cancelled"},
    }
    if end in allowed.get(start, set()):
        changed = ops.tasks.update(task.id, status=end, agent="ann")
        assert changed.status == end and changed.rev == task.rev + 1
        assert (changed.lease_until is None) == (end != "in_progress")
        assert end != "open" or changed.assignee is None
        assert ops.tasks.get(task.id) == changed
    else:
        error = Settled if start in ("done", "cancelled") else InvalidInput
        with pytest.raises(error):
            ops.tasks.update(task.id, status=end, agent="ann")
        assert ops.tasks.get(task.id) == task
    assert set(NEXT) == set(STATUSES)


def test_the_most_urgent_is_claimed_first_and_of_equals_the_oldest(ops: MemoryOps, make: Make, clock: Any) -> None:
    ops = make(clock=clock)
    ids = {}
    for title, priority in (("low", 2), ("high 1", 9), ("high 2", 9), ("middle", 5)):
        clock.goes_on(1)
        ids[title] = ops.tasks.create(title, priority=priority).id
    claimed = [ops.tasks.claim(agent="ann").title for _ in range(4)]
    assert claimed == ["high 1", "high 2", "middle", "low"]
    with pytest.raises(NotFound):
        ops.tasks.claim(agent="ann")


def test_a_lease_that_runs_out_frees_the_task(make: Make, clock: Any) -> None:
    ops = make(clock=clock)
    id = ops.tasks.create("leased").id
    ops.tasks.claim(id, agent="ann", lease=60)
    clock.goes_on(59)
    with pytest.raises(Taken, match="ann"):
        ops.tasks.claim(id, agent="bob")
    with pytest.raises(NotFound):
        ops.tasks.claim(agent="bob")
    ops.tasks.claim(id, agent="ann", lease=60)
    clock.goes_on(59)
    with pytest.raises(Taken):
        ops.tasks.claim(id, agent="bob")
    clock.goes_on(1)
    assert ops.tasks.claim(agent="bob", lease=60).assignee == "bob"
    with pytest.raises(Taken):
        ops.tasks.update(id, status="done", agent="ann")


def test_only_the_holder_or_a_person_changes_a_held_task(make: Make, ops: MemoryOps, person: MemoryOps) -> None:
    id = ops.tasks.create("held").id
    make(agent="ann").tasks.claim(id)
    changes: list[dict[str, Any]] = [{"status": "done"}, {"priority": 1}, {"title": "mine"}, {"result": "r"}]
    for stranger in (make(agent="bob"), ops):
        for fields in changes:
            with pytest.raises(Taken, match="ann"):
                stranger.tasks.update(id, **fields)
    with pytest.raises(Forbidden):
        make(agent="bob").tasks.update(id, status="done", agent="ann")
    with pytest.raises(Forbidden):
        make(agent="bob").tasks.claim(id, agent="ann")
    assert make(agent="ann").tasks.update(id, result="half").result == "half"
    assert person.tasks.update(id, status="done").status == "done"
    with pytest.raises(Settled):
        ops.tasks.claim(id, agent="ann")
    with pytest.raises(Settled):
        person.tasks.update(id, title="x")


def test_a_blocked_task_belongs_to_its_assignee_for_claims_and_changes_alike(make: Make) -> None:
    ann, bob = make(agent="ann"), make(agent="bob")
    id = ann.tasks.create("waits for something").id
    ann.tasks.claim(id)
    ann.tasks.update(id, status="blocked")
    with pytest.raises(Taken):
        bob.tasks.claim(id)
    with pytest.raises(Taken):
        bob.tasks.update(id, status="done", result="not bob's")
    assert ann.tasks.claim(id).status == "in_progress"


def test_a_stale_revision_changes_nothing(ops: MemoryOps) -> None:
    task = ops.tasks.create("t", "d", tags=["a"])
    changed = ops.tasks.update(task.id, priority=7, expected_rev=1)
    with pytest.raises(Stale):
        ops.tasks.update(task.id, priority=8, expected_rev=1)
    assert ops.tasks.get(task.id) == changed


@pytest.mark.parametrize(
    "fields",
    [{}, {"status": "finished"}, {"priority": 0}, {"title": ""}, {"tags": "t"}, {"metadata": []}, {"result": ""}],
)
def test_a_wrong_change_is_refused(ops: MemoryOps, fields: dict[str, Any]) -> None:
    task = ops.tasks.create("t")
    with pytest.raises(InvalidInput):
        ops.tasks.update(task.id, **fields)
    assert ops.tasks.get(task.id) == task


def test_what_create_takes_update_takes(ops: MemoryOps) -> None:
    task = ops.tasks.create("任" * 200, "described")
    assert ops.tasks.update(task.id, description="").description == ""
    assert ops.tasks.update(task.id, title="務" * 200).title == "務" * 200


def test_a_claim_needs_somebody_and_time(ops: MemoryOps) -> None:
    id = ops.tasks.create("t").id
    wrong_claims: list[dict[str, Any]] = [
        {}, {"agent": "a", "lease": 0}, {"agent": "a", "lease": float("inf")}, {"agent": ""},
    ]  # fmt: skip
    for arguments in wrong_claims:
        with pytest.raises(InvalidInput):
            ops.tasks.claim(id, **arguments)
    for nothing in ("nothing", ops.add("an item").id):
        with pytest.raises(NotFound):
            ops.tasks.claim(nothing, agent="a")


def test_tasks_are_listed_by_urgency_and_narrowed(ops: MemoryOps) -> None:
    for n in range(6):
        ops.tasks.create(f"t{n}", priority=n + 1, tags=["odd"] if n % 2 else [])
    ops.tasks.claim(agent="ann")
    assert [task.priority for task in ops.tasks.list().tasks] == [6, 5, 4, 3, 2, 1]
    assert [task.title for task in ops.tasks.list(assignee="ann").tasks] == ["t5"]
    assert [task.title for task in ops.tasks.list(tag="odd", status=["open"]).tasks] == ["t3", "t1"]
    wrongs: list[dict[str, Any]] = [{"status": "x"}, {"limit": 0}, {"limit": 1001}, {"status": 7}]
    for wrong in wrongs:
        with pytest.raises(InvalidInput):
            ops.tasks.list(**wrong)


def claim_rounds(ops: MemoryOps, rounds: int) -> None:
    for number in range(rounds):
        id = ops.tasks.create(f"round {number}").id
        barrier = threading.Barrier(8)
        winners: list[str] = []
        losers: list[MemoryOpsError] = []

        def claim(
            name: str, id: str = id, barrier: threading.Barrier = barrier, winners: list[str] = winners,
            losers: list[MemoryOpsError] = losers, any_task: bool = bool(number % 2),
        ) -> None:  # fmt: skip
            barrier.wait()
            try:
                task = ops.tasks.claim(None if any_task else id, agent=name)
                assert (task.id, task.assignee) == (id, name)
                winners.append(name)
            except (Taken, NotFound) as error:
                losers.append(error)

        threads = [threading.Thread(target=claim, args=(f"agent {n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(winners) == 1 and len(losers) == 7
        task = ops.tasks.get(id)
        assert (task.assignee, task.status, task.rev) == (winners[0], "in_progress", 2)


def test_of_eight_threads_one_gets_the_task(ops: MemoryOps) -> None:
    claim_rounds(ops, 25)


@pytest.mark.soak
def test_of_eight_threads_one_gets_the_task_in_two_hundred_rounds(ops: MemoryOps) -> None:
    claim_rounds(ops, 200)


def test_eight_threads_share_many_tasks_without_giving_one_twice(ops: MemoryOps) -> None:
    for n in range(40):
        ops.tasks.create(f"t{n}")
    claimed: list[str] = []

    def work(name: str) -> None:
        while True:
            try:
                claimed.append(ops.tasks.claim(agent=name).id)
            except NotFound:
                return

    threads = [threading.Thread(target=work, args=(f"agent {n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed)) == 40
