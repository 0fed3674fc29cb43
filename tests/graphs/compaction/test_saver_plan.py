"""`QdrantSaver(compaction="plan")` alone: runs start from what fits, and what is stored stays whole."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, Send, interrupt

from memoryops.graphs.marks import mark_of
from memoryops.memory.parts import marked
from memoryops.memory.service import MemoryOps
from memoryops.stores.in_memory import InMemoryStore
from tests.graphs.compaction.agents import THREAD, Counted, chat_of
from tests.graphs.compaction.saving import TRIGGER, Delta, ask, built, history, saved, short, state, stored, tokens

TURNS = 8


def off() -> Any:
    """A saver that compacts nothing, over a memory of its own."""
    return saved(MemoryOps(InMemoryStore()), compaction="off")


def talked(ops: MemoryOps, turns: int = TURNS, **settings: Any) -> tuple[Any, Any]:
    """A graph whose thread was compacted, and its twin without."""
    graph, twin = built(saved(ops), **settings), built(off(), **settings)
    ask_both(graph, twin, turns)
    return graph, twin


def ask_both(graph: Any, twin: Any, turns: int = TURNS) -> None:
    """*turns* questions to each, after which the first is compacted."""
    for number in range(turns):
        ask(graph, number)
        ask(twin, number)
    assert short(state(graph))


def same(graph: Any, twin: Any) -> bool:
    """Whether what is stored of both threads is the same, byte for byte."""
    return history(graph) == history(twin) and stored(graph.checkpointer) == stored(twin.checkpointer)


def test_the_next_run_starts_from_what_fits_and_all_that_is_stored_is_whole(ops: MemoryOps, delta: bool) -> None:
    counted = Counted()
    graph, twin = built(saved(ops, compressor=counted), delta=delta), built(off(), delta=delta)
    for number in range(16):
        ask(graph, number)
        ask(twin, number)
        assert tokens(state(graph)) <= TRIGGER
    assert short(state(graph))
    assert 0 < counted.calls <= 16
    assert same(graph, twin)
    for ours, theirs in zip(state(graph), state(twin), strict=True):
        assert (ours.id, type(ours)) == (theirs.id, type(theirs))
        mark = marked(str(ours.content))
        assert theirs.content == (ours.content if mark is None else ops.retrieve(mark[1]).content)


def test_a_run_is_shown_the_same_when_a_checkpoint_is_run_again(quick: MemoryOps, delta: bool) -> None:
    seen: list[Any] = []
    graph, _ = talked(quick, delta=delta, nodes=2, seen=seen)
    then = [given for number, given in enumerate(seen) if number % 4 < 2]  # the others are the twin's
    ours = [snapshot.config for snapshot in graph.get_state_history(THREAD) if snapshot.next in (("n0",), ("n1",))]
    assert len(ours) == len(then) == 2 * TURNS
    for config, expected in zip(reversed(ours), then, strict=True):
        number = len(seen)
        graph.invoke(None, config)
        assert seen[number] == expected
    assert sum(bool(short(given)) for given in then) > TURNS // 2


def test_a_fork_starts_from_what_its_own_past_showed(quick: MemoryOps, delta: bool) -> None:
    seen: list[Any] = []
    graph, twin = talked(quick, delta=delta, seen=seen)
    for each in (graph, twin):
        early = next(s.config for s in each.get_state_history(THREAD) if s.values["messages"][-1].id == "n0-q1")
        ask(each, 50, early)
    assert not short(seen[-2])
    assert same(graph, twin)
    for each in (graph, twin):
        late = next(s.config for s in each.get_state_history(THREAD) if s.values["messages"][-1].id == "n0-q6")
        copied = each.update_state(late, None, as_node="__copy__")
        each.invoke({"messages": [HumanMessage("What now?", id="c")]}, copied)
    if not delta:
        assert short(seen[-2])
    assert [value for value, *_ in history(graph)] == [value for value, *_ in history(twin)]


def test_what_is_done_to_messages_that_are_shown_short(quick: MemoryOps, delta: bool) -> None:
    graph, twin = talked(quick, delta=delta)
    shown = short(state(graph))
    first, second, third = (each.id for each in shown[:3])
    for each in (graph, twin):
        each.update_state(THREAD, {"messages": [RemoveMessage(id=first), HumanMessage("Changed.", id=second)]})
        ask(each, 20)
    assert same(graph, twin)
    assert first not in {each.id for each in state(graph)}
    assert next(each.content for each in state(graph) if each.id == second) == "Changed."
    edited = next(each for each in state(graph) if each.id == third)
    assert mark_of(edited) is not None
    edited.content = f"{edited.content} and more"
    graph.update_state(THREAD, {"messages": [edited]})
    raw = next(each for each in next(graph.get_state_history(THREAD)).values["messages"] if each.id == third)
    assert raw.content == edited.content
    assert mark_of(raw) is None
    assert "memoryops" not in raw.response_metadata


def test_what_is_sent_again_is_stored_as_it_was(quick: MemoryOps, delta: bool) -> None:
    graph, twin = talked(quick, delta=delta)
    whole = state(twin)
    for number, sent in ((20, state(graph)), (21, whole)):  # what the client was shown, and what it had itself
        for each, messages in ((graph, sent), (twin, whole)):
            each.invoke({"messages": [*messages, HumanMessage("And?", id=f"q{number}")]}, THREAD)
    assert same(graph, twin)
    assert tokens(state(graph)) <= TRIGGER


def test_a_client_that_keeps_ids_and_texts_alone_sends_back_what_it_was_shown(quick: MemoryOps, delta: bool) -> None:
    def told(each: Any) -> list[Any]:
        return [[(m.id, m.type, m.content) for m in values.get("messages", [])] for values, *_ in history(each)]

    graph, twin = talked(quick, delta=delta)
    elsewhere = built(saved(quick), delta=delta)
    for number, ours in ((20, graph), (21, elsewhere)):
        for each in (ours, twin):
            sent = [{"type": m.type, "id": m.id, "content": m.content} for m in state(each)]
            each.invoke({"messages": [*sent, {"role": "user", "content": "And?", "id": f"q{number}"}]}, THREAD)
        assert told(ours) == told(twin)
    assert short(state(elsewhere))


@pytest.mark.parametrize("defer", [False, True])
def test_a_run_that_waits_for_several_nodes_is_under_way(quick: MemoryOps, delta: bool, defer: bool) -> None:
    seen: list[Any] = []

    def answering(name: str) -> Any:
        def answer(state: Any) -> dict[str, Any]:
            asked = [each.id for each in state["messages"] if isinstance(each, HumanMessage)][-1]
            if name == "last":
                seen.append([each.content for each in state["messages"]])
            return {"messages": [AIMessage(f"{name} " * 300, id=f"{name}-{asked}")]}

        return answer

    builder: Any = StateGraph(Delta if delta else MessagesState)
    for name in ("one", "other"):
        builder.add_node(name, answering(name))
        builder.add_edge(START, name)
    builder.add_node("last", answering("last"), defer=defer)
    builder.add_edge(["one", "other"], "last")
    graph = builder.compile(checkpointer=saved(quick))
    for number in range(4):
        ask(graph, number)
    then = list(seen)
    waiting = [each.config for each in graph.get_state_history(THREAD) if each.next == ("last",)]
    for config in reversed(waiting):
        graph.invoke(None, config)
    assert seen[len(then) :] == then
    assert any(marked(text) for text in then[-1])


def test_a_node_that_hands_back_all_it_was_given_changes_nothing(quick: MemoryOps) -> None:
    def graph_of(saver: Any) -> Any:
        builder: Any = StateGraph(MessagesState)
        builder.add_node("n0", lambda state: {"messages": [*state["messages"], AIMessage("Word " * 400, id=None)]})
        builder.add_edge(START, "n0")
        return builder.compile(checkpointer=saver)

    graph, twin = graph_of(saved(quick)), graph_of(off())
    ask_both(graph, twin, 6)

    def texts(each: Any) -> Any:
        return [[m.content for m in values.get("messages", [])] for values, *_ in history(each)]

    assert texts(graph) == texts(twin)
    for found in graph.checkpointer.list(THREAD):
        for _, _, value in found.pending_writes or ():
            assert not short(value if isinstance(value, list) else [])


def test_what_is_sent_to_workers_is_stored_as_it_was(quick: MemoryOps, delta: bool) -> None:
    def graph_of(saver: Any) -> Any:
        def work(state: Any) -> dict[str, Any]:
            asked = [each.id for each in state["messages"] if isinstance(each, HumanMessage)][-1]
            return {"messages": [AIMessage("Work. " * 100, id=f"{state['part']}-{asked}")]}

        builder: Any = StateGraph(Delta if delta else MessagesState)
        builder.add_node("start", lambda state: {})
        builder.add_node("work", work)
        builder.add_edge(START, "start")
        builder.add_conditional_edges(
            "start", lambda state: [Send("work", {"messages": state["messages"], "part": part}) for part in range(3)]
        )
        return builder.compile(checkpointer=saver)

    graph, twin = graph_of(saved(quick)), graph_of(off())
    ask_both(graph, twin)
    assert same(graph, twin)


def test_an_interrupted_run_goes_on_with_what_it_had(quick: MemoryOps, delta: bool) -> None:
    seen: list[Any] = []

    def graph_of(saver: Any) -> Any:
        def approve(state: Any) -> dict[str, Any]:
            seen.append([each.content for each in state["messages"]])
            return {"messages": [AIMessage(f"{interrupt('well?')} " * 300, id=f"a{len(state['messages'])}")]}

        builder: Any = StateGraph(Delta if delta else MessagesState)
        builder.add_node("n0", approve)
        builder.add_edge(START, "n0")
        return builder.compile(checkpointer=saver)

    graph, twin = graph_of(saved(quick)), graph_of(off())
    for number in range(6):
        for each in (graph, twin):
            ask(each, number)
            assert each.get_state(THREAD).interrupts
            each.invoke(Command(resume="yes"), THREAD)
        assert seen[-4] == seen[-3]  # before and after the pause, of the one with a memory
    assert short(state(graph))
    assert same(graph, twin)


def test_subgraphs(quick: MemoryOps) -> None:
    def graph_of(saver: Any) -> Any:
        inner = built(True)
        builder: Any = StateGraph(MessagesState)
        builder.add_node("inner", inner)
        builder.add_node("passing", built(None))
        builder.add_edge(START, "inner")
        builder.add_edge("inner", "passing")
        return builder.compile(checkpointer=saver)

    graph, twin = graph_of(saved(quick)), graph_of(off())
    ask_both(graph, twin)

    def texts(each: Any, namespace: str) -> Any:
        config = {"configurable": {"thread_id": "t", "checkpoint_ns": namespace}}
        found = each.checkpointer.list(config)
        return [[(m.id, m.content) for m in f.checkpoint["channel_values"].get("messages", [])] for f in found]

    assert texts(graph, "") == texts(twin, "")
    assert texts(graph, "inner") == texts(twin, "inner") != []
    inner: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": "inner"}}
    assert short(graph.checkpointer.get_tuple(inner).checkpoint["channel_values"]["messages"])


def test_a_state_set_by_hand_is_within_the_window_too(quick: MemoryOps, delta: bool) -> None:
    counted = Counted()
    graph, twin = built(saved(quick, compressor=counted), delta=delta), built(off(), delta=delta)
    for each in (graph, twin):
        each.update_state(THREAD, {"messages": chat_of(6, 300)})
    assert short(state(graph))
    assert tokens(state(graph)) <= TRIGGER
    assert counted.calls == 0
    for each in (graph, twin):
        ask(each, 1)
    assert 0 < counted.calls <= 2  # the question is known now
    assert same(graph, twin)
    place = next(n for n, message in enumerate(state(graph)) if message.id == "h2")
    assert short(state(graph)[place : place + 1])
    later = [RemoveMessage(id=str(message.id)) for message in state(graph)[place + 1 :]]
    graph.update_state(THREAD, {"messages": later})
    assert state(graph)[place].content == state(twin)[place].content  # it is the last question again


@pytest.mark.parametrize("durability", ["exit", "sync", "async"])
def test_any_durability(quick: MemoryOps, delta: bool, durability: Any) -> None:
    graph, twin = built(saved(quick), delta=delta), built(off(), delta=delta)
    for number in range(TURNS):
        for each in (graph, twin):
            sent = {"messages": [HumanMessage(f"Question {number}. " * 60, id=f"q{number}")]}
            each.invoke(sent, THREAD, durability=durability)
    assert short(state(graph))
    assert tokens(state(graph)) <= TRIGGER
    assert same(graph, twin)
