"""Human in the loop: only people answer, once, and silence is never a yes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memoryops.memory.errors import Forbidden, InvalidInput, MemoryOpsError, NotFound, Settled
from memoryops.memory.hil import HilRequest
from memoryops.memory.service import MemoryOps

Make = Callable[..., MemoryOps]


def test_only_a_person_answers(make: Make) -> None:
    agent = make(agent="ann")
    for role in ("human", "admin"):
        person = make(role=role, user=None)
        asked = agent.hil.request("Delete it?", options=["yes", "no"], context="all of it", metadata={"a": 1})
        assert (asked.status, asked.answer, asked.agent) == ("pending", None, "ann")
        with pytest.raises(Forbidden, match="only a person"):
            agent.hil.answer(asked.id, "yes")
        with pytest.raises(Forbidden, match="only a person"):
            agent.hil.decline(asked.id)
        assert agent.hil.get(asked.id) == asked
        answered = person.hil.answer(asked.id, "no", comment="not yet", by="Eve")
        assert (answered.status, answered.answer, answered.comment, answered.answered_by) == (
            "answered", "no", "not yet", "Eve",
        )  # fmt: skip
        assert agent.hil.get(asked.id) == answered
        with pytest.raises(Settled, match="answered already"):
            person.hil.answer(asked.id, "yes")
        with pytest.raises(Settled, match="answered already"):
            person.hil.decline(asked.id)


def test_the_options_are_enforced(ops: MemoryOps, person: MemoryOps) -> None:
    id = ops.hil.request("Which?", options=["left", "right"]).id
    for wrong in ("Left", "left ", "both", "", "a\ud800"):
        with pytest.raises(InvalidInput):
            person.hil.answer(id, wrong)
    assert ops.hil.get(id).status == "pending"
    free = ops.hil.request("Why?").id
    assert person.hil.answer(free, "because\r\n\0").answer == "because\r\n\0"


def test_a_declined_request_has_no_answer(ops: MemoryOps, person: MemoryOps) -> None:
    id = ops.hil.request("May I?", options=["yes"]).id
    declined = person.hil.decline(id, comment="no time")
    assert (declined.status, declined.answer, declined.answered_by) == ("declined", None, "human")


def test_what_expires_is_never_a_yes(make: Make, clock: Any) -> None:
    ops, person = make(clock=clock), make(clock=clock, role="human")
    id = ops.hil.request("Quick?", options=["yes"], timeout=60).id
    open_end = ops.hil.request("Whenever?").id
    assert ops.state().hil == {"pending": 2}
    clock.goes_on(60)
    expired = ops.hil.get(id)
    assert (expired.status, expired.answer) == ("expired", None)
    assert ops.hil.wait(id, timeout=30) == expired
    with pytest.raises(Settled, match="expired"):
        person.hil.answer(id, "yes")
    with pytest.raises(Settled, match="expired"):
        person.hil.decline(id)
    assert [r.id for r in ops.hil.list(status="expired").requests] == [id]
    assert [r.id for r in ops.hil.list(status="pending").requests] == [open_end]
    assert {r.id: r.status for r in ops.hil.list().requests} == {open_end: "pending", id: "expired"}


def test_the_state_counts_what_the_list_shows(make: Make, clock: Any) -> None:
    ops, person = make(clock=clock), make(clock=clock, role="human")
    for n in range(3):
        ops.hil.request(f"q{n}", timeout=60)
    ops.hil.request("no end")
    person.hil.answer(ops.hil.list(limit=1).requests[0].id, "a")
    clock.goes_on(61)
    counted = {s: len(ops.hil.list(status=s).requests) for s in ("pending", "answered", "declined", "expired")}
    assert ops.state().hil == {status: n for status, n in counted.items() if n}


def test_wait_returns_at_the_answer_or_after_its_time(ops: MemoryOps, person: MemoryOps) -> None:
    id = ops.hil.request("go?").id
    started = time.monotonic()
    assert ops.hil.wait(id, timeout=0.2).status == "pending"
    assert 0.15 < time.monotonic() - started < 2
    assert ops.hil.wait(id, timeout=0).status == "pending"
    results: list[HilRequest] = []
    waiting = threading.Thread(target=lambda: results.append(ops.hil.wait(id, timeout=30)))
    waiting.start()
    time.sleep(0.1)
    ops.add("something else is written meanwhile")
    assert waiting.is_alive()
    person.hil.answer(id, "yes")
    waiting.join(3)
    assert results and results[0].answer == "yes"


def test_of_two_answers_at_once_one_wins(ops: MemoryOps, make: Make) -> None:
    people = [make(role="human") for _ in range(6)]
    for number in range(8):
        id = ops.hil.request(f"q{number}").id
        barrier = threading.Barrier(6)
        won: list[str] = []
        lost: list[Settled] = []

        def settle(
            place: int, id: str = id, barrier: threading.Barrier = barrier, won: list[str] = won,
            lost: list[Settled] = lost,
        ) -> None:  # fmt: skip
            barrier.wait()
            try:
                if place % 2:
                    won.append(people[place].hil.answer(id, f"answer {place}").answer or "")
                else:
                    won.append(people[place].hil.decline(id).status)
            except Settled as error:
                lost.append(error)

        threads = [threading.Thread(target=settle, args=(place,)) for place in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        final = ops.hil.get(id)
        assert len(won) == 1 and len(lost) == 5
        assert won == [final.answer or final.status]


def test_an_agent_cannot_answer_by_import(ops: MemoryOps, person: MemoryOps, tmp_path: Path) -> None:
    id = ops.hil.request("Pay?", options=["yes", "no"]).id
    ops.export(tmp_path / "a")
    forged = tmp_path / "forged"
    forged.write_text(
        (tmp_path / "a").read_text().replace('"status": "pending"', '"answer": "yes", "status": "answered"')
    )
    with pytest.raises(MemoryOpsError):
        ops.import_(forged, overwrite=True)
    assert person.hil.get(id).status == "pending"


def test_wrong_requests_are_refused(ops: MemoryOps) -> None:
    wrong: list[dict[str, Any]] = [
        {"question": ""}, {"question": "q", "options": "yes"}, {"question": "q", "timeout": 0},
        {"question": "q", "timeout": float("nan")}, {"question": "q", "metadata": []}, {"question": "q\ud800"},
        {"question": "q", "options": [""]},
    ]  # fmt: skip
    for fields in wrong:
        with pytest.raises(InvalidInput):
            ops.hil.request(**fields)
    assert ops.hil.list().requests == []
    for id in ("nothing", ops.add("item").id):
        with pytest.raises(NotFound):
            ops.hil.get(id)
        with pytest.raises(NotFound):
            ops.hil.wait(id, timeout=0)


def test_pages_of_what_is_pending_follow_one_another(make: Make, clock: Any) -> None:
    """The condition holds the time, which goes on between two pages."""
    ops = make()
    made = [ops.hil.request(f"Question {n}?", timeout=100.0 + n).id for n in range(5)]
    first = ops.hil.list(status="pending", limit=2)
    clock.now += 1
    second = ops.hil.list(status="pending", limit=2, cursor=first.next_cursor)
    clock.now += 1
    third = ops.hil.list(status="pending", limit=2, cursor=second.next_cursor)
    assert [each.id for page in (first, second, third) for each in page.requests] == made[::-1]
    assert third.next_cursor is None
    with pytest.raises(InvalidInput, match="another query"):
        ops.hil.list(status="expired", cursor=first.next_cursor)
