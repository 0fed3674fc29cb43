"""`QdrantSaver` under real graphs."""

from __future__ import annotations

import asyncio
import itertools
import operator
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langgraph.channels import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

from memoryops.graphs import QdrantSaver, ScriptedChatModel, create_checkpointer
from memoryops.memory.errors import InvalidInput
from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps
from memoryops.stores.embedded.ending import stop_owner
from memoryops.stores.ports import PointStore

from .serdes import encrypted
from .stores import opened

CONFIG: Any = {"configurable": {"thread_id": "t"}}
_numbers = itertools.count(1)
Make = Callable[..., QdrantSaver]


@pytest.fixture(scope="module", params=["in_memory", "in_process"])
def store(request: pytest.FixtureRequest) -> Iterator[PointStore]:
    with opened(request.param) as found:
        yield found


@pytest.fixture
def make(store: PointStore) -> Make:
    """Each call gives one more saver on the test's workspace, as another process would have it."""
    scope = Scope(f"test {next(_numbers)}")
    return lambda **kw: QdrantSaver(MemoryOps(store, scope), **kw)


def chat(saver: BaseCheckpointSaver[Any]) -> Any:
    model = ScriptedChatModel(script=lambda messages: f"I have read {len(messages)}.")
    builder = StateGraph(MessagesState)
    builder.add_node("model", lambda state: {"messages": [model.invoke(state["messages"])]})
    builder.add_edge(START, "model")
    return builder.compile(checkpointer=saver)


def say(graph: Any, text: str, config: Any = CONFIG) -> list[str]:
    state = graph.invoke({"messages": [("user", text)]}, config)
    return [message.content for message in state["messages"]]


def rows_of(saver: QdrantSaver) -> dict[str, int]:
    return saver.ops.store.facet(saver.ops.scope.workspace, "records", "type")


class Log(TypedDict):
    log: Annotated[list[str], DeltaChannel(lambda old, new: [*old, *itertools.chain(*new)], snapshot_frequency=3)]


def logging(saver: BaseCheckpointSaver[Any]) -> Any:
    builder = StateGraph(Log)
    builder.add_node("write", lambda state: {"log": [f"after {len(state['log'])}"]})
    builder.add_edge(START, "write")
    return builder.compile(checkpointer=saver)


# a thread goes on


@pytest.mark.parametrize("serde", [JsonPlusSerializer, encrypted])
def test_a_thread_goes_on_in_another_process_and_grows_by_what_is_new(make: Make, serde: Any) -> None:
    for turn in range(1, 7):
        assert len(say(chat(make(serde=serde())), f"turn {turn}")) == 2 * turn
    blobs = rows_of(make())["checkpoint_blob"]
    say(chat(make(serde=serde())), "one more")
    assert rows_of(make())["checkpoint_blob"] - blobs <= 6


def test_what_is_not_encrypted_stays_readable_and_what_is_does_not_lie_open(make: Make) -> None:
    say(chat(make()), "open")
    say(chat(make(serde=encrypted())), "a secret of mine")
    texts = make().ops.store.scroll(make().ops.scope.workspace, "records").points
    assert not any("secret" in (point.text or "") + str(point.payload) for point in texts)
    assert len(say(chat(make(serde=encrypted())), "both")) == 6


def test_the_history_is_that_of_the_saver_in_memory(make: Make) -> None:
    def history(saver: BaseCheckpointSaver[Any]) -> list[Any]:
        graph = chat(saver)
        for text in ("one", "two"):
            say(graph, text)
        graph.update_state(CONFIG, {"messages": [HumanMessage("put in", id="x")]})
        past = [each for each in graph.get_state_history(CONFIG) if each.metadata["step"] == 1]
        graph.invoke(None, past[0].config)
        return [
            ([message.content for message in each.values["messages"]], each.next, each.metadata, len(each.tasks))
            for each in graph.get_state_history(CONFIG)
        ]

    assert history(make()) == history(InMemorySaver())


