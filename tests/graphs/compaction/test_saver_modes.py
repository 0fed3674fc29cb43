"""Compaction in a saver, set up one way or another: modes, failures, other pieces beside it, what goes along."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from memoryops.graphs import MemoryContext, MemoryMiddleware, QdrantSaver, copy_threads, make_compress_node
from memoryops.graphs.marks import _remembered, mark_of, marked_for, shortened, whole
from memoryops.memory.errors import InvalidInput, NotFound, OriginalLost
from memoryops.memory.parts import marked
from memoryops.memory.service import MemoryOps
from memoryops.stores.in_memory import InMemoryStore
from tests.graphs.compaction.agents import THREAD, Counted, agent, chat_of, model, sent
from tests.graphs.compaction.agents import ask as ask_agent
from tests.graphs.compaction.agents import history as told
from tests.graphs.compaction.saving import (
    TRIGGER,
    WINDOW,
    ask,
    built,
    history,
    saved,
    short,
    state,
    stored,
    tokens,
)
from tests.graphs.compaction.test_compressors import Hanging, Nothing, Raising, Rubbish
from tests.graphs.serdes import encrypted

TURNS = 8


def talked(saver: Any, turns: int = TURNS, delta: bool = False) -> Any:
    graph = built(saver, delta=delta)
    for number in range(turns):
        ask(graph, number)
    return graph


def whole_texts(graph: Any) -> list[str]:
    (latest,) = graph.get_state_history(THREAD, limit=1)
    return [str(message.content) for message in latest.values["messages"]]


# modes


def test_without_a_window_nothing_is_compacted(quick: MemoryOps) -> None:
    for saver, expected in (
        (QdrantSaver(quick), "off"),
        (QdrantSaver(quick, max_tokens=WINDOW), "plan"),
        (QdrantSaver(MemoryOps(quick.store, quick.scope, window=WINDOW)), "plan"),
        (QdrantSaver(quick, compaction="off", max_tokens=WINDOW), "off"),
        (QdrantSaver(quick, compaction="rewrite"), "rewrite"),
    ):
        assert saver.compaction == expected
    graph = talked(QdrantSaver(quick))
    assert not short(state(graph))
    assert quick.state().messages == 0


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"compaction": "plans"}, "plan, rewrite, off"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"patience": 0}, "patience"),
        ({"keep": -1}, "keep"),
        ({"max_tokens": 10, "trigger": 0.9}, "trigger"),
    ],
)
def test_a_wrong_setting_is_an_error_when_it_is_made(quick: MemoryOps, settings: Any, named: str) -> None:
    with pytest.raises(InvalidInput, match=named):
        QdrantSaver(quick, **settings)


def test_rewrite_stores_what_is_short_and_leaves_what_was(quick: MemoryOps, delta: bool) -> None:
    graph = talked(saved(quick, compaction="rewrite"), 7, delta)
    twin = talked(saved(MemoryOps(InMemoryStore()), compaction="off"), 7, delta)
    if delta:  # what was written is what it is until LangGraph stores the whole state once more
        for number in range(7, 16):
            ask(graph, number)
            ask(twin, number)
    (latest,) = graph.get_state_history(THREAD, limit=1)
    assert short(latest.values["messages"]) == short(state(graph)) != []
    assert all(mark_of(message) is None for message in state(graph))
    for ours, theirs in zip(state(graph), state(twin), strict=True):
        mark = marked(str(ours.content))
        assert ours.id == theirs.id
        assert theirs.content == (ours.content if mark is None else quick.retrieve(mark[1]).content)
    early = [values for values, *_ in history(graph)][-9:]
    assert early == [values for values, *_ in history(twin)][-9:]
    if not delta:
        assert tokens(state(graph)) <= TRIGGER


def test_switched_off_again_the_thread_is_whole(quick: MemoryOps, delta: bool) -> None:
    talked(saved(quick), delta=delta)
    later = built(saved(quick, compaction="off"), delta=delta)
    assert not short(state(later))
    assert len(state(later)) == 2 * TURNS
    ask(later, 20)
    assert not short(state(built(saved(quick, compaction="off"), delta=delta)))


# what goes wrong


@pytest.mark.parametrize("kind", [Raising, Hanging, Rubbish, Nothing])
def test_a_bad_compressor_costs_neither_a_message_nor_a_put(
    quick: MemoryOps, delta: bool, kind: Callable[[], Any], caplog: pytest.LogCaptureFixture
) -> None:
    bad, began = kind(), time.monotonic()
    graph = built(saved(quick, compressor=bad, patience=0.1), delta=delta)
    twin = built(saved(MemoryOps(InMemoryStore()), compaction="off"), delta=delta)
    with caplog.at_level(logging.WARNING, "memoryops.graphs"):
        for each in (graph, twin):
            each.update_state(THREAD, {"messages": chat_of(6, 300)})
            ask(each, 1)
    if isinstance(bad, Hanging):
        bad.released.set()
    assert time.monotonic() - began < 30
    assert f"{bad.name}: " in caplog.text
    assert "by extractive" in caplog.text
    assert history(graph) == history(twin)
    assert stored(graph.checkpointer) == stored(twin.checkpointer)
    assert tokens(state(graph)) <= TRIGGER


def test_where_the_question_alone_is_too_large_everything_stays(
    quick: MemoryOps, caplog: pytest.LogCaptureFixture
) -> None:
    graph = built(saved(quick, max_tokens=100))
    with caplog.at_level(logging.WARNING, "memoryops.graphs"):
        ask(graph, 0)
    assert "untouchable" in caplog.text
    assert not short(state(graph))


def test_an_original_that_is_gone_is_an_error_and_no_short_text_is_stored(quick: MemoryOps) -> None:
    said = HumanMessage("Long words.", id="s")
    stray = shortened(said, "[in memory, ID: 0123]", marked_for(said, "0123", "[in memory, ID: 0123]", "elsewhere"))
    graph = talked(saved(quick), 1)
    with pytest.raises(OriginalLost, match="'s' stands for a longer one"):
        graph.update_state(THREAD, {"messages": [stray]})
    assert [message.id for message in state(graph)] == ["q0", "n0-q0"]
    with pytest.raises(OriginalLost):
        whole(stray, quick)


def test_an_original_comes_back_out_of_the_memory_or_else_out_of_the_thread(quick: MemoryOps, delta: bool) -> None:
    graph = talked(saved(quick), delta=delta)
    message = short(state(graph))[0]
    mark = mark_of(message)
    assert mark is not None
    elsewhere = MemoryOps(quick.store, quick.scope.narrowed(agent="elsewhere"))
    original = whole_texts(graph)[0]
    assert whole(message, elsewhere).content == original
    plans = graph.checkpointer._plans
    place, config = ("t", ""), graph.get_state(THREAD).config
    assert original in {each.content for each in plans._stored(place, config)}
    quick.forget([mark.id])
    with pytest.raises(NotFound):
        quick.retrieve(mark.id)
    graph.update_state(THREAD, {"messages": [message]})
    assert whole_texts(graph)[0] == original


# beside the middleware and the node


def test_with_the_middleware_nobody_compresses_twice(quick: MemoryOps, delta: bool) -> None:
    def run(saver: Any, ops: MemoryOps) -> tuple[Any, Any, Counted]:
        counted, chat = Counted(), model()
        settings: Any = {"max_tokens": 5000, "compressor": counted}
        checkpointer = saver(settings)
        graph = agent(ops, chat, delta=delta, saver=checkpointer, **settings)
        said = chat_of(12, 300)
        graph.update_state(THREAD, {"messages": said[:16]})
        ask_agent(graph, "Please look 2 things up.", "q1")
        graph.update_state(THREAD, {"messages": said[16:]})
        ask_agent(graph, "Please look 2 other things up.", "q2")
        ask_agent(graph, "Thanks.", "q3")
        return graph, chat, counted

    alone = MemoryOps(InMemoryStore())
    graph, chat, counted = run(lambda settings: QdrantSaver(alone, compaction="off"), alone)
    both, both_chat, both_counted = run(lambda settings: QdrantSaver(quick, compaction="plan", **settings), quick)
    assert sent(both_chat) == sent(chat)
    assert 0 < both_counted.calls <= counted.calls
    assert told(both) == told(graph)
    assert not short(state(both))  # the middleware has the plan
    assert all(mark_of(message) is None for given in both_chat.seen for message in given)


def test_the_middleware_takes_a_shortened_message_for_what_it_was(quick: MemoryOps) -> None:
    talked(saved(quick))
    middleware = MemoryMiddleware(quick, max_tokens=100_000)
    given = state(built(saved(quick)))
    shown = middleware._compactor.fit(given)
    assert [message.content for message in shown.messages] == whole_texts(built(saved(quick)))
    node = make_compress_node(quick, 100_000)
    assert node({"messages": given})["llm_input_messages"] == shown.messages


# what goes along


@pytest.mark.parametrize("serde", [encrypted, lambda: JsonPlusSerializer(allowed_msgpack_modules=None)])
def test_any_serializer(quick: MemoryOps, delta: bool, serde: Callable[[], Any]) -> None:
    graph = talked(saved(quick, serde=serde()), delta=delta)
    again = built(saved(quick, serde=serde()), delta=delta)
    assert short(state(again)) == short(state(graph)) != []
    ask(again, 20)
    assert history(again)[3:] == history(talked(saved(MemoryOps(InMemoryStore()), compaction="off"), delta=delta))


def test_an_encrypting_serializer_hides_the_plan(quick: MemoryOps) -> None:
    talked(saved(quick, serde=encrypted()))
    rows = quick.store.scroll(quick.scope.workspace, "records", limit=1000).points
    checkpoints = [point for point in rows if point.payload["type"].startswith("checkpoint")]
    assert checkpoints
    assert not any("in memory, ID" in (point.text or "") for point in checkpoints)


def test_copies_prunes_and_deletions_take_the_plan_along(quick: MemoryOps, delta: bool) -> None:
    graph = talked(saved(quick), delta=delta)
    shown, elsewhere = state(graph), {"configurable": {"thread_id": "u"}}
    graph.checkpointer.copy_thread("t", "u")
    again = built(saved(quick), delta=delta)
    assert state(again, elsewhere) == shown
    again.checkpointer.prune(["u"])
    again = built(saved(quick), delta=delta)
    assert state(again, elsewhere) == shown
    ask(again, 20, elsewhere)
    assert [message.id for message in state(again, elsewhere)[:-2]] == [message.id for message in shown]
    again.checkpointer.delete_thread("u")
    again.checkpointer.delete_thread("t")
    assert not [name for name in quick.store.facet(quick.scope.workspace, "records", "type") if "check" in name]


def test_copy_threads_copies_what_is_stored(quick: MemoryOps) -> None:
    graph = talked(saved(quick))
    target = saved(MemoryOps(InMemoryStore()), compaction="off")
    copy_threads(graph.checkpointer, target)
    assert stored(target) == stored(graph.checkpointer)


def test_originals_belong_to_the_user_of_the_run(quick: MemoryOps) -> None:
    graph = built(saved(quick))
    config = {"configurable": {"thread_id": "t", "user_id": "ada"}}
    for number in range(TURNS):
        ask(graph, number, config)
    graph = built(saved(quick))
    for number in range(TURNS):
        text = {"messages": [HumanMessage("Question. " * 150, id=f"q{number}")]}
        graph.invoke(text, {"configurable": {"thread_id": "b"}}, context=MemoryContext(user="bob"))
    for thread, user, other in (("t", "ada", "bob"), ("b", "bob", "ada")):
        found = marked(str(short(state(graph, {"configurable": {"thread_id": thread}}))[0].content))
        assert found is not None
        item = quick.with_scope(quick.scope.narrowed(user=user)).retrieve(found[1])
        assert (item.user, item.thread) == (user, thread)
        with pytest.raises(NotFound):
            quick.with_scope(quick.scope.narrowed(user=other)).retrieve(found[1])


def test_blocks_and_media_come_back_as_they_were(quick: MemoryOps, delta: bool) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    graph = built(saved(quick, max_tokens=8000), delta=delta)
    twin = built(saved(MemoryOps(InMemoryStore()), compaction="off"), delta=delta)
    for number in range(8):
        blocks: Any = [
            {"type": "text", "text": f"Look {number}. " * 90},
            picture,
            {"type": "text", "text": "Well? " * 9},
        ]
        for each in (graph, twin):
            said = HumanMessage(blocks, id=f"q{number}", additional_kwargs={"n": number}, response_metadata={"a": 1})
            each.invoke({"messages": [said]}, THREAD)
    shorter = [message for message in state(graph) if mark_of(message) is not None and message.type == "human"]
    assert shorter
    assert picture not in shorter[0].content
    mark = mark_of(shorter[0])
    assert mark is not None
    original = next(message.content for message in state(twin) if message.id == shorter[0].id)
    assert json.loads(quick.retrieve(mark.id).content) == original
    assert _remembered(shorter[0], mark, quick) == original
    again = built(saved(quick, max_tokens=8000), delta=delta)
    for each in (again, twin):
        each.invoke({"messages": [*state(each), HumanMessage("And?", id="last")]}, THREAD)
    assert history(again) == history(twin)
    assert stored(again.checkpointer) == stored(twin.checkpointer)


def test_asynchronous_graphs(quick: MemoryOps, delta: bool) -> None:
    graph, twin = (
        built(saved(quick), delta=delta),
        talked(saved(MemoryOps(InMemoryStore()), compaction="off"), 6, delta),
    )

    async def talk() -> list[Any]:
        for number in range(6):
            text = state(twin)[2 * number].content
            await graph.ainvoke({"messages": [HumanMessage(text, id=f"q{number}")]}, THREAD)
        found = await graph.aget_state(THREAD)
        past = [each.values async for each in graph.aget_state_history(THREAD)]
        return [found.values["messages"], past]

    shown, past = asyncio.run(talk())
    assert short(shown)
    assert past == [values for values, *_ in history(twin)]


def test_another_channel_of_messages(quick: MemoryOps) -> None:
    graph = talked(saved(quick, messages_key="talk"))
    assert not short(state(graph))
