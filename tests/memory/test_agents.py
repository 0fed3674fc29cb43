"""Agents: registered once, alive while heard of."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from memoryops.memory.errors import InvalidInput, NotFound
from memoryops.memory.service import MemoryOps

Make = Callable[..., MemoryOps]


def test_registering_again_replaces_and_keeps_the_first_date(make: Make, clock: Any) -> None:
    ops = make(clock=clock)
    first = ops.agents.register("ann", ["code"], {"a": 1})
    clock.goes_on(60)
    again = ops.agents.register("ann", ["review"])
    assert (again.capabilities, again.metadata, again.rev) == (["review"], {}, 2)
    assert again.registered_at == first.registered_at and again.heartbeat_at > first.heartbeat_at
    clock.goes_on(60)
    beat = ops.agents.heartbeat("ann")
    assert (beat.capabilities, beat.rev) == (["review"], 3) and beat.heartbeat_at > again.heartbeat_at
    assert ops.agents.list().agents == [beat]


def test_agents_are_listed_by_what_they_can_and_by_who_is_alive(make: Make, clock: Any) -> None:
    ops = make(clock=clock)
    for name, capability in (("old", "code"), ("mid", "code"), ("new", "review")):
        ops.agents.register(name, [capability])
        clock.goes_on(100)
    assert [agent.name for agent in ops.agents.list().agents] == ["new", "mid", "old"]
    assert [agent.name for agent in ops.agents.list(capability="code").agents] == ["mid", "old"]
    assert [agent.name for agent in ops.agents.list(alive_within=250).agents] == ["new", "mid"]
    assert ops.agents.list(capability="code", alive_within=150).agents == []


def test_names_of_any_allowed_length_are_taken(ops: MemoryOps) -> None:
    for name in ("a" * 200, "Ünïcode 任务", "agent:agent:x", "a"):
        assert ops.agents.register(name).name == name
        assert ops.agents.heartbeat(name).name == name
    for wrong in ("", "a" * 201, "a\nb", None, "a\ud800"):
        with pytest.raises(InvalidInput):
            ops.agents.register(wrong)  # type: ignore[arg-type]  # callers are not always typed
    with pytest.raises(NotFound, match="agent 'nobody'"):
        ops.agents.heartbeat("nobody")


def test_heartbeats_from_many_threads_all_count(ops: MemoryOps) -> None:
    ops.agents.register("ann", ["code"])
    threads = [threading.Thread(target=ops.agents.heartbeat, args=("ann",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (agent,) = ops.agents.list().agents
    assert agent.rev == 9 and agent.capabilities == ["code"]