def test_a_message_changed_in_place_is_stored_as_it_is_now(make: Make) -> None:
    def change(state: MessagesState) -> dict[str, Any]:
        state["messages"][0].content = "changed"
        state["messages"][0].additional_kwargs["n"] = True
        return {"messages": [AIMessage("done", id="b")]}

    builder = StateGraph(MessagesState)
    builder.add_node("change", change)
    builder.add_edge(START, "change")
    graph = builder.compile(checkpointer=make())
    graph.invoke({"messages": [HumanMessage("as it was", id="a", additional_kwargs={"n": 1})]}, CONFIG)
    message = chat(make()).get_state(CONFIG).values["messages"][0]
    assert (message.content, message.additional_kwargs["n"]) == ("changed", True)
    assert message.additional_kwargs["n"] is True


def test_states_handed_out_share_nothing(make: Make) -> None:
    saver = make()
    say(chat(saver), "hello")
    for _ in range(2):
        state = chat(saver).get_state(CONFIG).values["messages"]
        assert (state[0].content, state[0].additional_kwargs) == ("hello", {})
        state[0].content, state[0].additional_kwargs["x"] = "spoilt", [1]
        state.clear()


def test_removed_replaced_and_resent_messages(make: Make) -> None:
    graph = chat(make())
    for number in range(20):
        graph.update_state(CONFIG, {"messages": [HumanMessage(f"{number}", id=f"{number}")]})
    graph.update_state(CONFIG, {"messages": [RemoveMessage(id="3"), HumanMessage("new", id="5")]})
    graph = chat(make())
    everything = graph.get_state(CONFIG).values["messages"]
    assert [message.content for message in everything] == ["0", "1", "2", "4", "new", *map(str, range(6, 20))]
    blobs = rows_of(make())["checkpoint_blob"]
    graph.invoke({"messages": everything}, CONFIG)
    assert len(graph.get_state(CONFIG).values["messages"]) == 20
    assert rows_of(make())["checkpoint_blob"] - blobs <= 4


def test_interrupted_graphs_resume_elsewhere(make: Make) -> None:
    class State(TypedDict):
        answers: Annotated[list[str], operator.add]

    def build(saver: BaseCheckpointSaver[Any]) -> Any:
        builder = StateGraph(State)
        builder.add_node("ask", lambda state: {"answers": [interrupt("well?"), interrupt("sure?")]})
        builder.add_edge(START, "ask")
        return builder.compile(checkpointer=saver)

    build(make()).invoke({"answers": []}, CONFIG)
    build(make()).invoke(Command(resume="yes"), CONFIG)
    assert build(make()).invoke(Command(resume="quite"), CONFIG)["answers"] == ["yes", "quite"]


def test_subgraphs_keep_checkpoints_of_their_own(make: Make) -> None:
    inner = StateGraph(MessagesState)
    inner.add_node("ask", lambda state: {"messages": [("user", interrupt("well?"))]})
    inner.add_edge(START, "ask")
    outer = StateGraph(MessagesState)
    outer.add_node("inner", inner.compile())
    outer.add_edge(START, "inner")
    say(outer.compile(checkpointer=make()), "hi")
    saver = make()
    graph: Any = outer.compile(checkpointer=saver)
    assert graph.get_state(CONFIG, subgraphs=True).tasks[0].state.values["messages"][0].content == "hi"
    assert len({each.config["configurable"]["checkpoint_ns"] for each in saver.list(CONFIG)}) == 2
    assert graph.invoke(Command(resume="yes"), CONFIG)["messages"][-1].content == "yes"


def test_asynchronous_graphs(make: Make) -> None:
    async def drive() -> int:
        saver = make()
        graph = chat(saver)
        for text in ("one", "two"):
            await graph.ainvoke({"messages": [("user", text)]}, CONFIG)
        assert len([each async for each in graph.aget_state_history(CONFIG)]) == 6
        await asyncio.gather(
            *(graph.ainvoke({"messages": [("user", "hi")]}, {"configurable": {"thread_id": str(n)}}) for n in range(5))
        )
        return len([each async for each in saver.alist(None)])

    assert asyncio.run(drive()) == 6 + 5 * 3


# delta channels


