"""Whatever is done to a thread, its stored history is that of a twin without compaction."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage, RemoveMessage

from memoryops.memory.service import MemoryOps
from memoryops.stores.in_memory import InMemoryStore
from tests.graphs.compaction.agents import THREAD
from tests.graphs.compaction.saving import TRIGGER, ask, built, history, saved, state, stored, tokens

PLACES = st.integers(0, 30)
STEPS = st.lists(
    st.one_of(
        st.just(("ask", 0)),
        st.tuples(st.sampled_from(["remove", "change", "resend", "fork", "copy"]), PLACES),
    ),
    min_size=3,
    max_size=9,
)


def whole(graph: Any) -> list[Any]:
    found = list(graph.get_state_history(THREAD, limit=1))
    return list(found[0].values.get("messages", [])) if found else []


def act(graph: Any, number: int, step: tuple[str, int]) -> None:
    """One of the steps, on a thread that has some turns."""
    action, place = step
    messages = state(graph)
    chosen = messages[place % len(messages)]
    if action == "ask":
        ask(graph, number)
    elif action == "remove":
        graph.update_state(THREAD, {"messages": [RemoveMessage(id=str(chosen.id))]})
    elif action == "change":
        graph.update_state(THREAD, {"messages": [HumanMessage(f"Changed {number}. " * place, id=chosen.id)]})
    elif action == "resend":  # as a client does that keeps what it was shown
        sent = [*messages[: place + 1], HumanMessage("And then?", id=f"q{number}")]
        graph.invoke({"messages": sent}, THREAD)
    else:
        past = [each for each in graph.get_state_history(THREAD) if each.values.get("messages")]
        config = past[place % len(past)].config
        if action == "copy":
            config = graph.update_state(config, None, as_node="__copy__")
        ask(graph, number, config)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS, delta=st.booleans())
def test_the_stored_history_is_that_of_a_twin(steps: list[tuple[str, int]], delta: bool) -> None:
    graph = built(saved(MemoryOps(InMemoryStore())), delta=delta)
    twin = built(saved(MemoryOps(InMemoryStore()), compaction="off"), delta=delta)
    for each in (graph, twin):
        for number in range(6):
            ask(each, number)
    for number, step in enumerate(steps, start=6):
        act(graph, number, step)
        act(twin, number, step)
        assert [message.id for message in state(graph)] == [message.id for message in state(twin)]
    assert history(graph) == history(twin)
    assert stored(graph.checkpointer) == stored(twin.checkpointer)
    ask(graph, 99)
    assert tokens(state(graph)) <= max(TRIGGER, tokens(whole(graph)[-4:]) + 40 * len(state(graph)))