def test_delta_channels_come_back_over_their_snapshots(make: Make) -> None:
    twin = logging(InMemorySaver())
    for turn in range(9):
        for graph in (logging(make()), twin):
            assert len(graph.invoke({"log": [f"turn {turn}"]}, CONFIG)["log"]) == 2 * (turn + 1)
    ours, theirs = logging(make()).get_state_history(CONFIG), twin.get_state_history(CONFIG)
    assert [past.values for past in ours] == [past.values for past in theirs]


def test_the_history_of_a_delta_channel_is_as_the_protocol_has_it(make: Make) -> None:
    ours, theirs = make(), InMemorySaver()
    for saver in (ours, theirs):
        for turn in range(5):
            logging(saver).invoke({"log": [f"turn {turn}"]}, CONFIG)

    def told(saver: BaseCheckpointSaver[Any]) -> list[Any]:
        found = []
        for each in saver.list(CONFIG):
            history = saver.get_delta_channel_history(config=each.config, channels=["log", "nothing"])
            found.append({name: ([w[1:] for w in h["writes"]], h.get("seed", "none")) for name, h in history.items()})
        return found

    assert told(ours) == told(theirs)
    assert ours.get_delta_channel_history(config=CONFIG, channels=[]) == {}
    nowhere: Any = {"configurable": {"thread_id": "nowhere"}}
    assert ours.get_delta_channel_history(config=nowhere, channels=["log"]) == {"log": {"writes": []}}


@pytest.mark.parametrize("turns", [1, 4, 5, 6, 7])
def test_pruning_keeps_what_rebuilds_a_delta_channel_and_shows_one_checkpoint(make: Make, turns: int) -> None:
    for turn in range(turns):
        state = logging(make()).invoke({"log": [f"turn {turn}"]}, CONFIG)
    saver = make()
    before = rows_of(saver)["checkpoint"]
    saver.prune(["t"])
    assert len(list(saver.list(CONFIG))) == 1
    assert rows_of(saver)["checkpoint"] <= min(before, 1 + 3 * 3)
    assert logging(make()).get_state(CONFIG).values == state
    assert logging(make()).invoke({"log": ["more"]}, CONFIG)["log"] == [*state["log"], "more", f"after {2 * turns + 1}"]
    saver.delete_thread("t")
    assert rows_of(saver) == {}


def test_deleting_runs_leaves_delta_channels_whole(make: Make) -> None:
    run = "11111111-1111-1111-1111-111111111111"
    logging(make()).invoke({"log": ["first"]}, {**CONFIG, "metadata": {"run_id": run}})
    state = logging(make()).invoke({"log": ["second"]}, CONFIG)
    saver = make()
    saver.delete_for_runs([run])
    assert run not in {each.metadata.get("run_id") for each in saver.list(CONFIG)}
    assert logging(saver).get_state(CONFIG).values == state


# what a list is made of


def test_lists_of_documents_are_stored_part_by_part(make: Make) -> None:
    class State(TypedDict):
        found: Annotated[list[dict[str, str]], operator.add]

    builder = StateGraph(State)
    builder.add_node("find", lambda state: {"found": [{"text": f"{len(state['found'])} " + "word " * 60}] * 1})
    builder.add_edge(START, "find")
    for _ in range(20):
        state = builder.compile(checkpointer=make()).invoke({"found": []}, CONFIG)
    assert len(state["found"]) == 20
    assert builder.compile(checkpointer=make()).get_state(CONFIG).values == state
    assert rows_of(make())["checkpoint_blob"] < 60


def test_from_conn_string_opens_a_folder(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMORYOPS_ENCODER", "hashing:64")

    async def again() -> int:
        async with QdrantSaver.from_conn_string(str(data_dir)) as saver:
            await saver.asetup()
            return len([each async for each in saver.alist(None)])

    try:
        with QdrantSaver.from_conn_string(str(data_dir), compaction="rewrite", max_tokens=100) as saver:
            assert saver.compaction == "rewrite"
        with QdrantSaver.from_conn_string(str(data_dir)) as saver, saver as same:
            same.setup()
            say(chat(saver), "hello")
        assert asyncio.run(again()) == 3
        monkeypatch.setenv("MEMORYOPS_DATA_DIR", str(data_dir))

        async def served() -> int:
            async with create_checkpointer(max_tokens=100_000) as saver:
                assert saver.compaction == "plan"
            monkeypatch.setenv("MEMORYOPS_WINDOW", "100000")
            async with create_checkpointer() as saver:
                assert saver.compaction == "plan"
                return len([each async for each in saver.alist(CONFIG, limit=2)])

        assert asyncio.run(served()) == 2
    finally:
        stop_owner(data_dir)


def test_threads_come_over_from_another_saver_and_go_on(make: Make) -> None:
    theirs = InMemorySaver()
    expected = [say(chat(theirs), text) for text in ("one", "two")][-1]
    ours = make()
    for found in reversed(list(theirs.list(CONFIG))):
        config: Any = found.parent_config or {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
        stored = ours.put(config, found.checkpoint, found.metadata, found.checkpoint["channel_versions"])
        by_task = itertools.groupby(found.pending_writes or [], key=lambda write: write[0])
        for task, writes in by_task:
            ours.put_writes(stored, [write[1:] for write in writes], task)
    assert [m.content for m in chat(ours).get_state(CONFIG).values["messages"]] == expected
    assert len(say(chat(make()), "three")) == 6


def test_a_thread_with_a_number_for_an_id(make: Make) -> None:
    config: Any = {"configurable": {"thread_id": 7}}
    say(chat(make()), "hello", config)
    assert chat(make()).get_state(config).config["configurable"]["thread_id"] == "7"
    make().delete_thread(7)  # type: ignore[arg-type]  # as graphs pass it
    assert rows_of(make()) == {}


@pytest.mark.parametrize("compaction", ["plan", "off"])
def test_an_empty_checkpoint_id_is_the_latest(make: Make, compaction: str) -> None:
    config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": ""}}
    for turn in range(1, 3):
        assert len(say(chat(make(compaction=compaction)), "hello", config)) == 2 * turn
    saver = make()
    assert chat(saver).get_state(config).values == chat(saver).get_state(CONFIG).values
    assert len(list(saver.list(config, before=config))) == 6
    config["configurable"]["thread_id"] = "delta"
    for turn in range(1, 6):
        assert len(logging(make()).invoke({"log": ["a"]}, config)["log"]) == 2 * turn


def test_what_a_config_lacks_is_said(make: Make) -> None:
    with pytest.raises(InvalidInput, match="thread_id"):
        make().get_tuple({"configurable": {}})
    with pytest.raises(InvalidInput, match="checkpoint_id"):
        make().put_writes(CONFIG, [("a", 1)], "task")
    with pytest.raises(InvalidInput, match="keep_latest"):
        make().prune(["t"], strategy="most")
    for named in (make().prune, make().delete_for_runs):
        with pytest.raises(InvalidInput, match="list of strings"):
            named("t")
    with pytest.raises(InvalidInput, match="ttl is 0"):
        make(ttl=0)


def test_strict_serializers_bring_back_what_graphs_declare(make: Make) -> None:
    saver = make(serde=JsonPlusSerializer(allowed_msgpack_modules=None))
    allowed = saver.with_allowlist([("tests", "Thing")])
    assert allowed is not saver
    assert isinstance(allowed, QdrantSaver)
    assert allowed._codec.serde is allowed.serde
    assert len(say(chat(allowed), "hello")) == 2


def test_a_filter_for_nothing_is_met_by_what_has_no_such_metadata(make: Make) -> None:
    saver = make()
    say(chat(saver), "hello")
    theirs = InMemorySaver()
    say(chat(theirs), "hello")
    for wanted in ({"nobody": None}, {"nobody": None, "source": "loop"}, {"source": None}):
        assert len(list(saver.list(CONFIG, filter=wanted))) == len(list(theirs.list(CONFIG, filter=wanted)))


def test_half_a_surrogate_pair_is_no_thread(make: Make) -> None:
    with pytest.raises(InvalidInput, match="surrogate"):
        make().get_tuple({"configurable": {"thread_id": "a\ud800"}})
